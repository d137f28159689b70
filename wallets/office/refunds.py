"""
Money paid back to a resident.

It leaves `available` for the estate's `REFUNDS` account, and that account for the clearing account
of the method in the same transaction: the clearing account agrees with the bank, and the turnover
of `REFUNDS` is what was paid back. What is owed stays: only what is free above it is paid back.
"""

from decimal import Decimal
from typing import Unpack
from uuid import UUID

from accounts.models import User
from wallets import amounts, ledger, wakeups
from wallets.entries import Occasion
from wallets.ledger import Entry, Posted
from wallets.models import Account, Transaction
from wallets.pockets import Flow, Movement, Tap
from wallets.topups import CLEARING

METHODS = (
    Transaction.Method.EFT,
    Transaction.Method.CARD,
    Transaction.Method.INSTANT_EFT,
    Transaction.Method.CASH,
)


class UnknownMethod(Exception):
    """Money is not paid back in this way."""


def refund(
    *,
    wallet_id: UUID,
    amount: Decimal,
    payment_method: str,
    reason: str,
    actor: User | None,
    **occasion: Unpack[Occasion],
) -> Posted:
    """
    Pay an amount of rand back from what is available; also from a deleted unit's wallet.

    The same idempotency key again returns the first transaction, unchanged.

    :raises amounts.InvalidAmount: if it is no amount above zero.
    :raises amounts.InvalidReason: if no reason is given.
    :raises UnknownMethod: if money is not paid back in this way.
    :raises InsufficientBalance: if less is free; nothing changes.
    :raises ledger.WalletSuspended: if the wallet is suspended.
    :raises ledger.IdempotencyKeyReused: if the key stands for another request.
    """
    posted = ledger.post(
        entry(
            wallet_id=wallet_id,
            amount=amount,
            payment_method=payment_method,
            reason=reason,
            actor=actor,
            **occasion,
        )
    )
    wakeups.credit_changed(wallet_id)
    return posted


def entry(
    *,
    wallet_id: UUID,
    amount: Decimal,
    payment_method: str,
    reason: str,
    actor: User | None,
    **occasion: Unpack[Occasion],
) -> Entry:
    """A refund to be posted; raises what is wrong with it whatever the wallet holds."""
    amounts.check(amount)
    if payment_method not in METHODS:
        raise UnknownMethod("Pay back by EFT, card, instant EFT or cash.")
    clearing = CLEARING[Transaction.Method(payment_method)]
    flow = Flow(
        amount=amount,
        sources=(Tap(Account.AVAILABLE),),
        sinks=(Tap(Account.REFUNDS),),
        onward=(Movement(debit=Account.REFUNDS, credit=clearing, amount=amount),),
        above_debts=True,
        shortage="R{free} can be refunded: what is available less what is owed.",
    )
    return Entry(
        wallet_id=wallet_id,
        kind=Transaction.Kind.REFUND,
        amount=amount,
        flow=flow,
        payment_method=payment_method,
        reason=amounts.check_reason(reason),
        actor=actor,
        refuse_suspended=True,
        **occasion,
    )
