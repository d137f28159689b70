"""What a person should know about a meter or a concentrator, raised once while its cause lasts."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from accounts.scoping import EstateScopedQuerySet
from estates.models import Estate
from meters.models.devices import Concentrator, Meter
from meters.models.events import MeterEvent
from quantify.records import Record

TO_THE_CENT = 10
"""An estimate in rand is rounded to whole rand from here on."""


class MeterAlertQuerySet(EstateScopedQuerySet):
    estate_path = "estate"

    def unresolved(self) -> Self:
        return self.exclude(state=MeterAlert.State.RESOLVED)


class MeterAlert(Record):
    """
    Something that somebody should know or go to: open, acknowledged, resolved.

    One at a time of a kind about a meter or a concentrator. A cause that ends and comes back soon
    is the same alert with one more of `times`. `source` is who raised it and may end it.
    """

    class Kind(models.TextChoices):
        COMMUNICATION_LOSS = "communication_loss", "Communication loss"
        CONCENTRATOR_LOSS = "concentrator_loss", "Concentrator silent"
        TAMPER_DETECTED = "tamper_detected", "Tamper detected"
        BYPASS = "bypass", "Bypass suspected"
        SWAPPED_METERS = "swapped_meters", "Swapped meters"
        LOW_CREDIT = "low_credit", "Low credit"
        DISCONNECTION = "disconnection", "Disconnection"
        RECONNECTION = "reconnection", "Reconnection"
        ABNORMAL_USAGE = "abnormal_usage", "Abnormal usage"
        ESTIMATION = "estimation", "Too long without readings"
        METER_FAULT = "meter_fault", "Meter fault"
        CLOCK = "clock", "Clock is wrong"
        LEAK = "leak", "Leak"
        BURST = "burst", "Burst pipe"
        BACKFLOW = "backflow", "Backflow"
        EMPTY_PIPE = "empty_pipe", "No water"
        LOW_BATTERY = "low_battery", "Low battery"
        DEVICE_ERROR = "device_error", "Device error"

    class Severity(models.TextChoices):
        INFO = "info", "Info"
        WARNING = "warning", "Warning"
        ERROR = "error", "Error"
        CRITICAL = "critical", "Critical"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        RESOLVED = "resolved", "Resolved"

    class Source(models.TextChoices):
        METER = "meter", "The meter itself"
        EVENTS = "events", "The meter's event logs"
        SILENCE = "silence", "Nothing was heard"
        CHECKS = "checks", "The checks of readings"
        RELAY = "relay", "The relay"
        CREDIT = "credit", "Credit control"

    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="alerts")
    meter = models.ForeignKey(
        Meter, on_delete=models.PROTECT, null=True, blank=True, related_name="alerts"
    )
    concentrator = models.ForeignKey(
        Concentrator, on_delete=models.PROTECT, null=True, blank=True, related_name="alerts"
    )
    subject = models.GeneratedField(
        expression=Coalesce("meter_id", "concentrator_id"),
        output_field=models.UUIDField(),
        db_persist=True,
    )
    kind = models.CharField(max_length=20, choices=Kind)
    severity = models.CharField(max_length=10, choices=Severity)
    told_severity = models.CharField(
        "told as", max_length=10, choices=Severity, blank=True, editable=False
    )
    state = models.CharField(max_length=15, choices=State, default=State.OPEN)
    source = models.CharField(max_length=10, choices=Source, default=Source.METER)
    message = models.CharField(max_length=250)
    evidence = models.JSONField(default=list, blank=True)
    daily_quantity = models.BigIntegerField(
        null=True, blank=True, help_text="The Wh or litres a day that it is about."
    )
    daily_amount = models.DecimalField(
        "rand a day", max_digits=12, decimal_places=2, null=True, blank=True
    )
    amount_basis = models.CharField(
        "worked out", max_length=250, blank=True, default="", db_default="",
        help_text="How the rand were worked out.",
    )  # fmt: skip
    times = models.PositiveIntegerField(default=1)
    raised_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    escalated_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    ended_by_itself = models.BooleanField(default=False)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True
    )
    note = models.TextField(blank=True)
    events = models.ManyToManyField(MeterEvent, blank=True, related_name="alerts")

    objects = MeterAlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "kind"],
                condition=~Q(state="resolved"),
                name="alert_raised_once",
            ),
            models.CheckConstraint(
                condition=Q(meter__isnull=True) ^ Q(concentrator__isnull=True),
                name="alert_about_one_device",
            ),
        ]
        indexes = [
            models.Index(fields=["subject", "kind", "-resolved_at"], name="alert_history"),
        ]

    def __str__(self) -> str:
        return self.says

    @property
    def says(self) -> str:
        """What is the matter, with what it costs a day where a price is known."""
        amount = self.daily_amount
        if not amount:
            return self.message
        shown = f"{amount:.2f}" if amount < TO_THE_CENT else f"{amount:,.0f}".replace(",", " ")
        return f"{self.message} About R {shown} a day at its rate."
