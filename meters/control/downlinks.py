"""
What becomes of an order in a device's queue: told by the network server, and by the device.

Events are kept as they come, in any order and before the item is known; a command is moved by
all that is known at that moment. Only what the device says of its relay proves anything.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction

from meters.control.conclusions import verify
from meters.models.control import Command
from meters.models.devices import Meter
from meters.models.downlinks import Downlink, DownlinkEvent
from meters.models.radio import LoraDevice

Action, State = Command.Action, Command.State
Kind = DownlinkEvent.Kind

type News = Mapping[str, datetime]
"""What the network server told of an item, and when, by the network's time."""

REACTION = timedelta(seconds=10)
"""What a device says so soon after an order may have been on its way before."""
WORDS = {
    Kind.ON_AIR: "A gateway sent it over the air.",
    Kind.ACKNOWLEDGED: "The device acknowledged it; what it says of its relay will prove it.",
    Kind.NOT_ACKNOWLEDGED: "The device did not acknowledge it.",
}
MOVES = (
    (Kind.ACKNOWLEDGED, State.ACKNOWLEDGED),
    (Kind.NOT_ACKNOWLEDGED, State.UNKNOWN),
    (Kind.ON_AIR, State.SENT),
)
"""The first that was told decides."""


def write(command: Command, device: LoraDevice, *, port: int, payload: bytes) -> Downlink:
    """Put on record that an order may come to be in the queue."""
    return Downlink.objects.create(
        command=command,
        device=device,
        port=port,
        payload=payload,
        expires_at=command.expires_at,
        heard_before=device.last_uplink_at,
    )


def identify(downlink: Downlink, queue_item: str) -> None:
    """Note which item of the queue it is."""
    if downlink.queue_item != queue_item:
        downlink.queue_item = queue_item
        downlink.save(update_fields=["queue_item", "updated_at"])


def claim_event(downlink: Downlink) -> None:
    """The item whose number was lost in a crash: one the network told of, and nobody else's."""
    since = DownlinkEvent.objects.filter(
        device=downlink.device_id, created_at__gte=downlink.created_at
    )
    known = Downlink.objects.filter(device=downlink.device_id).values("queue_item")
    if told := since.exclude(queue_item__in=known).order_by("pk").first():
        identify(downlink, told.queue_item)


def mark_gone(downlink: Downlink, device: LoraDevice, *, now: datetime) -> None:
    """It was not in the queue any more: from here on the device may answer."""
    if downlink.gone_after is None:
        downlink.gone_after = device.last_uplink_at or now
        downlink.save(update_fields=["gone_after", "updated_at"])


def take_out(device: LoraDevice, *, now: datetime, but: Downlink | None = None) -> None:
    """The queue was emptied: what nobody told of never left."""
    told = DownlinkEvent.objects.filter(device=device).values("queue_item")
    waiting = Downlink.objects.filter(device=device, taken_out_at=None, gone_after=None)
    if but is not None:
        waiting = waiting.exclude(pk=but.pk)
    waiting.exclude(queue_item__in=told).update(taken_out_at=now, updated_at=now)


def withdraw(downlink: Downlink, *, now: datetime) -> None:
    """It did not come into the queue after all."""
    Downlink.objects.filter(pk=downlink.pk).update(taken_out_at=now, updated_at=now)


def standing(command: Command) -> Downlink | None:
    """The last attempt of a command that was not taken out again."""
    return command.downlinks.filter(taken_out_at=None).order_by("-pk").first()


def news(downlink: Downlink) -> News:
    if not downlink.queue_item:
        return {}
    told = DownlinkEvent.objects.filter(device=downlink.device_id, queue_item=downlink.queue_item)
    return dict(told.values_list("kind", "at"))


def words(downlink: Downlink) -> str:
    """How far the network server says that it came; empty if it says nothing."""
    told = news(downlink)
    return next((str(WORDS[kind]) for kind, _ in MOVES if kind in told), "")


def told_since(downlink: Downlink, told: News, device: LoraDevice) -> bool | None:
    """
    What the device said of its contact after the order had left (closed or not); None if nothing.

    What it said before the order was written is no answer, whenever it came in.
    """
    moments = [told[kind] for kind in (Kind.ON_AIR, Kind.ACKNOWLEDGED) if kind in told]
    left = min(moments, default=downlink.gone_after)
    if left is None or device.is_closed_at is None or device.is_closed_at < left:
        return None
    if downlink.heard_before is not None and device.is_closed_at <= downlink.heard_before:
        return None
    wanted = downlink.command.action == Action.RECONNECT
    if device.is_closed != wanted and device.is_closed_at < left + REACTION:
        return None
    return device.is_closed


@transaction.atomic
def take_event(
    device: LoraDevice, *, kind: DownlinkEvent.Kind, queue_item: str, at: datetime, now: datetime
) -> None:
    """Keep what the network server told of an item, and move the command it belongs to."""
    DownlinkEvent.objects.bulk_create(
        [DownlinkEvent(device=device, queue_item=queue_item, kind=kind, at=at)],
        ignore_conflicts=True,
    )
    settle(device, now=now)


@transaction.atomic
def relay_told(device: LoraDevice, *, now: datetime) -> None:
    """
    Note how the device says its relay stands, and move the command that waits for it.

    `now` is when it was learned, as the time of a relay that is read over power line.
    """
    if device.meter is None or not device.meter.has_relay or device.is_closed is None:
        return
    state = Meter.RelayState.CONNECTED if device.is_closed else Meter.RelayState.DISCONNECTED
    Meter.objects.filter(pk=device.meter.pk).update(relay_state=state, relay_read_at=now)
    settle(device, now=now, has_just_told=True)


@transaction.atomic
def settle(device: LoraDevice, *, now: datetime, has_just_told: bool = False) -> None:
    """Move the open command of a device's meter as far as all that was heard carries it."""
    if device.meter_id is None:
        return
    meter = Meter.objects.select_for_update(of=("self",), no_key=True).get(pk=device.meter_id)
    command = meter.commands.open().select_for_update(of=("self",)).first()
    if command is None:
        return
    command.meter = meter
    before = command.state, command.outcome
    if command.action == Action.READ:
        if has_just_told and command.requested_at <= now:
            verify(command, now)
    elif downlink := standing(command):
        downlink.command = command
        _follow(command, downlink, device, now)
    if (command.state, command.outcome) != before:
        command.moved_at = now
        command.save()


def _follow(command: Command, downlink: Downlink, device: LoraDevice, now: datetime) -> None:
    told = news(downlink)
    says = told_since(downlink, told, device)
    if says is not None and says == (command.action == Action.RECONNECT):
        verify(command, now)
        return
    if command.state in Command.NOT_LEFT:
        # It is to be given again; what the network tells of the attempt before is no news.
        return
    for kind, state in MOVES:
        if kind in told:
            if kind == Kind.ACKNOWLEDGED and command.acknowledged_at is None:
                command.acknowledged_at = now
            if kind == Kind.NOT_ACKNOWLEDGED and command.state != state:
                command.due_at = now
            command.state, command.outcome = state, WORDS[kind]
            return
