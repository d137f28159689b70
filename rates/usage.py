"""
What was used in a local month or in a part of it, in whole base units (Wh, litres).

Sums are whole numbers; the engine turns them into decimals only when it prices them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rates.calendars import SLOT_MINUTES, Calendar

MINUTES_PER_HOUR = 60


class InvalidUsage(ValueError):
    """The quantities cannot be priced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """
    A total, and its split by time-of-use band where it is known.

    `since` holds the first local day of each band, `first_day` and `last_day` what the
    quantities span (None if only a total is known), `demand_va` the highest demand if it was given
    in VA, `demand_w` the highest average power of a completed interval (None if not measured).
    """

    total: int
    bands: Mapping[str, int] = field(default_factory=dict)
    since: Mapping[str, date] = field(default_factory=dict)
    first_day: date | None = None
    last_day: date | None = None
    demand_va: int | None = None
    demand_w: int | None = None

    def __post_init__(self) -> None:
        if self.total < 0 or any(quantity < 0 for quantity in self.bands.values()):
            raise InvalidUsage("A month cannot use less than nothing.")

    @classmethod
    def of_total(cls, total: int, *, demand_va: int | None = None) -> Self:
        """A total of Wh or litres, without knowing when."""
        return cls(total=total, demand_va=demand_va)

    @classmethod
    def from_bands(cls, bands: Mapping[str, int], *, demand_va: int | None = None) -> Self:
        """Wh or litres by band, without knowing the days."""
        return cls(total=sum(bands.values()), bands=dict(bands), demand_va=demand_va)

    @classmethod
    def from_rows(
        cls, rows: Iterable[tuple[date, str, int]], *, demand_va: int | None = None
    ) -> Self:
        """Sum rows of (local day, band, Wh or litres); several of a day and band add up."""
        ordered = sorted(rows)
        bands: dict[str, int] = {}
        since: dict[str, date] = {}
        for day, band, quantity in ordered:
            bands[band] = bands.get(band, 0) + quantity
            since.setdefault(band, day)
        return cls(
            total=sum(bands.values()),
            bands=bands,
            since=since,
            first_day=ordered[0][0] if ordered else None,
            last_day=ordered[-1][0] if ordered else None,
            demand_va=demand_va,
        )

    @classmethod
    def from_intervals(
        cls,
        starts: NDArray[np.datetime64],
        quantities: NDArray[np.integer[Any]],
        *,
        calendar: Calendar | None = None,
        holidays: str | None = None,
        demand_va: int | None = None,
        demand_minutes: int | None = None,
    ) -> Self:
        """
        Sum intervals by the bands of a calendar.

        `starts` are local, without zone; an interval belongs to the day and band of its start.
        Without a calendar only the total is kept. `demand_minutes` asks for the highest demand
        over intervals of that length, each made of quarter hours.

        :raises InvalidUsage: if the arrays differ in length or the quantities are not integers.
        """
        if starts.shape != quantities.shape or quantities.dtype.kind not in "iu":
            raise InvalidUsage("Give as many starts as quantities, in whole Wh or litres.")
        if not starts.size:
            return cls(total=0, demand_va=demand_va)
        bands, since = _by_band(starts, quantities, calendar, holidays)
        return cls(
            total=int(quantities.sum(dtype=np.int64)),
            bands=bands,
            since=since,
            first_day=_day(starts.min()),
            last_day=_day(starts.max()),
            demand_va=demand_va,
            demand_w=_highest(starts, quantities, demand_minutes) if demand_minutes else None,
        )

    def plus(self, other: "Usage") -> "Usage":
        """Both together; without the split by band if one of them lacks it."""
        both = (self, other)
        known = all(part.bands or not part.total for part in both)
        bands = {band for part in both for band in part.bands} if known else set()
        days = [day for part in both for day in (part.first_day, part.last_day) if day]
        return Usage(
            total=self.total + other.total,
            bands={band: sum(part.bands.get(band, 0) for part in both) for band in bands},
            since={
                band: min(part.since[band] for part in both if band in part.since)
                for band in bands & (self.since.keys() | other.since.keys())
            },
            first_day=min(days, default=None),
            last_day=max(days, default=None),
            demand_va=_higher(self.demand_va, other.demand_va),
            demand_w=_higher(self.demand_w, other.demand_w),
        )

    def first_used(self, band: str) -> date:
        """The first local day of a band; bands of unknown days come first."""
        return self.since.get(band, date.min)


def _by_band(
    starts: NDArray[np.datetime64],
    quantities: NDArray[np.integer[Any]],
    calendar: Calendar | None,
    holidays: str | None,
) -> tuple[dict[str, int], dict[str, date]]:
    bands: dict[str, int] = {}
    since: dict[str, date] = {}
    if calendar is None:
        return bands, since
    codes = calendar.band_codes(starts, holidays)
    for code, band in enumerate(calendar.bands):
        within = codes == code
        if within.any():
            # Not numpy.bincount: its weights are floats.
            bands[band] = int(quantities[within].sum(dtype=np.int64))
            since[band] = _day(starts[within].min())
    return bands, since


def _highest(
    starts: NDArray[np.datetime64], quantities: NDArray[np.integer[Any]], minutes: int
) -> int:
    """The highest average power in W; an interval counts once all its quarter hours are there."""
    slots = starts.astype("datetime64[m]").astype(np.int64) // SLOT_MINUTES
    present, position = np.unique(slots, return_inverse=True)
    used = np.zeros(len(present), dtype=np.int64)
    np.add.at(used, position, quantities)
    per_interval = minutes // SLOT_MINUTES
    _, first, quarters = np.unique(present // per_interval, return_index=True, return_counts=True)
    sums = np.add.reduceat(used, first)[quarters == per_interval]
    return int(sums.max(initial=0)) * MINUTES_PER_HOUR // minutes


def _higher(one: int | None, other: int | None) -> int | None:
    return max((known for known in (one, other) if known is not None), default=None)


def _day(instant: np.datetime64) -> date:
    day: date = instant.astype("datetime64[D]").item()
    return day
