"""Binding free money to a utility."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from accounts.models import User
from quantify.quantities import Utility
from wallets import ledger
from wallets.ledger import Posted
from wallets.models import Account, Transaction
from wallets.pockets import InsufficientBalance, Movement, Pockets

POCKET = {
    Utility.ELECTRICITY: Account.ELECTRICITY,
    Utility.WATER: Account.WATER,
    Utility.SOLAR: Account.SOLAR,
}


def purchase(
    *,
    wallet_id: UUID,
    utility: str,
    amount: Decimal,
    occurred_at: datetime,
    actor: User | None,
    idempotency_key: str | None = None,
    request_digest: str = "",
) -> Posted:
    """
    Move money from `available` to a utility's pocket.

    :raises InsufficientBalance: if less is available; nothing changes.
    """
    pocket = POCKET[Utility(utility)]

    def plan(pockets: Pockets) -> Sequence[Movement]:
        if pockets.available < amount:
            raise InsufficientBalance(
                f"R{pockets.available} is available, R{amount} was asked for. Top up first."
            )
        return [Movement(debit=Account.AVAILABLE, credit=pocket, amount=amount)]

    return ledger.post(
        ledger.Entry(
            wallet_id=wallet_id,
            kind=Transaction.Kind(f"purchase_{utility}"),
            amount=amount,
            plan=plan,
            occurred_at=occurred_at,
            utility=utility,
            idempotency_key=idempotency_key,
            request_digest=request_digest,
            actor=actor,
            refuse_suspended=True,
            refuse_closed=True,
        )
    )
