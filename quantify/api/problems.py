"""
Problems: every refusal is an RFC 9457 answer with a stable code.

A kind of problem is defined once, beside the views that raise it; its `type` is the address of a
page that says what it means.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import APIException

MEDIA_TYPE = "application/problem+json"
BASE = "/api/v1/problems/"


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of problem: its code, its status, and what a caller should know of it."""

    code: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        return f"{BASE}{self.code}"


_KINDS: dict[str, Kind] = {}


def define(code: str, status: int, title: str, meaning: str) -> Kind:
    """Name a kind of problem; the list of them is part of the documentation."""
    kind = Kind(code, int(status), title, meaning)
    if _KINDS.setdefault(code, kind) != kind:
        raise ValueError(f"The problem {code!r} is defined twice.")
    return kind


def known() -> Mapping[str, Kind]:
    return _KINDS


MALFORMED = define(
    "malformed", HTTPStatus.BAD_REQUEST, "Malformed request",
    "The body is not JSON, or not in the encoding it says.",
)  # fmt: skip
NOT_AUTHENTICATED = define(
    "not_authenticated", HTTPStatus.UNAUTHORIZED, "Credentials needed",
    "Give an API key as Bearer, or the user name and password of an active person as HTTP Basic.",
)  # fmt: skip
FORBIDDEN = define(
    "permission_denied", HTTPStatus.FORBIDDEN, "Not allowed",
    "Your role does not allow this operation.",
)  # fmt: skip
NOT_FOUND = define(
    "not_found", HTTPStatus.NOT_FOUND, "Not found",
    "There is nothing at this address, or it is not yours to see.",
)  # fmt: skip
METHOD_NOT_ALLOWED = define(
    "method_not_allowed", HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed",
    "The resource has no such operation; the header Allow lists those it has.",
)  # fmt: skip
NOT_ACCEPTABLE = define(
    "not_acceptable", HTTPStatus.NOT_ACCEPTABLE, "Not acceptable",
    "The answer exists in none of the media types that the header Accept asks for.",
)  # fmt: skip
UNSUPPORTED = define(
    "unsupported_media_type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type",
    "Send the body as application/json.",
)  # fmt: skip
DUPLICATE = define(
    "duplicate", HTTPStatus.CONFLICT, "Exists already",
    "Nothing but uniqueness is wrong: another object has this value, or covers this time.",
)  # fmt: skip
KEY_REUSED = define(
    "idempotency_key_reused", HTTPStatus.CONFLICT, "Idempotency key used before",
    "This Idempotency-Key came with another request; use a new key for a new request.",
)  # fmt: skip
BUSY = define(
    "busy", HTTPStatus.CONFLICT, "Busy",
    "Others are changing the same object. Send the same request again in a moment.",
)  # fmt: skip
STALE = define(
    "stale", HTTPStatus.PRECONDITION_FAILED, "Changed meanwhile",
    "The object was changed since you read it: read it again and repeat your change.",
)  # fmt: skip
PRECONDITION_REQUIRED = define(
    "precondition_required", HTTPStatus.PRECONDITION_REQUIRED, "Precondition needed",
    "Send the ETag of what you read as If-Match, so that no other change is lost.",
)  # fmt: skip
INVALID = define(
    "invalid", HTTPStatus.UNPROCESSABLE_ENTITY, "Validation failed",
    "Fields or parameters are missing, unknown or not acceptable; `errors` lists each of them.",
)  # fmt: skip
THROTTLED = define(
    "throttled", HTTPStatus.TOO_MANY_REQUESTS, "Too many requests",
    "Wait the seconds that Retry-After says.",
)  # fmt: skip
LOCKED_OUT = define(
    "locked_out", HTTPStatus.TOO_MANY_REQUESTS, "Locked out",
    "Too many wrong passwords came for this user from this address. "
    "Wait the seconds that Retry-After says.",
)  # fmt: skip
SIGN_IN_BUSY = define(
    "sign_in_busy", HTTPStatus.SERVICE_UNAVAILABLE, "Busy signing people in",
    "Too many passwords are being checked at once. Wait the seconds that Retry-After says.",
)  # fmt: skip
TOO_LARGE = define(
    "too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Body too large",
    "The body is larger than this operation takes.",
)  # fmt: skip
HTTPS_NEEDED = define(
    "https_needed", HTTPStatus.FORBIDDEN, "HTTPS needed",
    "The API is served over HTTPS only, and what came over plain HTTP may have been read: "
    "change a password or key that was sent with it.",
)  # fmt: skip
FOREIGN_PAGE = define(
    "foreign_page", HTTPStatus.FORBIDDEN, "Sent by another site's page",
    "A page of another site had the browser send this. Only pages of this server change anything "
    "from within a browser; programs send neither Origin nor Sec-Fetch-Site.",
)  # fmt: skip
UNEXPECTED = define(
    "unexpected", HTTPStatus.INTERNAL_SERVER_ERROR, "Unexpected error",
    "Something failed that should not have. Tell us the request id.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field or parameter; an empty field means the object as a whole."""

    field: str
    code: str
    detail: str

    def as_json(self) -> dict[str, str]:
        return {
            "field": _encodable(self.field),
            "code": self.code,
            "detail": _encodable(self.detail),
        }


def _encodable(text: str) -> str:
    """What a caller sent may be repeated to them, and may be no text: half a surrogate pair."""
    return text.encode(errors="replace").decode()


class Problem(APIException):
    """A refusal of a known kind; `members` tell what only this kind has to tell."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind = kind
        self.status_code = kind.status
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        super().__init__(detail or kind.meaning, kind.code)


def invalid(field: str, code: str, detail: str) -> Problem:
    """One field or parameter is not acceptable."""
    return Problem(INVALID, errors=[FieldError(field, code, detail)])


@contextmanager
def translated(
    kinds: Mapping[type[Exception], Kind], *, about: Mapping[type[Exception], str] | None = None
) -> Iterator[None]:
    """
    Answer the named domain errors as problems of a kind, in the words of the error.

    ``about`` says which field of what was sent an error is about.
    """
    try:
        yield
    except tuple(kinds) as error:
        kind, field = _known(error, kinds), _known(error, about or {})
        words = _words(error) or kind.meaning
        errors = [FieldError(field, kind.code, words)] if field else []
        raise Problem(kind, words, errors=errors) from error


def _known(error: Exception, known: Mapping[type[Exception], Any]) -> Any:
    """What is written of an error, or else of what it is a sort of."""
    return next((known[one] for one in type(error).__mro__ if one in known), None)


def _words(error: Exception) -> str:
    """The sentence an error carries; an id alone is none."""
    text = str(error)
    return text if " " in text else ""


def as_json(problem: Problem, *, instance: str, request_id: str | None) -> dict[str, Any]:
    return {
        "type": problem.kind.type,
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": _encodable(str(problem.detail)),
        "instance": instance,
        "code": problem.kind.code,
        "errors": [error.as_json() for error in problem.errors],
        "request_id": request_id,
        **problem.members,
    }
