"""What a simulated fleet consists of: its meters, their homes and what is wrong with them."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from meters.dlms.simulator.loads import SLOT_SECONDS, Counts

type Medium = Literal["electricity", "water"]

SLOT = timedelta(seconds=SLOT_SECONDS)


class PlanInvalid(ValueError):
    """The plan describes a fleet that cannot exist."""


class Kind(StrEnum):
    ELECTRICITY = "electricity"
    WATER = "water"
    SOLAR = "solar"
    BULK_ELECTRICITY = "bulk_electricity"
    BULK_WATER = "bulk_water"

    @property
    def medium(self) -> Medium:
        return "water" if self in {Kind.WATER, Kind.BULK_WATER} else "electricity"

    @property
    def has_relay(self) -> bool:
        return self in {Kind.ELECTRICITY, Kind.SOLAR}

    @property
    def measured_in_bulk(self) -> "Kind | None":
        """The kind of unit meters whose supply a meter of this kind sees."""
        return {Kind.BULK_ELECTRICITY: Kind.ELECTRICITY, Kind.BULK_WATER: Kind.WATER}.get(self)


def seed_of(serial: str) -> int:
    """Return a seed that belongs to the serial number of a meter."""
    return int.from_bytes(hashlib.sha256(serial.encode()).digest()[:7])


@dataclass(frozen=True, kw_only=True)
class MeterPlan:
    """
    One meter, the home behind it, and what was planted there.

    Registers are whole watt-hours or litres. `residents` is the size of the household; a unit
    with none is vacant. A bypassed meter registers `bypass_percent` of the load; the rest goes
    past it, also while its relay is open. Leak and bypass begin with the first whole slot after
    their instant; the leak of a bulk water meter is one in the common pipes. A meter that is
    offline keeps metering, and answers for that time later. With a password it asks for low
    level security, with keys (16 octets each, in hexadecimal) for HLS-GMAC. With a device EUI it
    stands behind no concentrator: its pulses are counted by a LoRaWAN device.
    """

    logical_device: int
    serial: str
    kind: Kind
    seed: int
    residents: int = 3
    opening_register: int = 0
    control_mode: int = 4
    leak_litres_per_hour: int = 0
    leak_from: datetime | None = None
    bypass_percent: int = 10
    bypass_from: datetime | None = None
    offline_from: datetime | None = None
    offline_until: datetime | None = None
    password: str = ""
    encryption_key: str = ""
    authentication_key: str = ""
    dev_eui: str = ""

    def offline_at(self, at: datetime) -> bool:
        if self.offline_from is None or at < self.offline_from:
            return False
        return self.offline_until is None or at < self.offline_until


@dataclass(frozen=True, kw_only=True)
class FleetPlan:
    """
    The meters of one estate, as they stand at the epoch: the instant of the opening registers.

    The losses are a share of what units and common areas draw. Only bulk meters see them.

    :raises PlanInvalid: if two meters share a logical device, two bulk meters measure the same
        supply, or the epoch is not on a quarter of an hour.
    """

    code: str
    epoch: datetime
    meters: tuple[MeterPlan, ...]
    loss_percent: Decimal = Decimal(0)
    water_loss_percent: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if self.epoch.tzinfo is None or self.epoch.timestamp() % SLOT_SECONDS:
            raise PlanInvalid(f"The epoch {self.epoch} is no quarter of an hour of a time zone.")
        devices = {meter.logical_device for meter in self.meters}
        if len(devices) < len(self.meters):
            raise PlanInvalid("Two meters share a logical device.")
        for kind in Kind:
            if kind.measured_in_bulk and len(self.of_kind(kind)) > 1:
                raise PlanInvalid(f"The estate has more than one {kind} meter.")
        if min(self.loss_percent, self.water_loss_percent) < 0:
            raise PlanInvalid("A loss is negative.")

    def of_kind(self, kind: Kind) -> list[MeterPlan]:
        return [meter for meter in self.meters if meter.kind == kind]

    @cached_property
    def first_slot(self) -> int:
        return int(self.epoch.timestamp()) // SLOT_SECONDS

    def losses[Quantity: (int, Counts)](self, medium: Medium, delivered: Quantity) -> Quantity:
        """
        Return what is lost until so much was delivered since the epoch, in whole units.

        Losses are rounded down on the running total, never on each slot, so that they neither
        shrink nor depend on how time is cut.
        """
        percent = self.loss_percent if medium == "electricity" else self.water_loss_percent
        numerator, denominator = (percent / 100).as_integer_ratio()
        return delivered * numerator // denominator

    def dump(self, path: Path) -> None:
        """Write the plan to a file; a reader sees the old file or the whole new one."""
        fields = {**asdict(self), "meters": [_without_defaults(meter) for meter in self.meters]}
        draft = path.with_name(f"{path.name}.new")
        draft.write_text(json.dumps(fields, default=_text, indent=1))
        draft.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """:raises PlanInvalid: if the file does not hold a plan."""
        try:
            fields = json.loads(path.read_text())
            return cls(
                code=fields["code"],
                epoch=datetime.fromisoformat(fields["epoch"]),
                meters=tuple(_meter(stored) for stored in fields["meters"]),
                loss_percent=Decimal(fields["loss_percent"]),
                water_loss_percent=Decimal(fields["water_loss_percent"]),
            )
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise PlanInvalid(f"{path} does not hold the plan of a fleet.") from error


def _without_defaults(meter: MeterPlan) -> dict[str, Any]:
    fields = MeterPlan.__dataclass_fields__
    return {name: value for name, value in asdict(meter).items() if value != fields[name].default}


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _meter(stored: dict[str, Any]) -> MeterPlan:
    instants = {"leak_from", "bypass_from", "offline_from", "offline_until"}
    fields: dict[str, Any] = {
        name: datetime.fromisoformat(value) if name in instants else value
        for name, value in stored.items()
    }
    fields["kind"] = Kind(stored["kind"])
    return MeterPlan(**fields)
