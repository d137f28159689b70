"""
Prices that are allowed but look like a slip.

The most frequent one is cents entered as rand: one row in ten of a public transcription of
NERSA's books is a hundred times too high.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from quantify.quantities import Utility
from rates.charges import Block, Component, Energy, TimeOfUse
from rates.problems import Problem

LOWEST = Decimal("0.20")
HIGHEST = Decimal(15)


def warnings(components: Sequence[Component], utility: Utility) -> list[Problem]:
    """
    Warn of electricity that costs less than R0.20 or more than R15 per kWh.

    Little is what is little in all: a small levy beside an energy price is no slip. A price of
    zero is a free allocation.
    """
    if utility is not Utility.ELECTRICITY:
        return []
    return [
        Problem(path, "unusual_price", _message(price))
        for path, price, whole in _prices(components)
        if price > HIGHEST or (price and whole < LOWEST)
    ]


def _message(price: Decimal) -> str:
    return (
        f"R{price} per kWh: electricity costs from R{LOWEST} to R{HIGHEST}. "
        "Check that the price is in rand, not in cents."
    )


def _prices(components: Sequence[Component]) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Each price of a kWh: where it stands, the price, and all that a kWh then costs."""
    for position, component in enumerate(components):
        beside = _beside(components, position)
        match component:
            case Energy(price=price):
                yield f"[{position}].price", price, beside + price
            case Block(blocks=blocks):
                for block, limit in enumerate(blocks):
                    path = f"[{position}].blocks[{block}].price"
                    yield path, limit.price, beside + limit.price
            case TimeOfUse(prices=prices):
                for band, price in prices:
                    yield f"[{position}].prices.{band}", price, beside + price


def _beside(components: Sequence[Component], position: int) -> Decimal:
    """The most the other components of the same season ask for a kWh."""
    own = components[position]
    return sum(
        (
            _dearest(other)
            for other_position, other in enumerate(components)
            if other_position != position and _meet(own, other)
        ),
        Decimal(0),
    )


def _meet(one: Component, other: Component) -> bool:
    return one.season is None or other.season is None or one.season == other.season


def _dearest(component: Component) -> Decimal:
    match component:
        case Energy(price=price):
            return price
        case Block(blocks=blocks):
            return max(limit.price for limit in blocks)
        case TimeOfUse(prices=prices):
            return max(price for _, price in prices)
    return Decimal(0)
