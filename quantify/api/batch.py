"""
Several operations in one database transaction: each as if it were asked for alone, or none.

An operation runs through the view of its address, so that permissions, scope, validation and
everything else are the same; only the caller is not asked for a password again.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from io import BytesIO
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.urls import ResolverMatch, resolve
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from quantify.api import idempotency, problems, request_id
from quantify.api.problems import Problem

BASE = "/api/v1"
READ = "GET"
METHODS = (READ, "POST", "PUT", "PATCH", "DELETE")
HEADERS = ("If-Match", idempotency.HEADER)
MOST = 100
LONGEST_PATH = 2000
LOCK_TIMEOUT = "3s"
_PATH = re.compile(r"(?:/[A-Za-z0-9_-]+)+")

FAILED = problems.define(
    "batch_failed", HTTPStatus.BAD_REQUEST, "An operation of the batch failed",
    "Nothing of the batch was kept. `operation` holds the index of the first operation that "
    "failed, counted from 0, with its method, path and problem.",
)  # fmt: skip
NOT_IN_A_BATCH = problems.define(
    "not_in_a_batch", HTTPStatus.BAD_REQUEST, "Not an operation of a batch",
    "A batch takes the operations of this API on its objects, by their paths: no other batch, no "
    "files, nothing that needs no credentials or could not be taken back.",
)  # fmt: skip
# These say what to do about the whole batch, and keep their own kind.
_OWN_KIND = (problems.BUSY, problems.THROTTLED, problems.UNEXPECTED)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as it was asked for; `path` may leave out `/api/v1` and have a query."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    status: int
    body: Any


def run(
    operations: Sequence[Operation], request: Request, known: Mapping[int, Result]
) -> list[Result]:
    """
    Carry out all operations in their order within one database transaction.

    Those whose results are `known`, by their index, were carried out before. A key of the whole
    batch becomes a key of each operation that has none of its own: money does not move twice even
    after the answer to the batch is forgotten.

    :raises Problem: what the first operation that failed says, under its index; nothing is kept.
    """
    key = request.headers.get(idempotency.HEADER)
    with transaction.atomic():
        limit_waiting()
        return [
            known.get(index) or _result(index, operation, request, _own_key(key, index))
            for index, operation in enumerate(operations)
        ]


def limit_waiting() -> None:
    """Wait three seconds at most for each lock, for the rest of the database transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")


def _own_key(key: str | None, index: int) -> str:
    return f"batch-{sha256(key.encode()).hexdigest()}-{index}" if key is not None else ""


def _result(index: int, operation: Operation, request: Request, key: str) -> Result:
    try:
        path, query = _address(operation)
        match = _match(operation.method, path)
    except Problem as refused:
        raise _failed(index, operation, refused, _told(refused, operation.path)) from refused
    # A refusal leaves the savepoint by its exception: the transaction may be of no use any more.
    with transaction.atomic():
        inner = _request(operation, (path, query), request, key)
        response: HttpResponseBase = match.func(inner, *match.args, **match.kwargs)
        if not isinstance(response, Response) or not _is_json(response):
            problem = Problem(problems.NOT_ACCEPTABLE)
            raise _failed(index, operation, problem, _told(problem, path))
        body = json.loads(JSONRenderer().render(response.data)) if response.data else {}
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise _failed(index, operation, _kind_of(body), body, response.headers)
    return Result(response.status_code, body or None)


def _is_json(response: Response) -> bool:
    return response.accepted_media_type == JSONRenderer.media_type


def _address(operation: Operation) -> tuple[str, str]:
    """
    The path and the query of an operation.

    :raises Problem: unless it is a plain path; only a GET has a query.
    """
    path, asks, query = operation.path.partition("?")
    if not _PATH.fullmatch(path) or (asks and operation.method != READ):
        raise Problem(NOT_IN_A_BATCH)
    return path if path.startswith(f"{BASE}/") else f"{BASE}{path}", query


def _match(method: str, path: str) -> ResolverMatch:
    """
    The view of an address.

    :raises Problem: if it takes no part in batches.
    """
    match = resolve(path)
    action = getattr(match.func, "actions", {}).get(method.lower())
    view = getattr(match.func, "cls", None) or getattr(match.func, "view_class", None)
    # What asks for no credentials is for machines and browsers, or proves its sender itself.
    if not getattr(view, "is_batchable", False) or not getattr(view, "authentication_classes", ()):
        raise Problem(NOT_IN_A_BATCH)
    if action in getattr(view, "unbatchable", ()):
        raise Problem(NOT_IN_A_BATCH)
    return match


def _request(
    operation: Operation, address: tuple[str, str], outer: Request, key: str
) -> WSGIRequest:
    path, query = address
    body = b"" if operation.body is None else json.dumps(operation.body).encode()
    environ = {name: value for name, value in outer.META.items() if not name.startswith("HTTP_")}
    given = {idempotency.HEADER: key} if key and operation.method != READ else {}
    given.update(operation.headers)
    for name, value in given.items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    inner = WSGIRequest({
        **environ,
        "REQUEST_METHOD": operation.method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": query,
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_ACCEPT": JSONRenderer.media_type,
        "HTTP_HOST": outer.META.get("HTTP_HOST", ""),
        "wsgi.input": BytesIO(body),
    })  # fmt: skip
    # The framework's own way to say that the caller is known.
    inner._force_auth_user = outer.user  # type: ignore[attr-defined]
    inner._force_auth_token = outer.auth  # type: ignore[attr-defined]
    return inner


def _kind_of(body: Mapping[str, Any]) -> Problem:
    return Problem(problems.known().get(body["code"], problems.UNEXPECTED))


def _told(problem: Problem, path: str) -> dict[str, Any]:
    return problems.as_json(problem, instance=path, request_id=request_id.current())


def _failed(
    index: int,
    operation: Operation,
    problem: Problem,
    told: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> Problem:
    """The problem of the batch, with that of the operation inside."""
    kind = problem.kind if problem.kind in _OWN_KIND else FAILED
    waits = {"Retry-After": headers["Retry-After"]} if headers and "Retry-After" in headers else {}
    where = {"index": index, "method": operation.method, "path": operation.path, "problem": told}
    return Problem(kind, f"Operation {index}: {told['detail']}", headers=waits, members={
        "operation": where
    })  # fmt: skip
