"""Instants and movements that the tests of money share."""

from datetime import UTC, datetime
from decimal import Decimal

from wallets import topups
from wallets.models import Transaction, Wallet

NOON = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)


def top_up(wallet: Wallet, amount: str, **fields: object) -> Transaction:
    """Pay money into a wallet at noon."""
    posted = topups.top_up(
        wallet_id=wallet.pk,
        amount=Decimal(amount),
        payment_method=str(fields.pop("payment_method", "cash")),
        occurred_at=fields.pop("occurred_at", NOON),
        actor=None,
        **fields,
    )
    return posted.transaction
