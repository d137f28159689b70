"""Money in and money charged over the last days; reversals counted against what they undo."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import DecimalField, F, Q, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from quantify.money import ZERO
from quantify.periods import Period
from wallets.models import Transaction

TOPUP = Transaction.Kind.TOPUP
CONSUMPTION = (
    Transaction.Kind.CONSUMPTION_ELECTRICITY,
    Transaction.Kind.CONSUMPTION_WATER,
    Transaction.Kind.CONSUMPTION_SOLAR,
)


@dataclass(frozen=True, slots=True)
class Flow:
    money_in: Decimal
    charged: Decimal


def flow(user: User, *, start: datetime, end: datetime) -> Flow:
    period = Period(start, end)
    rows = Transaction.objects.visible_to(user).filter(
        occurred_at__gte=period.start, occurred_at__lt=period.end
    )
    totals = rows.aggregate(
        money_in=_sum(Q(kind=TOPUP) | Q(reverses__kind=TOPUP)),
        charged=_sum(Q(kind__in=CONSUMPTION) | Q(reverses__kind__in=CONSUMPTION)),
    )
    return Flow(money_in=totals["money_in"], charged=totals["charged"])


def _sum(which: Q) -> Coalesce:
    # The amount of a reversal is the negated one of what it reverses.
    return Coalesce(Sum(F("amount"), filter=which), ZERO, output_field=DecimalField())
