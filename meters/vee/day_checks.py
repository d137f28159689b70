"""
Checks on a finished day of one register; pure, without a database.

Each takes the day's intervals with those before it and tells the stretch it found, or nothing.
Only measured intervals are looked at. Times are microseconds since 1970 (UTC), quantities whole
Wh or litres; the checks and their limits stand in `meters.vee.rules`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, Self

import numpy as np

from meters.vee.validation import INTERVAL, SECOND, Bools, Ints

DAY = 86_400 * SECOND
HOUR = 3_600 * SECOND
THIRD = 3
# From 02:00 up to 04:00.
SMALL_HOURS = range(8, 16)


class Stretch(NamedTuple):
    """What a check found: from when to when, and the quantity it is about."""

    start: int
    end: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Series:
    """
    Intervals of one register, in order of their start, of a local day and of days before it.

    ``begin`` and ``end`` bound the day, ``offset`` is how far local time is ahead of UTC.
    """

    start: Ints
    quantity: Ints
    is_measured: Bools
    begin: int
    end: int
    offset: int

    def of_day(self) -> Self:
        """The measured intervals of the day itself."""
        return self.where(self.is_measured & (self.start >= self.begin) & (self.start < self.end))

    def where(self, rows: Bools) -> Self:
        return type(self)(
            self.start[rows], self.quantity[rows], self.is_measured[rows],
            self.begin, self.end, self.offset,
        )  # fmt: skip


def spike(series: Series, *, ratio: Fraction, floor: int) -> Stretch | None:
    """
    The highest quarter, if it stands out: (P1 - P3) / P3 > ratio, P1 not below ``floor``.

    P1 and P3 are the highest and the third highest of the day (Oracle's spike check).
    """
    day = series.of_day()
    if len(day.quantity) < THIRD:
        return None
    third, _, highest = (int(one) for one in np.sort(day.quantity)[-THIRD:])
    if highest < floor or highest - third <= ratio * third:
        return None
    start = int(day.start[np.argmax(day.quantity)])
    return Stretch(start, start + INTERVAL, highest)


def standstill(series: Series, *, hours: int) -> Stretch | None:
    """The longest run of zeros that reaches into the day, if it lasts so many hours."""
    still = series.where(series.is_measured & (series.quantity == 0) & (series.start < series.end))
    if not len(still.start):
        return None
    breaks = np.flatnonzero(np.diff(still.start) != INTERVAL) + 1
    firsts = still.start[np.append(0, breaks)]
    ends = still.start[np.append(breaks - 1, len(still.start) - 1)] + INTERVAL
    longest = int(np.argmax(np.where(ends > series.begin, ends - firsts, -1)))
    start, end = int(firsts[longest]), int(ends[longest])
    if end <= series.begin or end - start < hours * HOUR:
        return None
    return Stretch(start, end, 0)


def used(series: Series, when: Bools, *, tolerance: int) -> Stretch | None:
    """What was counted in marked quarters of the day, where there should be nothing."""
    rows = when & (series.quantity > tolerance)
    found = series.where(rows).of_day()
    if not len(found.start):
        return None
    return Stretch(int(found.start[0]), int(found.start[-1]) + INTERVAL, int(found.quantity.sum()))


def within(series: Series, periods: Iterable[tuple[int, int]]) -> Bools:
    """Which intervals lie in one of these periods from end to end."""
    inside = np.zeros(len(series.start), np.bool_)
    for begin, end in periods:
        inside |= (series.start >= begin) & (series.start + INTERVAL <= end)
    return inside


def night_flow(series: Series, *, nights: int, litres: int) -> Stretch | None:
    """
    Water that never stopped between 02:00 and 04:00 on so many nights up to this day.

    Only nights that were measured throughout count; the quantity is the lowest of a quarter.
    """
    local = series.start + series.offset
    slot = local % DAY // INTERVAL
    last = (series.begin + series.offset) // DAY
    night = last - local // DAY
    rows = series.is_measured & np.isin(slot, SMALL_HOURS) & (night >= 0) & (night < nights)
    if np.count_nonzero(rows) < nights * len(SMALL_HOURS):
        return None
    lowest = int(series.quantity[rows].min())
    if lowest < litres:
        return None
    begin = (last - nights + 1) * DAY + SMALL_HOURS.start * INTERVAL - series.offset
    return Stretch(
        int(begin), int(last * DAY + SMALL_HOURS.stop * INTERVAL - series.offset), lowest
    )
