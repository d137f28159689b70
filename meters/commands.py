"""
The life of a command to a meter's relay.

Requested, then queued or blocked; sent; acknowledged by the meter; verified by reading the
disconnect control back. A worker may die at any point: before the order leaves, that it may have
left is on record, and who finds such a record reads the relay before anything else.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Value, When

from accounts.models import User
from meters import alerts
from meters.alerts import Kind, Severity
from meters.collecting.line import Address, relay_state
from meters.dlms.values import RelayState
from meters.exchange import Exchange, Order, Transport, over_dlms, reached
from meters.models.control import Command
from meters.models.devices import CommunicationStatus, Meter
from quantify.crash_points import Point, reach

Action, State = Command.Action, Command.State

type Permit = Callable[[Command, datetime], str | None]

LIFETIME = {Action.DISCONNECT: timedelta(minutes=30), Action.RECONNECT: timedelta(hours=24)}
RETRY_AFTER = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 120, 600, 1800))
# Whoever holds a command has this long for the conversation before another may look at it.
LEASE = timedelta(minutes=2)
NOT_LEFT = (State.QUEUED, State.RETRYING)
CONTROL_MODE_NONE = 0
PRESS_THE_BUTTON = "Ready for reconnection: the resident must press the button on the meter."


class NoRelay(Exception):
    """The meter cannot be switched."""


class CommandOpen(Exception):
    """Another command to this meter is under way."""


@transaction.atomic
def request(
    *,
    meter_id: UUID,
    action: str,
    reason: str,
    cause: Command.Cause,
    trace: Sequence[Any],
    requested_by: User | None,
    now: datetime,
) -> Command:
    """
    Ask for a command; asking again for what is under way returns it.

    A reconnection takes the place of a disconnection that has not left yet.

    :raises NoRelay: if the meter cannot be switched.
    :raises CommandOpen: if the opposite is under way.
    """
    meter = Meter.objects.select_for_update(of=("self",), no_key=True).get(pk=meter_id)
    if not meter.has_relay or meter.control_mode == CONTROL_MODE_NONE:
        raise NoRelay(f"{meter} has no relay that can be switched.")
    if earlier := meter.commands.open().select_for_update().first():
        if earlier.action == action:
            return earlier
        _supersede(earlier, now)
    return Command.objects.create(
        meter=meter,
        action=Action(action),
        cause=cause,
        reason=reason[:250],
        trace=list(trace),
        requested_by=requested_by,
        requested_at=now,
        due_at=now,
        expires_at=now + LIFETIME[Action(action)],
    )


@transaction.atomic
def block(
    *, meter_id: UUID, action: str, reason: str, trace: Sequence[Any], now: datetime
) -> Command:
    """Record that credit control wanted a command but may not give it, unless just recorded."""
    meter = Meter.objects.select_for_update(of=("self",), no_key=True).get(pk=meter_id)
    latest = meter.commands.order_by("-requested_at", "-id").first()
    told = reason[:250]
    if latest and (latest.state, latest.action, latest.reason) == (State.BLOCKED, action, told):
        return latest
    return Command.objects.create(
        meter=meter,
        action=Action(action),
        state=State.BLOCKED,
        reason=told,
        outcome=told,
        trace=list(trace),
        requested_at=now,
        due_at=now,
        expires_at=now,
    )


def due(now: datetime) -> list[UUID]:
    """The commands to be worked on now, reconnections first."""
    first = Case(When(action=Action.RECONNECT, then=Value(0)), default=Value(1))
    waiting = Command.objects.open().filter(due_at__lte=now).order_by(first, "due_at")
    return list(waiting.values_list("pk", flat=True))


def send(
    command_id: UUID, *, permit: Permit, now: datetime, transport: Transport = over_dlms
) -> Command:
    """
    Bring a command one step further, if it is due and nobody else is at it.

    ``permit`` is asked right before the order leaves; a reason it returns blocks the command.
    An order that may have left is never repeated before the relay was read.
    """
    with transaction.atomic(durable=True):
        command = _claim(command_id, now)
        if command is None:
            return Command.objects.get(pk=command_id)
        order = _prepare(command, permit, now)
        command.save()
    if order is None:
        return command
    reach(Point.COMMAND_CLAIMED)
    exchange = transport(order)
    reach(Point.COMMAND_ANSWERED)
    return _conclude(command, order, exchange, now)


def _supersede(earlier: Command, now: datetime) -> None:
    """:raises CommandOpen: unless it is a disconnection that has not left."""
    if earlier.action != Action.DISCONNECT or earlier.state not in NOT_LEFT:
        raise CommandOpen(f"{earlier.get_action_display()} is under way.")
    earlier.state = State.SUPERSEDED
    earlier.outcome = f"A reconnection was asked for at {now:%Y-%m-%d %H:%M} UTC."
    earlier.save(update_fields=["state", "outcome", "updated_at"])


def _claim(command_id: UUID, now: datetime) -> Command | None:
    return (
        Command.objects.open()
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("meter__concentrator")
        .filter(pk=command_id, due_at__lte=now)
        .first()
    )


def _prepare(command: Command, permit: Permit, now: datetime) -> Order | None:
    """Decide what to say to the meter, and put on record that it may have been said."""
    act = command.state in NOT_LEFT
    order = _order(command, act=act)
    if ending := _ending(command, order, permit, now):
        command.state, command.outcome = ending[0], ending[1][:250]
        return None
    if act:
        command.state, command.sent_at = State.SENT, now
    command.attempts += 1
    command.due_at = now + LEASE
    return order


def _ending(
    command: Command, order: Order | None, permit: Permit, now: datetime
) -> tuple[Command.State, str] | None:
    """Why the command ends here, if it does."""
    if order is None:
        return State.DEAD, "No concentrator reaches this meter."
    if not order.act:
        return None
    if command.expires_at <= now:
        return State.EXPIRED, command.outcome or "It could not be sent in time."
    if refusal := permit(command, now):
        return State.BLOCKED, refusal
    return None


def _order(command: Command, *, act: bool) -> Order | None:
    meter = command.meter
    if meter.concentrator is None or meter.logical_device is None:
        return None
    return Order(
        address=Address.of(meter.concentrator),
        logical_device=meter.logical_device,
        action=Action(command.action),
        act=act,
        read_first=command.attempts > 0,
    )


@transaction.atomic
def _conclude(command: Command, order: Order, exchange: Exchange, now: datetime) -> Command:
    """
    Write down how far the conversation got, and when to go on.

    The meter is locked before its command, as in `request`. A conversation that outlived its
    lease changes nothing: somebody else has read the relay since.
    """
    meter = Meter.objects.select_for_update(of=("self",), no_key=True).get(pk=command.meter_id)
    current = Command.objects.select_for_update(of=("self",)).get(pk=command.pk)
    if (current.attempts, current.state) != (command.attempts, command.state):
        return current
    current.meter = meter
    if exchange.answered:
        current.acknowledged_at = now
    if exchange.relay is not None:
        _note_relay(meter, exchange.relay, now)
    if reached(order.action, exchange.relay):
        _verify(current, now)
    else:
        _go_on(current, order, exchange, now)
    current.save()
    return current


def _verify(command: Command, now: datetime) -> None:
    command.state, command.verified_at = State.VERIFIED, now
    is_cut = command.action == Action.DISCONNECT
    waits = command.meter.relay_state == Meter.RelayState.READY
    command.outcome = PRESS_THE_BUTTON if waits and not is_cut else "Read back from the meter."
    told, ended = Kind.DISCONNECTION, Kind.RECONNECTION
    if not is_cut:
        told, ended = ended, told
    alerts.resolve(meter_ids=[command.meter_id], kind=ended, now=now)
    alerts.raise_once(
        meter_id=command.meter_id,
        kind=told,
        severity=Severity.INFO,
        message=PRESS_THE_BUTTON if waits and not is_cut else f"{told.label}: {command.reason}",
        now=now,
    )


def _go_on(command: Command, order: Order, exchange: Exchange, now: datetime) -> None:
    """Not there yet: what is known decides whether to ask, to send again, or to give up."""
    command.state = _next_state(command, order, exchange)
    command.outcome = (exchange.error or "The relay does not stand as ordered.")[:250]
    if command.expires_at <= now:
        command.state = State.EXPIRED
    elif command.attempts > len(RETRY_AFTER):
        command.state = State.DEAD
    else:
        command.due_at = now + RETRY_AFTER[command.attempts - 1]


def _next_state(command: Command, order: Order, exchange: Exchange) -> Command.State:
    if exchange.relay is not None:
        return State.RETRYING
    if exchange.answered:
        return State.ACKNOWLEDGED
    if exchange.left:
        return State.UNKNOWN
    return State.RETRYING if order.act else State(command.state)


def _note_relay(meter: Meter, relay: RelayState, now: datetime) -> None:
    meter.relay_state = relay_state(relay)
    meter.control_mode = relay.control_mode
    Meter.objects.filter(pk=meter.pk).update(
        relay_state=meter.relay_state,
        control_mode=meter.control_mode,
        relay_read_at=now,
        last_contact_at=now,
        communication_status=CommunicationStatus.ONLINE,
    )
