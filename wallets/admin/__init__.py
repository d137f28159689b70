"""Wallets, the ledger, bills and what credit does to a supply, in the portal."""

from wallets.admin import bills, ledger, proposals, supplies, suspense, wallets

__all__ = ["bills", "ledger", "proposals", "supplies", "suspense", "wallets"]
