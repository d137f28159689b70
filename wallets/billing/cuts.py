"""
Cutting bills where an occupancy ends: what was charged since is taken back from the bills.

A charge is taken back by a further charge, so that every bill still is the sum of its charges.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from django.db.models import Max, Q

from quantify.money import ZERO
from quantify.periods import first_of_month
from quantify.quantities import Utility
from wallets.arrays import compact
from wallets.billing import bill_rows, charges, evidence, lines
from wallets.billing.bill_rows import BillRow
from wallets.billing.charges import Step
from wallets.billing.lines import LineRow
from wallets.billing.metered import Key, key_of
from wallets.models import Bill, Charge, Settlement


def withdraw(*, wallet_id: UUID, since: datetime, first_month: date, now: datetime) -> None:
    """Take back what a wallet was charged from an instant on, of the months from one on."""
    rows = Charge.objects.filter(
        bill__wallet=wallet_id, bill__month__gte=first_month, transaction__occurred_at__gte=since
    )
    newest_first = rows.select_related("transaction", "version").order_by(
        "bill_id", "-transaction__sequence"
    )
    by_bill = groupby(newest_first, key=lambda one: one.bill_id)
    charged = {bill_id: list(made) for bill_id, made in by_bill}
    bills = bill_rows.by_id(charged)
    steps = [_withdrawal(bills[bill_id], made) for bill_id, made in charged.items()]
    charges.post(steps, occurred_at=now)
    charges.store([step.bill for step in steps], now=now)


def empty(*, wallet_id: UUID, until: date, final: Collection[Key]) -> None:
    """Forget what was metered for the bills of later days; billing looks at them anew."""
    cut = Settlement.objects.filter(wallet=wallet_id).aggregate(last=Max("ends_on"))["last"]
    later = Bill.objects.filter(wallet=wallet_id, month__gte=first_of_month(until))
    if cut is not None:
        later = later.filter(Q(since=None, month__gte=cut) | Q(since__gte=cut))
    for bill in later:
        if key_of(bill.wallet_id, bill.utility, bill.month) not in final:
            bill.consumption = bill.revision = 0
            bill.priced_to = bill.month
            bill.save(update_fields=["consumption", "revision", "priced_to", "updated_at"])


def _withdrawal(bill: BillRow, newest_first: Sequence[Charge]) -> Step:
    """One step back over some charges of a bill; the bill is not stored yet."""
    oldest = newest_first[-1]
    back = [lines.negated(row) for charge in newest_first for row in charge.lines]
    amount = -sum((charge.transaction.amount for charge in newest_first), ZERO)
    vat = -sum((charge.vat for charge in newest_first), ZERO)
    before = evidence.consumption_before(bill)
    made = Step(
        bill=bill,
        utility=Utility(bill.utility),
        version=newest_first[0].version,
        amount=amount,
        vat=vat,
        total_before=bill.charged,
        consumption_before=before,
        lines=lines.summed(back),
        evidence=compact({"stretches": [], "corrected": oldest.consumption_before - before}),
    )
    bill.lines = lines.summed([*bill.lines, *back])
    bill.subtotal, bill.markup = _sum(bill.lines, markup=False), _sum(bill.lines, markup=True)
    bill.charged += amount
    bill.total, bill.vat = bill.charged, bill.vat + vat
    bill.consumption = oldest.consumption_before
    bill.charged_consumption, bill.charged_to = oldest.consumption_before, _reached(bill, oldest)
    return made


def _sum(rows: Iterable[LineRow], *, markup: bool) -> Decimal:
    of_kind = (row for row in rows if (row["component"] == -1) is markup)
    return sum((Decimal(row["amount"]) for row in of_kind), ZERO)


def _reached(bill: BillRow, oldest: Charge) -> datetime | None:
    """Up to where the charges before reach."""
    earlier = Charge.objects.filter(bill=bill.id)
    before = earlier.filter(transaction__sequence__lt=oldest.transaction.sequence)
    ends = [evidence.end(one.evidence.get("stretches", [])) for one in before]
    return max((end for end in ends if end is not None), default=None)
