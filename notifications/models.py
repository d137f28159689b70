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
        if user.is_resident:
            return self.filter(recipient=user)
        estates = estates_of(user)
        return self if estates is None else self.filter(Q(recipient=user) | Q(scope__in=estates))


class Notification(Record):
    """
    A message that is owed: written in the same database transaction as its cause.

    `subject_key` says what it is about (for example `wallet:<id>`); `once_key` makes writing it
    twice one message.
    """

    class Event(models.TextChoices):
        LOW_BALANCE = "low_balance", "Low balance"
        CRITICAL_BALANCE = "critical_balance", "Critical balance"
        DISCONNECTION_WARNING = "disconnection_warning", "Disconnection warning"
        DISCONNECTED = "disconnected", "Disconnected"
        RECONNECTED = "reconnected", "Reconnected"
        PAYMENT_RECEIVED = "payment_received", "Payment received"
        CUTS_STOPPED = "cuts_stopped", "Cuts stopped by the breaker"
        METER_ALERT = "meter_alert", "Meter alert"
        LEDGER_DIFFERENCE = "ledger_difference", "The ledger differs"

    class Channel(models.TextChoices):
        IN_APP = "in_app", "In the app"
        EMAIL = "email", "E-mail"

    class State(models.TextChoices):
        DUE = "due", "Due"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    event = models.CharField(max_length=24, choices=Event)
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.IN_APP)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True
    )
    address = models.CharField(max_length=254, blank=True)
    scope = models.UUIDField(
        "estate", null=True, blank=True, help_text="By value: messages stand below estates."
    )
    subject_key = models.CharField(max_length=80)
    once_key = models.CharField(max_length=160, unique=True)
    text = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.DUE)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=250, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["subject_key", "-created_at"], name="notification_subject"),
            models.Index(fields=["due_at"], name="notification_due", condition=Q(state="due")),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} ({self.get_state_display()})"
