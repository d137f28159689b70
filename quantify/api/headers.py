"""The headers of answers that the API's document tells of."""

from collections.abc import Callable, Sequence
from typing import Any

REQUEST_ID = "X-Request-ID"
ETAG = "ETag"
LOCATION = "Location"
REPLAYED = "Idempotent-Replayed"
FILE_NAME = "Content-Disposition"
AUTHENTICATE = "WWW-Authenticate"
RETRY_AFTER = "Retry-After"
LIMITS = "RateLimit-Policy"
STANDING = "RateLimit"

SUCCESS = ("200", "201", "202")
MEANINGS = {
    REQUEST_ID: "The request's id: yours if it was well formed, else a new one.",
    ETAG: "The version of the object as answered; for `If-Match` and `If-None-Match`.",
    LOCATION: "The address of what was made.",
    REPLAYED: "`true` if the `Idempotency-Key` was seen before and nothing was done again.",
    FILE_NAME: "A name for the file.",
    AUTHENTICATE: "How to sign in.",
    RETRY_AFTER: "Seconds to wait.",
    LIMITS: "The limits that hold for the request: requests (`q`) in seconds (`w`).",
    STANDING: "What is left of each: requests (`r`), and seconds (`t`) until all of it is free.",
}
SAMPLES = {
    REQUEST_ID: "019820a0-5f6e-7c3a-9d0b-6f2a4b1c8d7e",
    ETAG: '"661630b5391c7.0426781ea73c50e4"',
    LOCATION: "/api/v1/estates/019820a0-5f6e-7c3a-9d0b-6f2a4b1c8d7e",
    REPLAYED: "true",
    FILE_NAME: 'attachment; filename="statement-2026-07-01-2026-07-31.csv"',
    AUTHENTICATE: 'Basic realm="Quantify Admin"',
    RETRY_AFTER: "900",
    LIMITS: '"address";q=6000;w=60, "read";q=1200;w=60',
    STANDING: '"address";r=5999;t=1, "read";r=1199;t=1',
}
OF_STATUS: dict[str, Sequence[str]] = {
    ETAG: ("200", "201", "304"),
    LOCATION: ("201", "202"),
    REPLAYED: SUCCESS,
    FILE_NAME: ("200",),
}
SOMETIMES = {REPLAYED, FILE_NAME, LIMITS, STANDING}


def answers_with[F: Callable[..., Any]](*names: str) -> Callable[[F], F]:
    """Say which headers an operation's success carries."""

    def mark(operation: F) -> F:
        operation.told_headers = names  # type: ignore[attr-defined]
        return operation

    return mark


def of_operation(operation: Any, status: str) -> dict[str, dict[str, Any]]:
    """The headers of an operation's answer of a status, as OpenAPI writes them."""
    told = getattr(operation, "told_headers", ())
    names = [REQUEST_ID, LIMITS, STANDING, *(name for name in told if status in OF_STATUS[name])]
    if status == "401":
        names.append(AUTHENTICATE)
    if status == "429":
        names.append(RETRY_AFTER)
    described = {name: _described(name) for name in names}
    if status == "503":
        described[RETRY_AFTER] = {**_described(RETRY_AFTER), "required": False}
    return described


def _described(name: str) -> dict[str, Any]:
    return {
        "description": MEANINGS[name],
        "required": name not in SOMETIMES,
        "schema": {"type": "string"},
        "example": SAMPLES[name],
    }
