"""Which finished days changed since they were checked, and what the checks need of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from django.db import connection

from meters import copying
from meters.batches import instant, microseconds
from meters.vee.day_checks import Series
from meters.vee.limits import Limits
from meters.vee.validation import Bools
from quantify.periods import midnight

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CheckedDay:
    """A finished local day of a register, at the revision that is looked at."""

    meter_id: UUID
    channel: int
    kind: str
    estate_id: UUID
    day: date
    revision: int
    zone: ZoneInfo
    latitude: Decimal | None
    longitude: Decimal | None
    is_vacant: bool
    relay_is_open: bool

    @property
    def begin(self) -> datetime:
        return midnight(self.day, self.zone)

    @property
    def end(self) -> datetime:
        return midnight(self.day + DAY, self.zone)


def waiting(
    *, now: datetime, since: date, meter_ids: Sequence[UUID] | None = None
) -> list[CheckedDay]:
    """The finished days from ``since`` on whose revision was not checked, meter by meter."""
    with connection.cursor() as cursor:
        cursor.execute(
            _WAITING,
            {
                "now": now,
                "since": since,
                "meters": None if meter_ids is None else list(meter_ids),
            },
        )
        return [_checked_day(row) for row in cursor.fetchall()]


# Bulk meters hang at no unit; a meter in store is checked by what it reports all the same.
_WAITING = """
SELECT d.meter_id, d.channel, m.kind, m.estate_id, d.day, d.revision, e.time_zone, e.latitude,
    e.longitude, coalesce(unit.status = 'vacant', false),
    m.relay_state IN ('disconnected', 'ready')
FROM meters_dailyconsumption d
JOIN meters_meter m ON m.id = d.meter_id
JOIN estates_estate e ON e.id = m.estate_id
LEFT JOIN meters_installation hangs ON hangs.meter_id = m.id AND hangs.ends_at IS NULL
LEFT JOIN units_unit unit ON unit.id = hangs.unit_id
WHERE d.checked_revision <> d.revision AND d.day >= %(since)s
  AND d.day < (%(now)s AT TIME ZONE e.time_zone)::date
  AND (%(meters)s::uuid[] IS NULL OR d.meter_id = ANY (%(meters)s::uuid[]))
ORDER BY d.meter_id, d.channel, d.day
"""


def _checked_day(row: tuple[Any, ...]) -> CheckedDay:
    meter_id, channel, kind, estate_id, day, revision, zone, *rest = row
    return CheckedDay(meter_id, channel, kind, estate_id, day, revision, ZoneInfo(zone), *rest)


def mark(days: Sequence[CheckedDay]) -> None:
    """Note the revisions that were looked at; a day that changed meanwhile is looked at again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE meters_dailyconsumption d SET checked_revision = seen.revision"
            " FROM unnest(%s::uuid[], %s::smallint[], %s::date[], %s::integer[])"
            " AS seen (meter_id, channel, day, revision)"
            " WHERE (d.meter_id, d.channel, d.day) = (seen.meter_id, seen.channel, seen.day)",
            [
                [one.meter_id for one in days],
                [one.channel for one in days],
                [one.day for one in days],
                [one.revision for one in days],
            ],
        )


def series(days: Sequence[CheckedDay], limits: dict[UUID, Limits]) -> list[Series]:
    """The intervals of each day with those before it that its checks look back on."""
    begins = [one.begin - _context(one, limits[one.estate_id]) for one in days]
    rows = copying.read(
        INTERVALS,
        {
            "numbers": list(range(len(days))),
            "meters": [one.meter_id for one in days],
            "channels": [one.channel for one in days],
            "begin": begins,
            "ends": [one.end for one in days],
        },
        INTERVAL_COLUMNS,
    )
    rows = rows[np.lexsort((rows["start"], rows["number"]))]
    bounds = np.searchsorted(rows["number"], np.arange(len(days) + 1))
    return [_series(one, rows[bounds[n] : bounds[n + 1]]) for n, one in enumerate(days)]


INTERVAL_COLUMNS = (
    ("number", copying.BIGINT), ("start", copying.INSTANT), ("quantity", copying.BIGINT),
    ("measured", copying.BOOLEAN),
)  # fmt: skip
INTERVALS = """
SELECT asked.number, i.start, i.quantity, i.quality = 'actual'
FROM unnest(%(numbers)s::bigint[], %(meters)s::uuid[], %(channels)s::smallint[],
            %(begin)s::timestamptz[], %(ends)s::timestamptz[])
    AS asked (number, meter_id, channel, begin, ends)
CROSS JOIN LATERAL (
    SELECT start, quantity, quality FROM meters_interval
    WHERE meter_id = asked.meter_id AND channel = asked.channel
      AND start >= asked.begin AND start < asked.ends
    OFFSET 0
) AS i
"""


def _context(day: CheckedDay, limits: Limits) -> timedelta:
    """As far back as a run may begin that is long enough within the day, and the leak's nights."""
    if day.kind == "water":
        nights = timedelta(days=int(limits["leak.nights"]))
        return max(nights, timedelta(hours=int(limits["zero_too_long.water"])))
    if day.kind == "electricity":
        return timedelta(hours=int(limits["zero_too_long.electricity"]))
    return timedelta()


def _series(day: CheckedDay, rows: Any) -> Series:
    offset = day.begin.astimezone(day.zone).utcoffset() or timedelta()
    measured: Bools = rows["measured"]
    return Series(
        start=rows["start"],
        quantity=rows["quantity"],
        is_measured=measured,
        begin=microseconds(day.begin),
        end=microseconds(day.end),
        offset=offset // timedelta(microseconds=1),
    )


def disconnected(meter_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, list[tuple[int, int]]]:
    """
    When the relay of each meter is known to have been open, in microseconds since 1970.

    From a verified cut to the next order to restore, or until now if it was last read open.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DISCONNECTED, {"meters": list(set(meter_ids)), "now": now})
        found: dict[UUID, list[tuple[int, int]]] = {}
        for meter_id, begin, end in cursor.fetchall():
            found.setdefault(meter_id, []).append((microseconds(begin), microseconds(end)))
    return found


_DISCONNECTED = """
SELECT cut.meter_id, cut.verified_at, coalesce(restored.at, %(now)s)
FROM meters_command cut
JOIN meters_meter m ON m.id = cut.meter_id
CROSS JOIN LATERAL (
    SELECT min(coalesce(c.sent_at, c.requested_at)) AS at FROM meters_command c
    WHERE c.meter_id = cut.meter_id AND c.action = 'reconnect'
      AND coalesce(c.sent_at, c.requested_at) > cut.verified_at
) AS restored
WHERE cut.meter_id = ANY (%(meters)s) AND cut.action = 'disconnect' AND cut.verified_at IS NOT NULL
  AND (restored.at IS NOT NULL OR m.relay_state IN ('disconnected', 'ready'))
"""


def had_power_failure(meter_id: UUID, channel: int, begin: int, end: int, bit: int) -> bool:
    """Whether the meter noted a power failure with a reading in the stretch."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM meters_reading WHERE meter_id = %s AND channel = %s"
            " AND taken_at > %s AND taken_at <= %s AND status & %s <> 0)",
            [meter_id, channel, instant(begin), instant(end), bit],
        )
        return bool(cursor.fetchone()[0])
