"""Amounts, and the accounts they move between."""

from typing import Any

from django.db import models


def money(**options: Any) -> models.DecimalField:
    """A column of rand and cents."""
    return models.DecimalField(max_digits=14, decimal_places=2, **options)


class Account(models.IntegerChoices):
    """
    The accounts that postings move money between.

    Those of a wallet belong to the wallet of the transaction, the others to its estate.
    """

    AVAILABLE = 1, "Wallet: available"
    ELECTRICITY = 2, "Wallet: electricity"
    WATER = 3, "Wallet: water"
    SOLAR = 4, "Wallet: solar"
    ARREARS = 9, "Wallet: arrears"
    CLEARING_EFT = 20, "Clearing: EFT"
    CLEARING_CARD = 21, "Clearing: card"
    CLEARING_INSTANT_EFT = 22, "Clearing: instant EFT"
    CLEARING_CASH = 23, "Clearing: cash"
    CLEARING_SYSTEM = 24, "Clearing: system"
    REVENUE_ELECTRICITY = 30, "Revenue: electricity"
    REVENUE_WATER = 31, "Revenue: water"
    REVENUE_SOLAR = 32, "Revenue: solar"
    VAT_OUTPUT = 40, "VAT output"
    ADJUSTMENTS = 50, "Adjustments"
    REFUNDS = 51, "Refunds"
    SERVICE_CHARGES = 52, "Service charges"
    SUSPENSE = 60, "Suspense"
    FORMER_RESIDENTS = 61, "Former residents"
