"""Intervals: what was used in each 15 minutes, derived from the valid readings around them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from django.db import connection

from meters import copying, partitions
from meters.batches import days_of, instant
from meters.models.facts import Interval
from meters.registers import Registers
from meters.vee.estimation import spread
from meters.vee.validation import INTERVAL, NOBODY, Bools, Ints, Judgement


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals as columns, in order of register and start (microseconds since 1970)."""

    register: Ints
    start: Ints
    quantity: Ints
    is_estimated: Bools

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: Ints | Bools) -> Self:
        return type(self)(
            self.register[rows], self.start[rows], self.quantity[rows], self.is_estimated[rows]
        )


NONE = Intervals(
    np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_)
)


def derive(register: Ints, taken_at: Ints, judgement: Judgement) -> Intervals:
    """
    The intervals between consecutive valid readings; their sum is the register's difference.

    Between neighbours in time it is what was used; over a gap the shape is estimated.
    """
    rows = np.flatnonzero(judgement.quantity != NOBODY)
    begin = taken_at[judgement.base[rows]]
    counts = (taken_at[rows] - begin) // INTERVAL
    first = np.cumsum(counts) - counts
    nth = np.arange(int(counts.sum())) - np.repeat(first, counts)
    return Intervals(
        register=np.repeat(register[rows], counts),
        start=np.repeat(begin, counts) + nth * INTERVAL,
        quantity=spread(judgement.quantity[rows], counts),
        is_estimated=np.repeat(counts > 1, counts),
    )


def stored(registers: Registers, asked: Ints, begin: Ints, end: Ints) -> Intervals:
    """The stored intervals of the asked registers from ``begin`` up to but without ``end``."""
    if not len(asked):
        return NONE
    parameters = {
        "numbers": asked.tolist(),
        "meters": [registers.meters[number] for number in asked],
        "channels": [registers.channels[number] for number in asked],
        "begin": [instant(at) for at in begin],
        "end": [instant(at) for at in end],
    }
    rows = copying.read(_STORED, parameters, _STORED_COLUMNS)
    found = Intervals(rows["register"], rows["start"], rows["quantity"], rows["is_estimated"])
    return found.take(np.lexsort((found.start, found.register)))


_STORED_COLUMNS = (
    ("register", copying.BIGINT),
    ("start", copying.INSTANT),
    ("quantity", copying.BIGINT),
    ("is_estimated", copying.BOOLEAN),
)
_STORED = """
SELECT asked.number, i.start, i.quantity, i.quality = 'estimated'
FROM unnest(%(numbers)s::bigint[], %(meters)s::uuid[], %(channels)s::smallint[],
            %(begin)s::timestamptz[], %(end)s::timestamptz[])
    AS asked (number, meter_id, channel, begin, ends)
CROSS JOIN LATERAL (
    SELECT start, quantity, quality FROM meters_interval
    WHERE meter_id = asked.meter_id AND channel = asked.channel
      AND start >= asked.begin AND start < asked.ends
    OFFSET 0
) AS i
"""


def replace(registers: Registers, known: Intervals, derived: Intervals) -> tuple[Intervals, int]:
    """
    Make the stored intervals equal the derived ones; only what differs is written.

    Returns the intervals that went, came or changed, and how many were written.
    """
    if not len(known):
        _insert(registers, derived)
        return derived, len(derived)
    known_at, derived_at = _positions(known, derived)
    place = np.minimum(np.searchsorted(known_at, derived_at), len(known) - 1)
    same = (
        (known_at[place] == derived_at)
        & (known.quantity[place] == derived.quantity)
        & (known.is_estimated[place] == derived.is_estimated)
    )
    kept = np.zeros(len(known), np.bool_)
    kept[place[same]] = True
    gone, came = known.take(~kept), derived.take(~same)
    _delete(registers, gone)
    _insert(registers, came)
    touched = Intervals(
        *(np.concatenate(pair) for pair in zip(_columns(gone), _columns(came), strict=True))
    )
    return touched, len(came)


def _columns(intervals: Intervals) -> tuple[Ints, Ints, Ints, Bools]:
    return intervals.register, intervals.start, intervals.quantity, intervals.is_estimated


def _positions(*lists: Intervals) -> list[Ints]:
    """One sortable number for register and start, comparable among the lists."""
    origin = min(int(one.start.min()) for one in lists if len(one))
    width = max(int(one.start.max()) for one in lists if len(one)) - origin + INTERVAL
    return [one.register * (width // INTERVAL) + (one.start - origin) // INTERVAL for one in lists]


def _insert(registers: Registers, intervals: Intervals) -> None:
    if not len(intervals):
        return
    partitions.ensure_around(days_of(intervals.start))
    for quality, chosen in (
        (Interval.Quality.ACTUAL, ~intervals.is_estimated),
        (Interval.Quality.ESTIMATED, intervals.is_estimated),
    ):
        rows = intervals.take(chosen)
        copying.write(
            "meters_interval",
            {
                **registers.columns(rows.register),
                "start": (copying.INSTANT, rows.start),
                "quantity": (copying.BIGINT, rows.quantity),
                "quality": copying.text(quality),
            },
            len(rows),
        )


def _delete(registers: Registers, intervals: Intervals) -> None:
    """Remove intervals by their keys; the bounds let the planner leave out partitions."""
    if not len(intervals):
        return
    meters, channels = registers.meters, registers.channels
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM meters_interval i USING unnest(%s::uuid[], %s::smallint[],"
            " %s::timestamptz[]) AS gone (meter_id, channel, start)"
            " WHERE i.meter_id = gone.meter_id AND i.channel = gone.channel"
            " AND i.start = gone.start AND i.start BETWEEN %s AND %s",
            [
                [meters[register] for register in intervals.register],
                [channels[register] for register in intervals.register],
                [instant(at) for at in intervals.start],
                instant(intervals.start.min()),
                instant(intervals.start.max()),
            ],
        )
