"""From what was raised to the problem that is answered."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from django.core import exceptions as django_errors
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.signals import got_request_exception
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404
from psycopg import errors as postgres
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from quantify.api import hashing, logs, problems, request_id, throttles
from quantify.api.problems import FieldError, Kind, Problem
from quantify.uniqueness import Duplicate, fields_by_name

logger = logging.getLogger(__name__)

UNIQUENESS = {"duplicate", "unique", "unique_together"}
WHOLE_OBJECT = {NON_FIELD_ERRORS, api_settings.NON_FIELD_ERRORS_KEY}


def handle(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Answer whatever was raised as a problem; what nobody foresaw is logged and told as 500."""
    problem = as_problem(exc)
    request = context["request"]
    if problem.kind is problems.UNEXPECTED:
        # The route, not the path: what somebody typed into an address stays out of the logs.
        logger.error("%s %s failed", request.method, logs.route_of(request._request), exc_info=exc)
        got_request_exception.send(sender=None, request=request)
    set_rollback()
    return Response(
        problems.as_json(problem, instance=request.path, request_id=request_id.current()),
        status=problem.kind.status,
        headers=problem.headers,
        content_type=problems.MEDIA_TYPE,
    )


def as_problem(exc: Exception) -> Problem:
    if isinstance(exc, Problem):
        return exc
    for sort, translate in _TRANSLATIONS:
        if isinstance(exc, sort):
            return translate(exc)
    return Problem(problems.UNEXPECTED)


def from_errors(errors: list[FieldError]) -> Problem:
    """409 if uniqueness alone failed, else 422."""
    codes = {error.code for error in errors}
    if codes and codes <= UNIQUENESS:
        duplicates = [FieldError(e.field, "duplicate", e.detail) for e in errors]
        return Problem(problems.DUPLICATE, errors[0].detail, errors=duplicates)
    return Problem(problems.INVALID, errors=errors)


def _from_validation(exc: exceptions.ValidationError) -> Problem:
    return from_errors(list(_flat(exc.get_full_details(), "")))


def _flat(details: Any, path: str) -> Iterator[FieldError]:
    """The field errors of nested details, each under its path, such as `readings[3].value`."""
    if isinstance(details, Mapping):
        if details.keys() == {"message", "code"}:
            yield FieldError(path, str(details["code"]), str(details["message"]))
            return
        for field, inner in details.items():
            yield from _flat(inner, _below(path, field))
    else:
        for position, inner in enumerate(details):
            leaf = isinstance(inner, Mapping) and inner.keys() == {"message", "code"}
            yield from _flat(inner, path if leaf else f"{path}[{position}]")


def _below(path: str, field: Any) -> str:
    if field in WHOLE_OBJECT:
        return path
    if isinstance(field, int):
        return f"{path}[{field}]"
    return f"{path}.{field}" if path else str(field)


def _from_django_validation(exc: django_errors.ValidationError) -> Problem:
    by_field = exc.error_dict if hasattr(exc, "error_dict") else {"": exc.error_list}
    return from_errors(
        [
            FieldError(name, error.code or "invalid", error.messages[0])
            for field, errors in by_field.items()
            for error in errors
            for name in _fields_meant(field, error)
        ]
    )


def _fields_meant(field: str, error: django_errors.ValidationError) -> Sequence[str]:
    if isinstance(error, Duplicate):
        return error.fields
    return ["" if field in WHOLE_OBJECT else field]


def _from_integrity(exc: IntegrityError) -> Problem:
    """The database had the last word, usually because another request came first."""
    match exc.__cause__:
        case postgres.UniqueViolation() | postgres.ExclusionViolation() as cause:
            told = cause.diag
            fields = fields_by_name(told.table_name or "", told.constraint_name or "")
            return from_errors(
                [
                    FieldError(name, "duplicate", problems.DUPLICATE.meaning)
                    for name in fields or [""]
                ]
            )
        case postgres.CheckViolation() as cause:
            rule = cause.diag.constraint_name or "check"
            return problems.invalid("", rule, "The values contradict each other.")
    return Problem(problems.UNEXPECTED)


def _from_operational(exc: OperationalError) -> Problem:
    """Two that wait for each other, or one that waited too long: nothing was changed."""
    if isinstance(exc.__cause__, postgres.LockNotAvailable | postgres.DeadlockDetected):
        return Problem(problems.BUSY)
    return Problem(problems.UNEXPECTED)


def _simple(kind: Kind) -> Callable[[Exception], Problem]:
    return lambda _exc: Problem(kind)


def _with_words(kind: Kind) -> Callable[[Exception], Problem]:
    return lambda exc: Problem(kind, str(exc))


def _unauthenticated(exc: exceptions.APIException) -> Problem:
    header = getattr(exc, "auth_header", None)
    headers = {"WWW-Authenticate": header} if header else None
    return Problem(problems.NOT_AUTHENTICATED, str(exc.detail), headers=headers)


def _to_wait(kind: Kind) -> Callable[[Any], Problem]:
    return lambda exc: Problem(kind, headers={"Retry-After": str(ceil(exc.wait or 1))})


_TRANSLATIONS: tuple[tuple[type[Exception], Callable[[Any], Problem]], ...] = (
    (exceptions.ValidationError, _from_validation),
    (django_errors.ValidationError, _from_django_validation),
    (exceptions.ParseError, _with_words(problems.MALFORMED)),
    (exceptions.NotAuthenticated, _unauthenticated),
    (exceptions.AuthenticationFailed, _unauthenticated),
    (exceptions.PermissionDenied, _simple(problems.FORBIDDEN)),
    (django_errors.PermissionDenied, _simple(problems.FORBIDDEN)),
    (exceptions.NotFound, _simple(problems.NOT_FOUND)),
    (Http404, _simple(problems.NOT_FOUND)),
    (exceptions.MethodNotAllowed, _with_words(problems.METHOD_NOT_ALLOWED)),
    (exceptions.NotAcceptable, _simple(problems.NOT_ACCEPTABLE)),
    (exceptions.UnsupportedMediaType, _with_words(problems.UNSUPPORTED)),
    (exceptions.Throttled, _to_wait(problems.THROTTLED)),
    (throttles.TooMany, _to_wait(problems.THROTTLED)),
    (hashing.HashingBusy, _to_wait(problems.SIGN_IN_BUSY)),
    (django_errors.RequestDataTooBig, _simple(problems.TOO_LARGE)),
    (IntegrityError, _from_integrity),
    (OperationalError, _from_operational),
    (DataError, lambda _exc: problems.invalid("", "out_of_range", "A value is out of range.")),
)
