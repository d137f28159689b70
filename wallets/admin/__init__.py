"""Wallets, the ledger, bills and what credit does to a supply, in the portal."""

from wallets.admin import bills, ledger, supplies, wallets

__all__ = ["bills", "ledger", "supplies", "wallets"]
