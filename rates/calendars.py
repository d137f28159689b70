"""
Time-of-use calendars: which season a month is in and which band a quarter of an hour.

A calendar has versions, apart from the prices that refer to it. A version puts each month into
one season and gives the hours of each band by season and day type; the hours it does not name
belong to `other_hours`. A public holiday is treated as a weekday, a Saturday or a Sunday *per
family of tariffs*: Eskom bills Homeflex by the weekday as it falls and Megaflex by a list of dates
(Schedule of standard prices 2026/27). All days and hours are local.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from quantify.periods import days, first_of_month, next_month

SLOT_MINUTES = 15
SLOTS_PER_DAY = 96
KEPT_SPANS = 24
DAY_TYPES = ("weekday", "saturday", "sunday")

_FRIDAY = 4

type Slots = tuple[str, ...]


class NoCalendar(LookupError):
    """No version of the calendar is valid on that day."""


class UnknownFamily(LookupError):
    """The calendar has no holidays for that family of tariffs."""


@dataclass(frozen=True, kw_only=True)
class CalendarVersion:
    """
    The bands of local days from `valid_from` to before `valid_to`.

    `seasons` names the season of January to December, `hours` the 96 quarter hours of each
    (season, day type), `holidays` per family the dates treated as another day type.
    """

    valid_from: date
    valid_to: date | None
    seasons: tuple[str, ...]
    hours: tuple[tuple[str, str, Slots], ...]
    holidays: tuple[tuple[str, tuple[tuple[date, str], ...]], ...]

    @cached_property
    def _slots(self) -> Mapping[tuple[str, str], Slots]:
        return {(season, day_type): slots for season, day_type, slots in self.hours}

    @cached_property
    def _treated_as(self) -> Mapping[str, Mapping[date, str]]:
        return {family: dict(days) for family, days in self.holidays}

    def covers(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def season(self, day: date) -> str:
        return self.seasons[day.month - 1]

    def day_type(self, day: date, holidays: str | None = None) -> str:
        """
        Weekday, Saturday or Sunday, by the holidays of a family if one is named.

        :raises UnknownFamily: if the calendar does not know the family.
        """
        if holidays is not None:
            if holidays not in self._treated_as:
                raise UnknownFamily(holidays)
            if treated_as := self._treated_as[holidays].get(day):
                return treated_as
        return DAY_TYPES[max(0, day.weekday() - _FRIDAY)]

    def band_slots(self, day: date, holidays: str | None = None) -> Slots:
        """The bands of the 96 quarter hours of a local day."""
        return self._slots[self.season(day), self.day_type(day, holidays)]

    def bands(self, season: str | None = None) -> frozenset[str]:
        """The bands that occur in a season, or in any."""
        return frozenset(
            band for named, _, slots in self.hours if season in (None, named) for band in slots
        )


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """
    Consecutive quarter hours: where each begins, and its bucket.

    A bucket is a band of one month: codes are counted on from month to month. `runs` says where
    a quarter hour has another bucket than the one before it.
    """

    starts: NDArray[np.datetime64]
    buckets: NDArray[np.int64]
    runs: NDArray[np.int64]

    @classmethod
    def of(cls, first: date, buckets: NDArray[np.int64]) -> "Span":
        quarters = np.arange(len(buckets)) * np.timedelta64(SLOT_MINUTES, "m")
        found = cls(np.datetime64(first, "m") + quarters, buckets, runs_of(buckets))
        for array in (found.starts, found.buckets, found.runs):
            array.flags.writeable = False
        return found

    def within(self, start: int, end: int) -> "Span":
        """Those from one place up to but without another."""
        inside = slice(self.runs.searchsorted(start, "right"), self.runs.searchsorted(end, "left"))
        runs = np.concatenate([[0], self.runs[inside] - start])
        return Span(self.starts[start:end], self.buckets[start:end], runs)


def runs_of(buckets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where runs of one bucket begin."""
    return np.concatenate([[0], np.flatnonzero(buckets[1:] != buckets[:-1]) + 1])


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """A calendar through time: versions in order, none overlapping another."""

    name: str
    versions: tuple[CalendarVersion, ...]

    @cached_property
    def bands(self) -> tuple[str, ...]:
        """Every band of every version; the position is the code used in arrays."""
        return tuple(sorted(frozenset[str]().union(*(v.bands() for v in self.versions))))

    @cached_property
    def seasons(self) -> frozenset[str]:
        return frozenset(season for version in self.versions for season in version.seasons)

    @cached_property
    def families(self) -> frozenset[str]:
        return frozenset(family for version in self.versions for family, _ in version.holidays)

    @cached_property
    def _month_codes(self) -> dict[tuple[date, str | None], NDArray[np.int8]]:
        return {}

    @cached_property
    def _spans(self) -> dict[tuple[date, date, str | None], Span]:
        return {}

    def bands_in(self, season: str | None) -> frozenset[str]:
        """The bands a price is needed for in a season (in any, if None)."""
        return frozenset[str]().union(*(version.bands(season) for version in self.versions))

    def on(self, day: date) -> CalendarVersion:
        """
        The version valid on a day.

        :raises NoCalendar: if there is none; hours are never guessed.
        """
        for version in self.versions:
            if version.covers(day):
                return version
        raise NoCalendar(f"Calendar {self.name!r} has no version valid on {day}.")

    def season(self, day: date) -> str:
        return self.on(day).season(day)

    def band_slots(self, day: date, holidays: str | None = None) -> Slots:
        """The bands of the 96 quarter hours of a local day."""
        return self.on(day).band_slots(day, holidays)

    def month_codes(self, month: date, holidays: str | None = None) -> NDArray[np.int8]:
        """The codes (positions in `bands`) of all quarter hours of the month of a day."""
        first = first_of_month(month)
        key = (first, holidays)
        if key not in self._month_codes:
            code = {band: position for position, band in enumerate(self.bands)}
            slots = [
                code[band]
                for day in days(first, next_month(first))
                for band in self.band_slots(day, holidays)
            ]
            codes = np.array(slots, dtype=np.int8)
            codes.flags.writeable = False
            self._month_codes[key] = codes
        return self._month_codes[key]

    def span(self, first: date, last: date, holidays: str | None = None) -> "Span":
        """The quarter hours from one month to another."""
        key = (first, last, holidays)
        if key not in self._spans:
            if len(self._spans) >= KEPT_SPANS:
                self._spans.clear()
            months = [first]
            while months[-1] < last:
                months.append(next_month(months[-1]))
            count = len(self.bands)
            buckets = np.concatenate(
                [
                    self.month_codes(month, holidays) + np.int64(place * count)
                    for place, month in enumerate(months)
                ]
            )
            self._spans[key] = Span.of(first, buckets)
        return self._spans[key]

    def band_codes(
        self, starts: NDArray[np.datetime64], holidays: str | None = None
    ) -> NDArray[np.int8]:
        """Map local interval starts to the codes of their bands (positions in `bands`)."""
        minutes = starts.astype("datetime64[m]")
        months = minutes.astype("datetime64[M]")
        codes = np.empty(starts.shape, dtype=np.int8)
        for month in np.unique(months):
            within = months == month
            offset = minutes[within] - month.astype("datetime64[m]")
            slots = offset.astype(np.int64) // SLOT_MINUTES
            codes[within] = self.month_codes(month.item(), holidays)[slots]
        return codes
