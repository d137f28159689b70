"""
What a supply will use: learned from the hours of its last weeks. Pure, without a database.

The shape of a week is the median of each of its 168 hours over the weeks seen; the level is how
much whole days stood above or below that shape, so that rare large hours (a geyser, a bath), which
medians of hours leave out, still count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_DAYS = 7
HOURS_OF_A_KNOWN_DAY = 20
LEVELS = (0.1, 0.5, 0.9)
LOW, EXPECTED, HIGH = range(3)

type Hours = NDArray[np.float64]


class TooLittleHistory(Exception):
    """Fewer than seven days were metered: whatever were forecast would be invented."""


@dataclass(frozen=True, slots=True)
class Habit:
    """What each hour of a week (Monday 00:00 first) uses in Wh or litres, and its levels."""

    week: tuple[float, ...]
    levels: tuple[float, float, float]

    def of(self, hours_of_week: NDArray[np.intp], level: int) -> Hours:
        """What some hours will use at the low, the expected or the high level."""
        used: Hours = np.asarray(self.week)[hours_of_week] * self.levels[level]
        return used


def hour_of_week(at: datetime) -> int:
    return at.weekday() * 24 + at.hour


def habit(history: Sequence[tuple[datetime, int]]) -> Habit:
    """
    Learn from hours: their local starts, and what each used in Wh or litres.

    Hours that are missing are simply not there; an hour of the week that was never seen is taken
    for the same hour of all days.

    :raises TooLittleHistory: if fewer than seven days are known.
    """
    days: dict[date, dict[int, int]] = {}
    for start, quantity in history:
        days.setdefault(start.date(), {})[hour_of_week(start)] = quantity
    known = [hours for hours in days.values() if len(hours) >= HOURS_OF_A_KNOWN_DAY]
    if len(known) < LEAST_DAYS:
        raise TooLittleHistory(f"{len(known)} of at least {LEAST_DAYS} days were metered.")
    week = _week(history)
    return Habit(week, _levels(known, week))


def _week(history: Iterable[tuple[datetime, int]]) -> tuple[float, ...]:
    by_week: dict[int, list[int]] = {}
    by_day: dict[int, list[int]] = {}
    for start, quantity in history:
        by_week.setdefault(hour_of_week(start), []).append(quantity)
        by_day.setdefault(start.hour, []).append(quantity)
    seen = (by_week.get(hour) or by_day.get(hour % 24) or [0] for hour in range(7 * 24))
    return tuple(float(median(values)) for values in seen)


def _levels(days: Iterable[Mapping[int, int]], week: Sequence[float]) -> tuple[float, float, float]:
    """How whole days compare with the medians of their hours, from a low day to a high one."""
    ratios = [
        sum(hours.values()) / expected
        for hours in days
        if (expected := sum(week[hour] for hour in hours)) > 0
    ]
    if not ratios:
        return (1.0, 1.0, 1.0)
    low, expected, high = (float(level) for level in np.quantile(ratios, LEVELS))
    return low, expected, high


def cumulated(used: NDArray[Any]) -> NDArray[np.int64]:
    """Running sums in whole Wh or litres, beginning with zero."""
    sums = np.concatenate(([0.0], np.cumsum(used)))
    return np.rint(sums).astype(np.int64)
