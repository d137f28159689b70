"""
Requests that Schemathesis makes of the OpenAPI document, sent to the server as anybody.

Every check it has is on. What is expected otherwise than it expects stands here with its reason.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any
from uuid import UUID

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth

from quantify.api import documents
from quantify.tests.access.callers import Caller, Place, Reach
from quantify.tests.access.ground import Ground, undone
from quantify.tests.access.table import NAMED, TABLE, Of, System
from quantify.wsgi import application

BASE = "/api/v1/"
ACCEPTED = "2xx 304 400 401 403 404 409 412 422 428 429"
"""
Of what is valid: 400 is a rule of the business, 412 and 428 are about versions, 429 counts wrong
secrets; 422 is looked at by `explained`.
"""

REJECTED = "400 401 403 404 405 406 409 412 413 415 422 428 429"
"""Of what is not: which version a request is about is asked before what it says (412)."""

UNHEADED = "401 403 404 422 428 429"
"""Without a header that is needed: RFC 6585 has 428 for a missing precondition."""

CONFIG = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ACCEPTED.split()},
        "negative_data_rejection": {"expected-statuses": REJECTED.split()},
        "missing_required_header": {"expected-statuses": UNHEADED.split()},
    },
}

UNSAID = {
    "does_not_exist": "an object of that id or code is there, and the caller may see it",
    "unknown": "permissions, scopes and limits are named in the product's code",
    "cursor invalid": "a cursor is one that was given",
    "q min_length": "of the characters that are searched for, two are letters or digits",
    "brace": "placeholders are named in the product's code",
    "duplicate": "what there is once is not made again",
    "exclusive": "one field or parameter excludes another",
    "only_bulk_meters_without_unit": "one field decides about another",
    "unknown_kind": "components of prices are described in docs/rate-tables.md",
    "unknown_calendar": "calendars are kept apart from prices, and may be added",
    "blank": "a text of spaces alone is empty",
    "fixed": "a field stands once the object is made",
    "read_only": "a field that is only read may be sent back as it was",
    "out_of_range": "instants are of this age",
    "not_aligned": "an interval starts on a quarter of the hour",
    "repeated": "each quarter of an hour is told once",
    "out_of_bounds": "a limit has bounds of its own",
    "max_digits": "JSON Schema counts no digits of a number",
    "max_decimal_places": "JSON Schema counts no digits of a number",
    "max_whole_digits": "JSON Schema counts no digits of a number",
    "null_characters_not_allowed": "texts hold every character but one",
    "digits": "the number of an identity document says of itself whether it is one",
    "birth_date": "the number of an identity document says of itself whether it is one",
    "citizenship": "the number of an identity document says of itself whether it is one",
    "check_digit": "the number of an identity document says of itself whether it is one",
    "identity.number invalid": "the number of a passport is written in letters and digits",
    "identity.country invalid": "codes of countries are kept by ISO",
    "future": "what people said is not said tomorrow",
    "zero": "a number that is not zero",
    "outside_stay": "days on which the resident lived there",
    "Idempotency-Key required": "an API key needs it where money moves, a password does not",
    "consumption required": "the consumption is given, or intervals",
    "limits required": "who changes limits names at least one",
    "logical_device required": "which address a meter needs goes by its concentrator",
    "gateway_address required": "which address a meter needs goes by its concentrator",
    "ipv6_address required": "which address a meter needs goes by its concentrator",
    "password_too_common": "the commonest passwords are a long list",
    "password_too_similar": "a password is not made of the person's own names",
    "username invalid": "JSON Schema knows no letters of every script",
    "month invalid": "not every month has a day 31",
    "time_zone invalid": "names of time zones are kept by IANA",
    **dict.fromkeys(
        [
            f"{degrees} {bound}_value"
            for degrees in ("latitude", "longitude")
            for bound in ("min", "max")
        ],
        "a number that is written as a text has no bounds in JSON Schema",
    ),
    "expires_at min_value": "a key ends in time to come",
    "to invalid": "a stretch of time ends after it began, and is of a length that is bounded",
    "intervals invalid": "the quantities of intervals add up to the consumption",
    "estate required": "only a super admin may leave the estate out",
    " invalid": "constraints of a row in the database, over one or more of its fields",
}
"""
Why what the document allows may be refused with 422: what a schema cannot say.

By the code of the error, or by its field and code.
"""


class Unexplained(Failure):
    """A valid request was refused for something the document should have said."""


@cache
def document() -> Any:
    """The document of the API with the application behind it."""
    loaded = schemathesis.openapi.from_dict(
        deepcopy(documents.openapi()), config=SchemathesisConfig.from_dict(CONFIG)
    )
    loaded.app = application
    return loaded


def labels() -> list[str]:
    """Every operation, as `GET /api/v1/units`."""
    return [
        f"{method.upper()} {path}"
        for path, operations in documents.openapi()["paths"].items()
        for method in operations
    ]


type Sent = Mapping[GenerationMode, int]
type Choice = Callable[[Case], list[Caller]]
"""Who sends a request."""


def in_turn(callers: list[Caller], beside: int) -> Choice:
    """
    Those who see everything, and so many others.

    Which others goes by what is sent, so that a request that failed is sent again by the same.
    """
    chiefs = [one for one in callers if one.reach is Reach.EVERYWHERE]
    others = [one for one in callers if one not in chiefs]

    def choose(case: Case) -> list[Caller]:
        told = repr((case.path_parameters, case.query, case.headers, case.body))
        return chiefs + Random(told).sample(others, beside)

    return choose


def ask(label: str, ground: Ground, choose: Choice, sent: Sent) -> None:
    """
    Send so many requests of each kind to an operation, each as those who are chosen for it.

    They are the same in every run.
    """
    operation = document().find_operation_by_label(label)
    for mode, examples in sent.items():

        @settings(
            max_examples=examples, derandomize=True, deadline=None, database=None,
            phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Case) -> None:
            _send(case, ground, choose(case))

        # Of what has no parameter and no body there is no invalid request.
        with suppress(Unsatisfiable):
            send()


def cover(label: str, ground: Ground, choose: Choice) -> None:
    """Send the requests that meet each bound of each field and parameter once."""
    for case in _bounds(label):
        _send(case, ground, choose(case))


def _bounds(label: str) -> Iterator[Case]:
    whole = document()
    operation = whole.find_operation_by_label(label)
    cases: Iterator[Case] = whole.iter_coverage_cases(
        operation, generation_modes=list(GenerationMode), generation_config=whole.config.generation
    )
    return cases


def _send(case: Case, ground: Ground, callers: list[Caller]) -> None:
    _aim(case, ground)
    for caller in callers:
        known = caller.headers.get("HTTP_AUTHORIZATION")
        # Whether credentials are asked for is the operation's, not the caller's.
        sees_all = caller.reach is Reach.EVERYWHERE
        with undone():
            case.call_and_validate(
                headers={"Authorization": known} if known else {},
                additional_checks=[explained],
                excluded_checks=[] if sees_all else [ignored_auth],
            )


def explained(_: Any, response: Any, case: Case) -> None:
    """Whether a valid request was refused for a reason that no schema can say."""
    if response.status_code != 422 or case.meta is None:
        return
    if case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    told = response.json()["errors"]
    unsaid = [
        one for one in told if {one["code"], f"{one['field']} {one['code']}"}.isdisjoint(UNSAID)
    ]
    if unsaid:
        raise Unexplained(
            operation=case.operation.label,
            title="Valid by the document, and refused",
            message=f"The document should say: {unsaid}",
        )


def _aim(case: Case, ground: Ground) -> None:
    """Let the ids of a request name what is there: a made-up one names nothing."""
    route = case.operation.path.removeprefix(BASE).replace("{id}", "<uuid:pk>")
    row = TABLE.get(route)
    if isinstance(row, Of | System) and _is_id(case.path_parameters.get("id")):
        place = Place.FOREIGN if isinstance(row, System) else Place.OWN
        case.path_parameters["id"] = str(ground.pick(row, place))
    for named in (case.query, case.body):
        if isinstance(named, dict):
            for name, value in named.items():
                if name in NAMED and _is_id(value):
                    named[name] = str(ground.pick(NAMED[name], Place.OWN))


def _is_id(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False
