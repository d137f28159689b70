"""Messages that are owed: written with their cause, delivered later by workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.mail import send_mail
from django.db import transaction

from notifications.models import Notification
from quantify.crash_points import Point, reach

RETRIES = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))
AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    What is to be told, to whom, about what.

    `once_key` names the occasion: a second message with the same key is not written.
    """

    event: Notification.Event
    subject_key: str
    once_key: str
    text: str
    scope: UUID | None = None
    channel: Notification.Channel = Notification.Channel.IN_APP
    address: str = ""


def enqueue(messages: Sequence[Message], *, now: datetime) -> None:
    """Write messages within the caller's database transaction; a known occasion is left alone."""
    Notification.objects.bulk_create(
        [
            Notification(
                event=message.event,
                channel=message.channel,
                address=message.address,
                scope=message.scope,
                subject_key=message.subject_key,
                once_key=message.once_key,
                text=message.text,
                due_at=now,
            )
            for message in messages
        ],
        ignore_conflicts=True,
    )


def deliver_due(*, now: datetime) -> int:
    """Deliver what is due, each message once even when two workers do it; answer how many."""
    delivered = 0
    with transaction.atomic():
        due = Notification.objects.filter(state=Notification.State.DUE, due_at__lte=now)
        for message in due.order_by("due_at").select_for_update(skip_locked=True)[:AT_ONCE]:
            reach(Point.MESSAGE_CLAIMED)
            delivered += _deliver(message, now)
    return delivered


def _deliver(message: Notification, now: datetime) -> bool:
    try:
        if message.channel == Notification.Channel.EMAIL:
            send_mail(message.get_event_display(), message.text, None, [message.address])
    except OSError as error:
        _put_off(message, now, str(error))
        return False
    message.state = Notification.State.DELIVERED
    message.delivered_at = now
    message.save(update_fields=["state", "delivered_at", "updated_at"])
    return True


def _put_off(message: Notification, now: datetime, error: str) -> None:
    message.error = error[:250]
    if message.attempts < len(RETRIES):
        message.due_at = now + RETRIES[message.attempts]
    else:
        message.state = Notification.State.FAILED
    message.attempts += 1
    message.save(update_fields=["state", "due_at", "attempts", "error", "updated_at"])
