"""
Other prices on what an estate really used in a month: what would change, and for whom.

Both sides are rated anew from the metered facts, by the code that bills; nothing is stored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from estates.models import Estate
from quantify.money import ZERO
from quantify.periods import first_of_month, local_day
from quantify.quantities import Utility
from quantify.snapshots import snapshot
from rates import pricing, simulation
from rates.assignments import AnotherEstate
from rates.components import InvalidComponents
from rates.engine import Bill, InvalidUsage, NoFreeAllocation, Tariff
from rates.models import RateTable
from rates.pricing import NoTariff, PriceBook, Terms
from rates.simulation import Effect, Outcome
from wallets.billing import parts
from wallets.billing.determinants import Usages
from wallets.billing.parts import Part
from wallets.billing.rating import rate

NO_PRICE = (NoTariff, InvalidComponents, NoFreeAllocation, InvalidUsage)


class MonthNotBegun(Exception):
    """Nothing was used yet in that month."""


class NoSuchVersion(Exception):
    """The rate table has no version of that number."""


class Scope(StrEnum):
    """Whose prices are changed."""

    ASSIGNED = "assigned"
    """The units that pay by the rate table, on the days they do."""
    ALL = "all"
    """Every unit, as if the rate table were assigned to the whole estate."""


@dataclass(frozen=True, slots=True)
class NotPriced:
    """A unit without a price, and why."""

    unit_id: UUID
    unit_number: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """
    What was found for the units that the prices concern; `elsewhere` pay by other rate tables.

    `charged` is what the bills of the units were charged. It equals `outcome.revenue_before`,
    the prices of then on the facts as they are now, unless some bills are not up to date.
    """

    estate: Estate
    table: RateTable
    month: date
    scope: Scope
    is_running: bool
    outcome: Outcome
    charged: Decimal
    not_up_to_date: int
    elsewhere: int
    not_priced: Sequence[NotPriced]


def tariff_to_try(
    table: RateTable, *, number: int | None = None, written: Sequence[Any] | None = None
) -> Tariff:
    """
    Components that nobody has stored, else a version by its number, else the newest.

    :raises rates.components.InvalidComponents: with every problem found.
    :raises NoSuchVersion: if the rate table does not have it.
    """
    if written is not None:
        return pricing.tariff_from(table, written)
    versions = table.versions.select_related("rate_table").order_by("-number")
    chosen = (versions if number is None else versions.filter(number=number)).first()
    if chosen is None:
        known = ", ".join(str(one.number) for one in versions) or "none"
        raise NoSuchVersion(f"Choose one of the versions there are: {known}.")
    return pricing.tariff_of(chosen)


def simulate(
    *,
    estate: Estate,
    table: RateTable,
    tariff: Tariff,
    month: date,
    scope: Scope | None = None,
    now: datetime,
) -> Simulation:
    """
    Rate a month of an estate by a tariff in place of the one that a rate table had then.

    Without a scope it is for the units that pay by the rate table; for every unit if none does.
    Markups, free solar and VAT stay those of the units. `month` is any day of it. Both sides
    are read from one snapshot, so that billing meanwhile cannot make them differ.

    :raises rates.assignments.AnotherEstate: if the rate table is another estate's own.
    :raises MonthNotBegun: if the month is still to come.
    """
    month = first_of_month(month)
    if table.estate_id not in (None, estate.pk):
        raise AnotherEstate("This rate table belongs to another estate.")
    this_month = first_of_month(local_day(now, estate.zone))
    if month > this_month:
        raise MonthNotBegun(f"{month:%B %Y} has not begun: choose {this_month:%B %Y} or earlier.")
    with snapshot():
        found = parts.of_estate(estate, Utility(table.utility), month, now=now)
        for one in [scope] if scope else [Scope.ASSIGNED, Scope.ALL]:
            rated = _Rated(_Change(table, tariff, one), estate, month, now)
            rated.add(found)
            if rated.concerned:
                break
    return Simulation(
        estate=estate,
        table=table,
        month=month,
        scope=rated.change.scope,
        is_running=month == this_month,
        outcome=simulation.outcome(rated.effects),
        charged=rated.charged,
        not_up_to_date=rated.not_up_to_date,
        elsewhere=rated.elsewhere,
        not_priced=rated.not_priced,
    )


@dataclass(frozen=True, slots=True)
class _Change:
    """What takes the place of a rate table's prices, and where."""

    table: RateTable
    tariff: Tariff
    scope: Scope

    def of(self, part: Part, terms: Sequence[Terms]) -> list[Terms]:
        return [self._one(part, one) if self._is_for(one) else one for one in terms]

    def concerns(self, terms: Sequence[Terms]) -> bool:
        return any(self._is_for(one) for one in terms)

    def _is_for(self, one: Terms) -> bool:
        return self.scope is Scope.ALL or one.version.rate_table_id == self.table.pk

    def _one(self, part: Part, one: Terms) -> Terms:
        if not self.tariff.knows(one.first_day):
            raise NoTariff(
                f"The calendar of {self.table} has no hours or holidays on {one.first_day}."
            )
        supply = part.supply
        given = pricing.tariff_at(supply.place, supply.utility, self.tariff)
        return replace(one, tariff=given)


type _Both = tuple[list[Terms], list[Terms]]


@dataclass(slots=True)
class _Rated:
    """Units rated before and after a change, and those that could not be."""

    change: _Change
    estate: Estate
    month: date
    now: datetime
    effects: list[Effect] = field(default_factory=list)
    not_priced: list[NotPriced] = field(default_factory=list)
    charged: Decimal = ZERO
    not_up_to_date: int = 0
    concerned: int = 0
    elsewhere: int = 0

    def add(self, found: Sequence[Part]) -> None:
        units = list(self._with_terms(found))
        before, after = (
            Usages(
                [(part.supply, both[side]) for unit in units for part, both in unit],
                now=parts.end_of(self.month, self.estate, self.now),
            )
            for side in (0, 1)
        )
        for unit in units:
            self._rate(unit, before, after)

    def _with_terms(self, found: Sequence[Part]) -> Iterator[list[tuple[Part, _Both]]]:
        """The parts of each unit that the change concerns, with its prices before and after."""
        book = PriceBook(estates=[self.estate.pk], first_day=self.month)
        for _, own in groupby(found, key=lambda part: part.supply.place.unit_id):
            of_unit = list(own)
            try:
                unit = [(part, self._both(part, book)) for part in of_unit]
            except NO_PRICE as error:
                self._refuse(of_unit[0], error)
                continue
            if any(self.change.concerns(before) for _, (before, _) in unit):
                self.concerned += 1
                yield unit
            else:
                self.elsewhere += 1

    def _both(self, part: Part, book: PriceBook) -> _Both:
        supply = part.supply
        terms = book.terms(supply.place, supply.utility, supply.first_day, supply.end_day)
        return terms, self.change.of(part, terms)

    def _rate(self, unit: Sequence[tuple[Part, _Both]], before: Usages, after: Usages) -> None:
        first = unit[0][0]
        try:
            costs: list[tuple[Bill, Bill]] = [
                _rated_twice(part, then, before, instead, after) for part, (then, instead) in unit
            ]
        except NO_PRICE as error:
            self._refuse(first, error)
            return
        self.effects.append(
            Effect(
                unit_id=first.supply.place.unit_id,
                unit_number=first.unit_number,
                consumption=sum(before.total(part.supply) for part, _ in unit),
                before=simulation.total_of([one for one, _ in costs]),
                after=simulation.total_of([one for _, one in costs]),
            )
        )
        self.charged += sum((part.bill.charged for part, _ in unit if part.bill), ZERO)
        self.not_up_to_date += not all(part.is_billed for part, _ in unit)

    def _refuse(self, part: Part, error: Exception) -> None:
        unit = part.supply.place.unit_id
        self.not_priced.append(NotPriced(unit, part.unit_number, str(error)))


def _rated_twice(
    part: Part, then: Sequence[Terms], before: Usages, instead: Sequence[Terms], after: Usages
) -> tuple[Bill, Bill]:
    return rate(part.supply, then, before), rate(part.supply, instead, after)
