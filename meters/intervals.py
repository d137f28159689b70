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

MEASURED = 0


@dataclass(frozen=True, slots=True)
class Intervals:
    """
    Intervals as columns, in order of register and start (microseconds since 1970).

    ``method`` is how each was estimated (`Interval.Method`), or `MEASURED`.
    """

    register: Ints
    start: Ints
    quantity: Ints
    method: Ints

    def __len__(self) -> int:
        return len(self.start)

    @property
    def columns(self) -> tuple[Ints, Ints, Ints, Ints]:
        return self.register, self.start, self.quantity, self.method

    @property
    def is_estimated(self) -> Bools:
        estimated: Bools = self.method != MEASURED
        return estimated

    def take(self, rows: Ints | Bools) -> Self:
        return type(self)(*(column[rows] for column in self.columns))

    def with_shape(self, rows: Ints, quantity: Ints, method: Ints) -> Self:
        """The same intervals with other quantities and methods in some rows."""
        quantities, methods = self.quantity.copy(), self.method.copy()
        quantities[rows], methods[rows] = quantity, method
        return type(self)(self.register, self.start, quantities, methods)


def joined(*several: Intervals) -> Intervals:
    """All of them in order; of two for one instant both stay."""
    register, start, quantity, method = (
        np.concatenate(column) for column in zip(*(one.columns for one in several), strict=True)
    )
    return Intervals(register, start, quantity, method).take(np.lexsort((start, register)))


NONE = Intervals(*(np.empty(0, np.int64) for _ in range(4)))


@dataclass(frozen=True, slots=True)
class Gaps:
    """Stretches between readings that are further apart than one interval, as rows of intervals."""

    first: Ints
    count: Ints

    def __len__(self) -> int:
        return len(self.first)


def derive(register: Ints, taken_at: Ints, judgement: Judgement) -> tuple[Intervals, Gaps]:
    """
    The intervals between consecutive valid readings; their sum is the register's difference.

    Between neighbours in time it is what was used; over a gap it is spread evenly, until
    `meters.vee.shaping` finds a better shape.
    """
    rows = np.flatnonzero(judgement.quantity != NOBODY)
    begin = taken_at[judgement.base[rows]]
    counts = (taken_at[rows] - begin) // INTERVAL
    first = np.cumsum(counts) - counts
    nth = np.arange(int(counts.sum())) - np.repeat(first, counts)
    wide = counts > 1
    derived = Intervals(
        register=np.repeat(register[rows], counts),
        start=np.repeat(begin, counts) + nth * INTERVAL,
        quantity=spread(judgement.quantity[rows], counts),
        method=np.repeat(np.where(wide, int(Interval.Method.FLAT), MEASURED), counts),
    )
    return derived, Gaps(first[wide], counts[wide])


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
    found = Intervals(*(rows[name] for name, _ in _STORED_COLUMNS))
    return found.take(np.lexsort((found.start, found.register)))


_STORED_COLUMNS = (
    ("register", copying.BIGINT),
    ("start", copying.INSTANT),
    ("quantity", copying.BIGINT),
    ("method", copying.BIGINT),
)
_STORED = """
SELECT asked.number, i.start, i.quantity,
    CASE i.quality WHEN 'estimated' THEN coalesce(i.method, 1) ELSE 0 END::bigint
FROM unnest(%(numbers)s::bigint[], %(meters)s::uuid[], %(channels)s::smallint[],
            %(begin)s::timestamptz[], %(end)s::timestamptz[])
    AS asked (number, meter_id, channel, begin, ends)
CROSS JOIN LATERAL (
    SELECT start, quantity, quality, method FROM meters_interval
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
        & (known.method[place] == derived.method)
    )
    kept = np.zeros(len(known), np.bool_)
    kept[place[same]] = True
    gone, came = known.take(~kept), derived.take(~same)
    _delete(registers, gone)
    _insert(registers, came)
    return joined(gone, came), len(came)


def _positions(*lists: Intervals) -> list[Ints]:
    """One sortable number for register and start, comparable among the lists."""
    origin = min(int(one.start.min()) for one in lists if len(one))
    width = max(int(one.start.max()) for one in lists if len(one)) - origin + INTERVAL
    return [one.register * (width // INTERVAL) + (one.start - origin) // INTERVAL for one in lists]


def _insert(registers: Registers, intervals: Intervals) -> None:
    if not len(intervals):
        return
    partitions.ensure_around(days_of(intervals.start))
    _append(registers, intervals.take(intervals.method == MEASURED), Interval.Quality.ACTUAL)
    for method in Interval.Method:
        _append(
            registers,
            intervals.take(intervals.method == int(method)),
            Interval.Quality.ESTIMATED,
            method=(copying.SMALLINT, int(method)),
        )


def _append(
    registers: Registers,
    intervals: Intervals,
    quality: Interval.Quality,
    **more: copying.Column,
) -> None:
    if not len(intervals):
        return
    copying.write(
        "meters_interval",
        {
            **registers.columns(intervals.register),
            "start": (copying.INSTANT, intervals.start),
            "quantity": (copying.BIGINT, intervals.quantity),
            "quality": copying.text(quality),
            **more,
        },
        len(intervals),
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
