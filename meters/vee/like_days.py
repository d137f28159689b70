"""
What a home usually uses at each quarter of a day, from like days; pure, without a database.

Like days are the at most three newest days of the same weekday before a gap of which every quarter
was measured; a public holiday is like a Sunday. Without any, the three newest measured days of any
kind stand in (after the Western Australian metering code, appendix 3). Times are microseconds
since 1970 (UTC).
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from meters.vee.validation import INTERVAL, Ints

DAY = 86_400_000_000
SLOTS = 96
MOST = 3
SUNDAY = 6
# Divisible by one, two and three days: their mean stays whole.
PARTS = 6
COUNTRY = "ZA"


class Measured(NamedTuple):
    """What was measured in quarters of one register, in order of their start."""

    start: Ints
    quantity: Ints


def usual(gap: Ints, measured: Measured, zone: ZoneInfo, history: int) -> Ints | None:
    """
    What is usual in each quarter of a gap, in sixths of a Wh or litre.

    ``gap`` holds the starts, ``history`` the days to look back. None: there is no whole measured
    day before the gap.
    """
    offset = _offsets(gap, zone)
    gap_days, slots = (gap + offset) // DAY, (gap + offset) % DAY // INTERVAL
    first = int(gap_days[0])
    known = _whole_days(measured, zone, first - history, first)
    if not known:
        return None
    weights = np.zeros(len(gap), np.int64)
    for day in np.unique(gap_days).tolist():
        rows = gap_days == day
        weights[rows] = _mean(known, _class(day))[slots[rows]]
    return weights


def _whole_days(measured: Measured, zone: ZoneInfo, first: int, end: int) -> Mapping[int, Ints]:
    """The quantities of each local day from ``first`` up to ``end`` that was measured whole."""
    local = measured.start + _offsets(measured.start, zone)
    low, high = np.searchsorted(local, (first * DAY, end * DAY))
    days, begins, counts = np.unique(local[low:high] // DAY, return_index=True, return_counts=True)
    whole = np.flatnonzero(counts == SLOTS)
    return {
        int(days[n]): measured.quantity[low + begins[n] : low + begins[n] + SLOTS] for n in whole
    }


def _mean(known: Mapping[int, Ints], kind: int) -> Ints:
    like = [day for day in known if _class(day) == kind] or list(known)
    chosen = sorted(like)[-MOST:]
    total: Ints = np.sum([known[day] for day in chosen], axis=0)
    return total * (PARTS // len(chosen))


@lru_cache(maxsize=4096)
def _class(number: int) -> int:
    """The weekday that a day (since 1970) is like."""
    day = date(1970, 1, 1) + timedelta(days=number)
    return SUNDAY if day in _holidays(day.year) else day.weekday()


@lru_cache(maxsize=64)
def _holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(COUNTRY, years=year))


def _offsets(instants: Ints, zone: ZoneInfo) -> Ints:
    """How far local time is ahead of UTC; asked once a day of UTC where it does not change."""
    days, place = np.unique(instants // DAY, return_inverse=True)
    at_start = [_offset(day * DAY, zone) for day in days.tolist()]
    at_end = [_offset((day + 1) * DAY - 1, zone) for day in days.tolist()]
    offsets: Ints = np.array(at_start, np.int64)[place]
    for n in np.flatnonzero(np.array(at_start) != np.array(at_end)):
        rows = np.flatnonzero(place == n)
        offsets[rows] = [_offset(at, zone) for at in instants[rows].tolist()]
    return offsets


def _offset(at: int, zone: ZoneInfo) -> int:
    shift = datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone).utcoffset()
    return (shift or timedelta()) // timedelta(microseconds=1)
