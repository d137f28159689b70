"""A supply of a month, priced: what billing charges, and what simulations and checks compare."""

from collections.abc import Sequence

from quantify.quantities import format_kilo
from rates import engine
from rates.engine import InvalidUsage, Segment, Usage
from rates.pricing import Terms
from wallets.billing.determinants import Usages
from wallets.billing.metered import Supply


def rate(supply: Supply, terms: Sequence[Terms], usage: Usages) -> engine.Bill:
    """
    Price what a supply used by the terms in force one after the other.

    :raises rates.engine.InvalidUsage: if a rate table needs to know more than was metered.
    """
    used = [usage.of(supply, one) for one in terms]
    _refuse_what_has_no_hours(supply, used, usage.total(supply))
    return price(supply, terms, used)


def price(supply: Supply, terms: Sequence[Terms], used: Sequence[Usage]) -> engine.Bill:
    """
    Price some quantities, one for each of the terms, as a supply's use of its month.

    :raises rates.engine.InvalidUsage: if a rate table needs to know more of them.
    """
    return engine.bill(
        [
            Segment(
                tariff=one.tariff,
                first_day=one.first_day,
                end_day=one.end_day,
                usage=quantities,
                markup_percent=one.markup_percent,
            )
            for one, quantities in zip(terms, used, strict=True)
        ],
        month=supply.month,
        supplied=(supply.first_day, supply.end_day),
        until=supply.priced_to,
        month_to_date=supply.month_to_date,
        vat_percent=supply.vat_percent,
    )


def _refuse_what_has_no_hours(supply: Supply, used: Sequence[Usage], counted: int) -> None:
    """Days that have a sum and no intervals would be free by time of use: they are not priced."""
    priced = sum(one.total for one in used)
    if priced != counted:
        raise InvalidUsage(
            f"Only {format_kilo(priced)} of {format_kilo(counted)} {supply.utility.unit} have "
            "intervals: these prices need to know when all of it was used."
        )
