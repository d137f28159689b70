"""
What people who moved out still owe by their settlement, and how they pay it.

It stands in the estate's `FORMER_RESIDENTS`, not in the wallet, which belongs to who came after.
"""

from decimal import Decimal
from typing import Unpack
from uuid import UUID

from accounts.models import User
from quantify.money import ZERO
from wallets import amounts, ledger
from wallets.entries import Occasion
from wallets.ledger import Entry, Posted
from wallets.models import Account, Settlement, Transaction
from wallets.office import refunds
from wallets.pockets import Flow, Movement
from wallets.topups import CLEARING


class NotOwed(Exception):
    """Less is owed by the former resident."""


def collect(
    *,
    settlement_id: UUID,
    amount: Decimal,
    payment_method: str,
    actor: User | None,
    **occasion: Unpack[Occasion],
) -> Posted:
    """
    Take a former resident's payment of what they owe; the wallet is not touched.

    :raises amounts.InvalidAmount: if it is no amount above zero.
    :raises refunds.UnknownMethod: if money does not come in that way.
    :raises NotOwed: if less is owed.
    :raises ledger.IdempotencyKeyReused: if the key stands for another request.
    """
    amounts.check(amount)
    if payment_method not in refunds.METHODS:
        raise refunds.UnknownMethod("Money comes in by EFT, card, instant EFT or cash.")
    settlement = Settlement.objects.get(pk=settlement_id)
    clearing = CLEARING[Transaction.Method(payment_method)]
    with ledger.waiting_briefly():
        ledger.lock([settlement.wallet_id])
        is_known = ledger.is_posted(occasion.get("idempotency_key"))
        if not is_known and amount > (owed := outstanding(settlement)):
            raise NotOwed(f"R{max(owed, ZERO)} is owed.")
        return ledger.post(
            Entry(
                wallet_id=settlement.wallet_id,
                kind=Transaction.Kind.TOPUP,
                amount=amount,
                flow=Flow(onward=(Movement(clearing, Account.FORMER_RESIDENTS, amount),)),
                payment_method=payment_method,
                metadata={"settlement": str(settlement.pk)},
                actor=actor,
                **occasion,
            )
        )


def outstanding(settlement: Settlement) -> Decimal:
    """What the person still owes, in rand; below zero, what is kept for them."""
    standing = Transaction.objects.filter(wallet=settlement.wallet_id, reversed_by=None)
    if settlement.transaction_id and not standing.filter(pk=settlement.transaction_id).exists():
        return ZERO
    payments = standing.filter(kind=Transaction.Kind.TOPUP, metadata__settlement=str(settlement.pk))
    paid = sum(payments.values_list("amount", flat=True), ZERO)
    owed: Decimal = settlement.debt - settlement.kept - paid
    return owed
