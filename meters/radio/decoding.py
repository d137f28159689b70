"""
From kept uplinks to readings, conditions and the state of a device.

Reading the same uplinks again changes nothing; with a better decoder it adds what was missed,
and keeps what contradicts a stored reading as a conflict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from meters import readings
from meters.control import downlinks
from meters.lorawan.errors import UnreadableFrame
from meters.lorawan.observation import Observation
from meters.manual import Rejected, main_channel
from meters.models.devices import Meter
from meters.models.radio import LoraDevice, Uplink
from meters.radio import conditions, counts
from meters.radio.counts import Heard
from meters.readings import Recorded

AT_ONCE = 500
HALF_AN_INTERVAL = timedelta(minutes=7, seconds=30)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many uplinks were read or could not be, and what came of their readings."""

    read: int = 0
    unreadable: int = 0
    recorded: Recorded = field(default_factory=Recorded)

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.read + other.read,
            self.unreadable + other.unreadable,
            self.recorded + other.recorded,
        )


def read_new(device_id: UUID) -> Outcome:
    """Read what a registered device sent and nobody has read yet."""
    total = Outcome()
    while True:
        waiting = Uplink.objects.waiting().filter(device=device_id)
        ids = list(waiting.order_by("heard_at", "pk").values_list("pk", flat=True)[:AT_ONCE])
        total += read(device_id, ids)
        if len(ids) < AT_ONCE:
            return total


def read_again(device_id: UUID, *, begin: datetime, end: datetime) -> Outcome:
    """Read again what a registered device sent from `begin` up to but without `end`."""
    kept = Uplink.objects.filter(device=device_id, heard_at__gte=begin, heard_at__lt=end)
    ids = list(kept.order_by("heard_at", "pk").values_list("pk", flat=True))
    total = Outcome()
    for first in range(0, len(ids), AT_ONCE):
        total += read(device_id, ids[first : first + AT_ONCE])
    return total


def read_waiting() -> Outcome:
    """Read all that registered devices sent and nobody has read, after a crash or a fault."""
    total = Outcome()
    devices = Uplink.objects.waiting().order_by().values_list("device", flat=True).distinct()
    for device_id in devices:
        total += read_new(device_id)
    return total


@transaction.atomic
def read(device_id: UUID, uplink_ids: Sequence[UUID]) -> Outcome:
    """Read these uplinks of a device, in one transaction that holds the device."""
    locked = LoraDevice.objects.select_for_update(of=("self",))
    device = locked.select_related("meter").get(pk=device_id)
    decoder = device.decoder
    if device.meter is None or decoder is None or not uplink_ids:
        return Outcome()
    uplinks = Uplink.objects.filter(pk__in=uplink_ids).order_by("heard_at", "pk")
    heard: list[Heard] = []
    outcomes: list[Uplink] = []
    for uplink in uplinks:
        try:
            told = decoder.observe(bytes(uplink.payload), uplink.port)
        except UnreadableFrame as error:
            uplink.outcome, uplink.problem = Uplink.Outcome.UNREADABLE, str(error)[:250]
        else:
            uplink.outcome, uplink.problem = Uplink.Outcome.READ, ""
            heard.append(Heard(uplink, told))
        outcomes.append(uplink)
    Uplink.objects.bulk_update(outcomes, ["outcome", "problem"])
    recorded = _record(device, device.meter, heard)
    _note(device, device.meter, heard, outcomes)
    return Outcome(len(heard), len(outcomes) - len(heard), recorded)


def _record(device: LoraDevice, meter: Meter, heard: Sequence[Heard]) -> Recorded:
    registers = {one.channel: one for one in meter.registers.all()}
    try:
        register = registers[main_channel(list(registers))]
    except Rejected as error:
        device.problem = str(error)
        return Recorded()
    rows = counts.readings_of(device, register, heard)
    if not rows:
        return Recorded()
    # When they were learned: reading them again later must not make the meter heard of anew.
    received_at = max(one.uplink.created_at for one in heard)
    return readings.record(rows, received_at=received_at)


def _note(
    device: LoraDevice, meter: Meter, heard: Sequence[Heard], outcomes: Iterable[Uplink]
) -> None:
    """Keep the newest of what these uplinks tell about device and meter."""
    for one in heard:
        at = one.uplink.heard_at
        if device.conditions_at is None or device.conditions_at < at:
            conditions.apply(meter, one.told, at=at)
            device.conditions_at = at
        _note_state(device, one.told, at)
    last = max(outcomes, key=lambda uplink: uplink.heard_at)
    if last.heard_at == device.last_uplink_at:
        device.problem = last.problem or _clock_problem(device)
    device.save()
    if heard:
        learned_at = max(one.uplink.created_at for one in heard)
        meter.mark_heard(learned_at)
        if any(device.is_closed_at == one.uplink.heard_at for one in heard):
            downlinks.relay_told(device, now=learned_at)


def _note_state(device: LoraDevice, told: Observation, at: datetime) -> None:
    if told.battery_percent is not None and (device.battery_at is None or device.battery_at <= at):
        device.battery_percent, device.battery_at = told.battery_percent, at
    if told.is_closed is not None and (device.is_closed_at is None or device.is_closed_at <= at):
        device.is_closed, device.is_closed_at = told.is_closed, at
    if told.clock is not None and at == device.last_uplink_at:
        drift = datetime.fromtimestamp(told.clock, UTC) - at
        most = 2**31 - 1
        device.clock_drift_seconds = max(-most, min(most, round(drift.total_seconds())))


def _clock_problem(device: LoraDevice) -> str:
    drift = device.clock_drift_seconds
    if drift is None or abs(drift) <= HALF_AN_INTERVAL.total_seconds():
        return ""
    return f"The device's clock is {drift} seconds off; its own times are not used."
