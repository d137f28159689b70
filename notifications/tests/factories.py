"""Messages and their ways, for tests."""

from datetime import UTC, datetime

from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory

from notifications.models import Delivery, Notification

NOON = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)


class NotificationFactory(DjangoModelFactory[Notification]):
    """A message about a payment."""

    class Meta:
        model = Notification

    event = Notification.Event.PAYMENT_RECEIVED
    subject_key = "wallet:x"
    once_key = Sequence(lambda number: f"once-{number}")
    text = "R200 was received."
    due_at = NOON


class DeliveryFactory(DjangoModelFactory[Delivery]):
    """An e-mail that is due."""

    class Meta:
        model = Delivery

    notification = SubFactory(NotificationFactory)
    channel = Delivery.Channel.EMAIL
    recipient_key = "resident:x"
    name = "Thandi Nkosi"
    address = "thandi@example.com"
    subject = "Thank you"
    body = "R200 was received."
    due_at = NOON
