"""
Sum metered intervals by month and by band.

Everything is done with whole numbers in arrays over the whole stretch at once; decimals come into
it only when the engine prices the sums. What depends on the calendar alone is kept there.
"""

from collections.abc import Sequence
from datetime import date
from functools import reduce
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rates.calendars import SLOT_MINUTES, Calendar, Span, runs_of
from rates.usage import InvalidUsage, Usage

MINUTES_PER_HOUR = 60
MOST_MONTHS = 1_200
EXACT_FLOATS = 2**53
"""Below this, sums of whole numbers are floats without rounding."""

type Starts = NDArray[np.datetime64]
type Quantities = NDArray[np.integer[Any]]
type Bands = tuple[dict[str, int], dict[str, date]]


def summed(
    starts: Starts,
    quantities: Quantities,
    *,
    calendar: Calendar | None = None,
    holidays: str | None = None,
    demand_minutes: int | None = None,
) -> Usage:
    """The sum of intervals, whatever their months. See `by_month`."""
    months = by_month(
        starts, quantities, calendar=calendar, holidays=holidays, demand_minutes=demand_minutes
    )
    return reduce(Usage.plus, months.values()) if months else Usage.of_total(0)


def by_month(
    starts: Starts,
    quantities: Quantities,
    *,
    calendar: Calendar | None = None,
    holidays: str | None = None,
    demand_minutes: int | None = None,
) -> dict[date, Usage]:
    """
    Sum intervals of any number of months, each month that has some by itself.

    `starts` are local, without zone; an interval belongs to the day and band of its start.
    Without a calendar only totals are kept. `demand_minutes` asks for the highest demand over
    intervals of that length, each made of quarter hours.

    :raises InvalidUsage: if the arrays differ in length, the quantities are not integers, or they
        span more than a century.
    """
    if starts.shape != quantities.shape or quantities.dtype.kind not in "iu":
        raise InvalidUsage("Give as many starts as quantities, in whole Wh or litres.")
    if not starts.size:
        return {}
    minutes, quantities = _in_order(starts.astype("datetime64[m]", copy=False), quantities)
    months = _months(minutes)
    usages = _usages(months, minutes, quantities, calendar, holidays)
    if demand_minutes is None:
        return {month.first: usage for month, usage in zip(months, usages, strict=True)}
    return {
        month.first: usage.with_demand(_highest(minutes[own], quantities[own], demand_minutes))
        for month, usage in zip(months, usages, strict=True)
        for own in [slice(month.start, month.end)]
    }


class _Month(NamedTuple):
    """A month that has intervals, which of them are its own, and its place in the stretch."""

    first: date
    start: int
    end: int
    place: int


def _in_order(minutes: Starts, quantities: Quantities) -> tuple[Starts, Quantities]:
    since_epoch = minutes.view(np.int64)
    if (since_epoch[1:] >= since_epoch[:-1]).all():
        return minutes, quantities
    order = minutes.argsort()
    return minutes[order], quantities[order]


def _months(minutes: Starts) -> list[_Month]:
    first, last = minutes[[0, -1]].astype("datetime64[M]")
    firsts = np.arange(first, last + np.timedelta64(2, "M"))
    if len(firsts) > MOST_MONTHS:
        raise InvalidUsage("These intervals span more than a century: check their dates.")
    bounds = minutes.searchsorted(firsts.astype("datetime64[m]")).tolist()
    return [
        _Month(month, start, end, place)
        for place, (month, (start, end)) in enumerate(
            zip(firsts.tolist(), pairwise(bounds), strict=False)
        )
        if start < end
    ]


def _usages(
    months: Sequence[_Month],
    minutes: Starts,
    quantities: Quantities,
    calendar: Calendar | None,
    holidays: str | None,
) -> list[Usage]:
    edges = minutes[[at for month in months for at in (month.start, month.end - 1)]]
    days = edges.astype("datetime64[D]").tolist()
    if calendar is None:
        starts = [month.start for month in months]
        totals = np.add.reduceat(quantities, starts, dtype=np.int64).tolist()
        bands: list[Bands] = [({}, {})] * len(months)
    else:
        bands = _by_band(months, minutes, quantities, calendar, holidays)
        totals = [sum(used.values()) for used, _ in bands]
    return [
        Usage(total=total, bands=used, since=since, first_day=first, last_day=last)
        for total, (used, since), first, last in zip(
            totals, bands, days[::2], days[1::2], strict=True
        )
    ]


def _by_band(
    months: Sequence[_Month],
    minutes: Starts,
    quantities: Quantities,
    calendar: Calendar,
    holidays: str | None,
) -> list[Bands]:
    """By month, the sum of each band and the first day it was used."""
    span = _span(months, minutes, calendar, holidays)
    count = len(calendar.bands)
    buckets = span.buckets[span.runs]
    sums = _sums(buckets, np.add.reduceat(quantities, span.runs, dtype=np.int64))
    first = np.full(len(sums), -1)
    first[buckets[::-1]] = span.runs[::-1]
    days = minutes[first].astype("datetime64[D]").tolist()
    is_used = (first >= 0).tolist()
    found = []
    for month in months:
        begin = month.place * count
        at = [
            (band, bucket)
            for bucket, band in enumerate(calendar.bands, start=begin)
            if bucket < len(sums) and is_used[bucket]
        ]
        found.append(
            (
                {band: sums[bucket] for band, bucket in at},
                {band: days[bucket] for band, bucket in at},
            )
        )
    return found


def _span(
    months: Sequence[_Month], minutes: Starts, calendar: Calendar, holidays: str | None
) -> Span:
    """The bands of the intervals; without gaps they are those of the calendar as they are."""
    first = months[0].first
    whole = calendar.span(first, months[-1].first, holidays)
    offset = int((minutes[0] - whole.starts[0]).astype(np.int64)) // SLOT_MINUTES
    end = offset + len(minutes)
    if end <= len(whole.starts) and (whole.starts[offset:end] == minutes).all():
        return whole if len(minutes) == len(whole.starts) else whole.within(offset, end)
    slots = (minutes - whole.starts[0]).view(np.int64) // SLOT_MINUTES
    buckets = whole.buckets[slots]
    return Span(minutes, buckets, runs_of(buckets))


def _sums(buckets: NDArray[np.int64], quantities: NDArray[np.int64]) -> list[int]:
    """The quantities of each bucket, exactly: bincount adds floats."""
    largest = max(abs(int(quantities.min())), abs(int(quantities.max())))
    if largest * len(quantities) < EXACT_FLOATS:
        sums: list[float] = np.bincount(buckets, quantities).tolist()
        return [int(total) for total in sums]
    exact = np.zeros(int(buckets.max()) + 1, dtype=np.int64)
    np.add.at(exact, buckets, quantities)
    return [int(total) for total in exact]


def _highest(minutes: Starts, quantities: Quantities, length: int) -> int:
    """The highest average power in W; an interval counts once all its quarter hours are there."""
    slots = minutes.view(np.int64) // SLOT_MINUTES
    present, position = np.unique(slots, return_inverse=True)
    used = np.zeros(len(present), dtype=np.int64)
    np.add.at(used, position, quantities)
    per_interval = length // SLOT_MINUTES
    _, first, quarters = np.unique(present // per_interval, return_index=True, return_counts=True)
    sums = np.add.reduceat(used, first)[quarters == per_interval]
    return int(sums.max(initial=0)) * MINUTES_PER_HOUR // length
