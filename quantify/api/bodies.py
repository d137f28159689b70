"""
Operations that take no body, and refuse what is sent with them.

Whoever sends a field believes that it means something; that it means nothing must be said.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rest_framework.request import Request

from quantify.api import problems
from quantify.api.problems import FieldError, Problem

NO_FIELDS = {
    "required": False,
    "description": "This operation takes no fields: send nothing, or an empty object.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {}, "additionalProperties": False}
        }
    },
}


def without_body[F: Callable[..., Any]](operation: F) -> F:
    """Say that an operation takes no body; the document tells so, and a field is refused."""
    operation.takes_no_body = True  # type: ignore[attr-defined]
    return operation


def has_none(operation: object, method: str) -> bool:
    """Whether an operation of a view, asked by a method, takes no body. No DELETE takes one."""
    return method == "DELETE" or bool(getattr(operation, "takes_no_body", False))


def check(operation: object, request: Request) -> None:
    """:raises Problem: that names each field sent to an operation that takes none."""
    if not has_none(operation, request.method or ""):
        return
    if not isinstance(request.data, Mapping):
        raise problems.invalid("", "not_an_object", "This operation takes no body.")
    words = "There is no such field: this operation takes none."
    if fields := [FieldError(str(name), "unknown", words) for name in request.data]:
        raise Problem(problems.INVALID, errors=fields)
