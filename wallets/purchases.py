"""Binding free money to a utility."""

from decimal import Decimal
from typing import Unpack
from uuid import UUID

from accounts.models import User
from quantify.quantities import Utility
from wallets import ledger
from wallets.entries import Occasion
from wallets.ledger import Posted
from wallets.models import Account, Transaction
from wallets.pockets import Flow, Tap

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
    actor: User | None,
    **occasion: Unpack[Occasion],
) -> Posted:
    """
    Move money from `available` to a utility's pocket.

    :raises InsufficientBalance: if less is available; nothing changes.
    """
    flow = Flow(
        amount=amount,
        sources=(Tap(Account.AVAILABLE),),
        sinks=(Tap(POCKET[Utility(utility)]),),
        shortage="R{available} is available, R{amount} was asked for. Top up first.",
    )
    return ledger.post(
        ledger.Entry(
            wallet_id=wallet_id,
            kind=Transaction.Kind(f"purchase_{utility}"),
            amount=amount,
            flow=flow,
            utility=utility,
            actor=actor,
            refuse_suspended=True,
            refuse_closed=True,
            **occasion,
        )
    )
