"""
The transactions of an estate, one by one, by kind, or by day and kind.

`effect` is what a transaction did to its wallet's balance: over everything that ever happened the
effects add up to what the wallets hold. Dated by when it happened.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import TruncDate

from quantify.tables.description import Column, Kind
from reports.report import Answer, Question, Report, Row, Section
from wallets.models import Transaction

AT_ONCE = 2000


class GroupBy(StrEnum):
    TRANSACTION = "transaction"
    KIND = "kind"
    DAY = "day"


KIND = Column("kind", "Kind")
SUMS = (
    Column("transactions", "Transactions", Kind.COUNT, optional=True),
    Column("amount", "Amount, R", Kind.MONEY, optional=True),
    Column("effect", "Change of balances, R", Kind.MONEY),
)
OF_KINDS = (KIND, *SUMS)
COLUMNS = {
    GroupBy.TRANSACTION: (
        Column("number", "Number"), Column("occurred_at", "When", Kind.INSTANT),
        Column("unit_number", "Unit"), KIND, Column("utility", "Utility"),
        Column("payment_method", "Method"), Column("amount", "Amount, R", Kind.MONEY),
        Column("effect", "Change of balance, R", Kind.MONEY),
        Column("balance_after", "Balance after, R", Kind.MONEY),
        Column("arrears_after", "Arrears after, R", Kind.MONEY),
        Column("reference", "Reference"), Column("reason", "Reason"),
        Column("is_reversed", "Reversed", Kind.FLAG), Column("actor", "By", optional=True),
        Column("recorded_at", "Recorded", Kind.INSTANT), Column("id", "Id"),
    ),
    GroupBy.KIND: OF_KINDS,
    GroupBy.DAY: (Column("day", "Day", Kind.DATE), *OF_KINDS),
}  # fmt: skip
SECTIONS = {"kinds": Section("By kind", OF_KINDS)}
EFFECT = F("balance_after") - F("balance_before")


def answer(question: Question) -> Answer:
    """The transactions as they are read, and their sums; two statements."""
    rows = _rows(question)
    kinds = [tuple(row) for row in _summed(rows, "kind")]
    number = sum(count for _, count, _, _ in kinds)
    effect = sum(effect for *_, effect in kinds)
    sections = {"kinds": kinds}
    if question.group_by is GroupBy.KIND:
        totals: list[Row] = [(None, number, None, effect)] if kinds else []
        return Answer(rows=kinds, totals=totals, sections=sections, count=len(kinds))
    if question.group_by is GroupBy.DAY:
        day = TruncDate("occurred_at", tzinfo=question.estate.zone)
        days = [tuple(row) for row in _summed(rows.annotate(day=day), "day", "kind")]
        totals = [(None, None, number, None, effect)] if kinds else []
        return Answer(rows=days, totals=totals, sections=sections, count=len(days))
    blank = (None,) * 7, (None,) * 8
    return Answer(
        rows=_listed(rows, question),
        totals=[(*blank[0], effect, *blank[1])] if kinds else [],
        sections=sections,
        count=number,
    )


def _rows(question: Question) -> QuerySet[Transaction]:
    period = question.period
    rows = Transaction.objects.filter(
        estate=question.estate, occurred_at__gte=period.start, occurred_at__lt=period.end
    )
    return rows.filter(utility=question.utility.value) if question.utility else rows


def _summed(rows: QuerySet[Transaction], *by: str) -> Any:
    groups = rows.order_by().values_list(*by)
    sums = {"number_of": Count("pk"), "in_all": Sum("amount"), "effect": Sum(EFFECT)}
    return groups.annotate(**sums).order_by(*by)


def _listed(rows: QuerySet[Transaction], question: Question) -> Iterator[Row]:
    """One by one, the oldest first, without holding them all."""
    zone = question.estate.zone
    shown = rows.order_by("occurred_at", "number").values_list(
        "number", "occurred_at", "wallet__unit__unit_number", "kind", "utility", "payment_method",
        "amount", EFFECT, "balance_after", "arrears_after", "reference", "reason",
        "reversed_by", "actor__username", "recorded_at", "pk",
    )  # fmt: skip
    for number, at, *row, reversal, actor, recorded_at, pk in shown.iterator(chunk_size=AT_ONCE):
        yield (
            f"T{number:09d}", at.astimezone(zone), *row, reversal is not None, actor,
            recorded_at.astimezone(zone), str(pk),
        )  # fmt: skip


REPORT = Report(
    slug="transactions",
    title="Transactions",
    says="Everything that moved money in the wallets, with the totals of each kind.",
    columns=COLUMNS,
    answer=answer,
    sections=SECTIONS,
)
