"""Telling residents before the money runs out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Coalesce

from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from wallets.models import Wallet

REPEATED_AFTER = timedelta(hours=24)
CRITICAL_SHARE = Decimal("0.20")


def write(*, now: datetime, wallet_ids: Sequence[UUID] | None = None) -> int:
    """
    Owe a message to each wallet below its limit, at most once in 24 hours; answer how many.

    Below a fifth of the limit the message is critical, and is not held back by the first one.
    """
    low = Wallet.objects.annotate(
        limit=Coalesce(F("low_balance_limit"), F("unit__estate__settings__low_balance_limit")),
        estate_id=F("unit__estate"),
    ).filter(balance__lt=F("limit"), unit__deleted_at=None)
    if wallet_ids is not None:
        low = low.filter(pk__in=wallet_ids)
    known = _told_since(now - REPEATED_AFTER)
    messages = [
        message
        for wallet in low.select_related("unit")
        if (message := _message(wallet, now)) and (message.subject_key, message.event) not in known
    ]
    outbox.enqueue(messages, now=now)
    return len(messages)


def _told_since(instant: datetime) -> set[tuple[str, str]]:
    told = Notification.objects.filter(
        created_at__gt=instant,
        event__in=[Notification.Event.LOW_BALANCE, Notification.Event.CRITICAL_BALANCE],
    )
    return set(told.values_list("subject_key", "event"))


def _message(wallet: Wallet, now: datetime) -> Message:
    limit: Decimal = wallet.limit  # type: ignore[attr-defined]  # annotated above
    is_critical = wallet.balance < limit * CRITICAL_SHARE
    event = Notification.Event.CRITICAL_BALANCE if is_critical else Notification.Event.LOW_BALANCE
    subject = f"wallet:{wallet.pk}"
    return Message(
        event=event,
        subject_key=subject,
        # The hour keeps two runs at the same time from writing it twice.
        once_key=f"{event}:{wallet.pk}:{now:%Y-%m-%dT%H}",
        text=(
            f"Unit {wallet.unit.unit_number}: R{wallet.balance} is left. "
            "Top up soon, or the electricity is cut when the credit is used up."
        ),
        scope=wallet.estate_id,  # type: ignore[attr-defined]  # annotated above
    )
