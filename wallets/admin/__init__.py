"""Wallets, the ledger, bills and what credit does to a supply, in the portal."""

from wallets.admin import (
    accounts,
    bills,
    closings,
    differences,
    ledger,
    proposals,
    rehearsals,
    settlements,
    supplies,
    suspense,
    wallets,
)

__all__ = [
    "accounts",
    "bills",
    "closings",
    "differences",
    "ledger",
    "proposals",
    "rehearsals",
    "settlements",
    "supplies",
    "suspense",
    "wallets",
]
