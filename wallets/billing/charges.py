"""
From a bill to money: the step of a bill, the charge that explains it, the postings that pay it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TypedDict, Unpack
from uuid import UUID

from accounts.models import User
from quantify.quantities import Utility
from rates.engine import Bill as Priced
from rates.models import RateTableVersion
from wallets import ledger
from wallets.arrays import compact
from wallets.billing import bill_rows, evidence, lines, writing
from wallets.billing.bill_rows import BillRow
from wallets.billing.lines import LineRow
from wallets.billing.metered import Supply
from wallets.billing.stretches import Stretch
from wallets.billing.writing import ChargeRow
from wallets.ledger import Entry, Move, Posted
from wallets.models import Account, Transaction
from wallets.pockets import Flow, Movement, Tap

POCKET = {
    Utility.ELECTRICITY: Account.ELECTRICITY,
    Utility.WATER: Account.WATER,
    Utility.SOLAR: Account.SOLAR,
}
REVENUE = {
    Utility.ELECTRICITY: Account.REVENUE_ELECTRICITY,
    Utility.WATER: Account.REVENUE_WATER,
    Utility.SOLAR: Account.REVENUE_SOLAR,
}
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to be charged to bring a bill from one total to the next."""

    bill: BillRow
    utility: Utility
    version: RateTableVersion
    amount: Decimal
    vat: Decimal
    total_before: Decimal
    consumption_before: int
    lines: list[LineRow]
    evidence: str


def step(
    bill: BillRow,
    priced: Priced,
    supply: Supply,
    *,
    version: RateTableVersion,
    consumption: int,
    stretches: Sequence[Stretch],
    markups: Sequence[Decimal],
) -> Step:
    """
    Bring a bill to its new state, not stored yet, and say what is to be charged for it.

    `markups` are the percentages of the segments that the bill was priced in.
    """
    rows = lines.of(priced, markups)
    made = Step(
        bill=bill,
        utility=supply.utility,
        version=version,
        amount=priced.total - bill.charged,
        vat=priced.vat - bill.vat,
        total_before=bill.charged,
        consumption_before=evidence.consumption_before(bill),
        lines=lines.difference(bill.lines, rows),
        evidence=evidence.of(bill, supply, version, consumption, stretches),
    )
    bill.consumption, bill.revision, bill.priced_to = consumption, supply.revision, supply.priced_to
    bill.version_id, bill.problem = version.pk, ""
    bill.vat_percent, bill.rates = supply.vat_percent, supply.rates
    bill.free_solar = supply.place.free_solar_kwh if supply.utility is Utility.SOLAR else None
    if made.amount:
        bill.lines, bill.subtotal, bill.markup = rows, priced.subtotal, priced.markup
        bill.vat, bill.total, bill.charged = priced.vat, priced.total, priced.total
        bill.charged_consumption = consumption
        bill.charged_to = max((one.end for one in stretches), default=bill.charged_to)
    return made


def post(steps: Iterable[Step], *, occurred_at: datetime) -> list[Step]:
    """
    Post a charge for each step that is worth a cent or more, and why it has its amount.

    The wallets are locked. The steps that were charged.
    """
    worth = [step for step in steps if step.amount]
    charged: list[ChargeRow] = []
    for alike in _alike(worth):
        moves = [Move(step.bill.wallet_id, step.amount, abs(step.vat)) for step in alike]
        posted = ledger.post_alike(_entry(alike[0], occurred_at), moves)
        charged += map(_charge, posted, alike)
    writing.explain(charged)
    return worth


class Told(TypedDict, total=False):
    """What a charge that a person makes says besides."""

    reference: str
    reason: str
    actor: User
    idempotency_key: str
    metadata: dict[str, object]


def post_told(
    worth: Sequence[Step], *, occurred_at: datetime, **told: Unpack[Told]
) -> list[Posted]:
    """Post a charge for each step, in words of its own where they are given."""
    posted = ledger.post_many([replace(_entry(step, occurred_at), **told) for step in worth])
    writing.explain(
        [_charge(done.transaction_id, step) for step, done in zip(worth, posted, strict=True)]
    )
    return posted


def _charge(transaction_id: UUID, step: Step) -> ChargeRow:
    return ChargeRow(
        transaction_id=transaction_id,
        bill_id=step.bill.id,
        version_id=step.version.pk,
        consumption_before=step.consumption_before,
        consumption_after=step.bill.consumption,
        total_before=step.total_before,
        total_after=step.bill.charged,
        vat=step.vat,
        lines=compact(step.lines),
        evidence=step.evidence,
    )


def _alike(steps: Iterable[Step]) -> list[list[Step]]:
    """Steps whose charges differ in wallet and amounts alone, months in order."""
    groups: dict[tuple[date, date, Utility, bool, int], list[Step]] = {}
    for step in steps:
        bill, vat = step.bill, step.vat
        key = bill.month, bill.since or bill.month, step.utility, step.amount > 0, _sign(vat)
        groups.setdefault(key, []).append(step)
    return [groups[key] for key in sorted(groups)]


def _sign(amount: Decimal) -> int:
    return (amount > 0) - (amount < 0)


def store(bills: Iterable[BillRow], *, now: datetime) -> None:
    """Store bills, new and changed, and mark the versions that priced them as used."""
    bills = list(bills)
    bill_rows.write(bills)
    versions = {bill.version_id for bill in bills if bill.version_id}
    fresh = RateTableVersion.objects.filter(pk__in=versions, used_at=None).order_by("pk")
    # In one order: two runs may mark the same versions at once.
    if found := list(fresh.select_for_update(no_key=True).values_list("pk", flat=True)):
        RateTableVersion.objects.filter(pk__in=found).update(used_at=now)


def consumption_flow(utility: Utility, amount: Decimal, vat: Decimal) -> Flow:
    """
    Take an amount from the utility's pocket, then from what is available.

    What electricity or solar cannot pay becomes arrears; water goes below zero. An amount below
    zero is given back: to the debt first, then to what is available. VAT goes on to its account.
    """
    revenue, pocket = REVENUE[utility], POCKET[utility]
    debt = Account.WATER if utility is Utility.WATER else Account.ARREARS
    if amount > 0:
        sources: tuple[Tap, ...] = (
            Tap(pocket, bounded=True),
            Tap(Account.AVAILABLE, bounded=True),
            Tap(debt),
        )
        sinks: tuple[Tap, ...] = (Tap(revenue),)
    else:
        sources, sinks = (Tap(revenue),), (Tap(debt, bounded=True), Tap(Account.AVAILABLE))
    return Flow(amount=abs(amount), sources=sources, sinks=sinks, onward=_vat(revenue, vat))


def _vat(revenue: Account, vat: Decimal) -> tuple[Movement, ...]:
    if vat > 0:
        return (Movement(revenue, Account.VAT_OUTPUT, vat),)
    return (Movement(Account.VAT_OUTPUT, revenue, -vat),) if vat else ()


def _entry(step: Step, occurred_at: datetime) -> Entry:
    bill = step.bill
    return replace(
        entry_of(
            step.utility, bill.month, amount=step.amount, vat=step.vat, occurred_at=occurred_at
        ),
        wallet_id=bill.wallet_id,
    )


def entry_of(
    utility: Utility, month: date, *, amount: Decimal, vat: Decimal, occurred_at: datetime
) -> Entry:
    """A charge of a month; those of other wallets, with amounts of the same sign, are like it."""
    return Entry(
        wallet_id=NOBODY,
        kind=Transaction.Kind(f"consumption_{utility}"),
        amount=amount,
        flow=consumption_flow(utility, amount, vat),
        occurred_at=occurred_at,
        utility=utility,
        payment_method=Transaction.Method.SYSTEM,
        reference=f"{utility.value.title()} {month:%B %Y}",
    )
