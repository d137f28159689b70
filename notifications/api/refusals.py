"""Problems of messages."""

from http import HTTPStatus

from quantify.api import problems

MUST_BE_TOLD = problems.define(
    "must_be_told", HTTPStatus.BAD_REQUEST, "A legal notice must reach you",
    "What precedes and tells of a cut keeps at least one of e-mail, SMS and push.",
)  # fmt: skip
NO_ADDRESS = problems.define(
    "no_address", HTTPStatus.BAD_REQUEST, "You have no e-mail address",
    "A test goes to your own address: have one entered with your account first.",
)  # fmt: skip
NOT_SENT = problems.define(
    "not_sent", HTTPStatus.BAD_REQUEST, "The test was not sent",
    "The channel has no provider, or its provider did not take the message.",
)  # fmt: skip
NOT_RETRYABLE = problems.define(
    "not_retryable", HTTPStatus.BAD_REQUEST, "Nothing to send again",
    "It was delivered, or is on its way.",
)  # fmt: skip
