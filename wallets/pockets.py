"""
A wallet's pockets: what a flow of money makes of them, and what they refuse. Pure, no database.

The database applies the same rules under the wallet's lock (`ledger_post`, `ledger_post_many`);
a property test holds the three together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
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
class Tap:
    """
    An account that money flows from or to.

    `bounded`: as a source no more than the pocket holds; as a sink no more than is owed there
    (the debt of water, arrears), and of arrears no more than `cap`.
    """

    account: Account
    bounded: bool = False
    cap: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """
    How an amount of rand, zero or more, moves: from the sources in turn to the sinks in turn.

    One side is a single account, the other at most three, the last of them without a bound.
    `onward` moves afterwards, whatever the pockets hold. `above_debts` asks that what is
    available covers what is owed as well. `shortage` says in words what is missing; it may name
    `{amount}`, `{free}` and the pockets.
    """

    amount: Decimal = ZERO
    sources: tuple[Tap, ...] = ()
    sinks: tuple[Tap, ...] = ()
    onward: tuple[Movement, ...] = ()
    above_debts: bool = False
    shortage: str = ""

    @property
    def pays_in(self) -> bool:
        """Whether one account gives to several; else several give to one."""
        return len(self.sources) == 1

    @property
    def counter(self) -> Account | None:
        """The account that stands alone on its side."""
        alone = self.sources if self.pays_in else self.sinks
        return alone[0].account if alone else None

    @property
    def steps(self) -> tuple[Tap, ...]:
        """The taps of the other side, in turn."""
        return self.sinks if self.pays_in else self.sources

    def movements(self, pockets: "Pockets") -> list[Movement]:
        """
        What moves, given what the pockets hold.

        :raises InsufficientBalance: if the debts would not stay covered (`above_debts`).
        """
        if self.above_debts and pockets.free < self.amount:
            raise InsufficientBalance(self._lack(pockets))
        counter, rest = self.counter, self.amount
        shares: dict[Account, Decimal] = {}
        for step in self.steps:
            share = min(rest, self._room(step, pockets)) if step.bounded else rest
            if share > 0:
                shares[step.account] = shares.get(step.account, ZERO) + share
                rest -= share
        made = [
            Movement(counter, account, share) if self.pays_in else Movement(account, counter, share)
            for account, share in shares.items()
            if counter is not None
        ]
        return [*made, *self.onward]

    def after(self, pockets: "Pockets") -> "Pockets":
        """
        What the pockets hold afterwards.

        :raises InsufficientBalance: if protected money is missing.
        """
        try:
            return pockets.after(self.movements(pockets))
        except InsufficientBalance as error:
            raise InsufficientBalance(self._lack(pockets) or str(error)) from error

    def _room(self, step: Tap, pockets: "Pockets") -> Decimal:
        if not self.pays_in:
            held: Decimal = getattr(pockets, POCKET_ACCOUNTS[step.account])
            return max(held, ZERO)
        if step.account == Account.WATER:
            return max(-pockets.water, ZERO)
        return min(pockets.arrears, pockets.arrears if step.cap is None else step.cap)

    def _lack(self, pockets: "Pockets") -> str:
        return self.shortage.format(amount=self.amount, free=pockets.free, **asdict(pockets))


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

    @property
    def free(self) -> Decimal:
        """What is available above arrears and the debt of water."""
        return max(self.available - self.arrears - max(-self.water, ZERO), ZERO)

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
    """A wallet's pockets as the flows see them."""
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
