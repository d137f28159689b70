"""
What an operation on a wallet would do: it is done, looked at, and taken back.

A preview made in this way cannot differ from what is posted afterwards, whatever the rules are.
It costs a transaction number, as every refused posting does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from wallets.ledger import Posted
from wallets.models import AdjustmentProposal, Wallet
from wallets.pockets import Pockets, pockets_of

type Operation = Callable[[], Posted | AdjustmentProposal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """A wallet's money before and after an operation, and what the operation answered."""

    before: Pockets
    after: Pockets
    answer: Posted | AdjustmentProposal


def rehearse(wallet_id: UUID, operation: Operation) -> Rehearsed:
    """Do an operation on a wallet and take it back; raises what the operation raises."""
    with transaction.atomic():
        before = _pockets(wallet_id)
        answer = operation()
        rehearsed = Rehearsed(before=before, after=_pockets(wallet_id), answer=answer)
        transaction.set_rollback(True)
    return rehearsed


def _pockets(wallet_id: UUID) -> Pockets:
    return pockets_of(Wallet.objects.get(pk=wallet_id))
