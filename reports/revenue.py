"""
Money in and revenue out of the ledger, by day, month, method of payment or utility.

Every figure is a sum of postings between the accounts of the estate (docs/architecture.md), dated
by when it happened: reversals count against what they undo, on their own day. Receipts in
suspense have no posting; they and what was given back of them count on their clearing account, as
in the trial balance. That one goes by when things were recorded: over days on which the same
things happened and were recorded, or over all of them, its accounts are the sums here.

With a utility, only transactions of that utility: its charges, and what was paid in for it by name.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from django.db import connection

from quantify.money import ZERO
from quantify.periods import first_of_month
from quantify.quantities import Utility
from quantify.tables.description import Column, Kind
from reports.report import Answer, Question, Report, Row, Section
from wallets.models import Account

REVENUE = {
    Account.REVENUE_ELECTRICITY: Utility.ELECTRICITY.value,
    Account.REVENUE_WATER: Utility.WATER.value,
    Account.REVENUE_SOLAR: Utility.SOLAR.value,
    Account.SERVICE_CHARGES: "services",
}
METHODS = {
    Account.CLEARING_EFT: "eft",
    Account.CLEARING_CARD: "card",
    Account.CLEARING_INSTANT_EFT: "instant_eft",
    Account.CLEARING_CASH: "cash",
    Account.CLEARING_SYSTEM: "system",
    Account.ADJUSTMENTS: "adjustment",
}
CLEARING = frozenset(METHODS) - {Account.ADJUSTMENTS}


class GroupBy(StrEnum):
    DAY = "day"
    MONTH = "month"
    METHOD = "method"
    UTILITY = "utility"


def _rand(name: str, title: str) -> Column:
    return Column(name, f"{title}, R", Kind.MONEY)


FLOWS = (
    _rand("paid_in", "Paid in"), _rand("paid_back", "Paid back"),
    _rand("electricity", "Electricity"), _rand("water", "Water"), _rand("solar", "Solar"),
    _rand("services", "Services"), _rand("revenue", "Revenue"), _rand("vat", "VAT"),
    _rand("charged", "Charged with VAT"), _rand("adjustments", "Adjustments given"),
)  # fmt: skip
COLUMNS = {
    GroupBy.DAY: (Column("day", "Day", Kind.DATE), *FLOWS),
    GroupBy.MONTH: (Column("month", "Month"), *FLOWS),
    GroupBy.METHOD: (
        Column("method", "Method"), _rand("top_ups", "Paid in"), _rand("reversed", "Reversed"),
        _rand("suspense", "Into suspense"), _rand("returned", "Back from suspense"),
        _rand("refunds", "Refunded"), _rand("net", "Net"),
    ),
    GroupBy.UTILITY: (
        Column("utility", "Utility"), _rand("revenue", "Revenue"), _rand("vat", "VAT"),
        _rand("charged", "Charged with VAT"),
    ),
}  # fmt: skip
SECTIONS = {
    "accounts": Section(
        "The accounts of the ledger",
        (Column("account", "Account"), _rand("debit", "Debit"), _rand("credit", "Credit"),
         _rand("net", "Credit less debit")),
    ),
}  # fmt: skip

# What moved between each two accounts on each local day: postings, and suspense beside them
# (60), whose receipts belong to no wallet.
MOVED = """
SELECT (moved.at AT TIME ZONE %(zone)s)::date, moved.debit, moved.credit, sum(moved.amount)
FROM (
    SELECT one.occurred_at AS at, posting.debit, posting.credit, posting.amount
    FROM wallets_transaction AS one
    JOIN wallets_posting AS posting ON posting.transaction_id = one.id
    WHERE one.estate_id = %(estate)s AND one.occurred_at >= %(start)s AND one.occurred_at < %(end)s
        AND (%(utility)s = '' OR one.utility = %(utility)s)
    UNION ALL
    SELECT receipt.received_at, clearing.account, 60, receipt.amount
    FROM wallets_suspensereceipt AS receipt
    JOIN (VALUES ('eft', 20), ('card', 21), ('instant_eft', 22), ('cash', 23))
        AS clearing (method, account) ON clearing.method = receipt.payment_method
    WHERE receipt.estate_id = %(estate)s AND %(utility)s = ''
        AND receipt.received_at >= %(start)s AND receipt.received_at < %(end)s
    UNION ALL
    SELECT release.released_at, 60, clearing.account, release.amount
    FROM wallets_suspenserelease AS release
    JOIN wallets_suspensereceipt AS receipt ON receipt.id = release.receipt_id
    JOIN (VALUES ('eft', 20), ('card', 21), ('instant_eft', 22), ('cash', 23))
        AS clearing (method, account) ON clearing.method = receipt.payment_method
    WHERE receipt.estate_id = %(estate)s AND %(utility)s = '' AND release.transaction_id IS NULL
        AND release.released_at >= %(start)s AND release.released_at < %(end)s
) AS moved
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
"""


class Moved(NamedTuple):
    """What was debited to one account and credited to another on a local day, in rand."""

    day: date
    debit: int
    credit: int
    amount: Decimal


def answer(question: Question) -> Answer:
    """The sums; one statement."""
    moved = _moved(question)
    if question.group_by is GroupBy.METHOD:
        rows = list(_methods(moved))
    elif question.group_by is GroupBy.UTILITY:
        rows = list(_utilities(moved))
    elif question.group_by is GroupBy.DAY:
        rows = list(_by(moved, lambda day: day))
    else:
        rows = list(_by(moved, lambda day: f"{first_of_month(day):%Y-%m}"))
    return Answer(
        rows=rows,
        totals=[_total(rows)] if rows else [],
        sections={"accounts": list(_accounts(moved))},
    )


def _moved(question: Question) -> list[Moved]:
    period = question.period
    with connection.cursor() as cursor:
        cursor.execute(
            MOVED,
            {
                "zone": question.estate.time_zone, "estate": question.estate.pk,
                "start": period.start, "end": period.end,
                "utility": question.utility.value if question.utility else "",
            },
        )  # fmt: skip
        return [Moved(*row) for row in cursor.fetchall()]


def _by(moved: Sequence[Moved], key: Callable[[date], date | str]) -> Iterable[Row]:
    groups: dict[date | str, list[Moved]] = {}
    for one in moved:
        groups.setdefault(key(one.day), []).append(one)
    for at, own in groups.items():
        nets = {name: _net(own, account) for account, name in REVENUE.items()}
        revenue, vat = sum(nets.values(), ZERO), _net(own, Account.VAT_OUTPUT)
        paid_in = _sum(one for one in own if one.debit in CLEARING)
        paid_back = _sum(one for one in own if one.credit in CLEARING)
        yield (
            at, paid_in, paid_back, *nets.values(), revenue, vat, revenue + vat,
            -_net(own, Account.ADJUSTMENTS),
        )  # fmt: skip


def _methods(moved: Sequence[Moved]) -> Iterable[Row]:
    for account, name in METHODS.items():
        into = [one for one in moved if one.debit == account]
        out = [one for one in moved if one.credit == account]
        if not into and not out:
            continue
        suspense = _sum(one for one in into if one.credit == Account.SUSPENSE)
        returned = _sum(one for one in out if one.debit == Account.SUSPENSE)
        # A refund that was reversed counts against the refunds.
        refunds = _sum(one for one in out if one.debit == Account.REFUNDS)
        refunds -= _sum(one for one in into if one.credit == Account.REFUNDS)
        others = (Account.SUSPENSE, Account.REFUNDS)
        top_ups = _sum(one for one in into if one.credit not in others)
        undone = _sum(one for one in out if one.debit not in others)
        net = _sum(into) - _sum(out)
        yield name, top_ups, undone, suspense, returned, refunds, net


def _utilities(moved: Sequence[Moved]) -> Iterable[Row]:
    for account, name in REVENUE.items():
        own = [one for one in moved if account in (one.debit, one.credit)]
        if own:
            revenue, vat = _net(own, account), _net(own, Account.VAT_OUTPUT)
            yield name, revenue, vat, revenue + vat


def _accounts(moved: Sequence[Moved]) -> Iterable[Row]:
    for account in Account:
        debit = _sum(one for one in moved if one.debit == account)
        credit = _sum(one for one in moved if one.credit == account)
        if debit or credit:
            yield account.name.lower(), debit, credit, credit - debit


def _total(rows: Sequence[Row]) -> Row:
    columns = list(zip(*rows, strict=True))
    return (None, *(sum(column, ZERO) for column in columns[1:]))


def _net(moved: Iterable[Moved], account: Account) -> Decimal:
    """Credits less debits."""
    signed = (
        (one.amount if one.credit == account else -one.amount)
        for one in moved
        if account in (one.debit, one.credit)
    )
    return sum(signed, ZERO)


def _sum(moved: Iterable[Moved]) -> Decimal:
    return sum((one.amount for one in moved), ZERO)


REPORT = Report(
    slug="revenue",
    title="Revenue",
    says="Money in by method, charges by utility, VAT: the sums of the ledger's postings.",
    columns=COLUMNS,
    answer=answer,
    sections=SECTIONS,
)
