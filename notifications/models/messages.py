"""Messages, and each way that one goes to one recipient."""

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from accounts.models import User
from accounts.scoping import EstateScopedQuerySet, estates_of, is_known
from quantify.records import Record


class NotificationQuerySet(EstateScopedQuerySet):
    estate_path = ""

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """What was addressed to the person, and what concerns estates they work for."""
        if not is_known(user):
            return self.none()
        own = Q(recipient=user) | Q(pk__in=Delivery.objects.in_app_of(user).values("notification"))
        if user.is_resident:
            return self.filter(own)
        estates = estates_of(user)
        return self if estates is None else self.filter(own | Q(scope__in=estates))


class Notification(Record):
    """
    A message that is owed: written in the same database transaction as its cause.

    `subject_key` says what it is about (for example `wallet:<id>`); `once_key` makes writing it
    twice one message. Who works for the estate of `scope` reads `text` in the app; each way to a
    resident is a `Delivery`. It is delivered once none of those is on its way any more.
    """

    class Event(models.TextChoices):
        LOW_BALANCE = "low_balance", "Low balance"
        CRITICAL_BALANCE = "critical_balance", "Critical balance"
        DISCONNECTION_WARNING = "disconnection_warning", "Disconnection warning"
        DISCONNECTED = "disconnected", "Disconnected"
        RECONNECTED = "reconnected", "Reconnected"
        PAYMENT_RECEIVED = "payment_received", "Payment received"
        WATER_IN_DEBT = "water_in_debt", "Water in debt"
        LEAK = "leak", "Leak"
        ANNOUNCEMENT = "announcement", "Announcement"
        STATEMENT_READY = "statement_ready", "Statement ready"
        CUTS_STOPPED = "cuts_stopped", "Cuts stopped by the breaker"
        METER_ALERT = "meter_alert", "Meter alert"
        LEDGER_DIFFERENCE = "ledger_difference", "The ledger differs"

    class State(models.TextChoices):
        DUE = "due", "Due"
        DELIVERED = "delivered", "Delivered"

    event = models.CharField(max_length=24, choices=Event)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True
    )
    scope = models.UUIDField(
        "estate", null=True, blank=True, help_text="By value: messages stand below estates."
    )
    subject_key = models.CharField(max_length=80)
    once_key = models.CharField(max_length=160, unique=True)
    title = models.CharField(max_length=150, blank=True)
    text = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.DUE)
    due_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        permissions = [("announce_notification", "Can announce to residents")]
        indexes = [
            models.Index(fields=["subject_key", "-created_at"], name="notification_subject"),
            models.Index(fields=["due_at"], name="notification_due", condition=Q(state="due")),
            models.Index(fields=["scope", "-created_at"], name="notification_estate"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} ({self.get_state_display()})"


class DeliveryQuerySet(EstateScopedQuerySet):
    estate_path = ""

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Deliveries to the person, and those about estates they work for."""
        if not is_known(user):
            return self.none()
        if user.is_resident:
            return self.filter(user=user)
        estates = estates_of(user)
        if estates is None:
            return self
        return self.filter(Q(user=user) | Q(notification__scope__in=estates))

    def in_app_of(self, user: "User") -> Self:
        return self.filter(user=user, channel=Delivery.Channel.IN_APP)

    def open(self) -> Self:
        """What is still on its way."""
        return self.filter(state__in=Delivery.OPEN)


class Delivery(Record):
    """
    One message to one recipient over one channel, in the words that go out.

    It is `sending`, and that is stored, before it leaves. What a crash leaves in `sending` may have
    left or not: legal notices are sent again under the same `provider_id`, others become
    `uncertain` and wait for a person.
    """

    class Channel(models.TextChoices):
        IN_APP = "in_app", "In the app"
        EMAIL = "email", "E-mail"
        SMS = "sms", "SMS"
        PUSH = "push", "Push"

    class State(models.TextChoices):
        DUE = "due", "Due"
        SENDING = "sending", "Sending"
        DELIVERED = "delivered", "Delivered"
        UNCERTAIN = "uncertain", "Perhaps delivered"
        NOT_CONFIGURED = "not_configured", "Channel not configured"
        DEAD = "dead", "Given up"

    OPEN = (State.DUE, State.SENDING)

    notification = models.ForeignKey(
        Notification, on_delete=models.PROTECT, related_name="deliveries"
    )
    channel = models.CharField(max_length=10, choices=Channel)
    recipient_key = models.CharField(
        max_length=60, help_text="resident:<id> or user:<id>, by value: people stand above."
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True
    )
    name = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=500, blank=True)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    state = models.CharField(max_length=15, choices=State, default=State.DUE)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sending_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    provider_id = models.CharField(max_length=250, blank=True)
    error = models.CharField(max_length=250, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        permissions = [("retry_delivery", "Can send a delivery again")]
        constraints = [
            models.UniqueConstraint(
                fields=["notification", "channel", "recipient_key", "address"],
                name="delivery_once_to_each_address",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="delivery_due", condition=Q(state="due")),
            models.Index(
                fields=["sending_at"], name="delivery_sending", condition=Q(state="sending")
            ),
            models.Index(
                fields=["user", "-created_at"],
                name="delivery_in_app",
                condition=Q(channel="in_app"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} ({self.get_state_display()})"


class ReadMarkQuerySet(models.QuerySet["ReadMark"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(user=user) if is_known(user) else self.none()


class ReadMark(models.Model):
    """That a person has read a message."""

    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="read_marks"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    read_at = models.DateTimeField()

    objects = ReadMarkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notification", "user"], name="read_once"),
        ]

    def __str__(self) -> str:
        return f"Read at {self.read_at:%Y-%m-%d %H:%M}"
