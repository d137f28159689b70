"""
What is owed, by how long it has been owed; also by people who moved out.

Two accounts of a wallet can owe: its arrears, and the water pocket below zero. What a former
resident owes stands with their settlement. Each debt is aged by the movements that made it, first
in, first out: a payment clears what arose first, so what is owed now are the newest movements
that add up to it. The ages of a former resident's debt are those it had in the wallet, up to the
settlement that took it over; a payment of it clears the oldest too.

A transaction that a reversal took back whole counts for nothing, and neither does the reversal: a
payment that bounced leaves the debt as old as it was. A reversal with an override moved other
accounts than it reversed; both count, each on its day.

Owed at the end of the last day, by when things happened; only what arose since the first day, if
one is named. Over everything the sums are those of the wallets and of the settlements.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Q

from quantify.money import ZERO
from quantify.periods import local_day
from quantify.tables.description import Column, Kind, Value
from reports.report import DAY, Answer, Question, Report, Row, Starts
from units.models import Occupancy
from wallets.models import Account

RESIDENT, FORMER_RESIDENT = "resident", "former resident"
OTHER = "other"
"""Debts that no utility made: services, corrections."""


class GroupBy(StrEnum):
    UNIT = "unit"
    UTILITY = "utility"


BUCKETS = (30, 60, 90)
AGES = (
    Column("days_0_30", "0 to 30 days, R", Kind.MONEY),
    Column("days_31_60", "31 to 60 days, R", Kind.MONEY),
    Column("days_61_90", "61 to 90 days, R", Kind.MONEY),
    Column("over_90", "Over 90 days, R", Kind.MONEY),
    Column("total", "Owed, R", Kind.MONEY),
    Column("oldest", "Oldest", Kind.DATE, optional=True),
)
COLUMNS = {
    GroupBy.UNIT: (
        Column("unit", "Unit id"), Column("unit_number", "Unit"), Column("debtor", "Who owes"),
        Column("resident", "Name"), *AGES, Column("wallet", "Wallet id"),
        Column("settlement", "Settlement id", optional=True),
    ),
    GroupBy.UTILITY: (
        Column("utility", "Utility"), Column("debtors", "Debtors", Kind.COUNT), *AGES,
    ),
}  # fmt: skip

# What is owed at an instant, by wallet or settlement, utility and the local day it arose on.
# `settled` cuts a wallet's life into its residents'; `moved` is what each transaction added to
# the two debts (above zero) or paid of them; `arose` what it added once nothing was in credit;
# `newer` what arose after it. A posting into the water pocket (3) or of arrears (9) is a debt when
# debited. Wallets that owe nothing now are left out before their ledger is read, unless the
# question is about the past.
OWED = f"""
WITH settled AS (
    SELECT one.id, one.wallet_id, one.resident, closing.sequence,
        one.debt - one.kept - coalesce((
            SELECT sum(paid.amount) FROM wallets_transaction AS paid
            WHERE paid.wallet_id = one.wallet_id AND paid.kind = 'topup'
                AND paid.metadata ->> 'settlement' = one.id::text AND paid.occurred_at < %(end)s
                AND NOT EXISTS (SELECT 1 FROM wallets_transaction AS undone
                    WHERE undone.reverses_id = paid.id AND undone.occurred_at < %(end)s)
        ), 0) AS owed
    FROM wallets_settlement AS one
    JOIN wallets_transaction AS closing ON closing.id = one.transaction_id
    WHERE one.estate_id = %(estate)s AND closing.occurred_at < %(end)s
        AND NOT EXISTS (SELECT 1 FROM wallets_transaction AS undone
            WHERE undone.reverses_id = closing.id AND undone.occurred_at < %(end)s)
), asked AS (
    SELECT wallet.id FROM wallets_wallet AS wallet
    JOIN units_unit AS unit ON unit.id = wallet.unit_id
    WHERE unit.estate_id = %(estate)s AND (%(is_past)s OR wallet.arrears > 0 OR wallet.water < 0
        OR EXISTS (SELECT 1 FROM settled WHERE wallet_id = wallet.id AND owed > 0))
), moved AS (
    SELECT one.id, one.reverses_id, one.wallet_id, one.sequence, one.occurred_at, one.utility,
        sum(CASE WHEN posting.debit = {Account.ARREARS:d} THEN posting.amount
            WHEN posting.credit = {Account.ARREARS:d} THEN -posting.amount ELSE 0 END) AS arrears,
        sum(CASE WHEN posting.debit = {Account.WATER:d} THEN posting.amount
            WHEN posting.credit = {Account.WATER:d} THEN -posting.amount ELSE 0 END) AS water
    FROM wallets_transaction AS one
    CROSS JOIN LATERAL unnest(one.debits, one.credits, one.amounts)
        AS posting (debit, credit, amount)
    WHERE one.wallet_id IN (SELECT id FROM asked) AND one.occurred_at < %(end)s
    GROUP BY one.id
), standing AS (
    SELECT moved.*, (
        SELECT settled.id FROM settled
        WHERE settled.wallet_id = moved.wallet_id AND settled.sequence >= moved.sequence
        ORDER BY settled.sequence LIMIT 1
    ) AS settlement_id
    FROM moved
    WHERE NOT EXISTS (SELECT 1 FROM settled
            WHERE settled.wallet_id = moved.wallet_id AND settled.sequence = moved.sequence)
        AND NOT EXISTS (SELECT 1 FROM moved AS other
            WHERE (other.id = moved.reverses_id OR other.reverses_id = moved.id)
                AND other.arrears = -moved.arrears AND other.water = -moved.water)
), debts AS (
    SELECT standing.wallet_id, standing.settlement_id, standing.sequence, standing.occurred_at,
        debt.account, debt.change, debt.utility,
        sum(debt.change) OVER (
            PARTITION BY standing.wallet_id, standing.settlement_id, debt.account
            ORDER BY standing.sequence) AS balance,
        sum(debt.change) OVER (
            PARTITION BY standing.wallet_id, standing.settlement_id, debt.account) AS final
    FROM standing
    CROSS JOIN LATERAL (VALUES
        ({Account.ARREARS:d}, standing.arrears, coalesce(nullif(standing.utility, ''), '{OTHER}')),
        ({Account.WATER:d}, standing.water, 'water')
    ) AS debt (account, change, utility)
    WHERE debt.change <> 0
), arising AS (
    SELECT *, greatest(balance, 0) - greatest(balance - change, 0) AS arose FROM debts
), aged AS (
    SELECT arising.*, sum(arose) OVER (
        PARTITION BY wallet_id, settlement_id, CASE WHEN settlement_id IS NULL THEN account END
        ORDER BY sequence DESC, account
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newer
    FROM arising WHERE arose > 0
)
SELECT aged.wallet_id, unit.id, unit.unit_number, aged.settlement_id, settled.resident,
    aged.utility, (aged.occurred_at AT TIME ZONE %(zone)s)::date,
    sum(least(aged.arose, left_over.amount))
FROM aged
JOIN wallets_wallet AS wallet ON wallet.id = aged.wallet_id
JOIN units_unit AS unit ON unit.id = wallet.unit_id
LEFT JOIN settled ON settled.id = aged.settlement_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN aged.settlement_id IS NULL THEN aged.final ELSE settled.owed END
        - coalesce(aged.newer, 0) AS amount
) AS left_over
WHERE left_over.amount > 0
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""  # noqa: S608


class Debt(NamedTuple):
    """What is owed of a utility since a local day, in rand; with a settlement by who moved out."""

    wallet: UUID
    unit: UUID
    unit_number: str
    settlement: UUID | None
    former: str | None
    utility: str
    since: date
    amount: Decimal

    @property
    def debtor(self) -> tuple[UUID, UUID | None]:
        return self.wallet, self.settlement


def answer(question: Question) -> Answer:
    """The debts by age; two statements."""
    debts = owed(question)
    if not debts:
        return Answer(rows=[])
    if question.group_by is GroupBy.UTILITY:
        names = sorted({one.utility for one in debts})
        rows: list[Row] = [
            (name, _debtors(own), *_ages(own, question))
            for name in names
            if (own := [one for one in debts if one.utility == name])
        ]
        return Answer(rows=rows, totals=[(None, _debtors(debts), *_ages(debts, question))])
    people = _people(question, debts)
    groups: dict[tuple[UUID, UUID | None], list[Debt]] = {}
    for one in debts:
        groups.setdefault(one.debtor, []).append(one)
    rows = [
        (
            str(own[0].unit), own[0].unit_number,
            FORMER_RESIDENT if own[0].settlement else RESIDENT, _name(own[0], people, question),
            *_ages(own, question), str(own[0].wallet), _id(own[0].settlement),
        )
        for own in groups.values()
    ]  # fmt: skip
    total = (None, None, None, None, *_ages(debts, question), None, None)
    return Answer(rows=rows, totals=[total])


def owed(question: Question) -> list[Debt]:
    """What is owed at the end of the last day, in the order of the units."""
    end, zone = question.period.end, question.estate.zone
    with connection.cursor() as cursor:
        cursor.execute(
            OWED,
            {
                "estate": question.estate.pk, "zone": question.estate.time_zone, "end": end,
                "is_past": question.last_day < local_day(question.now, zone),
            },
        )  # fmt: skip
        found = [Debt(*row) for row in cursor.fetchall()]
    asked = [
        one
        for one in found
        if one.since >= question.first_day and question.utility in (None, one.utility)
    ]
    return sorted(asked, key=lambda one: (one.unit_number, str(one.settlement or ""), one.since))


def _ages(debts: Sequence[Debt], question: Question) -> tuple[Value, ...]:
    """By age in days at the end of the last day: the sums of the buckets, of all, the oldest."""
    sums = [ZERO] * (len(BUCKETS) + 1)
    for one in debts:
        age = (question.last_day - one.since).days
        sums[sum(age > limit for limit in BUCKETS)] += one.amount
    return *sums, sum(sums, ZERO), min((one.since for one in debts), default=None)


def _debtors(debts: Iterable[Debt]) -> int:
    return len({one.debtor for one in debts})


def _people(question: Question, debts: Sequence[Debt]) -> Mapping[UUID, str]:
    """Who lives in each unit at the end of the last day, the tenant before the owner."""
    if not question.sees_people:
        return {}
    living = Occupancy.objects.filter(
        Q(ends_on=None) | Q(ends_on__gt=question.last_day),
        unit__in={one.unit for one in debts if one.settlement is None},
        starts_on__lt=question.last_day + DAY,
        is_primary=True,
    )
    rows = living.select_related("resident").order_by("kind", "starts_on")
    return {one.unit_id: str(one.resident) for one in rows}


def _id(pk: UUID | None) -> str | None:
    return None if pk is None else str(pk)


def _name(one: Debt, people: Mapping[UUID, str], question: Question) -> str:
    if one.settlement is None:
        return people.get(one.unit, "")
    return (one.former or "") if question.sees_people else ""


REPORT = Report(
    slug="arrears",
    title="Arrears by age",
    says="What is owed, by how long it has been owed, also by people who moved out.",
    columns=COLUMNS,
    answer=answer,
    starts=Starts.BEGINNING,
)
