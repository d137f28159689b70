"""
What was used in a local month or in a part of it, in whole base units (Wh, litres).

Sums are whole numbers; the engine turns them into decimals only when it prices them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Self


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
        if self.total < 0 or min(self.bands.values(), default=0) < 0:
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

    def with_demand(self, highest: int) -> "Usage":
        """The same quantities, and the highest average power of an interval in W."""
        return replace(self, demand_w=highest)

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


def _higher(one: int | None, other: int | None) -> int | None:
    return max((known for known in (one, other) if known is not None), default=None)
