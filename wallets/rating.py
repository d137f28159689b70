"""A supply of a month, priced: what billing charges, and what simulations and checks compare."""

from collections.abc import Sequence

from quantify.quantities import format_kilo
from rates import engine
from rates.engine import InvalidUsage, Segment
from rates.pricing import Terms
from wallets.determinants import Usages
from wallets.metered import Supply


def rate(supply: Supply, terms: Sequence[Terms], usage: Usages) -> engine.Bill:
    """
    Price what a supply used by the terms in force one after the other.

    :raises rates.engine.InvalidUsage: if a rate table needs to know more than was metered.
    """
    return engine.bill(
        [
            Segment(
                tariff=one.tariff,
                first_day=one.first_day,
                end_day=one.end_day,
                usage=usage.of(supply, one),
                markup_percent=one.markup_percent,
            )
            for one in terms
        ],
        month=supply.month,
        supplied=(supply.first_day, supply.end_day),
        until=supply.priced_to,
        month_to_date=supply.month_to_date,
        vat_percent=supply.vat_percent,
    )


def rate_instead(
    supply: Supply, terms: Sequence[Terms], usage: Usages, *, counted: int
) -> engine.Bill:
    """
    Price a supply by other terms than its own, which had `counted` Wh or litres to price.

    :raises rates.engine.InvalidUsage: also if the terms would price another quantity, so that
        nobody seems to win by days that have no intervals.
    """
    priced = quantity(supply, terms, usage)
    if priced != counted:
        raise InvalidUsage(
            f"Only {format_kilo(priced)} of {format_kilo(counted)} {supply.utility.unit} have "
            "intervals: these prices need to know when all of it was used."
        )
    return rate(supply, terms, usage)


def quantity(supply: Supply, terms: Sequence[Terms], usage: Usages) -> int:
    """The Wh or litres that some terms price."""
    return sum(usage.of(supply, one).total for one in terms)
