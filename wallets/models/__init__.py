"""Wallets and their ledger, the bills that charge them, and what waits for a person."""

from wallets.models.accounts import AccountBook, AccountDay
from wallets.models.bills import Bill, BilledFacts, Charge
from wallets.models.closings import BillDifference, MonthClosing
from wallets.models.control import CreditSwitch
from wallets.models.ledger import Posting, Transaction, Wallet
from wallets.models.money import Account
from wallets.models.proposals import AdjustmentProposal
from wallets.models.settlements import Settlement
from wallets.models.suspense import SuspenseReceipt, SuspenseRelease
from wallets.models.warnings import WarningTerms

__all__ = [
    "Account",
    "AccountBook",
    "AccountDay",
    "AdjustmentProposal",
    "Bill",
    "BillDifference",
    "BilledFacts",
    "Charge",
    "CreditSwitch",
    "MonthClosing",
    "Posting",
    "Settlement",
    "SuspenseReceipt",
    "SuspenseRelease",
    "Transaction",
    "Wallet",
    "WarningTerms",
]
