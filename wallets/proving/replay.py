"""
A wallet lived through again: every movement worked out anew and held against the ledger.

Taken as given is what people and bills asked for: kind, amount, moment, utility, method, what a
reversal reverses, which bill a charge belongs to, and the estate's settings of the moment (from
the audit trail). Worked out from it, without a look at postings, balances, bills or charges: every
split between pockets, arrears and accounts, the VAT within every charge, and every balance. The
charges of a bill must chain from nothing to what they add up to, and each bill that is up to date
is priced again from its facts (`wallets.proving.rebuilding`).

The amount of a single charge cannot be worked out again: it was the step between two bills, and
the facts of the first may have been corrected since. Their sum can, and is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from accounts.audit import Past
from quantify.money import vat_percent_on
from quantify.snapshots import snapshot
from wallets.models import (
    Account,
    Bill,
    Charge,
    MonthClosing,
    Settlement,
    SuspenseRelease,
    Transaction,
    Wallet,
)
from wallets.proving import rebuilding
from wallets.proving import replay_rules as rules
from wallets.proving.replay_rules import NOTHING, Moves

ROWS_AT_ONCE = 2_000


class Differs(Exception):
    """The first thing about which the replay and the ledger do not agree."""


@dataclass(slots=True)
class Outcome:
    """How far the replay came, which bills are not up to date, and the first difference."""

    transactions: int = 0
    bills: int = 0
    balance: Decimal = NOTHING
    arrears: Decimal = NOTHING
    not_up_to_date: list[str] = field(default_factory=list)
    difference: str = ""

    def __str__(self) -> str:
        if self.difference:
            return f"The wallet differs. {self.difference}"
        return (
            f"identical: {self.transactions} transactions, {self.bills} bills,"
            f" balance R{self.balance}, arrears R{self.arrears}"
        )


def replay(wallet_id: UUID) -> Outcome:
    """Live a wallet through again on one snapshot, up to the first difference."""
    with snapshot():
        wallets = Wallet.objects.select_related("unit__estate__settings")
        return _replay(wallets.get(pk=wallet_id))


def _replay(wallet: Wallet) -> Outcome:
    outcome, life = Outcome(), _Life(wallet)
    made = wallet.transactions.order_by("sequence").prefetch_related("postings")
    try:
        for one in made.iterator(chunk_size=ROWS_AT_ONCE):
            life.through(one)
            outcome.transactions += 1
        life.end()
        for bill in _bills(wallet):
            _rebuild(bill, life.charged[bill.pk], outcome)
    except (Differs, rebuilding.FactsDiffer, rules.NoSuchAmount) as difference:
        outcome.difference = str(difference)
    outcome.balance, outcome.arrears = life.balance, life.held[Account.ARREARS]
    return outcome


def _bills(wallet: Wallet) -> Iterator[Bill]:
    bills = Bill.objects.filter(wallet=wallet).select_related("wallet__unit__estate__settings")
    return bills.order_by("month", "utility").iterator()


def _rebuild(bill: Bill, charged: Decimal, outcome: Outcome) -> None:
    try:
        rebuilt = rebuilding.rebuild(bill)
    except rebuilding.NotUpToDate as reason:
        outcome.not_up_to_date.append(f"{bill}: {reason}")
        return
    _agree(f"Bill {bill}", "counts", rebuilt.consumption, bill.consumption)
    _agree(f"Bill {bill}", "adds up to R", rebuilt.total, charged)
    outcome.bills += 1


class _Life:
    """A wallet from its first transaction on: what it holds, and what its bills were charged."""

    def __init__(self, wallet: Wallet) -> None:
        self.wallet = wallet
        self.settings = Past(wallet.unit.estate.settings)
        self.held = dict.fromkeys((*rules.POCKETS, Account.ARREARS), NOTHING)
        self.sequence = 0
        self.lived: dict[UUID, tuple[Decimal, Moves]] = {}
        self.charged: defaultdict[UUID, Decimal] = defaultdict(lambda: NOTHING)
        self.vat: defaultdict[UUID, Decimal] = defaultdict(lambda: NOTHING)
        charges = Charge.objects.filter(bill__wallet=wallet).select_related("bill").defer("lines")
        self.charges = {one.transaction_id: one for one in charges}
        releases = SuspenseRelease.objects.filter(transaction__wallet=wallet)
        self.from_suspense = set(releases.values_list("transaction", flat=True))
        settlements = Settlement.objects.filter(wallet=wallet, transaction__isnull=False)
        self.settled_by = dict(settlements.values_list("transaction", "payment_method"))

    @property
    def balance(self) -> Decimal:
        return sum((self.held[pocket] for pocket in rules.POCKETS), NOTHING)

    def through(self, one: Transaction) -> None:
        """Work a transaction out and hold it against what the ledger says of it."""
        self.sequence += 1
        if one.sequence != self.sequence:
            raise Differs(
                f"Transaction {self.sequence} of the wallet is missing:"
                f" {one} is number {one.sequence}."
            )
        _agree(one, "begins at R", self.balance, one.balance_before)
        moves = {pair: amount for pair, amount in self._moves(one).items() if amount}
        _agree(one, "moves", _words(moves), _words(_posted(one)))
        self._move(one, moves)
        self.lived[one.pk] = one.amount, moves
        _agree(one, "ends at R", self.balance, one.balance_after)
        _agree(one, "leaves arrears of R", self.held[Account.ARREARS], one.arrears_after)

    def end(self) -> None:
        """Hold what is left against the wallet itself."""
        if self.wallet.sequence != self.sequence:
            raise Differs(
                f"Transaction {self.sequence + 1} of the wallet is missing:"
                f" it counts {self.wallet.sequence} and has {self.sequence}."
            )
        for account, amount in self.held.items():
            _agree("The wallet", f"{account.label} R", amount, self._stored(account))
        for charge in self.charges.values():
            if charge.transaction_id not in self.lived:
                raise Differs(f"{charge} is of no transaction of the wallet.")

    def _stored(self, account: Account) -> Decimal:
        stored: Decimal = getattr(self.wallet, account.name.lower())
        return stored

    def _move(self, one: Transaction, moves: Moves) -> None:
        for (debit, credit), amount in moves.items():
            for account, sign in ((credit, 1), (debit, -1)):
                if account in self.held:
                    # Arrears are what is owed: they grow by debits.
                    self.held[account] += amount * (-sign if account is Account.ARREARS else sign)
        for account, amount in self.held.items():
            if amount < 0 and account is not Account.WATER:
                raise Differs(f"{one}: the replay leaves R{amount} in {account.label}.")

    def _moves(self, one: Transaction) -> Moves:
        if one.pk in self.settled_by:
            return rules.closed(self.held, self.settled_by[one.pk])
        how: Mapping[str, Callable[[Transaction], Moves]] = {
            "topup": self._topup,
            "purchase": lambda made: rules.bought(made.amount, made.utility),
            "consumption": self._charge,
            "refund": lambda made: rules.paid_back(made.amount, made.payment_method),
            "adjustment": self._adjustment,
            "service": self._service,
            "reversal": self._reversal,
        }
        return how[one.kind.split("_")[0]](one)

    def _topup(self, one: Transaction) -> Moves:
        of_method = rules.METHOD[one.payment_method]
        if "settlement" in one.metadata:
            return {(of_method, Account.FORMER_RESIDENTS): one.amount}
        return rules.paid_in(
            self.held,
            one.amount,
            source=Account.SUSPENSE if one.pk in self.from_suspense else of_method,
            pocket=rules.POCKET[one.utility],
            recovery_percent=self._recovery(one),
        )

    def _adjustment(self, one: Transaction) -> Moves:
        return rules.adjusted(self.held, one.amount, recovery_percent=self._recovery(one))

    def _service(self, one: Transaction) -> Moves:
        percent = vat_percent_on(one.recorded_at.date()) if self._has_vat(one) else NOTHING
        return rules.served(self.held, one.amount, percent)

    def _charge(self, one: Transaction) -> Moves:
        """Its VAT is the step between the VAT in its bill's totals before and after."""
        charge = self.charges.get(one.pk)
        if charge is None:
            raise Differs(f"{one} is consumption, and no charge explains it.")
        bill = charge.bill
        before = self.charged[bill.pk]
        after = before + one.amount
        percent = vat_percent_on(bill.month) if self._has_vat(one, bill) else NOTHING
        total_vat = rules.vat_in(after, percent)
        vat = total_vat - self.vat[bill.pk]
        _agree(one, "charges from R", before, charge.total_before)
        _agree(one, "charges up to R", after, charge.total_after)
        _agree(one, "charges VAT of R", vat, charge.vat)
        self.charged[bill.pk], self.vat[bill.pk] = after, total_vat
        return rules.charged(self.held, one.amount, vat, bill.utility)

    def _reversal(self, one: Transaction) -> Moves:
        if one.reverses_id not in self.lived:
            raise Differs(f"{one} reverses what did not happen to the wallet before it.")
        amount, moves = self.lived[one.reverses_id]
        _agree(one, "reverses R", -amount, one.amount)
        return rules.opposite(self.held, moves, override=bool(one.metadata.get("override")))

    def _recovery(self, one: Transaction) -> Decimal:
        return Decimal(str(self.settings.value("debt_recovery_percent", one.recorded_at)))

    def _has_vat(self, one: Transaction, bill: Bill | None = None) -> bool:
        """As it was when the month was closed, if a difference of a closed month was posted."""
        at = one.recorded_at
        if bill is not None and "difference" in one.metadata:
            at = MonthClosing.objects.sealed_at(bill) or at
        return bool(self.settings.value("vat_registered", at))


def _agree(of: object, what: str, worked_out: object, stored: object) -> None:
    if worked_out != stored:
        gap = "" if what.endswith("R") else " "
        raise Differs(f"{of}: the replay {what}{gap}{worked_out}, the ledger says {stored}.")


def _posted(one: Transaction) -> Moves:
    posted: Moves = {}
    for posting in one.postings.all():
        pair = Account(posting.debit), Account(posting.credit)
        posted[pair] = posted.get(pair, NOTHING) + posting.amount
    return posted


def _words(moves: Moves) -> str:
    """The movements in one order, so that equal ones read the same."""
    return "; ".join(
        f"R{amount} from {debit.label} to {credit.label}"
        for (debit, credit), amount in sorted(moves.items())
    )
