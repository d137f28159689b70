"""What a meter wrote in its event logs, and which gaps it was asked about again."""

from typing import Self

from django.db import models

from accounts.scoping import EstateScopedQuerySet
from meters.event_codes import Log, Sign, codes_of, meaning
from meters.models.devices import Meter
from quantify.records import Record


class MeterEventQuerySet(EstateScopedQuerySet):
    estate_path = "meter__estate"

    def signs_of(self, sign: Sign) -> Self:
        """Events out of the meters' own logs that are such a sign."""
        return self.filter(code__in=codes_of(sign)).exclude(log=Log.SYSTEM)

    def latest_first(self) -> Self:
        return self.order_by("-occurred_at", "log", "code")


class MeterEvent(Record):
    """
    Something that happened to a meter: out of its own logs, or done to it by this system.

    A fact, only ever added; `occurred_at` is by the meter's clock.
    """

    LOGS = [
        (Log.STANDARD, "Standard"),
        (Log.FRAUD, "Fraud"),
        (Log.DISCONNECTOR, "Supply"),
        (Log.COMMUNICATION, "Communication"),
        (Log.POWER_QUALITY, "Power quality"),
        (Log.SYSTEM, "This system"),
    ]

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="events")
    log = models.CharField(max_length=15, choices=LOGS)
    occurred_at = models.DateTimeField()
    code = models.PositiveIntegerField()
    detail = models.CharField(max_length=120, blank=True)

    objects = MeterEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meter", "log", "occurred_at", "code"], name="event_kept_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.words} at {self.occurred_at:%Y-%m-%d %H:%M}"

    @property
    def words(self) -> str:
        found = meaning(self.log, self.code)
        return found.words if found else f"Event {self.code}"


class MissingStretchQuerySet(EstateScopedQuerySet):
    estate_path = "meter__estate"


class MissingStretch(Record):
    """
    A stretch between two readings that the meter was asked about again.

    The meter answered up to `asked_until`; what still lacks there it does not have, and is not
    asked for again.
    """

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="missing_stretches")
    profile_obis = models.CharField("load profile", max_length=24)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    asked_until = models.DateTimeField()

    objects = MissingStretchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meter", "profile_obis", "starts_at", "ends_at"],
                name="missing_stretch_known_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M}"
