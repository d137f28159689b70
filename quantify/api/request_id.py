"""One id per request: in the answer's `X-Request-ID`, in problems, in the audit trail, in logs."""

import re
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from quantify.ids import uuid7

_CURRENT: ContextVar[str | None] = ContextVar("request_id", default=None)
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


def current() -> str | None:
    """The id of the request being answered, or None outside of one."""
    return _CURRENT.get()


class RequestIdMiddleware:
    """Takes a caller's well-formed `X-Request-ID`, else makes one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _ACCEPTED.fullmatch(given) else str(uuid7())
        token = _CURRENT.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            _CURRENT.reset(token)
        response["X-Request-ID"] = request_id
        return response
