"""The problems of places and people."""

from http import HTTPStatus

from quantify.api import problems

ANOTHER_ESTATE = problems.define(
    "another_estate", HTTPStatus.BAD_REQUEST, "Another estate",
    "The two belong to different estates; what belongs together is of one estate.",
)  # fmt: skip
NOT_OCCUPIED = problems.define(
    "not_occupied", HTTPStatus.BAD_REQUEST, "Not occupied",
    "The unit has no tenant who could move out.",
)  # fmt: skip
STILL_AT_HOME = problems.define(
    "resident_at_home", HTTPStatus.CONFLICT, "Resident at home",
    "The resident lives in a unit or owns one, or is going to: end the occupancy first.",
)  # fmt: skip
NO_RESIDENTS_LOGIN = problems.define(
    "no_residents_login", HTTPStatus.BAD_REQUEST, "No resident's login",
    "The login was switched off, or given another role, by a super admin.",
)  # fmt: skip
NO_IDENTITY = problems.define(
    "no_identity", HTTPStatus.BAD_REQUEST, "No identity document",
    "No identity document of this resident is kept.",
)  # fmt: skip
NOT_SEALED = problems.define(
    "not_sealed", HTTPStatus.SERVICE_UNAVAILABLE, "Cannot be encrypted",
    "This installation has no key, or another one, to keep numbers of identity documents with; "
    "whoever runs it sets SEALING_SECRETS. Nothing was changed.",
)  # fmt: skip
ALREADY_WITHDRAWN = problems.define(
    "already_withdrawn", HTTPStatus.CONFLICT, "Withdrawn before",
    "The consent was withdrawn before; the first time stands.",
)  # fmt: skip
NO_SIGN_IN = problems.define(
    "no_sign_in", HTTPStatus.BAD_REQUEST, "No sign-in",
    "This resident has no login that could be ended.",
)  # fmt: skip
