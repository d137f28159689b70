"""
A wallet's pockets: what movements make of them, and what they refuse. Pure, without a database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from quantify.money import ZERO
from wallets.models import Account, Posting, Wallet

POCKET_ACCOUNTS = {
    Account.AVAILABLE: "available",
    Account.ELECTRICITY: "electricity",
    Account.WATER: "water",
    Account.SOLAR: "solar",
}
PROTECTED = ("available", "electricity", "solar", "arrears")


class InsufficientBalance(Exception):
    """The wallet does not hold the money that should leave it."""


@dataclass(frozen=True, slots=True)
class Movement:
    """An amount above zero, debited to one account and credited to another."""

    debit: Account
    credit: Account
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Pockets:
    """A wallet's money at one moment. Pockets grow by credits, arrears by debits."""

    available: Decimal
    electricity: Decimal
    water: Decimal
    solar: Decimal
    arrears: Decimal

    @property
    def balance(self) -> Decimal:
        return self.available + self.electricity + self.water + self.solar

    def after(self, movements: Sequence[Movement]) -> "Pockets":
        """
        The pockets once the movements are made.

        :raises InsufficientBalance: if a pocket that is protected would fall below zero.
        """
        change = dict.fromkeys((*POCKET_ACCOUNTS.values(), "arrears"), ZERO)
        for movement in movements:
            for account, sign in ((movement.credit, 1), (movement.debit, -1)):
                if pocket := POCKET_ACCOUNTS.get(account):
                    change[pocket] += sign * movement.amount
                elif account == Account.ARREARS:
                    change["arrears"] -= sign * movement.amount
        pockets = replace(self, **{name: getattr(self, name) + change[name] for name in change})
        for name in PROTECTED:
            if getattr(pockets, name) < 0:
                held = getattr(self, name)
                raise InsufficientBalance(f"The wallet holds R{held} in {name}.")
        return pockets


def pockets_of(wallet: Wallet) -> Pockets:
    """A wallet's pockets as the plans see them."""
    return Pockets(
        available=wallet.available,
        electricity=wallet.electricity,
        water=wallet.water,
        solar=wallet.solar,
        arrears=wallet.arrears,
    )


def opposite(postings: Iterable[Posting]) -> list[Movement]:
    """The movements that undo postings."""
    return [
        Movement(debit=Account(one.credit), credit=Account(one.debit), amount=one.amount)
        for one in postings
    ]


def with_arrears(pockets: Pockets, movements: Iterable[Movement]) -> list[Movement]:
    """
    The movements of a reversal, with what the wallet no longer holds owed as arrears.

    Taken as a charge is: from the pocket itself, then from what is available, then as arrears;
    water goes below zero. Arrears that were paid since are given back to what is available.
    A move between pockets stays as it is, for to lend what was bought makes money of a debt.
    """
    return [share for movement in movements for share in _shares(pockets, movement)]


def _shares(pockets: Pockets, movement: Movement) -> list[Movement]:
    debit, credit, amount = movement.debit, movement.credit, movement.amount
    taken = POCKET_ACCOUNTS.get(debit, "")
    if (taken and credit in POCKET_ACCOUNTS) or debit == Account.WATER:
        return [movement]
    if taken:
        own = min(amount, getattr(pockets, taken))
        free = min(amount - own, pockets.available) if debit != Account.AVAILABLE else ZERO
        shares = {Account.AVAILABLE: free, Account.ARREARS: amount - own - free} | {debit: own}
        return [Movement(account, credit, share) for account, share in shares.items() if share > 0]
    if credit == Account.ARREARS:
        owed = min(amount, pockets.arrears)
        shares = {Account.ARREARS: owed, Account.AVAILABLE: amount - owed}
        return [Movement(debit, account, share) for account, share in shares.items() if share > 0]
    return [movement]
