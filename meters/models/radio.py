"""LoRaWAN: the network servers that post to us, their devices, and what these sent."""

from fractions import Fraction
from typing import Self

from django.db import models
from django.db.models import F, Q

from accounts.scoping import ArchivableQuerySet, EstateScopedQuerySet
from estates.models import Estate
from meters.lorawan import catalogue
from meters.lorawan.catalogue import Model
from meters.models.devices import Meter
from quantify.records import Archivable, Record
from quantify.sealing import SealedField


class NetworkServer(Archivable):
    """
    A ChirpStack v4 application of an estate, and the secret that it posts events with.

    Only a digest of the secret is kept. After a rotation the one before is taken until
    `previous_until`, so that no event is lost while ChirpStack is given the new one. Orders go
    to `api_address`, with the API key that `meters.radio.servers` keeps in `api_sealed`.
    """

    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="network_servers")
    name = models.CharField(max_length=80)
    key_id = models.CharField(max_length=16, unique=True, editable=False)
    secret_digest = models.CharField(max_length=64, editable=False)
    previous_digest = models.CharField(max_length=64, blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    is_enabled = models.BooleanField("takes events", default=True)
    api_address = models.CharField(
        "address for orders", max_length=200, blank=True,
        help_text="ChirpStack's own address, as https://chirpstack.example:8080. Relays can be "
        "switched with it and an API key.",
    )  # fmt: skip
    api_sealed = SealedField(blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_problem = models.CharField(max_length=250, blank=True, editable=False)

    objects = ArchivableQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class LoraDeviceQuerySet(EstateScopedQuerySet):
    estate_path = "server__estate"

    def unknown(self) -> Self:
        """Devices that were heard and stand for no meter yet."""
        return self.filter(meter=None)


class LoraDevice(Record):
    """
    A device that a network server heard; once registered, the voice of a meter.

    A pulse stands for `per_pulse_numerator / per_pulse_denominator` litres (Wh). `base_value` is
    what the meter's dial shows less what the pulses so far stand for, in litres (Wh).
    """

    server = models.ForeignKey(NetworkServer, on_delete=models.PROTECT, related_name="devices")
    dev_eui = models.CharField("device EUI", max_length=16)
    name = models.CharField("name at the network", max_length=80, blank=True)
    profile = models.CharField("device profile", max_length=80, blank=True)
    model = models.CharField(max_length=20, choices=catalogue.CHOICES, blank=True)
    meter = models.ForeignKey(
        Meter, on_delete=models.PROTECT, null=True, blank=True, related_name="lora_devices"
    )
    per_pulse_numerator = models.PositiveIntegerField("litres or Wh", default=1)
    per_pulse_denominator = models.PositiveIntegerField("per pulses", default=1)
    base_value = models.BigIntegerField("dial at pulse zero, in litres or Wh", default=0)
    offline_after_minutes = models.PositiveIntegerField(
        default=24 * 60, help_text="Without an uplink for so long the device counts as silent."
    )
    session = models.PositiveIntegerField(
        default=0, editable=False, help_text="Grows when the frame counter begins anew."
    )
    address = models.CharField("device address", max_length=8, blank=True, editable=False)
    frame_counter = models.BigIntegerField(null=True, blank=True, editable=False)
    last_uplink_at = models.DateTimeField(null=True, blank=True, editable=False)
    battery_percent = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    battery_at = models.DateTimeField(null=True, blank=True, editable=False)
    rssi = models.SmallIntegerField("signal, dBm", null=True, blank=True, editable=False)
    snr = models.FloatField("signal to noise, dB", null=True, blank=True, editable=False)
    gateway = models.CharField("best gateway", max_length=16, blank=True, editable=False)
    clock_drift_seconds = models.IntegerField(null=True, blank=True, editable=False)
    is_closed = models.BooleanField("contact closed", null=True, blank=True, editable=False)
    is_closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    conditions_at = models.DateTimeField(null=True, blank=True, editable=False)
    problem = models.CharField(max_length=250, blank=True, editable=False)

    objects = LoraDeviceQuerySet.as_manager()

    class Meta:
        permissions = [("register_loradevice", "Can make a device the voice of a meter")]
        constraints = [
            models.UniqueConstraint(fields=["server", "dev_eui"], name="device_once_per_server"),
            models.UniqueConstraint(
                fields=["meter"],
                condition=Q(meter__isnull=False),
                name="one_device_per_meter",
                violation_error_code="duplicate",
                violation_error_message="The meter has another LoRaWAN device.",
            ),
            models.CheckConstraint(
                condition=Q(per_pulse_numerator__gt=0, per_pulse_denominator__gt=0),
                name="device_pulse_factor_positive",
            ),
            models.CheckConstraint(
                condition=Q(meter=None) | ~Q(model=""), name="registered_device_has_a_model"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.dev_eui

    @property
    def per_pulse(self) -> Fraction:
        return Fraction(self.per_pulse_numerator, self.per_pulse_denominator)

    @property
    def decoder(self) -> Model | None:
        return catalogue.MODELS.get(self.model)


class UplinkQuerySet(EstateScopedQuerySet):
    estate_path = "device__server__estate"

    def waiting(self) -> Self:
        """Uplinks of registered devices that were not read yet."""
        return self.filter(outcome=Uplink.Outcome.WAITING, device__meter__isnull=False)


class Uplink(Record):
    """
    A frame as it was heard: kept raw, so that it can be read again by a better decoder.

    The database refuses changes of what was heard; what came of it may change.
    """

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Not read yet"
        READ = "read", "Read"
        UNREADABLE = "unreadable", "Unreadable"

    device = models.ForeignKey(LoraDevice, on_delete=models.PROTECT, related_name="uplinks")
    deduplication_id = models.UUIDField()
    session = models.PositiveIntegerField()
    frame_counter = models.BigIntegerField()
    port = models.PositiveSmallIntegerField()
    payload = models.BinaryField()
    heard_at = models.DateTimeField()
    rssi = models.SmallIntegerField(null=True, blank=True)
    snr = models.FloatField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.WAITING)
    problem = models.CharField(max_length=250, blank=True)

    objects = UplinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "deduplication_id"], name="uplink_once_per_deduplication_id"
            ),
            models.UniqueConstraint(
                fields=["device", "session", "frame_counter"], name="uplink_once_per_frame_counter"
            ),
        ]
        indexes = [
            models.Index(F("device"), F("heard_at").desc(), name="uplinks_of_a_device"),
            models.Index(fields=["heard_at"], name="uplinks_by_age"),
            models.Index(fields=["device"], name="uplinks_waiting", condition=Q(outcome="waiting")),
        ]

    def __str__(self) -> str:
        return f"Frame {self.frame_counter} at {self.heard_at:%Y-%m-%d %H:%M}"
