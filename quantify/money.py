"""
Rounding and VAT, in one place.

Amounts are rand as `Decimal`. Quantities and prices are never rounded; money is rounded once,
where a line is made, half-up (VAT Act 89 of 1991, s 66(b): less than half a cent is dropped, half
a cent or more counts as a cent). Half-up is away from zero, so a reversal cancels to the cent.
"""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
HUNDRED = Decimal(100)

VAT_PERCENT = Decimal(15)
"""The standard rate since 1 April 2018 (VAT Act s 7)."""

VAT_RATES = ((date(2018, 4, 1), VAT_PERCENT), (date.min, Decimal(14)))
"""The rates by the day they began, newest first; the one before 2018 held since 1993."""


def vat_percent_on(day: date) -> Decimal:
    """The VAT rate of what is supplied on a day: a correction later keeps the rate of its month."""
    return next(percent for since, percent in VAT_RATES if day >= since)


def to_cents(amount: Decimal) -> Decimal:
    """Round rand to cents, half-up; never answers minus zero."""
    return amount.quantize(CENT, ROUND_HALF_UP) or ZERO


def percentage(amount: Decimal, percent: Decimal) -> Decimal:
    """Take a percentage of an amount of rand, in cents."""
    return to_cents(amount * percent / HUNDRED)


def vat_on(net: Decimal, percent: Decimal = VAT_PERCENT) -> Decimal:
    """
    VAT to add to an amount without VAT.

    Call it once on the sum of the rounded lines, not on each line: the VAT of three lines of
    R0.03 is R0.01, not nothing.
    """
    return percentage(net, percent)


def vat_within(gross: Decimal, percent: Decimal = VAT_PERCENT) -> Decimal:
    """VAT contained in an amount with VAT (15/115), so that net and VAT add up to it."""
    return to_cents(gross * percent / (HUNDRED + percent))
