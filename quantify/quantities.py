"""
Utilities and their units of measure.

Quantities are kept as whole base units (Wh, litres) in `int`; people and prices speak of
thousands of them (kWh, kl), written with three decimals.
"""

from decimal import Decimal, InvalidOperation
from enum import StrEnum

DECIMALS = 3
LONGEST = 15


class NotAQuantity(ValueError):
    """The value cannot be held as a whole number of Wh or litres."""


class Utility(StrEnum):
    """What an estate resells."""

    ELECTRICITY = "electricity"
    WATER = "water"
    SOLAR = "solar"

    @property
    def unit(self) -> str:
        """The unit prices are given for: kWh or kl."""
        return "kl" if self is Utility.WATER else "kWh"

    @property
    def base_unit(self) -> str:
        """The unit quantities are kept in: Wh or l."""
        return "l" if self is Utility.WATER else "Wh"


def kilo(value: Decimal | str | int) -> int:
    """
    Read kWh (or kl) as whole Wh (or litres).

    :raises NotAQuantity: if it is no finite number, or has more than three decimals.
    """
    if isinstance(value, float | bool):
        raise NotAQuantity(f"{value!r}: give a decimal as text, such as '12.400'.")
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise NotAQuantity(f"{value!r} is not a number.") from error
    if not number.is_finite() or number.adjusted() >= LONGEST:
        raise NotAQuantity(f"{value} is more than any meter shows.")
    whole = int(number.scaleb(DECIMALS))
    if as_kilo(whole) != number:
        raise NotAQuantity(f"{value} has more than {DECIMALS} decimals.")
    return whole


def as_kilo(base: int) -> Decimal:
    """Express whole Wh (or litres) in kWh (or kl), exactly."""
    return Decimal(base).scaleb(-DECIMALS)


def format_kilo(base: int) -> str:
    """Write whole Wh (or litres) as kWh (or kl) with three decimals: 12400 is "12.400"."""
    return f"{as_kilo(base):.{DECIMALS}f}"
