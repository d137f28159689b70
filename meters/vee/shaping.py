"""
Shapes for gaps: what the home usually uses at that time of day, as far as it is known.

The total of a gap is what its registers say and is never touched. A shape is a function of what
is measured, so that late readings give the gaps after them a new one, in whatever order they come.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from meters import copying, intervals
from meters.batches import instant
from meters.intervals import Gaps, Intervals
from meters.models.facts import Interval
from meters.registers import Registers
from meters.vee import like_days
from meters.vee.estimation import spread
from meters.vee.like_days import DAY, Measured
from meters.vee.rules import Rule
from meters.vee.validation import INTERVAL, NEVER_A_BASE, Ints

# A gap may begin late on a local day that began on the day of UTC before.
MARGIN = DAY


def shaped(registers: Registers, derived: Intervals, gaps: Gaps) -> Intervals:
    """
    Give the gaps among freshly derived intervals the shape of like days.

    What was measured comes from the database before, and from the intervals themselves.
    """
    if not len(gaps):
        return derived
    asked = np.unique(derived.register[gaps.first])
    begin = np.array([derived.start[_first_of(derived, one)] for one in asked], np.int64)
    stored = intervals.stored(
        registers, asked, begin - registers.history[asked] * DAY - MARGIN, begin
    )
    known = intervals.joined(stored, derived)
    return _shape(registers, derived, gaps, known.take(~known.is_estimated))


def reshape_later(registers: Registers, asked: Ints, since: Ints) -> Intervals:
    """
    Shape the gaps anew that begin within reach after these instants, one for each register.

    Returns the intervals that changed.
    """
    history = registers.history[asked] * DAY + MARGIN
    gaps = _stored_gaps(registers, asked, since, since + history)
    if not gaps:
        return intervals.NONE
    registers_of = np.array([gap.register for gap in gaps], np.int64)
    numbers = np.unique(registers_of)
    begin = np.array([min(g.begin for g in gaps if g.register == n) for n in numbers], np.int64)
    end = np.array([max(g.end for g in gaps if g.register == n) for n in numbers], np.int64)
    back = registers.history[numbers] * DAY + MARGIN
    known = intervals.stored(registers, numbers, begin - back, end)
    rows, found = _rows_of(known, gaps)
    again = _shape(registers, known, found, known.take(~known.is_estimated))
    touched, _ = intervals.replace(registers, known.take(rows), again.take(rows))
    return touched


class _Gap(NamedTuple):
    register: int
    begin: int
    end: int


def _stored_gaps(registers: Registers, asked: Ints, after: Ints, until: Ints) -> Sequence[_Gap]:
    rows = copying.read(
        _GAPS,
        {
            "numbers": asked.tolist(),
            "meters": [registers.meters[number] for number in asked],
            "channels": [registers.channels[number] for number in asked],
            "after": [instant(at) for at in after],
            "until": [instant(at) for at in until],
            "never": NEVER_A_BASE,
            "gap": int(Rule.GAP),
        },
        (("register", copying.BIGINT), ("begin", copying.INSTANT), ("ends", copying.INSTANT)),
    )
    return [_Gap(int(row["register"]), int(row["begin"]), int(row["ends"])) for row in rows]


# The reading that ends a gap bears the rule; the last one in reach is looked for beyond it.
_GAPS = """
SELECT asked.number, base.taken_at, closing.taken_at
FROM unnest(%(numbers)s::bigint[], %(meters)s::uuid[], %(channels)s::smallint[],
            %(after)s::timestamptz[], %(until)s::timestamptz[])
    AS asked (number, meter_id, channel, after, until)
CROSS JOIN LATERAL (
    SELECT taken_at FROM meters_reading
    WHERE meter_id = asked.meter_id AND channel = asked.channel AND taken_at > asked.after
      AND is_valid AND rules & %(never)s = 0 AND rules & %(gap)s <> 0
      AND taken_at <= coalesce((SELECT taken_at FROM meters_reading
           WHERE meter_id = asked.meter_id AND channel = asked.channel AND taken_at > asked.until
             AND is_valid AND rules & %(never)s = 0
           ORDER BY taken_at LIMIT 1), 'infinity')
) AS closing
CROSS JOIN LATERAL (
    SELECT taken_at FROM meters_reading
    WHERE meter_id = asked.meter_id AND channel = asked.channel
      AND taken_at < closing.taken_at AND is_valid AND rules & %(never)s = 0
    ORDER BY taken_at DESC LIMIT 1
) AS base
ORDER BY 1, 2
"""


def _rows_of(known: Intervals, gaps: Sequence[_Gap]) -> tuple[Ints, Gaps]:
    """Where the gaps lie among intervals; one whose intervals are not all there is left out."""
    first, count = [], []
    for gap in gaps:
        low, high = np.searchsorted(known.register, (gap.register, gap.register + 1))
        ends = np.searchsorted(known.start[low:high], (gap.begin, gap.end))
        if ends[1] - ends[0] == (gap.end - gap.begin) // INTERVAL:
            first.append(low + ends[0])
            count.append(ends[1] - ends[0])
    found = Gaps(np.array(first, np.int64), np.array(count, np.int64))
    return _rows(found), found


def _rows(gaps: Gaps) -> Ints:
    if not len(gaps):
        return np.empty(0, np.int64)
    rows: Ints = np.concatenate(
        [np.arange(first, first + n) for first, n in zip(gaps.first, gaps.count, strict=True)]
    )
    return rows


def _shape(registers: Registers, among: Intervals, gaps: Gaps, measured: Intervals) -> Intervals:
    """Spread the total of each gap by what is usual, evenly where nothing is known."""
    if not len(gaps):
        return among
    totals = np.add.reduceat(among.quantity[_rows(gaps)], np.cumsum(gaps.count) - gaps.count)
    weights, methods = [], []
    for first, count in zip(gaps.first, gaps.count, strict=True):
        usual = _usual(
            registers, among.register[first], among.start[first : first + count], measured
        )
        is_known = usual is not None and bool(usual.any())
        method = Interval.Method.LIKE_DAYS if is_known else Interval.Method.FLAT
        weights.append(usual if usual is not None and is_known else np.ones(count, np.int64))
        methods.append(np.full(count, int(method), np.int64))
    quantity = spread(totals, gaps.count, np.concatenate(weights))
    return among.with_shape(_rows(gaps), quantity, np.concatenate(methods))


def _usual(registers: Registers, number: np.int64, gap: Ints, measured: Intervals) -> Ints | None:
    low, high = np.searchsorted(measured.register, (number, number + 1))
    of_register = Measured(measured.start[low:high], measured.quantity[low:high])
    return like_days.usual(
        gap, of_register, registers.zones[int(number)], int(registers.history[number])
    )


def _first_of(derived: Intervals, number: np.int64) -> int:
    return int(np.searchsorted(derived.register, number))
