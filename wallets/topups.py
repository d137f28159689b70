"""Money paid in: what it clears first, and where the rest goes."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Unpack
from uuid import UUID

from django.db import transaction

from accounts.models import User
from estates.models import EstateSettings
from quantify.money import HUNDRED, percentage, to_cents
from wallets import ledger, receipts, wakeups
from wallets.entries import Occasion
from wallets.ledger import Entry, Posted
from wallets.models import Account, Transaction, Wallet
from wallets.pockets import Flow, Pockets, Tap, pockets_of

CLEARING = {
    Transaction.Method.EFT: Account.CLEARING_EFT,
    Transaction.Method.CARD: Account.CLEARING_CARD,
    Transaction.Method.INSTANT_EFT: Account.CLEARING_INSTANT_EFT,
    Transaction.Method.CASH: Account.CLEARING_CASH,
    Transaction.Method.ADJUSTMENT: Account.ADJUSTMENTS,
    Transaction.Method.SYSTEM: Account.CLEARING_SYSTEM,
}
POCKET = {
    "": Account.AVAILABLE,
    "electricity": Account.ELECTRICITY,
    "water": Account.WATER,
    "solar": Account.SOLAR,
}


class BelowMinimum(Exception):
    """The amount is less than the estate takes."""


class AboveMaximum(Exception):
    """The amount is more than the estate takes at once."""


class AboveLimit(AboveMaximum):
    """Money that nobody paid in: above the estate's limit, two people adjust it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a top-up and the account it goes to."""

    account: Account
    amount: Decimal


def paying_in(
    source: Account, amount: Decimal, *, utility: str, debt_recovery_percent: Decimal
) -> Flow:
    """Divide an amount: water debt, then arrears up to their share, then the named pocket."""
    recoverable = to_cents(percentage(amount, debt_recovery_percent))
    return Flow(
        amount=amount,
        sources=(Tap(source),),
        sinks=(
            Tap(Account.WATER, bounded=True),
            Tap(Account.ARREARS, bounded=True, cap=recoverable),
            Tap(POCKET[utility]),
        ),
    )


def split(
    *, pockets: Pockets, amount: Decimal, utility: str, debt_recovery_percent: Decimal
) -> list[Part]:
    """How an amount that is paid in would be divided."""
    flow = paying_in(
        Account.CLEARING_SYSTEM,
        amount,
        utility=utility,
        debt_recovery_percent=debt_recovery_percent,
    )
    return [Part(move.credit, move.amount) for move in flow.movements(pockets)]


def preview(*, wallet: Wallet, amount: Decimal, utility: str = "") -> list[Part]:
    """
    How a top-up would be divided now; posts nothing.

    :raises BelowMinimum: if the estate does not take so little.
    :raises AboveMaximum: if the estate does not take so much at once.
    """
    settings = _settings(wallet.pk)
    _check_limits(amount, settings)
    return split(
        pockets=pockets_of(wallet),
        amount=amount,
        utility=utility,
        debt_recovery_percent=settings.debt_recovery_percent,
    )


def top_up(
    *,
    wallet_id: UUID,
    amount: Decimal,
    payment_method: str,
    utility: str = "",
    metadata: dict[str, object] | None = None,
    actor: User | None,
    **occasion: Unpack[Occasion],
) -> Posted:
    """
    Pay money into a wallet, and let credit control look at it.

    The same idempotency key again returns the first transaction, unchanged.

    :raises BelowMinimum: if the estate does not take so little.
    :raises AboveMaximum: if the estate does not take so much at once.
    :raises AboveLimit: if an adjustment is more than one person may make.
    :raises ledger.WalletSuspended: if the wallet takes no money.
    :raises ledger.EstateClosed: if the unit or its estate was deleted.
    :raises ledger.IdempotencyKeyReused: if the key stands for another request.
    """
    settings = _settings(wallet_id)
    _check_limits(amount, settings)
    if payment_method == Transaction.Method.ADJUSTMENT and amount > settings.adjustment_limit:
        raise AboveLimit(
            f"Above R{settings.adjustment_limit} a second person approves: use an adjustment."
        )
    paid = entry(
        wallet_id=wallet_id,
        amount=amount,
        payment_method=payment_method,
        utility=utility,
        metadata=metadata,
        actor=actor,
        debt_recovery_percent=settings.debt_recovery_percent,
        **occasion,
    )
    with transaction.atomic():
        posted = ledger.post(paid)
        if not posted.replayed:
            receipts.thank(posted.transaction)
        wakeups.credit_changed(wallet_id)
    return posted


def entry(  # noqa: PLR0913  (the fields of the request)
    *,
    wallet_id: UUID,
    amount: Decimal,
    payment_method: str,
    utility: str = "",
    metadata: dict[str, object] | None = None,
    actor: User | None,
    debt_recovery_percent: Decimal = HUNDRED,
    source: Account | None = None,
    **occasion: Unpack[Occasion],
) -> Entry:
    """
    A top-up to be posted with others; the limits are the caller's to check.

    The money comes from `source`, by default from the clearing account of its method.
    """
    flow = paying_in(
        source or CLEARING[Transaction.Method(payment_method)],
        amount,
        utility=utility,
        debt_recovery_percent=debt_recovery_percent,
    )
    return Entry(
        wallet_id=wallet_id,
        kind=Transaction.Kind.TOPUP,
        amount=amount,
        flow=flow,
        utility=utility,
        payment_method=payment_method,
        metadata=metadata or {},
        actor=actor,
        refuse_suspended=True,
        refuse_closed=True,
        **occasion,
    )


def split_of(transaction: Transaction) -> list[Part]:
    """How a top-up was divided when it was posted."""
    paid = zip(transaction.credits, transaction.amounts, strict=True)
    return [Part(Account(account), amount) for account, amount in paid]


def _settings(wallet_id: UUID) -> EstateSettings:
    return EstateSettings.objects.get(estate__units__wallet=wallet_id)


def _check_limits(amount: Decimal, settings: EstateSettings) -> None:
    if amount < settings.topup_minimum:
        raise BelowMinimum(f"The smallest top-up is R{settings.topup_minimum}.")
    if amount > settings.topup_maximum:
        raise AboveMaximum(f"The largest top-up is R{settings.topup_maximum}.")
