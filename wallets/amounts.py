"""Which numbers are amounts of money that a person may move."""

from decimal import Decimal

from quantify.money import CENT

MOST = Decimal(10) ** 10
"""Beyond any wallet, and within what the database's columns hold, sums included."""


class InvalidAmount(Exception):
    """Not an amount: not a number, zero, below zero, a part of a cent, or beyond all reason."""


class InvalidReason(Exception):
    """Money is moved by hand only with a reason."""


def check(amount: Decimal, *, signed: bool = False) -> None:
    """
    Refuse what is no amount of rand and cents; below zero is one if it is `signed`.

    :raises InvalidAmount: with what is wrong.
    """
    if not amount.is_finite() or abs(amount) >= MOST:
        raise InvalidAmount("Give an amount in rand and cents.")
    if amount == 0 or (amount < 0 and not signed):
        raise InvalidAmount("Give an amount other than zero." if signed else "Give more than R0.")
    if amount != amount.quantize(CENT):
        raise InvalidAmount("Give no parts of a cent.")


def check_reason(reason: str) -> str:
    """
    The reason without the space around it.

    :raises InvalidReason: if there is none.
    """
    if not reason.strip():
        raise InvalidReason("Say why: money is moved by hand only with a reason.")
    return reason.strip()
