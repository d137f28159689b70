"""
Who changed what, when, from where: with what stood before and after, written by the database.

A trigger on each watched table keeps the difference whenever a person is acting, whatever way
the change took: portal, API, a bulk update. What machines note by themselves (contact with a
meter, a pocket's balance) is not a person's change and is left out.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.migrations import RunSQL
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from accounts.models import AuditEntry, User
from quantify.api import addresses, request_id

WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def watch(table: str, *, ignoring: tuple[str, ...] = ()) -> RunSQL:
    """A migration's operation: keep what people change in a table, but for some columns."""
    ignored = ", ".join(f"'{column}'" for column in ("updated_at", *ignoring))
    return RunSQL(
        f"CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_change({ignored})",
        f"DROP TRIGGER audited ON {table}",
    )


def unwatch(table: str) -> RunSQL:
    """A migration's operation: no longer keep changes, as before watching other columns."""
    return RunSQL(f"DROP TRIGGER audited ON {table}", RunSQL.noop)


def looked(*, by: User, at: Model, estate: UUID, reason: str) -> None:
    """
    Keep that a person looked at what is hidden in a row, and why; not what it was.

    Within a request it is told which, as of changes.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _LOOKED,
            [by.pk, by.username, AuditEntry.Action.REVEAL, at._meta.db_table, at.pk, estate,
             json.dumps({"reason": reason})],
        )  # fmt: skip


_LOOKED = """
INSERT INTO accounts_auditentry
    (actor, actor_name, action, "table", object_id, scope, after, request_id, address)
VALUES (%s, %s, %s, %s, %s, %s, %s, coalesce(current_setting('quantify.request', true), ''),
    coalesce(current_setting('quantify.address', true), ''))
"""


class Past:
    """What a row of a watched table held before, as far as people changed it; read once."""

    def __init__(self, row: Model) -> None:
        self._row = row
        trail = AuditEntry.objects.filter(object_id=row.pk, table=row._meta.db_table)
        changes = trail.order_by("at").values_list("at", "before")
        self._changes = [(at, before) for at, before in changes if before is not None]

    def value(self, name: str, at: datetime) -> Any:
        """
        What a column held at an instant: what the first change since then found, as the trail
        wrote it; without one, what it holds now.
        """
        found = (before[name] for then, before in self._changes if then > at and name in before)
        return next(found, getattr(self._row, name))


class AuditMiddleware:
    """Tells the database who is acting before the first write of a request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in UNSAFE:
            return self.get_response(request)
        introduction = _Introduction(request)
        try:
            with connection.execute_wrapper(introduction):
                return self.get_response(request)
        finally:
            introduction.withdraw()


class _Introduction:
    """
    Wraps the statements of one request; the person is known only once the view authenticated.

    The name is set for the connection, since a request may write outside of a transaction, and
    is taken back before the connection is used for another request.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.is_made = False

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any  # noqa: FBT001
    ) -> Any:  # fmt: skip
        if not self.is_made and sql.lstrip()[:6].upper().startswith(WRITES):
            user: User | AnonymousUser = self.request.user
            if user.is_authenticated:
                self.is_made = True
                _tell(str(user.pk), request_id.current() or "", addresses.of(self.request))
        return execute(sql, params, many, context)

    def withdraw(self) -> None:
        if self.is_made and connection.connection and not connection.needs_rollback:
            _tell("", "", "")


def _tell(actor: str, request: str, address: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('quantify.actor', %s, false), "
            "set_config('quantify.request', %s, false), "
            "set_config('quantify.address', %s, false)",
            [actor, request, address],
        )
