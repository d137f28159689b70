"""Stretches between readings that lack, and are asked of the meter once more."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from meters.vee.rules import Rule

# How far back a meter remembers its load profile, and how much of it is asked for in a round.
MEMORY = timedelta(days=90)
A_ROUND = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Missing:
    """
    A stretch of a profile between two readings, without them.

    The meter answered for it up to ``asked_until``; it is to be asked from there to ``ask_to``.
    """

    profile: str
    starts_at: datetime
    ends_at: datetime
    asked_until: datetime
    ask_to: datetime


def missing(
    read: Sequence[tuple[UUID, str, datetime]], now: datetime
) -> Mapping[UUID, list[Missing]]:
    """
    What to ask each meter for once more, the oldest first, no more than fits in a round.

    ``read`` says which meter's load profile was read up to when.
    """
    found: dict[UUID, list[Missing]] = defaultdict(list)
    if not read:
        return found
    meters, profiles, until = (list(column) for column in zip(*read, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, [meters, profiles, until, now - MEMORY, now - MEMORY])
        for meter_id, profile, starts_at, ends_at, asked_until in cursor.fetchall():
            found[meter_id].append(Missing(profile, starts_at, ends_at, asked_until, ends_at))
    return {meter_id: list(_bounded(stretches)) for meter_id, stretches in found.items()}


def note_asked(asked: Iterable[tuple[UUID, Missing]], now: datetime) -> None:
    """Remember up to where meters answered for what lacked, whatever they had of it."""
    rows = sorted((meter, m.profile, m.starts_at, m.ends_at, m.ask_to) for meter, m in asked)
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(_NOTE, [(*row, now, now) for row in rows])


def _bounded(stretches: list[Missing]) -> Iterable[Missing]:
    left = A_ROUND
    for stretch in stretches:
        if left <= timedelta(0):
            return
        ask_to = min(stretch.ends_at, stretch.asked_until + left)
        yield replace(stretch, ask_to=ask_to)
        left -= ask_to - stretch.asked_until


# Reads the readings after a gap alone: a partial index holds them (migration 0007).
_MISSING = f"""
SELECT DISTINCT r.meter_id, register.profile_obis, before.taken_at, r.taken_at,
    coalesce(known.asked_until, before.taken_at)
FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[]) AS told (meter_id, profile, until)
JOIN meters_register register
    ON register.meter_id = told.meter_id AND register.profile_obis = told.profile
JOIN meters_reading r ON r.meter_id = register.meter_id AND r.channel = register.channel
    AND r.rules & {int(Rule.GAP)} <> 0 AND r.taken_at > %s AND r.taken_at <= told.until
JOIN LATERAL (
    SELECT taken_at FROM meters_reading b
    WHERE b.meter_id = r.meter_id AND b.channel = r.channel AND b.is_valid
      AND b.taken_at < r.taken_at AND b.taken_at > %s
    ORDER BY taken_at DESC LIMIT 1
) AS before ON true
LEFT JOIN meters_missingstretch known
    ON known.meter_id = r.meter_id AND known.profile_obis = register.profile_obis
   AND known.starts_at = before.taken_at AND known.ends_at = r.taken_at
WHERE known.id IS NULL OR known.asked_until < known.ends_at
ORDER BY r.meter_id, before.taken_at
"""  # noqa: S608 - a number of ours, which the index needs to see
_NOTE = """
INSERT INTO meters_missingstretch
    (meter_id, profile_obis, starts_at, ends_at, asked_until, created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (meter_id, profile_obis, starts_at, ends_at) DO UPDATE
SET asked_until = greatest(meters_missingstretch.asked_until, excluded.asked_until),
    updated_at = excluded.updated_at
"""
