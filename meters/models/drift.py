"""Relays that do not stand as they should."""

from typing import Self

from django.db import models
from django.db.models import Q

from accounts.scoping import EstateScopedQuerySet
from meters.models.devices import Meter
from quantify.records import Record


class RelayDriftQuerySet(EstateScopedQuerySet):
    estate_path = "meter__estate"

    def standing(self) -> Self:
        return self.filter(ended_at=None)


class RelayDrift(Record):
    """That a relay stood otherwise than it should, from when to when, and what is done about it."""

    class Kind(models.TextChoices):
        SWITCHED_OFF = "switched_off", "Switched off by somebody else"
        SWITCHED_ON = "switched_on", "Switched on by somebody else"
        LEFT_OFF = "left_off", "Still off after a reconnection"
        UNKNOWN = "unknown", "Not known"

    class Remedy(models.TextChoices):
        RECONNECT = "reconnect", "A reconnection is sent."
        READ = "read", "The relay is read."
        PERSON = "person", "Nothing by itself: a person decides."
        WAIT = "wait", "Nothing until the meter is heard again."

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="drifts")
    kind = models.CharField(max_length=15, choices=Kind)
    wanted = models.CharField(max_length=15, choices=Meter.RelayState)
    stands = models.CharField(max_length=15, choices=Meter.RelayState)
    says = models.CharField(max_length=250)
    remedy = models.CharField(max_length=10, choices=Remedy)
    since = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RelayDriftQuerySet.as_manager()

    class Meta:
        verbose_name = "relay drift"
        verbose_name_plural = "relay drift"
        constraints = [
            models.UniqueConstraint(
                fields=["meter"], condition=Q(ended_at=None), name="one_drift_per_relay"
            ),
        ]

    def __str__(self) -> str:
        return self.says
