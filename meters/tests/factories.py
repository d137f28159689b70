"""
Devices for tests.

Readings, intervals and daily consumption have no factory: `meters.readings` writes them.
"""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from factory.declarations import (
    LazyAttribute,
    LazyFunction,
    RelatedFactory,
    SelfAttribute,
    Sequence,
    SubFactory,
    Trait,
)
from factory.django import DjangoModelFactory

from estates.tests.factories import EstateFactory
from meters.models import (
    Command,
    Concentrator,
    Installation,
    LoraDevice,
    Meter,
    MeterAlert,
    NetworkServer,
    Register,
    RelayDrift,
    Uplink,
)
from units.tests.factories import UnitFactory

INSTALLED = datetime(2026, 1, 1, tzinfo=UTC)
NOTICED = datetime(2026, 7, 1, 10, tzinfo=UTC)
VOLUME = ("8.0.1.0.0.255", "8.0.99.1.0.255")
ENERGY = ("1.0.1.8.0.255", "1.0.99.1.0.255")


class ConcentratorFactory(DjangoModelFactory[Concentrator]):
    class Meta:
        model = Concentrator

    estate = SubFactory(EstateFactory)
    serial = Sequence(lambda number: f"DC{number:06d}")
    host = "127.0.0.1"


class RegisterFactory(DjangoModelFactory[Register]):
    """The register that a meter of its kind counts with."""

    class Meta:
        model = Register

    meter = SubFactory("meters.tests.factories.MeterFactory")
    channel = LazyAttribute(
        lambda own: (
            Register.Channel.VOLUME if own.meter.kind.endswith("water") else Register.Channel.IMPORT
        )
    )
    obis = LazyAttribute(lambda own: VOLUME[0] if own.channel == 3 else ENERGY[0])
    profile_obis = LazyAttribute(lambda own: VOLUME[1] if own.channel == 3 else ENERGY[1])


class InstallationFactory(DjangoModelFactory[Installation]):
    """That a meter hangs at a unit of its own estate."""

    class Meta:
        model = Installation

    meter = SubFactory("meters.tests.factories.MeterFactory")
    unit = SubFactory(UnitFactory, estate=SelfAttribute("..meter.estate"))
    kind = SelfAttribute("meter.kind")
    starts_at = INSTALLED
    opening_value = 0


class MeterFactory(DjangoModelFactory[Meter]):
    """
    An electricity meter with a relay.

    Traits: `with_register=True`; `installed=True` (`installation__unit=unit` says where);
    `behind_concentrator=True`.
    """

    class Meta:
        model = Meter
        skip_postgeneration_save = True

    class Params:
        with_register = Trait(
            register=RelatedFactory(RegisterFactory, factory_related_name="meter")
        )
        installed = Trait(
            installation=RelatedFactory(InstallationFactory, factory_related_name="meter")
        )
        behind_concentrator = Trait(
            concentrator=SubFactory(ConcentratorFactory, estate=SelfAttribute("..estate")),
            logical_device=Sequence(lambda number: number + 1),
        )

    estate = SubFactory(EstateFactory)
    serial = Sequence(lambda number: f"E{number:08d}")
    kind = Meter.Kind.ELECTRICITY
    has_relay = True


class MeterAlertFactory(DjangoModelFactory[MeterAlert]):
    class Meta:
        model = MeterAlert

    meter = SubFactory(MeterFactory)
    estate = LazyAttribute(lambda alert: alert.meter.estate)
    kind = MeterAlert.Kind.COMMUNICATION_LOSS
    severity = MeterAlert.Severity.WARNING
    message = "No contact for 30 minutes."
    raised_at = NOTICED
    last_seen_at = NOTICED


class RelayDriftFactory(DjangoModelFactory[RelayDrift]):
    class Meta:
        model = RelayDrift

    meter = SubFactory(MeterFactory)
    kind = RelayDrift.Kind.SWITCHED_OFF
    wanted = Meter.RelayState.CONNECTED
    stands = Meter.RelayState.DISCONNECTED
    says = "It was never cut from here, and reads disconnected."
    remedy = RelayDrift.Remedy.PERSON
    since = NOTICED
    seen_at = NOTICED


class CommandFactory(DjangoModelFactory[Command]):
    class Meta:
        model = Command

    meter = SubFactory(MeterFactory)
    action = Command.Action.DISCONNECT
    reason = "Credit is used up."
    requested_at = NOTICED
    moved_at = NOTICED
    due_at = NOTICED
    expires_at = NOTICED + timedelta(hours=1)


class NetworkServerFactory(DjangoModelFactory[NetworkServer]):
    """A network server that nobody knows the secret of; `servers.register` makes one with."""

    class Meta:
        model = NetworkServer

    estate = SubFactory(EstateFactory)
    name = "ChirpStack"
    key_id = Sequence(lambda number: f"{number:016x}")
    secret_digest = "0" * 64


class LoraDeviceFactory(DjangoModelFactory[LoraDevice]):
    """A device that was heard and stands for no meter."""

    class Meta:
        model = LoraDevice

    server = SubFactory(NetworkServerFactory)
    dev_eui = Sequence(lambda number: f"24e124{number:010x}")
    name = LazyAttribute(lambda own: f"Device {own.dev_eui}")


class UplinkFactory(DjangoModelFactory[Uplink]):
    class Meta:
        model = Uplink

    device = SubFactory(LoraDeviceFactory)
    deduplication_id = LazyFunction(uuid4)
    session = 0
    frame_counter = Sequence(lambda number: number)
    port = 85
    payload = b"\x01\x75\x64"
    heard_at = NOTICED
