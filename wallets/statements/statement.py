"""
The statement of a wallet over some local days: what came in, what was used, what it cost.

Everything is read from the ledger and the meters; nothing is stored. The sums are those of the
postings, so that opening, movements and closing agree with the ledger to the cent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import F, Q, QuerySet, Sum

from accounts.models import User
from quantify.money import ZERO
from quantify.periods import Period, first_of_month, local_day, midnight
from quantify.quantities import Utility
from units.models import Occupancy
from wallets.models import Account, Bill, Posting, Transaction, Wallet
from wallets.statements import meters
from wallets.statements.meters import MeterReadings

DAY = timedelta(days=1)
CHARGES = "consumption_"
PAID_FROM = [
    *(account for account in Account if account.name.startswith("CLEARING_")),
    Account.SUSPENSE,
]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a wallet holds and what it owes, in rand."""

    balance: Decimal
    arrears: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A transaction and what it did to the balance and to the arrears."""

    transaction: Transaction
    effect: Decimal
    arrears_effect: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one utility used (Wh or litres) and was charged (rand) on a local day."""

    day: date
    utility: Utility
    quantity: int
    charged: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """
    Where money went in the period, in rand, from the postings.

    `paid_in` less refunds and the four uses, with adjustments, is the change of what is held less
    what is owed.
    """

    paid_in: Decimal
    energy: Decimal
    water: Decimal
    vat: Decimal
    fees: Decimal
    refunds: Decimal
    adjustments: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """All that a statement shows; `last_day` belongs to it."""

    wallet: Wallet
    first_day: date
    last_day: date
    occupants: Sequence[str]
    opening: Standing
    closing: Standing
    movements: Sequence[Movement]
    readings: Sequence[MeterReadings]
    days: Sequence[Used]
    bills: Sequence[Bill]
    shares: Shares

    def used(self, utility: Utility) -> tuple[int, Decimal]:
        """What a utility used in all, and what was charged for it."""
        mine = [one for one in self.days if one.utility is utility]
        return sum(one.quantity for one in mine), sum((one.charged for one in mine), ZERO)

    def paid(self, utility: Utility) -> Decimal:
        """What of that was taken from the wallet; water may take it below zero."""
        return -sum((one.effect for one in self._charges(utility)), ZERO)

    def owed(self, utility: Utility) -> Decimal:
        """What of that became arrears."""
        return sum((one.arrears_effect for one in self._charges(utility)), ZERO)

    def _charges(self, utility: Utility) -> list[Movement]:
        return [one for one in self.movements if one.transaction.kind == f"{CHARGES}{utility}"]


def of(
    wallet: Wallet, *, first_day: date, last_day: date, asked_by: User | None = None
) -> Statement:
    """
    The statement of a wallet (with its unit and estate) from one local day to another.

    To a resident it shows no bill that another's use is in; the days must be of their stay.
    """
    zone = wallet.unit.estate.zone
    period = Period(midnight(first_day, zone), midnight(last_day + DAY, zone))
    opening = _standing(wallet, period.start)
    movements = _movements(wallet, period)
    return Statement(
        wallet=wallet,
        first_day=first_day,
        last_day=last_day,
        occupants=_occupants(wallet, first_day, last_day),
        opening=opening,
        closing=Standing(
            opening.balance + sum((one.effect for one in movements), ZERO),
            opening.arrears + sum((one.arrears_effect for one in movements), ZERO),
        ),
        movements=movements,
        readings=meters.readings(wallet, period),
        days=_days(wallet, first_day, last_day, movements),
        bills=_bills(wallet, first_day, last_day, asked_by),
        shares=_shares(wallet, period),
    )


def _standing(wallet: Wallet, at: datetime) -> Standing:
    """What was held and owed before an instant."""
    before = Transaction.objects.filter(wallet=wallet, occurred_at__lt=at)
    held = before.aggregate(sum=Sum(F("balance_after") - F("balance_before")))["sum"]
    postings = Posting.objects.filter(transaction__wallet=wallet, transaction__occurred_at__lt=at)
    return Standing(held or ZERO, -_net(postings).get(Account.ARREARS, ZERO))


def _net(postings: QuerySet[Posting]) -> dict[int, Decimal]:
    """Credits less debits of each account."""
    net: dict[int, Decimal] = {}
    for side, sign in (("credit", 1), ("debit", -1)):
        for account, amount in postings.values_list(side).annotate(Sum("amount")):
            net[account] = net.get(account, ZERO) + sign * amount
    return net


def _movements(wallet: Wallet, period: Period) -> list[Movement]:
    made = Transaction.objects.filter(
        wallet=wallet, occurred_at__gte=period.start, occurred_at__lt=period.end
    ).order_by("sequence")
    owed: dict[object, Decimal] = {}
    arrears = Posting.objects.filter(transaction__in=made).filter(
        Q(debit=Account.ARREARS) | Q(credit=Account.ARREARS)
    )
    for transaction_id, debit, amount in arrears.values_list("transaction", "debit", "amount"):
        sign = 1 if debit == Account.ARREARS else -1
        owed[transaction_id] = owed.get(transaction_id, ZERO) + sign * amount
    return [
        Movement(
            transaction=one,
            effect=one.balance_after - one.balance_before,
            arrears_effect=owed.get(one.pk, ZERO),
        )
        for one in made
    ]


def _occupants(wallet: Wallet, first_day: date, last_day: date) -> list[str]:
    """Who lived there in those days, the primary ones first."""
    living = Occupancy.objects.filter(
        Q(ends_on=None) | Q(ends_on__gt=first_day), unit=wallet.unit_id, starts_on__lte=last_day
    )
    rows = living.select_related("resident").order_by("-is_primary", "starts_on")
    return list(dict.fromkeys(str(one.resident) for one in rows))


def _days(
    wallet: Wallet, first_day: date, last_day: date, movements: Sequence[Movement]
) -> list[Used]:
    """By local day and utility: what was metered, and what was charged."""
    zone = wallet.unit.estate.zone
    quantities = meters.quantities(wallet, first_day, last_day)
    charged: dict[tuple[date, Utility], Decimal] = {}
    for movement in movements:
        made = movement.transaction
        if made.kind.startswith(CHARGES):
            key = (local_day(made.occurred_at, zone), Utility(made.utility))
            charged[key] = charged.get(key, ZERO) + made.amount
    return [
        Used(
            day=day,
            utility=utility,
            quantity=quantities.get((day, utility), 0),
            charged=charged.get((day, utility), ZERO),
        )
        for day, utility in sorted({*quantities, *charged})
    ]


def _bills(wallet: Wallet, first_day: date, last_day: date, asked_by: User | None) -> list[Bill]:
    """The bills of the months that the days touch, whole months as they stand now."""
    bills = Bill.objects.within_stays(asked_by) if asked_by else Bill.objects.all()
    return list(
        bills.filter(wallet=wallet, month__gte=first_of_month(first_day), month__lte=last_day)
        .select_related("version__rate_table")
        .order_by("month", "utility")
    )


def _shares(wallet: Wallet, period: Period) -> Shares:
    net = _net(
        Posting.objects.filter(
            transaction__wallet=wallet,
            transaction__occurred_at__gte=period.start,
            transaction__occurred_at__lt=period.end,
        )
    )
    return Shares(
        paid_in=-sum((net.get(account, ZERO) for account in PAID_FROM), ZERO),
        energy=net.get(Account.REVENUE_ELECTRICITY, ZERO) + net.get(Account.REVENUE_SOLAR, ZERO),
        water=net.get(Account.REVENUE_WATER, ZERO),
        vat=net.get(Account.VAT_OUTPUT, ZERO),
        fees=net.get(Account.SERVICE_CHARGES, ZERO),
        refunds=net.get(Account.REFUNDS, ZERO),
        adjustments=-net.get(Account.ADJUSTMENTS, ZERO) - net.get(Account.FORMER_RESIDENTS, ZERO),
    )
