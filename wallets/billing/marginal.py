"""
What a home pays for a little more or a little less: the price of its next or its last units.

The bill of the month with the quantity less the bill without it, both by the engine: blocks, free
allocation, time of use, markup and VAT are those of the home where it stands in its month.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from estates.models import Estate
from quantify.money import ZERO, to_cents
from quantify.quantities import Utility, as_kilo, format_kilo
from rates.calendars import NoCalendar
from rates.components import InvalidComponents
from rates.engine import InvalidUsage, NoFreeAllocation, Usage
from rates.pricing import NoTariff, PriceBook, Terms
from wallets.billing import parts, rating
from wallets.billing.determinants import Usages
from wallets.billing.metered import Supply

SHOWN = Decimal("0.0001")
NO_PRICE = (NoTariff, NoCalendar, InvalidComponents, NoFreeAllocation, InvalidUsage)


class Asked(NamedTuple):
    """
    A quantity in Wh or litres of a unit's utility, and the month (its first day) it belongs to.

    ``counted``: it is in the register, so that it was the last of the month and not its next.
    """

    subject: UUID
    estate_id: UUID
    unit_id: UUID
    utility: Utility
    month: date
    quantity: int
    counted: bool


@dataclass(frozen=True, slots=True)
class Priced:
    """What it is worth in rand, and how that was worked out."""

    amount: Decimal
    basis: str


def price(asked: Iterable[Asked], *, now: datetime) -> dict[UUID, Priced]:
    """What each quantity is worth, by its subject; what no price is known of is left out."""
    ordered = sorted(asked, key=_place)
    priced: dict[UUID, Priced] = {}
    for (estate_id, utility, month), some in groupby(ordered, key=_place):
        estate = Estate.objects.get(pk=estate_id)
        priced |= _of_estate(estate, Utility(utility), month, list(some), now)
    return priced


def _place(one: Asked) -> tuple[UUID, str, date]:
    return one.estate_id, one.utility.value, one.month


def _of_estate(
    estate: Estate, utility: Utility, month: date, asked: Sequence[Asked], now: datetime
) -> dict[UUID, Priced]:
    units = {one.unit_id for one in asked}
    found = parts.of_estate(estate, utility, month, now=now)
    # Of a month that a settlement cut the last part is what goes on.
    supplies = {
        part.supply.place.unit_id: part.supply
        for part in found
        if part.supply.place.unit_id in units
    }
    book = PriceBook(estates=[estate.pk], first_day=month)
    terms = dict(_terms(supplies, book))
    usages = Usages(
        [(supplies[unit], those) for unit, those in terms.items()],
        now=parts.end_of(month, estate, now),
    )
    priced = {}
    for one in asked:
        if one.unit_id in terms and (
            worth := _worth(one, supplies[one.unit_id], terms[one.unit_id], usages)
        ):
            priced[one.subject] = worth
    return priced


def _terms(
    supplies: Mapping[UUID, Supply], book: PriceBook
) -> Iterable[tuple[UUID, Sequence[Terms]]]:
    for unit, supply in supplies.items():
        try:
            terms = book.terms(supply.place, supply.utility, supply.first_day, supply.end_day)
        except NO_PRICE:
            continue
        yield unit, terms


def _worth(one: Asked, supply: Supply, terms: Sequence[Terms], usages: Usages) -> Priced | None:
    used = [usages.of(supply, some) for some in terms]
    last = max(n for n, some in enumerate(terms) if some.first_day < supply.priced_to)
    quantity = min(one.quantity, used[last].total) if one.counted else one.quantity
    if quantity <= 0:
        return None
    try:
        moved = _moved(used, last, -quantity if one.counted else quantity, terms[last])
        bills = [rating.price(supply, terms, usage).total for usage in (used, moved)]
    except NO_PRICE:
        return None
    per_unit = abs(bills[1] - bills[0]) / as_kilo(quantity)
    amount = to_cents(per_unit * as_kilo(one.quantity))
    position = supply.month_to_date + sum(usage.total for usage in used)
    return Priced(amount, _basis(one, quantity, position, per_unit, supply, terms[last]))


def _moved(used: Sequence[Usage], last: int, quantity: int, terms: Terms) -> list[Usage]:
    """
    The usage of a month with so much more in the prices in force, or less.

    :raises InvalidUsage: if prices go by the hour and nothing is known of the home's hours.
    """
    changed = list(used)
    total = used[last].total + quantity
    if terms.tariff.time_of_use is None:
        changed[last] = replace(used[last], total=total)
        return changed
    mix = next((one.bands for one in (used[last], *reversed(used[:last])) if one.total), None)
    if not mix:
        raise InvalidUsage("It is not known when the home uses what it uses.")
    more = _spread(abs(quantity), mix)
    sign = 1 if quantity > 0 else -1
    bands = {band: used[last].bands.get(band, 0) + sign * more[band] for band in mix}
    changed[last] = replace(used[last], total=total, bands={**used[last].bands, **bands})
    return changed


def _spread(quantity: int, mix: Mapping[str, int]) -> dict[str, int]:
    """A quantity over bands as they stand to one another; what is left over goes to the largest."""
    whole = sum(mix.values())
    shares = {band: quantity * used // whole for band, used in mix.items()}
    largest = max(mix, key=lambda band: mix[band])
    shares[largest] += quantity - sum(shares.values())
    return shares


def _basis(
    one: Asked, quantity: int, position: int, per_unit: Decimal, supply: Supply, terms: Terms
) -> str:
    unit = supply.utility.unit
    which = f"{'last' if one.counted else 'next'} {format_kilo(quantity)} {unit}"
    hours = ", over the hours as the home's own use" if terms.tariff.time_of_use else ""
    included = [
        word
        for word, percent in (("markup", terms.markup_percent), ("VAT", supply.vat_percent))
        if percent > ZERO
    ]
    with_what = f", {' and '.join(included)} included" if included else ", without VAT"
    return (
        f"The {which} at {format_kilo(position)} {unit} of {supply.month:%B %Y}{hours}:"
        f" R {per_unit.quantize(SHOWN, ROUND_HALF_UP)} a {unit}{with_what}."
    )
