"""What typed prices would cost for a few consumptions, before anything is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from quantify.money import vat_percent_on
from quantify.periods import first_of_month, next_month
from quantify.quantities import Utility, kilo
from rates import engine, pricing
from rates.components import warnings
from rates.engine import InvalidUsage, Tariff, Usage
from rates.models import RateTable
from rates.problems import Problem

QUANTITIES = {
    Utility.ELECTRICITY: (50, 250, 600),
    Utility.SOLAR: (50, 250, 600),
    Utility.WATER: (6, 15, 30),
}
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Cost:
    """What a consumption of a season costs with VAT; by band if the price depends on it."""

    quantity: int
    season: str
    band: str
    total: Decimal | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """The costs, and what looks like a slip."""

    utility: Utility
    costs: tuple[Cost, ...]
    warnings: tuple[Problem, ...]


def preview(*, table: RateTable, written: Sequence[Any], day: date) -> Preview:
    """
    Price some consumptions by components as they are typed, in the seasons from a day on.

    :raises rates.components.InvalidComponents: with every problem found.
    """
    tariff = pricing.tariff_from(table, written)
    utility = Utility(table.utility)
    return Preview(
        utility=utility,
        costs=tuple(
            cost
            for season, month in _seasons(tariff, day)
            for quantity in QUANTITIES[utility]
            for cost in _costs(tariff, quantity, season, month)
        ),
        warnings=tuple(warnings(tariff.components, utility)),
    )


def _seasons(tariff: Tariff, day: date) -> list[tuple[str, date]]:
    """The first month of each season that the prices know of; one month where there are none."""
    month = first_of_month(day)
    if not tariff.needs_calendar or tariff.calendar is None:
        return [("", month)]
    found: dict[str, date] = {}
    for _ in range(MONTHS):
        if tariff.knows(month):
            found.setdefault(tariff.calendar.season(month), month)
        month = next_month(month)
    return list(found.items())


def _costs(tariff: Tariff, quantity: int, season: str, month: date) -> Iterator[Cost]:
    base = kilo(quantity)
    if tariff.time_of_use is None or tariff.calendar is None:
        yield _cost(tariff, Usage.of_total(base), quantity, season, month, "")
        return
    for band in sorted(tariff.calendar.bands_in(season)):
        yield _cost(tariff, Usage.from_bands({band: base}), quantity, season, month, band)


def _cost(tariff: Tariff, usage: Usage, quantity: int, season: str, month: date, band: str) -> Cost:
    try:
        bill = engine.bill_month(tariff, usage, month=month, vat_percent=vat_percent_on(month))
    except InvalidUsage as error:
        return Cost(quantity, season, band, None, str(error))
    return Cost(quantity, season, band, bill.total)
