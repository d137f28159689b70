"""What was asked of meters, and what came of it."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Prefetch, Q
from django.db.models.functions import Now

from accounts.scoping import EstateScopedQuerySet
from meters.models.devices import Meter
from quantify.records import Record


class CommandQuerySet(EstateScopedQuerySet):
    estate_path = "meter__estate"

    def open(self) -> Self:
        return self.filter(state__in=Command.OPEN)


class Command(Record):
    """
    An order to a meter's relay: why it was given, what came of it.

    Life: requested, then blocked or queued; sent; acknowledged by the meter; verified by reading
    the disconnect control back. A command with no answer is `unknown` until it is read back.
    """

    class Action(models.TextChoices):
        DISCONNECT = "disconnect", "Disconnect"
        RECONNECT = "reconnect", "Reconnect"
        READ = "read", "Read"

    class State(models.TextChoices):
        BLOCKED = "blocked", "Blocked"
        QUEUED = "queued", "Queued"
        SENT = "sent", "Sent"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        UNKNOWN = "unknown", "No answer"
        RETRYING = "retrying", "Retrying"
        VERIFIED = "verified", "Verified"
        EXPIRED = "expired", "Expired"
        SUPERSEDED = "superseded", "Superseded"
        DEAD = "dead", "Given up"

    class Cause(models.TextChoices):
        CREDIT = "credit", "Credit control"
        PERSON = "person", "Asked by a person"
        RECONCILIATION = "reconciliation", "Reconciliation"

    SWITCHING = (Action.DISCONNECT, Action.RECONNECT)
    NOT_LEFT = (State.QUEUED, State.RETRYING)
    OPEN = (State.QUEUED, State.SENT, State.ACKNOWLEDGED, State.UNKNOWN, State.RETRYING)

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="commands")
    action = models.CharField(max_length=12, choices=Action)
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    cause = models.CharField(max_length=15, choices=Cause, default=Cause.CREDIT)
    reason = models.CharField(max_length=250)
    trace = models.JSONField("policy trace", default=list)
    checks = models.JSONField(
        default=list, help_text="What the guards saw when they were last asked."
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True
    )
    requested_at = models.DateTimeField()
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    # When the order left: a cut at the latest, a reconnection at the earliest.
    sent_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=250, blank=True)
    moved_at = models.DateTimeField(help_text="When it came to the state it is in.")

    objects = CommandQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meter"],
                condition=Q(state__in=["queued", "sent", "acknowledged", "unknown", "retrying"]),
                name="one_open_command_per_meter",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="command_due", condition=Q(
                state__in=["queued", "sent", "acknowledged", "unknown", "retrying"]
            )),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_action_display()} ({self.get_state_display()})"


class CommandStepQuerySet(EstateScopedQuerySet):
    estate_path = "command__meter__estate"


class CommandStep(models.Model):
    """
    One step in the life of a command: the state it came to, when, and what the guards saw.

    Written by the database whenever a command changes, and never changed.
    """

    command = models.ForeignKey(Command, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=Command.State)
    attempt = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=250, blank=True)
    checks = models.JSONField(default=list)
    recorded_at = models.DateTimeField(db_default=Now())

    objects = CommandStepQuerySet.as_manager()

    class Meta:
        verbose_name = "command step"

    def __str__(self) -> str:
        return f"{self.get_state_display()} at {self.at:%Y-%m-%d %H:%M:%S} UTC"


LIFE = Prefetch("steps", CommandStep.objects.order_by("pk"))
"""The steps of commands, in order."""
