"""
Log lines: one JSON object each, that name people by their id and requests by their route.

What people typed never belongs into a line. Where a library's message or a traceback may quote
it all the same, whatever looks like an e-mail address, a telephone or identity number, or a
credential is taken out.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from celery import current_task
from django.http import HttpRequest

from quantify.api import request_id

SECRETS = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[e-mail]"),
    (re.compile(r"\b(Basic|Bearer)\s+[\w+/=.-]+", re.IGNORECASE), r"\1 [credential]"),
    (re.compile(r"(?i)\b(password|passwd|secret|token|api[_-]?key|authorization)\b"
                r"(['\"]?\s*[=:]\s*)(['\"]?)[^\s'\",;&}]+"), r"\1\2\3[secret]"),
    (re.compile(r"(?<![\w.-])\d{13}(?![\w.-])"), "[number]"),
    (re.compile(r"(?<![\w.-])(?:\+\d{9,15}|0[1-8]\d{8})(?![\w.-])"), "[phone]"),
)  # fmt: skip
KNOWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "request"}

_ANSWERED: ContextVar[HttpRequest | None] = ContextVar("answered_request", default=None)

security = logging.getLogger("quantify.security")


def scrubbed(text: str) -> str:
    """A text without what looks like somebody's address, number or credential."""
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def route_of(request: HttpRequest) -> str:
    """The route of a request as the URL configuration writes it; never its raw path."""
    match = getattr(request, "resolver_match", None)
    return str(match.route) if match else ""


def person_of(request: HttpRequest) -> str | None:
    """The id of who asked, as far as it is known without asking the database again."""
    user = request.__dict__.get("user")
    wrapped = getattr(user, "_wrapped", user)
    pk = getattr(wrapped, "pk", None)
    return str(pk) if pk else None


@contextmanager
def answering(request: HttpRequest) -> Iterator[None]:
    """Let what is done meanwhile know for which request."""
    token = _ANSWERED.set(request)
    try:
        yield
    finally:
        _ANSWERED.reset(token)


def answered() -> HttpRequest | None:
    """The request that is being answered, or None outside of one."""
    return _ANSWERED.get()


def event(name: str, request: HttpRequest | None = None, **fields: object) -> None:
    """Note something that bears on security, as one line of its own."""
    where = {"route": route_of(request), "user": person_of(request)} if request else {}
    security.warning(name, extra={"event": name, **where, **fields})


class JsonFormatter(logging.Formatter):
    """One line of JSON for each record; a line break within it is written as `\\n`."""

    def format(self, record: logging.LogRecord) -> str:
        request = getattr(record, "request", None)
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._message(record, request),
            "request_id": request_id.current(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in KNOWN}
        if isinstance(request, HttpRequest):
            line |= {"method": request.method, "route": route_of(request)}
        if current_task:
            line |= {"task": current_task.name, "task_id": current_task.request.id}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: _clean(value) for name, value in line.items()}, default=str)

    @staticmethod
    def _message(record: logging.LogRecord, request: object) -> str:
        # Django's own lines about a request end in its path, which may hold anything.
        return str(record.msg) if isinstance(request, HttpRequest) else record.getMessage()


def _clean(value: object) -> object:
    return value if isinstance(value, int | float | None) else scrubbed(str(value))
