"""What is out in the field: concentrators, and the meters with their registers behind them."""

from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import User
from accounts.scoping import ArchivableQuerySet, EstateScopedQuerySet
from estates.models import Estate
from quantify import searching
from quantify.bounds import between
from quantify.quantities import Utility
from quantify.records import Archivable, Record
from units import stays
from units.stays import Stay

OCTETS = r"^([0-9a-f]{2})*$"


class CommunicationStatus(models.TextChoices):
    ONLINE = "online", "Online"
    OFFLINE = "offline", "Offline"
    ERROR = "error", "Error"


class ConcentratorQuerySet(ArchivableQuerySet):
    pass


class Concentrator(Archivable):
    """
    A data concentrator (Landis+Gyr DC450 class) that serves an estate's meters over power line.

    Spoken to as DLMS/COSEM over the TCP wrapper (IEC 62056-4-7). Over each of its `connections`
    up to `outstanding` meters are asked at the same time.
    """

    class Addressing(models.TextChoices):
        WRAPPER_PORT = "wrapper_port", "One wrapper port per meter"
        GATEWAY_PREFIX = "gateway_prefix", "Gateway prefix (E6/E7) with the meter's address"
        DIRECT_IPV6 = "direct_ipv6", "One IPv6 address per meter"

    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="concentrators")
    serial = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=80, blank=True)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(default=4059, validators=between(1, 65535))
    addressing = models.CharField(
        max_length=20, choices=Addressing, default=Addressing.WRAPPER_PORT
    )
    network_id = models.PositiveSmallIntegerField(
        default=0, validators=between(0, 255),
        help_text="The network behind the gateway, with a gateway prefix.",
    )  # fmt: skip
    client_address = models.PositiveIntegerField(default=1)
    timeout_seconds = models.PositiveIntegerField(default=10)
    connections = models.PositiveSmallIntegerField(
        default=2, validators=between(1, 64),
        help_text="How many TCP connections the concentrator bears at once.",
    )  # fmt: skip
    outstanding = models.PositiveSmallIntegerField(
        "meters at once", default=8, validators=between(1, 256),
        help_text="How many meters are asked at once per connection.",
    )  # fmt: skip
    keeps_clocks = models.BooleanField(
        default=True, help_text="Set the clock of a meter that is more than 60 seconds off."
    )
    is_enabled = models.BooleanField(default=True)
    communication_status = models.CharField(
        max_length=10, choices=CommunicationStatus, default=CommunicationStatus.OFFLINE
    )
    last_contact_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=250, blank=True, editable=False)

    objects = ConcentratorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(port__gte=1, port__lte=65535), name="concentrator_port_range"
            ),
            models.CheckConstraint(
                condition=Q(connections__range=(1, 64), outstanding__range=(1, 256)),
                name="concentrator_load_range",
                violation_error_message="Use 1 to 64 connections with 1 to 256 meters at once.",
            ),
            models.CheckConstraint(
                condition=Q(network_id__lte=255),
                name="concentrator_network_range",
                violation_error_message="A network is a number from 0 to 255.",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.serial


class MeterQuerySet(ArchivableQuerySet):
    def of_resident(self, user: User) -> Self:
        """The meters that hang in the homes where the resident lives today."""
        now = timezone.now()
        hangs = Q(installations__unit__in=stays.today(user), installations__starts_at__lte=now)
        return self.filter(
            hangs, Q(installations__ends_at=None) | Q(installations__ends_at__gt=now)
        )

    def of_any_stay(self, user: User) -> Self:
        """What a person may see, and for residents also what hung in their home in their time."""
        if not user.is_resident:
            return self.visible_to(user)
        lived = stays.of(user)
        if not lived:
            return self.none()
        hung = Meter.objects.filter(reduce(or_, map(_hung_during, lived)))
        return self.filter(pk__in=hung).within_key(user)

    def collectable(self) -> Self:
        """Meters that a concentrator can be asked for."""
        return (
            self.alive()
            .filter(
                concentrator__isnull=False,
                concentrator__is_enabled=True,
                concentrator__deleted_at=None,
            )
            .exclude(logical_device=None, gateway_address="", ipv6_address=None)
        )


def _hung_during(stay: Stay) -> Q:
    """That a meter hung in a home at some moment of a stay."""
    still = Q(installations__ends_at=None) | Q(installations__ends_at__gt=stay.starts_at)
    hung = Q(installations__unit=stay.unit_id) & still
    return hung & Q(installations__starts_at__lt=stay.ends_at) if stay.ends_at else hung


class Meter(Archivable):
    """A device that counts what is used; where it hangs is told by its installations."""

    class Kind(models.TextChoices):
        ELECTRICITY = "electricity", "Electricity"
        WATER = "water", "Water"
        SOLAR = "solar", "Solar"
        BULK_ELECTRICITY = "bulk_electricity", "Bulk electricity"
        BULK_WATER = "bulk_water", "Bulk water"

    class CommunicationType(models.TextChoices):
        PLC = "plc", "Power line"
        LORA = "lora", "LoRaWAN"
        CELLULAR = "cellular", "Cellular"
        WIFI = "wifi", "Wi-Fi"
        MANUAL = "manual", "Read by hand"

    class RelayState(models.TextChoices):
        UNKNOWN = "unknown", "Unknown"
        CONNECTED = "connected", "Connected"
        DISCONNECTED = "disconnected", "Disconnected"
        READY = "ready", "Ready for reconnection"

    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="meters")
    serial = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    manufacturer = models.CharField(max_length=60, blank=True)
    model = models.CharField(max_length=60, blank=True)
    communication_type = models.CharField(
        max_length=10, choices=CommunicationType, default=CommunicationType.PLC
    )
    concentrator = models.ForeignKey(
        Concentrator, on_delete=models.PROTECT, null=True, blank=True, related_name="meters"
    )
    logical_device = models.PositiveIntegerField(
        null=True, blank=True, help_text="The meter's wrapper port behind its concentrator."
    )
    gateway_address = models.CharField(
        max_length=32,
        blank=True,
        validators=[RegexValidator(OCTETS, "Write octets in small hexadecimal: 0065.")],
        help_text="The meter's address behind a gateway, as hexadecimal octets: 0065.",
    )
    ipv6_address = models.GenericIPAddressField(
        "IPv6 address", protocol="IPv6", unpack_ipv4=False, null=True, blank=True, unique=True,
        help_text="The meter's own address, where each meter has one.",
    )  # fmt: skip
    has_relay = models.BooleanField(default=False)
    control_mode = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    maximum_per_interval = models.PositiveIntegerField(
        default=5760,
        help_text="The most that can be used in 15 minutes, in Wh or litres "
        "(E460: 80 A x 240 V x 1.2 x 0.25 h = 5760 Wh).",
    )
    rating = models.DecimalField(
        max_digits=9, decimal_places=3, null=True, blank=True, validators=between(Decimal("0.001")),
        help_text="From the nameplate: rated current in A, overload flow Q4 in m³/h, or the solar "
        "inverter's kVA. Given, it says what can be used in 15 minutes.",
    )  # fmt: skip
    relay_state = models.CharField(
        max_length=15, choices=RelayState, default=RelayState.UNKNOWN, editable=False
    )
    relay_read_at = models.DateTimeField(null=True, blank=True, editable=False)
    communication_status = models.CharField(
        max_length=10,
        choices=CommunicationStatus,
        default=CommunicationStatus.OFFLINE,
        editable=False,
    )
    last_contact_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_reading_at = models.DateTimeField(null=True, blank=True, editable=False)
    clock_drift_seconds = models.IntegerField(null=True, blank=True, editable=False)
    events_read_at = models.DateTimeField(null=True, blank=True, editable=False)
    visits_failed = models.PositiveSmallIntegerField(default=0, editable=False)
    visit_after = models.DateTimeField("next visit after", null=True, blank=True, editable=False)

    objects = MeterQuerySet.as_manager()

    class Meta:
        permissions = [("operate_meter", "Can disconnect and reconnect a supply")]
        indexes = searching.indexes("meter", "serial")
        constraints = [
            models.UniqueConstraint(
                fields=["concentrator", "logical_device"],
                name="one_meter_per_server_address",
                violation_error_message="Another meter has this address at the concentrator.",
            ),
            models.UniqueConstraint(
                fields=["concentrator", "gateway_address"],
                condition=~Q(gateway_address=""),
                name="one_meter_per_gateway_address",
                violation_error_message="Another meter has this address behind the gateway.",
            ),
            models.CheckConstraint(
                condition=Q(gateway_address__regex=OCTETS),
                name="gateway_address_is_octets",
                violation_error_message="Write the octets in hexadecimal, small letters: 0065.",
            ),
            models.CheckConstraint(
                condition=Q(rating=None) | Q(rating__gt=0),
                name="meter_rating_positive",
                violation_error_message="A rating is above 0.",
            ),
        ]

    def __str__(self) -> str:
        return self.serial

    def mark_heard(self, at: datetime) -> None:
        """Note that the meter itself was heard; an earlier instant than the known one is none."""
        Meter.objects.filter(pk=self.pk).update(
            last_contact_at=Greatest("last_contact_at", at),
            communication_status=CommunicationStatus.ONLINE,
        )

    @property
    def utility(self) -> Utility:
        """What the meter counts, for a bulk meter too."""
        return Utility(self.kind.removeprefix("bulk_"))


class RegisterQuerySet(EstateScopedQuerySet):
    estate_path = "meter__estate"


class Register(Record):
    """
    One counter of a meter; a reading is the value of one register at one instant.

    `estimated_to` is up to where its use was estimated beyond the last valid reading, if it was.
    """

    class Channel(models.IntegerChoices):
        IMPORT = 1, "Active energy import"
        EXPORT = 2, "Active energy export"
        VOLUME = 3, "Volume"

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="registers")
    channel = models.PositiveSmallIntegerField(choices=Channel)
    obis = models.CharField("OBIS code", max_length=24)
    profile_obis = models.CharField("load profile", max_length=24)
    span = models.BigIntegerField(
        default=10**9, help_text="Where the register starts again at zero, in Wh or litres."
    )
    estimated_to = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RegisterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meter", "channel"], name="register_unique"),
            models.CheckConstraint(condition=Q(span__gt=0), name="register_span_positive"),
        ]

    def __str__(self) -> str:
        return self.obis
