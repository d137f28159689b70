"""
How relays should stand, against how they were last read: a pure function of the facts.

A relay should stand as the last order that came to its end has left it; one that was never cut
is on. A cut that was given up or ran out of time is wanted no longer and may have worked all the
same: there either is right, and credit control or a person goes on from how it reads.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from meters.models.control import Command
from meters.models.devices import CommunicationStatus, Meter
from meters.models.drift import RelayDrift
from meters.models.radio import LoraDevice

Kind, Remedy, Relay = RelayDrift.Kind, RelayDrift.Remedy, Meter.RelayState

STALE = timedelta(minutes=60)
"""A relay that was not read for so long is not known; over radio, for as long as is silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    What is known of one relay.

    ``last_action``, ``last_state``, ``last_at``: the newest cut or reconnection that was not
    blocked or superseded.
    """

    meter_id: UUID
    relay_state: str
    relay_read_at: datetime | None
    is_online: bool
    last_action: str | None = None
    last_state: str | None = None
    last_at: datetime | None = None
    stale_after: timedelta = STALE


@dataclass(frozen=True, slots=True)
class Drift:
    """A relay that stands wrong or is not known: what it should be, why, and what is done."""

    meter_id: UUID
    kind: RelayDrift.Kind
    wanted: str
    stands: str
    says: str
    remedy: RelayDrift.Remedy


def assess(relay: Standing, *, now: datetime) -> Drift | None:
    """Say what is wrong with a relay, or None."""
    if relay.last_state in Command.OPEN:
        return None
    wanted = _wanted(relay)
    if _is_unknown(relay, now):
        return _unknown(relay, wanted or Relay.UNKNOWN)
    is_on = relay.relay_state != Relay.DISCONNECTED
    if wanted == Relay.DISCONNECTED and is_on:
        says = f"It was cut{_when(relay)}, and reads {relay.relay_state} since."
        return _drift(relay, Kind.SWITCHED_ON, wanted, says, Remedy.PERSON)
    if wanted == Relay.CONNECTED and not is_on:
        return _off(relay, wanted)
    return None


def _wanted(relay: Standing) -> str | None:
    if relay.last_action in {None, Command.Action.RECONNECT}:
        return Relay.CONNECTED
    return Relay.DISCONNECTED if relay.last_state == Command.State.VERIFIED else None


def _is_unknown(relay: Standing, now: datetime) -> bool:
    read_at = relay.relay_read_at
    return (
        relay.relay_state == Relay.UNKNOWN or read_at is None or now - read_at > relay.stale_after
    )


def _unknown(relay: Standing, wanted: str) -> Drift:
    remedy = Remedy.READ if relay.is_online else Remedy.WAIT
    if relay.relay_read_at is None:
        says = "The relay was never read."
    elif relay.relay_state == Relay.UNKNOWN:
        says = "The meter contradicts itself about its relay."
    else:
        says = f"The relay was last read at {relay.relay_read_at:%Y-%m-%d %H:%M} UTC."
    return _drift(relay, Kind.UNKNOWN, wanted, says, remedy)


def _off(relay: Standing, wanted: str) -> Drift:
    if relay.last_action is None:
        says = "It was never cut from here, and reads disconnected."
    elif relay.last_state == Command.State.VERIFIED:
        says = f"It was reconnected{_when(relay)}, and reads disconnected since."
    else:
        says = f"A reconnection did not reach it{_when(relay)}; it still reads disconnected."
        return _drift(relay, Kind.LEFT_OFF, wanted, says, Remedy.RECONNECT)
    # Whoever opened it may be working on the wires: it is not closed from afar.
    return _drift(relay, Kind.SWITCHED_OFF, wanted, says, Remedy.PERSON)


def _when(relay: Standing) -> str:
    return f" on {relay.last_at:%Y-%m-%d at %H:%M} UTC" if relay.last_at else ""


def _drift(
    relay: Standing, kind: RelayDrift.Kind, wanted: str, says: str, remedy: RelayDrift.Remedy
) -> Drift:
    return Drift(relay.meter_id, kind, wanted, relay.relay_state, says, remedy)


def standings(meter_ids: list[UUID] | None = None) -> list[Standing]:
    """What is known of the relays of all meters, or of some."""
    meters = Meter.objects.alive().filter(has_relay=True, estate__deleted_at=None)
    if meter_ids is not None:
        meters = meters.filter(pk__in=meter_ids)
    newest = Command.objects.filter(action__in=Command.SWITCHING).exclude(
        state__in=[Command.State.BLOCKED, Command.State.SUPERSEDED]
    )
    found = newest.order_by("meter_id", "-requested_at", "-id").distinct("meter_id")
    last = {command.meter_id: command for command in found}
    told = LoraDevice.objects.filter(meter__in=meters)
    limits = dict(told.values_list("meter", "offline_after_minutes"))
    return [
        _standing(meter, last.get(meter.pk), limits.get(meter.pk))
        for meter in meters.order_by("pk")
    ]


def _standing(meter: Meter, last: Command | None, silent_after: int | None) -> Standing:
    return Standing(
        stale_after=timedelta(minutes=silent_after) if silent_after else STALE,
        meter_id=meter.pk,
        relay_state=meter.relay_state,
        relay_read_at=meter.relay_read_at,
        is_online=meter.communication_status == CommunicationStatus.ONLINE,
        last_action=last.action if last else None,
        last_state=last.state if last else None,
        last_at=last.moved_at if last else None,
    )
