"""The homes of each estate set against one another, to find a meter that is bypassed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from django.db import connection

from meters.models.devices import Register
from meters.vee import bypass, limits, queue
from meters.vee.bypass import BEFORE, RECENT, Floats, Suspect
from meters.vee.limits import Limits
from meters.vee.queue import Found
from quantify.periods import local_day, midnight
from quantify.quantities import format_kilo

RULE = "bypass"
DAYS = BEFORE + RECENT


class Home(NamedTuple):
    """A meter that hung in its place all along; a bulk meter has no home."""

    meter_id: UUID
    is_bulk: bool
    is_compared: bool


def check(*, now: datetime) -> int:
    """
    Compare the homes of every estate over the finished days; returns how many stand out.

    What is found stays until a person decides: after weeks a bypass would look like habit.
    """
    found: list[Found] = []
    estates = _estates(now)
    limit = limits.of_estates(estates)
    for estate_id, (zone, homes, use) in estates.items():
        found += _found(zone, homes, use, limit[estate_id], local_day(now, zone))
    queue.record(found, now=now)
    return len(found)


def _found(
    zone: ZoneInfo, homes: Sequence[Home], use: Floats, limit: Limits, today: date
) -> Iterator[Found]:
    is_bulk = np.array([one.is_bulk for one in homes])
    units = [one for one in homes if not one.is_bulk]
    counted = use[~is_bulk]
    loss = use[is_bulk].sum(axis=0) - counted.sum(axis=0) if is_bulk.any() else None
    stands_out = bypass.suspects(
        counted,
        np.array([one.is_compared for one in units], np.bool_),
        loss,
        drop=float(limit["bypass.drop"]) / 100,
        floor=float(limit["bypass.floor"]) * 1000,
    )
    for one in stands_out:
        yield Found(
            meter_id=units[one.row].meter_id,
            channel=Register.Channel.IMPORT,
            rule=RULE,
            starts_at=midnight(today - timedelta(days=RECENT), zone),
            ends_at=midnight(today, zone),
            says=_words(one),
            quantity=one.missing,
            lasts=True,
        )


def _words(one: Suspect) -> str:
    text = (
        f"The home counts {one.share:.0%} less than it should by its own past and its neighbours: "
        f"about {format_kilo(one.missing)} kWh a day are missing."
    ).replace("%", " %")
    if one.loss_rose is None:
        return text
    return f"{text} The estate loses {format_kilo(one.loss_rose)} kWh a day more since."


def _estates(now: datetime) -> dict[UUID, tuple[ZoneInfo, list[Home], Floats]]:
    """Of each estate its meters and what each counted on each whole, measured day."""
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, {"now": now, "days": DAYS})
        rows = cursor.fetchall()
    zones: dict[UUID, str] = {}
    homes: dict[UUID, dict[Home, int]] = defaultdict(dict)
    for estate_id, zone, *home, _, _ in rows:
        zones[estate_id] = zone
        homes[estate_id].setdefault(Home(*home), len(homes[estate_id]))
    use = {one: np.full((len(known), DAYS), np.nan) for one, known in homes.items()}
    for estate_id, _, *home, number, quantity in rows:
        use[estate_id][homes[estate_id][Home(*home)], number] = quantity
    return {one: (ZoneInfo(zones[one]), list(homes[one]), use[one]) for one in homes}


# A day counts if it was measured from end to end. A meter that was put up or cut meanwhile, and a
# home that is not occupied, count for the estate's loss and are compared with nobody.
_DAYS = """
SELECT e.id, e.time_zone, m.id, m.kind = 'bulk_electricity',
    coalesce(unit.status = 'occupied', false) AND NOT EXISTS (
        SELECT FROM meters_command cut WHERE cut.meter_id = m.id AND cut.action = 'disconnect'
          AND cut.verified_at > %(now)s - make_interval(days => %(days)s)),
    d.day - (today.today - %(days)s), d.quantity
FROM meters_meter m
JOIN estates_estate e ON e.id = m.estate_id
JOIN meters_installation hangs ON hangs.meter_id = m.id AND hangs.ends_at IS NULL
LEFT JOIN units_unit unit ON unit.id = hangs.unit_id
CROSS JOIN LATERAL (SELECT (%(now)s AT TIME ZONE e.time_zone)::date AS today) AS today
JOIN meters_dailyconsumption d ON d.meter_id = m.id AND d.channel = 1
    AND d.day >= today.today - %(days)s AND d.day < today.today
    AND d.estimated = 0 AND d.intervals >= 92
WHERE m.kind IN ('electricity', 'bulk_electricity') AND m.deleted_at IS NULL
ORDER BY e.id, m.id, d.day
"""
