"""
The terms on which a wallet is warned: each its own, else that of its estate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce, NullIf

from wallets.low_balance import Rule, Terms
from wallets.models import Wallet, WarningTerms

ESTATE, WALLET = "estate", "wallet"
OWN = (
    "low_balance_rule",
    "low_balance_days",
    "low_balance_repeat_hours",
    "low_balance_critical_percent",
)
ALL = ("low_balance_rule", "low_balance_limit", *OWN[1:])


@dataclass(frozen=True, slots=True)
class Inherited:
    """A term that holds for a wallet, and whether the estate or the wallet sets it."""

    value: Any
    source: str


def limit_of(wallet: str = "") -> Coalesce:
    """The limit in SQL, for rows that reach the wallet over a path such as `wallet__`."""
    return Coalesce(
        f"{wallet}low_balance_limit", f"{wallet}unit__estate__settings__low_balance_limit"
    )


def rule_of(wallet: str = "") -> Coalesce:
    """The rule in SQL."""
    return Coalesce(
        NullIf(f"{wallet}warning_terms__low_balance_rule", Value("")),
        f"{wallet}unit__estate__settings__low_balance_rule",
    )


def with_terms(wallets: QuerySet[Wallet]) -> QuerySet[Wallet]:
    """Wallets with all that their terms are read from."""
    return wallets.select_related("unit__estate__settings", "warning_terms")


def inherited(wallet: Wallet) -> dict[str, Inherited]:
    """What holds for a wallet, by the name of the setting, and where it comes from."""
    own: Any = getattr(wallet, "warning_terms", None)
    settings: Any = wallet.unit.estate.settings
    found = {}
    for name in ALL:
        holder = wallet if name == "low_balance_limit" else own
        value = getattr(holder, name, None)
        if value in (None, ""):
            found[name] = Inherited(getattr(settings, name), ESTATE)
        else:
            found[name] = Inherited(value, WALLET)
    return found


def terms_of(wallet: Wallet) -> Terms:
    """What holds for a wallet."""
    found = inherited(wallet)
    return Terms(
        rule=Rule(found["low_balance_rule"].value),
        limit=found["low_balance_limit"].value,
        days=found["low_balance_days"].value,
        repeat_hours=found["low_balance_repeat_hours"].value,
        critical_percent=found["low_balance_critical_percent"].value,
    )


@transaction.atomic
def override(*, wallet: Wallet, terms: Mapping[str, Any]) -> WarningTerms:
    """
    Set some of a wallet's own terms; an empty one is the estate's again.

    :raises django.core.exceptions.ValidationError: if a term is refused.
    """
    own = WarningTerms.objects.select_for_update().filter(wallet=wallet).first()
    own = own or WarningTerms(wallet=wallet)
    for name, value in terms.items():
        setattr(own, name, "" if name == "low_balance_rule" and value is None else value)
    own.full_clean()
    own.save()
    return own
