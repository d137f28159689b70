"""One version of a rate table, ready to price."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantify.quantities import Utility
from rates import intervals
from rates.calendars import Calendar, NoCalendar, UnknownFamily
from rates.charges import (
    NOTHING,
    Block,
    BlockLimit,
    BlockMode,
    Component,
    Demand,
    Energy,
    TimeOfUse,
)
from rates.usage import Usage


class MidMonth(StrEnum):
    """What a change of version within a month does to the blocks."""

    CARRY_MTD = "carry_mtd"
    """The position reached stays; the new limits apply to it."""
    PRORATE_BLOCKS = "prorate_blocks"
    """Each version starts at zero, with limits by its share of the days."""


class NoFreeAllocation(ValueError):
    """The tariff has no flat or graduated price to give the first units away from."""


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """One version of a rate table, ready to price. Build it once; it is immutable."""

    utility: Utility
    components: tuple[Component, ...]
    calendar: Calendar | None = None
    mid_month: MidMonth = MidMonth.CARRY_MTD

    def __post_init__(self) -> None:
        if self.needs_calendar and self.calendar is None:
            raise ValueError("Seasons and time of use need a calendar.")

    @cached_property
    def needs_calendar(self) -> bool:
        return any(c.season or isinstance(c, TimeOfUse) for c in self.components)

    def knows(self, day: date) -> bool:
        """Whether the calendar says all that a day's price depends on."""
        if self.calendar is None or not self.needs_calendar:
            return True
        try:
            version = self.calendar.on(day)
            version.day_type(day, self.time_of_use.holidays if self.time_of_use else None)
        except (NoCalendar, UnknownFamily):
            return False
        return True

    @cached_property
    def _by_month(self) -> dict[date, tuple[tuple[int, Component], ...]]:
        return {}

    @cached_property
    def time_of_use(self) -> TimeOfUse | None:
        """The component that says which calendar and holidays the bands come from."""
        return next((c for c in self.components if isinstance(c, TimeOfUse)), None)

    @cached_property
    def demand(self) -> Demand | None:
        """The component that says how demand is measured, the same in all of them."""
        return next((c for c in self.components if isinstance(c, Demand)), None)

    def demand_in(self, month: date) -> Demand | None:
        """What prices demand in the season of a month."""
        return next((c for _, c in self.in_month(month) if isinstance(c, Demand)), None)

    def in_month(self, month: date) -> tuple[tuple[int, Component], ...]:
        """The components of the season of a month, with their positions in the table."""
        if month not in self._by_month:
            named = any(component.season for component in self.components)
            season = self.calendar.season(month) if self.calendar and named else None
            self._by_month[month] = tuple(
                (position, component)
                for position, component in enumerate(self.components)
                if component.season in (None, season)
            )
        return self._by_month[month]

    def usage(
        self,
        starts: NDArray[np.datetime64],
        quantities: NDArray[np.integer[Any]],
        *,
        demand_va: int | None = None,
    ) -> Usage:
        """Sum intervals (local starts; Wh or litres) by the bands this tariff prices."""
        usage = intervals.summed(starts, quantities, **self._sums)
        return usage if demand_va is None else replace(usage, demand_va=demand_va)

    def usage_by_month(
        self, starts: NDArray[np.datetime64], quantities: NDArray[np.integer[Any]]
    ) -> dict[date, Usage]:
        """Sum intervals of any number of months (local starts), by the first day of each."""
        return intervals.by_month(starts, quantities, **self._sums)

    @cached_property
    def _sums(self) -> dict[str, Any]:
        """What of the intervals this tariff prices."""
        bands = self.time_of_use
        return {
            "calendar": self.calendar if bands else None,
            "holidays": bands.holidays if bands else None,
            "demand_minutes": self.demand.interval_minutes if self.demand else None,
        }


def free_allocation(tariff: Tariff, quantity: Decimal) -> Tariff:
    """
    Give the first kWh or kl of a month for nothing, by a first block at price zero.

    It overlays the table: a block that ends within the free quantity is gone, the others keep
    their limits. It belongs to the tariff of one utility and never moves another's blocks.

    :raises NoFreeAllocation: for time of use and volume blocks, which have no first units.
    """
    if quantity <= 0:
        return tariff
    given = tuple(_first_free(component, quantity) for component in tariff.components)
    if not any(isinstance(component, Block) for component in given):
        raise NoFreeAllocation("Only flat and graduated prices can give the first units away.")
    return replace(tariff, components=given)


def _first_free(component: Component, quantity: Decimal) -> Component:
    free = BlockLimit(quantity, NOTHING)
    match component:
        case Energy(price=price, name=name, season=season):
            blocks = (free, BlockLimit(None, price))
            return Block(blocks=blocks, name=name, season=season)
        case Block(mode=BlockMode.GRADUATED):
            kept = (b for b in component.blocks if b.upto is None or b.upto > quantity)
            return replace(component, blocks=(free, *kept))
        case Block() | TimeOfUse():
            raise NoFreeAllocation("Only flat and graduated prices can give the first units away.")
    return component
