"""
How long money lasts: expected use priced by the engine hour by hour. Pure, without a database.

What the hours to come cost is the bill of the months up to then less what was charged: blocks,
bands, fixed charges, free allocations, markup and VAT are all in it, and a new month begins anew.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantify.money import ZERO
from quantify.quantities import Utility
from rates.engine import Segment, Usage, bill
from rates.pricing import Terms
from wallets.forecasting.expectation import Habit, cumulated, hour_of_week
from wallets.pockets import Pockets

DAY = timedelta(days=1)
CUT = (Utility.ELECTRICITY, Utility.SOLAR)


@dataclass(frozen=True, slots=True)
class Clock:
    """Consecutive hours by their local start."""

    starts: Sequence[datetime]
    local: NDArray[np.datetime64]
    week: NDArray[np.intp]

    @classmethod
    def of(cls, starts: Sequence[datetime]) -> "Clock":
        naive = np.array([one.replace(tzinfo=None) for one in starts], dtype="datetime64[s]")
        return cls(starts, naive, np.array([hour_of_week(one) for one in starts]))

    def index(self, day: date) -> int:
        """The first hour on or after a local day."""
        return int(np.searchsorted(self.local, np.datetime64(day, "s")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Days of one price: what they used so far, and running sums of what they will use."""

    terms: Terms
    base: Usage
    first: int
    sums: Sequence[Mapping[str, NDArray[np.int64]]]

    def usage(self, hours: int, level: int) -> Usage:
        """What the part will have used once some hours have passed."""
        sums = self.sums[level]
        # Past its end a part has used all of its running sums.
        reached = min(max(0, hours - self.first), len(next(iter(sums.values()))) - 1)
        used = {band: int(running[reached]) for band, running in sums.items()}
        if "" in used:
            return self.base.plus(Usage.of_total(used[""]))
        return self.base.plus(Usage.from_bands({band: more for band, more in used.items() if more}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The days of a month that are supplied, and the prices in force in them."""

    first_day: date
    end_day: date
    parts: Sequence[Part]

    def bill(self, hours: int, level: int, until: date, vat_percent: Decimal) -> Decimal:
        """The bill of the month in rand up to but without a day."""
        segments = [
            Segment(
                tariff=part.terms.tariff,
                first_day=part.terms.first_day,
                end_day=part.terms.end_day,
                usage=part.usage(hours, level),
                markup_percent=part.terms.markup_percent,
            )
            for part in self.parts
        ]
        priced = bill(
            segments,
            month=self.first_day,
            supplied=(self.first_day, self.end_day),
            until=min(until, self.end_day),
            vat_percent=vat_percent,
        )
        return priced.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What one utility of a wallet will cost, beyond what was charged for its months."""

    utility: Utility
    clock: Clock
    months: Sequence[Month]
    charged: Decimal
    vat_percent: Decimal
    _whole: dict[tuple[int, int], Decimal] = field(default_factory=dict)

    def cost(self, hours: int, level: int) -> Decimal:
        """What will have been charged from now until some hours of the clock have passed."""
        today = self.clock.starts[max(0, hours - 1)].date()
        total = -self.charged
        for number, month in enumerate(self.months):
            if month.first_day > today:
                break
            if month.end_day <= today:
                total += self._of_whole(number, level)
            else:
                total += month.bill(hours, level, today + DAY, self.vat_percent)
        return total

    def _of_whole(self, number: int, level: int) -> Decimal:
        month = self.months[number]
        if (number, level) not in self._whole:
            end = self.clock.index(month.end_day)
            priced = month.bill(end, level, month.end_day, self.vat_percent)
            self._whole[number, level] = priced
        return self._whole[number, level]


def part(terms: Terms, base: Usage, clock: Clock, uses: Sequence[NDArray[Any]]) -> Part:
    """The part of some terms; `uses` is what each hour of the clock will use, by level."""
    first, end = clock.index(terms.first_day), clock.index(terms.end_day)
    return Part(
        terms=terms,
        base=base,
        first=first,
        sums=[_sums(terms, clock, use, first, end) for use in uses],
    )


def uses(habit: Habit, clock: Clock, since: datetime) -> list[NDArray[Any]]:
    """What each hour will use by level; of an hour that was metered in part, the rest."""
    hour = timedelta(hours=1)
    fractions = np.ones(len(clock.starts))
    for number, start in enumerate(clock.starts):
        if start >= since:
            break
        fractions[number] = max(0.0, 1 - (since - start) / hour)
    return [habit.of(clock.week, level) * fractions for level in range(len(habit.levels))]


def hours_left(
    pockets: Pockets, courses: Sequence[Course], level: int, *, horizon: int
) -> int | None:
    """
    The hours of the clock after which a supply has no credit left; None beyond the horizon.

    Charges only grow with time, so the hour is found by halving instead of one by one.
    """

    def owed(hours: int) -> Decimal:
        costs = {one.utility: one.cost(hours, level) for one in courses}
        return -credit_left(pockets, costs)

    found = bisect_left(range(horizon + 1), ZERO, key=owed)
    return found if found <= horizon else None


def credit_left(pockets: Pockets, costs: Mapping[Utility, Decimal]) -> Decimal:
    """
    The credit of the supply that is cut first, in rand, once some costs are charged.

    Each utility pays from its own pocket first, then from what is available. Water is never cut,
    but its costs draw from what is available; it counts itself where it is the only supply.
    """
    held: dict[Utility, Decimal] = {
        utility: max(ZERO, getattr(pockets, utility.value)) for utility in costs
    }
    drawn = {utility: max(ZERO, cost - held[utility]) for utility, cost in costs.items()}
    left = max(ZERO, pockets.available - sum(drawn.values(), ZERO))
    supplies = [utility for utility in costs if utility in CUT] or list(costs)
    return left + min(max(ZERO, held[one] - costs[one]) for one in supplies)


def clock(start: datetime, hours: int) -> Clock:
    """A clock of some hours from the full hour of an instant, in the zone of the instant."""
    full = start.replace(minute=0, second=0, microsecond=0)
    zone = start.tzinfo
    first = full.timestamp()
    steps = accumulate([first, *[3600.0] * (hours - 1)])
    return Clock.of([datetime.fromtimestamp(at, zone) for at in steps])


def _sums(
    terms: Terms, clock: Clock, use: NDArray[Any], first: int, end: int
) -> dict[str, NDArray[np.int64]]:
    bands, calendar = terms.tariff.time_of_use, terms.tariff.calendar
    if bands is None or calendar is None:
        return {"": cumulated(use[first:end])}
    if first == end:
        return {band: cumulated(use[first:end]) for band in calendar.bands}
    codes = calendar.band_codes(clock.local[first:end], bands.holidays)
    return {
        band: cumulated(np.where(codes == code, use[first:end], 0.0))
        for code, band in enumerate(calendar.bands)
    }
