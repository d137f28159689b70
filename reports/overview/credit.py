"""Where wallets stand: what they hold, and which run low."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, DecimalField, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from quantify.money import ZERO
from wallets.limits import limit_of
from wallets.models import Wallet

LISTED = 8


@dataclass(frozen=True, slots=True)
class Balances:
    """`low` wallets are below their limit and above zero; `empty` ones at or below it."""

    wallets: int
    balance: Decimal
    arrears: Decimal
    low: int
    empty: int


@dataclass(frozen=True, slots=True)
class LowWallet:
    wallet_id: UUID
    unit_number: str
    estate_code: str
    balance: Decimal
    arrears: Decimal
    limit: Decimal


def balances(user: User) -> Balances:
    totals = _wallets(user).aggregate(
        wallets=Count("pk"),
        held=Coalesce(Sum("balance"), ZERO, output_field=DecimalField()),
        owed=Coalesce(Sum("arrears"), ZERO, output_field=DecimalField()),
        low=Count("pk", filter=Q(balance__gt=0, balance__lt=F("limit"))),
        empty=Count("pk", filter=Q(balance__lte=0)),
    )
    return Balances(
        wallets=totals["wallets"],
        balance=totals["held"],
        arrears=totals["owed"],
        low=totals["low"],
        empty=totals["empty"],
    )


def lowest(user: User, *, at_most: int = LISTED) -> list[LowWallet]:
    """The wallets below their limit, those with the least first."""
    rows = (
        _wallets(user)
        .filter(balance__lt=F("limit"))
        .order_by("balance", "-arrears", "pk")
        .values_list("pk", "unit__unit_number", "unit__estate__code", "balance", "arrears", "limit")
    )
    return [LowWallet(*row) for row in rows[:at_most]]


def _wallets(user: User) -> QuerySet:
    """Wallets of units in use, each with the limit below which it counts as low."""
    return (
        Wallet.objects.visible_to(user)
        .filter(unit__deleted_at=None, unit__estate__deleted_at=None)
        .annotate(limit=limit_of())
    )
