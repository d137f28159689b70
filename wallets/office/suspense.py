"""
Money that was received and cannot be matched to a wallet yet.

A receipt stands for the posting from a clearing account to `SUSPENSE`: it belongs to no wallet, so
it is no transaction of one. What leaves it does so by a release: allocated to a wallet, as a
top-up whose money comes from `SUSPENSE`, or given back to the payer. What is left is a question to
the database, not a number that is kept; when an allocation is reversed its money is back.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import User
from estates.models import Estate, EstateSettings
from wallets import amounts, ledger, topups, wakeups
from wallets.ledger import Posted
from wallets.models import Account, SuspenseReceipt, SuspenseRelease, Wallet
from wallets.pockets import pockets_of
from wallets.topups import Part


class ReceiptDiffers(Exception):
    """The payment was recorded before, and as another one."""


class NotEnoughLeft(Exception):
    """Less is left of the receipt than was asked for."""


class AnotherEstate(Exception):
    """The money was paid to another estate than the wallet's."""


class InvalidReceipt(Exception):
    """What is said of a payment cannot be so."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A receipt, and whether it was recorded before under the same external key."""

    receipt: SuspenseReceipt
    replayed: bool


def record(  # noqa: PLR0913  (the fields of the payment)
    *,
    amount: Decimal,
    payment_method: str,
    external_key: str,
    received_at: datetime,
    recorded_at: datetime,
    actor: User | None,
    estate: Estate | None = None,
    reference: str = "",
) -> Recorded:
    """
    Note money that came in for nobody known; the same external key again is the same receipt.

    :raises amounts.InvalidAmount: if it is no amount above zero.
    :raises InvalidReceipt: if it has no key, an unknown method, or comes from the future.
    :raises ReceiptDiffers: if the key stands for another payment.
    """
    amounts.check(amount)
    if payment_method not in SuspenseReceipt.Method.values:
        raise InvalidReceipt("Money arrives by EFT, card, instant EFT or cash.")
    if not external_key.strip():
        raise InvalidReceipt("Name the payment as the bank does, so that it is recorded once.")
    if received_at > recorded_at:
        raise InvalidReceipt("Money cannot have been received in the future.")
    asked = SuspenseReceipt(
        estate=estate,
        amount=amount,
        payment_method=payment_method,
        reference=reference,
        external_key=external_key.strip(),
        received_at=received_at,
        recorded_by=actor,
    )
    try:
        with transaction.atomic():
            asked.save(force_insert=True)
    except IntegrityError:
        return Recorded(_recorded_before(asked), replayed=True)
    return Recorded(asked, replayed=False)


def left(receipt: SuspenseReceipt) -> Decimal:
    """What is left of a receipt, in rand."""
    found: Any = SuspenseReceipt.objects.with_left().get(pk=receipt.pk)
    remaining: Decimal = found.left
    return remaining


def preview(
    *, receipt: SuspenseReceipt, wallet: Wallet, amount: Decimal, utility: str = ""
) -> list[Part]:
    """
    How an allocation would be divided now; posts nothing.

    :raises amounts.InvalidAmount: if it is no amount above zero.
    :raises NotEnoughLeft: if less is left.
    :raises AnotherEstate: if the wallet belongs to another estate than the money.
    """
    _check(receipt, wallet, amount)
    return topups.split(
        pockets=pockets_of(wallet),
        amount=amount,
        utility=utility,
        debt_recovery_percent=_recovery(wallet),
    )


def allocate(  # noqa: PLR0913  (the fields of the request)
    *,
    receipt_id: UUID,
    wallet_id: UUID,
    amount: Decimal,
    utility: str = "",
    occurred_at: datetime,
    actor: User | None,
    idempotency_key: str | None = None,
    request_digest: str = "",
) -> Posted:
    """
    Pay money in suspense, all or a part of it, into a wallet.

    The limits of a top-up do not hold: the money is in the bank already. The same idempotency key
    again returns the first transaction, unchanged.

    :raises amounts.InvalidAmount: if it is no amount above zero.
    :raises NotEnoughLeft: if less is left, also by an allocation at the same moment.
    :raises AnotherEstate: if the wallet belongs to another estate than the money.
    :raises ledger.WalletSuspended: if the wallet takes no money.
    :raises ledger.EstateClosed: if the unit or its estate was deleted.
    :raises ledger.IdempotencyKeyReused: if the key stands for another request.
    """
    with ledger.waiting_briefly():
        receipt = SuspenseReceipt.objects.locked().get(pk=receipt_id)
        wallet = Wallet.objects.select_related("unit").get(pk=wallet_id)
        if not ledger.is_posted(idempotency_key):
            _check(receipt, wallet, amount)
        posted = ledger.post(
            topups.entry(
                wallet_id=wallet_id,
                amount=amount,
                payment_method=receipt.payment_method,
                reference=receipt.reference,
                utility=utility,
                metadata={"suspense": str(receipt.pk)},
                occurred_at=occurred_at,
                actor=actor,
                idempotency_key=idempotency_key,
                request_digest=request_digest,
                debt_recovery_percent=_recovery(wallet),
                source=Account.SUSPENSE,
            )
        )
        if not posted.replayed:
            SuspenseRelease.objects.create(
                receipt=receipt,
                amount=amount,
                transaction=posted.transaction,
                released_by=actor,
                released_at=occurred_at,
            )
    wakeups.credit_changed(wallet_id)
    return posted


def return_money(
    *,
    receipt_id: UUID,
    reason: str,
    returned_at: datetime,
    actor: User | None,
    idempotency_key: str | None = None,
    request_digest: str = "",
) -> SuspenseRelease:
    """
    Give what is left of a receipt back to the payer, from suspense to clearing.

    The same idempotency key again returns the first release, unchanged.

    :raises amounts.InvalidReason: if no reason is given.
    :raises NotEnoughLeft: if nothing is left.
    :raises ledger.IdempotencyKeyReused: if the key stands for another request.
    """
    why = amounts.check_reason(reason)
    with ledger.waiting_briefly():
        receipt = SuspenseReceipt.objects.locked().get(pk=receipt_id)
        if earlier := _returned_before(receipt, idempotency_key, request_digest):
            return earlier
        remaining = left(receipt)
        if remaining <= 0:
            raise NotEnoughLeft("Nothing is left of this receipt.")
        return SuspenseRelease.objects.create(
            receipt=receipt,
            amount=remaining,
            reason=why,
            idempotency_key=idempotency_key,
            request_digest=request_digest,
            released_by=actor,
            released_at=returned_at,
        )


def _recorded_before(asked: SuspenseReceipt) -> SuspenseReceipt:
    found = SuspenseReceipt.objects.get(estate=asked.estate, external_key=asked.external_key)
    same = ("amount", "payment_method", "reference", "received_at")
    if any(getattr(found, name) != getattr(asked, name) for name in same):
        raise ReceiptDiffers("This payment was recorded before, with another content.")
    return found


def _check(receipt: SuspenseReceipt, wallet: Wallet, amount: Decimal) -> None:
    amounts.check(amount)
    if receipt.estate_id not in (None, wallet.unit.estate_id):
        raise AnotherEstate("The money was paid to another estate than the wallet's.")
    if amount > (remaining := left(receipt)):
        raise NotEnoughLeft(f"R{remaining} is left of this receipt.")


def _recovery(wallet: Wallet) -> Decimal:
    return EstateSettings.objects.get(estate=wallet.unit.estate_id).debt_recovery_percent


def _returned_before(
    receipt: SuspenseReceipt, key: str | None, digest: str
) -> SuspenseRelease | None:
    found = SuspenseRelease.objects.filter(idempotency_key=key).first() if key else None
    if found and (found.receipt_id, found.request_digest) != (receipt.pk, digest):
        raise ledger.IdempotencyKeyReused("This key was used for another request.")
    return found
