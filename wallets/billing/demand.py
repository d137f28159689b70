"""
The highest power of a month, told from its quarter hours.

A bill keeps the highest of the days before today, with the state of those days
(`wallets.billing.bands`): while it stands, a run reads the quarter hours of today alone.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from quantify.periods import INTERVAL
from wallets.arrays import array
from wallets.billing.metered import BILLED_CHANNELS
from wallets.billing.stretches import Counted, KeptRow, Part

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

DEMAND = """
SELECT unit_id, is_over, coalesce(max(quantity) FILTER (WHERE metered = %(quarters)s), 0)
FROM (
    SELECT asked.unit_id, used.at < %(today)s::date AS is_over,
        sum(used.quantity)::bigint AS quantity, count(DISTINCT used.start) AS metered
    FROM unnest(%(units)s::uuid[], %(since)s::date[]) AS asked (unit_id, since)
    JOIN meters_installation AS installation
        ON installation.unit_id = asked.unit_id AND installation.kind = %(utility)s
    JOIN units_unit AS unit ON unit.id = installation.unit_id
    JOIN estates_estate AS estate ON estate.id = unit.estate_id
    CROSS JOIN LATERAL (
        SELECT start, quantity, date_bin(make_interval(mins => %(minutes)s),
            start AT TIME ZONE estate.time_zone, 'epoch'::timestamp) AS at
        FROM meters_interval
        WHERE meter_id = installation.meter_id AND channel = ANY (%(channels)s)
            AND start >= greatest(asked.since::timestamp AT TIME ZONE estate.time_zone,
                installation.starts_at)
            AND start < least(%(end)s::timestamp AT TIME ZONE estate.time_zone,
                installation.ends_at)
        OFFSET 0
    ) AS used
    GROUP BY asked.unit_id, used.at
) AS used
GROUP BY unit_id, is_over
"""


class Highest(NamedTuple):
    """
    The highest average power of a part in W, and what is kept of it.

    None if nothing was metered by quarter hours.
    """

    power: int | None
    kept: KeptRow | None


def highest(
    parts: Sequence[Part],
    counted: Sequence[Counted],
    kept: Sequence[KeptRow | None],
    *,
    end: date,
    minutes: int,
) -> list[Highest]:
    """
    The highest average power of parts of the same days, up to but without the day `end`.

    An interval of `minutes` counts once all its quarter hours are metered, by whichever meter.
    """
    today = parts[0].supply.priced_to - DAY
    standing = [
        row if _stands(row, sums, today, minutes) else None
        for row, sums in zip(kept, counted, strict=True)
    ]
    since = [
        date.fromisoformat(row["to"]) if row else part.first_day
        for part, row in zip(parts, standing, strict=True)
    ]
    read = _read(parts, since, end=end, today=today, minutes=minutes)
    found = []
    for part, row, sums in zip(parts, standing, counted, strict=True):
        unit_id = part.supply.place.unit_id
        over = _most(row.get("demand") if row else None, read.get((unit_id, True)))
        power = _most(over, read.get((unit_id, False)))
        found.append(Highest(power, _row(sums, today, minutes, over)))
    return found


def _stands(row: KeptRow | None, counted: Counted, today: date, minutes: int) -> bool:
    return (
        row is not None
        and row.get("minutes") == minutes
        and row["state"] == counted.kept_state
        and row["to"] <= str(today)
    )


def _row(counted: Counted, today: date, minutes: int, over: int | None) -> KeptRow | None:
    if counted.state is None:
        return None
    row: KeptRow = {"to": str(today), "state": counted.state, "minutes": minutes}
    return row if over is None else row | {"demand": over}


def _most(one: int | None, other: int | None) -> int | None:
    return max((known for known in (one, other) if known is not None), default=None)


def _read(
    parts: Sequence[Part], since: Sequence[date], *, end: date, today: date, minutes: int
) -> dict[tuple[UUID, bool], int]:
    """By unit, and by whether its day is over, the highest power since some days."""
    length = timedelta(minutes=minutes)
    with connection.cursor() as cursor:
        cursor.execute(DEMAND, {
            "units": array(part.supply.place.unit_id.hex for part in parts),
            "since": array(str(day) for day in since),
            "utility": parts[0].supply.utility.value,
            "channels": BILLED_CHANNELS,
            "end": end,
            "today": today,
            "minutes": minutes,
            "quarters": length // INTERVAL,
        })  # fmt: skip
        rows = cursor.fetchall()
    return {(unit_id, is_over): power * HOUR // length for unit_id, is_over, power in rows}
