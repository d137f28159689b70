"""What a person should know about a meter: raised once while its cause lasts."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from meters.models.control import MeterAlert

Kind, Severity, State = MeterAlert.Kind, MeterAlert.Severity, MeterAlert.State


class Notice(NamedTuple):
    """Something to tell about a meter."""

    meter_id: UUID
    kind: MeterAlert.Kind
    severity: MeterAlert.Severity
    message: str


def raise_once(
    *,
    meter_id: UUID,
    kind: MeterAlert.Kind,
    severity: MeterAlert.Severity,
    message: str,
    now: datetime,
) -> None:
    """Raise an alert; while one of its kind is not resolved, only note that it was seen again."""
    raise_all([Notice(meter_id, kind, severity, message)], now=now)


def raise_all(notices: Iterable[Notice], *, now: datetime) -> None:
    """Raise many alerts in one statement; of two about one meter and kind the first counts."""
    unique: dict[tuple[UUID, str], Notice] = {}
    for notice in notices:
        unique.setdefault((notice.meter_id, notice.kind), notice)
    if not unique:
        return
    chosen = sorted(unique.values(), key=lambda notice: (notice.meter_id, notice.kind))
    columns = [list(column) for column in zip(*chosen, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, [State.OPEN, now, now, *columns])


_RAISE = """
INSERT INTO meters_meteralert AS known
    (meter_id, kind, severity, message, state, raised_at, last_seen_at, note)
SELECT told.meter_id, told.kind, told.severity, left(told.message, 250), %s, %s, %s, ''
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[])
    AS told (meter_id, kind, severity, message)
ON CONFLICT (meter_id, kind) WHERE NOT state = 'resolved' DO UPDATE
SET last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)
"""


def resolve(*, meter_ids: Iterable[UUID], kind: MeterAlert.Kind, now: datetime) -> int:
    """Resolve the alerts of a kind about these meters, their cause having ended."""
    open_alerts = MeterAlert.objects.unresolved().filter(meter_id__in=list(meter_ids), kind=kind)
    return open_alerts.update(state=State.RESOLVED, resolved_at=now, updated_at=now)
