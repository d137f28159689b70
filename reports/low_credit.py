"""
Wallets below their limit now: how long the money lasts, whom to call, what came in lately.

The limit is the wallet's own, else the estate's (`wallets.limits`); the level goes by the amount,
whatever the rule of the warnings. The days that are asked for bound what was paid in and charged.
With a utility, only units with a meter of it. Names and numbers of residents are told to those
who may see residents.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import DecimalField, F, Q, Sum
from django.db.models.functions import Coalesce

from meters.models import Installation, Meter
from quantify.money import ZERO
from quantify.periods import local_day
from quantify.tables.description import Column, Kind
from reports.report import Answer, Question, Report, Row, Starts
from units.models import Occupancy, Resident
from wallets import limits
from wallets.forecasting import forecast
from wallets.forecasting.forecast import Forecast
from wallets.low_balance import Level, Rule, State, Terms, level
from wallets.models import Transaction, Wallet

CUT = (Meter.RelayState.DISCONNECTED, Meter.RelayState.READY)


class GroupBy(StrEnum):
    UNIT = "unit"
    LEVEL = "level"


MONEY = (
    Column("balance", "Balance, R", Kind.MONEY),
    Column("arrears", "Arrears, R", Kind.MONEY),
    Column("paid_in", "Paid in, R", Kind.MONEY),
    Column("charged", "Charged, R", Kind.MONEY),
)
COLUMNS = {
    GroupBy.UNIT: (
        Column("wallet", "Wallet id"), Column("unit", "Unit id"), Column("unit_number", "Unit"),
        Column("level", "Level"), Column("limit", "Limit, R", Kind.MONEY), *MONEY,
        Column("days_left", "Days left", Kind.NUMBER, optional=True),
        Column("runs_out_at", "Runs out", Kind.INSTANT, optional=True),
        Column("earliest_at", "At the earliest", Kind.INSTANT, optional=True),
        Column("latest_at", "At the latest", Kind.INSTANT, optional=True),
        Column("forecast", "Forecast"), Column("supply", "Supply"),
        Column("resident", "Resident"), Column("phone", "Phone"), Column("email", "E-mail"),
    ),
    GroupBy.LEVEL: (Column("level", "Level"), Column("wallets", "Wallets", Kind.COUNT), *MONEY),
}  # fmt: skip
CONSUMPTION = [kind for kind in Transaction.Kind if kind.value.startswith("consumption_")]
BEYOND = f"lasts more than {forecast.HORIZON.days} days"


@dataclass(frozen=True, slots=True)
class Moved:
    """What came into a wallet and what was charged to it in the period, less what was reversed."""

    paid_in: Decimal = ZERO
    charged: Decimal = ZERO


def answer(question: Question) -> Answer:
    """The wallets, those with the least first; six statements, and those of the forecasts."""
    wallets = list(_wallets(question))
    moved = _moved(question, wallets)
    found = [(wallet, _level(limits.terms_of(wallet), wallet)) for wallet in wallets]
    if question.group_by is GroupBy.LEVEL:
        rows: list[Row] = [
            (one.value, len(own), *_money(own, moved))
            for one in (Level.CRITICAL, Level.LOW)
            if (own := [wallet for wallet, its in found if its is one])
        ]
        totals: list[Row] = [(None, len(wallets), *_money(wallets, moved))]
        return Answer(rows=rows, totals=totals if wallets else [])
    people, supplies = _people(question, wallets), _supplies(question, wallets)
    made = forecast.of_many([wallet.pk for wallet in wallets], now=question.now)
    total = (None,) * 5, _money(wallets, moved), (None,) * 9
    return Answer(
        rows=[
            (
                str(wallet.pk), str(wallet.unit_id), wallet.unit.unit_number, its.value,
                limits.terms_of(wallet).limit, *_money([wallet], moved),
                *_lasting(made[wallet.pk], question), supplies.get(wallet.unit_id, "no relay"),
                *_contact(people.get(wallet.unit_id)),
            )
            for wallet, its in found
        ],
        totals=[tuple(value for part in total for value in part)] if wallets else [],
    )  # fmt: skip


def _wallets(question: Question) -> Iterable[Wallet]:
    wallets = Wallet.objects.annotate(limit=limits.limit_of()).filter(
        unit__estate=question.estate, unit__deleted_at=None, balance__lt=F("limit")
    )
    if question.utility:
        hung = Installation.objects.at(question.now).filter(kind=question.utility.value)
        wallets = wallets.filter(unit__in=hung.values("unit"))
    return limits.with_terms(wallets).order_by("balance", "-arrears", "pk")


def _level(terms: Terms, wallet: Wallet) -> Level:
    """By the amount alone: every wallet here is below it."""
    by_amount = Terms(
        rule=Rule.FIXED, limit=terms.limit, days=terms.days, repeat_hours=terms.repeat_hours,
        critical_percent=terms.critical_percent,
    )  # fmt: skip
    return level(by_amount, State(balance=wallet.balance)) or Level.LOW


def _moved(question: Question, wallets: Sequence[Wallet]) -> Mapping[UUID, Moved]:
    period = question.period
    rows = Transaction.objects.filter(
        wallet__in=wallets, occurred_at__gte=period.start, occurred_at__lt=period.end
    )
    topup = Q(kind=Transaction.Kind.TOPUP) | Q(reverses__kind=Transaction.Kind.TOPUP)
    charge = Q(kind__in=CONSUMPTION) | Q(reverses__kind__in=CONSUMPTION)
    sums = rows.order_by().values_list("wallet").annotate(paid_in=_sum(topup), charged=_sum(charge))
    return {wallet_id: Moved(paid_in, charged) for wallet_id, paid_in, charged in sums}


def _sum(which: Q) -> Coalesce:
    # A former resident's payment is no money of this wallet.
    own = which & ~Q(metadata__has_key="settlement")
    return Coalesce(Sum("amount", filter=own), ZERO, output_field=DecimalField())


def _money(wallets: Sequence[Wallet], moved: Mapping[UUID, Moved]) -> tuple[Decimal, ...]:
    lately = [moved.get(wallet.pk, Moved()) for wallet in wallets]
    return (
        sum((one.balance for one in wallets), ZERO),
        sum((one.arrears for one in wallets), ZERO),
        sum((one.paid_in for one in lately), ZERO),
        sum((one.charged for one in lately), ZERO),
    )


def _lasting(made: Forecast, question: Question) -> tuple[Any, ...]:
    """Days left, the three instants, and what the forecast says in words."""
    if made.reason:
        return None, None, None, None, made.reason
    zone = question.estate.zone
    instants = (made.expected_at, made.earliest_at, made.latest_at)
    local = [at.astimezone(zone) if at else None for at in instants]
    return made.days_left, *local, "" if made.expected_at else BEYOND


def _people(question: Question, wallets: Sequence[Wallet]) -> Mapping[UUID, Resident]:
    """Who lives in each unit today, the tenant before the owner; nobody for who may not see."""
    if not question.sees_people:
        return {}
    living = Occupancy.objects.on(local_day(question.now, question.estate.zone)).filter(
        unit__in=[wallet.unit_id for wallet in wallets], is_primary=True
    )
    # "owner" comes before "tenant", so that the tenant stands in the end.
    rows = living.select_related("resident").order_by("kind", "starts_on")
    return {one.unit_id: one.resident for one in rows}


def _contact(resident: Resident | None) -> tuple[str, str, str]:
    return (str(resident), resident.phone, resident.email) if resident else ("", "", "")


def _supplies(question: Question, wallets: Sequence[Wallet]) -> Mapping[UUID, str]:
    """How the relays of each unit stand; a cut one before all others."""
    hung = Installation.objects.at(question.now).filter(
        unit__in=[wallet.unit_id for wallet in wallets], meter__has_relay=True
    )
    if question.utility:
        hung = hung.filter(kind=question.utility.value)
    rows = list(hung.values_list("unit", "meter__relay_state"))
    cut = {unit: state for unit, state in rows if state in CUT}
    return {unit: Meter.RelayState(state).label for unit, state in (dict(rows) | cut).items()}


REPORT = Report(
    slug="low-credit",
    title="Low credit",
    says="Wallets below their limit now, with how long the money lasts and whom to call.",
    columns=COLUMNS,
    answer=answer,
    starts=Starts.TODAY,
)
