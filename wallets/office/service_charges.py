"""
Charges of the office for what it did: a reconnection, a test of a meter, a lost key.

The amount is what the resident pays, VAT included. It is taken from `available`; what is not there
becomes arrears, since the service was given, as with energy that was used. It goes to the estate's
`SERVICE_CHARGES`, and the VAT within it (15/115) on to `VAT_OUTPUT` if the estate's setting
`vat_registered` says so. Money bound to a utility is left alone.
"""

from decimal import Decimal
from typing import Unpack
from uuid import UUID

from accounts.models import User
from estates.models import EstateSettings
from quantify.money import ZERO, vat_within
from wallets import amounts, ledger, wakeups
from wallets.entries import Occasion
from wallets.ledger import Entry, Posted
from wallets.models import Account, Transaction
from wallets.pockets import Flow, Movement, Tap


def charge(
    *,
    wallet_id: UUID,
    amount: Decimal,
    reason: str,
    actor: User | None,
    **occasion: Unpack[Occasion],
) -> Posted:
    """
    Charge a wallet an amount of rand, VAT included, for a service.

    The same idempotency key again returns the first transaction, unchanged.

    :raises amounts.InvalidAmount: if it is no amount above zero.
    :raises amounts.InvalidReason: if no reason is given.
    :raises ledger.WalletSuspended: if the wallet is suspended.
    :raises ledger.EstateClosed: if the unit or its estate was deleted.
    :raises ledger.IdempotencyKeyReused: if the key stands for another request.
    """
    posted = ledger.post(
        entry(
            wallet_id=wallet_id,
            amount=amount,
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
    reason: str,
    actor: User | None,
    **occasion: Unpack[Occasion],
) -> Entry:
    """A service charge to be posted; raises what is wrong with it."""
    amounts.check(amount)
    settings = EstateSettings.objects.get(estate__units__wallet=wallet_id)
    vat = vat_within(amount) if settings.vat_registered else ZERO
    return Entry(
        wallet_id=wallet_id,
        kind=Transaction.Kind.SERVICE_CHARGE,
        amount=amount,
        flow=flow(amount, vat),
        payment_method=Transaction.Method.SYSTEM,
        reason=amounts.check_reason(reason),
        actor=actor,
        refuse_suspended=True,
        refuse_closed=True,
        **occasion,
    )


def flow(amount: Decimal, vat: Decimal) -> Flow:
    """What is available pays first, arrears the rest; then the VAT within the amount goes on."""
    passed_on = Movement(Account.SERVICE_CHARGES, Account.VAT_OUTPUT, vat)
    return Flow(
        amount=amount,
        sources=(Tap(Account.AVAILABLE, bounded=True), Tap(Account.ARREARS)),
        sinks=(Tap(Account.SERVICE_CHARGES),),
        onward=(passed_on,) if vat else (),
    )
