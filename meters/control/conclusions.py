"""What a conversation about a relay comes to: proof, another attempt, or the end of the command."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from meters import alerts
from meters.alerts import Kind, Severity
from meters.control import telling
from meters.control.exchange import RETRY_AFTER, Exchange, Order, reached
from meters.dlms.values import RelayState
from meters.models.control import Command
from meters.models.devices import CommunicationStatus, Meter
from meters.relays import relay_state
from quantify.crash_points import Point, reach

Action, State = Command.Action, Command.State

NOT_AS_ORDERED = "The relay does not stand as ordered."
PRESS_THE_BUTTON = "Ready for reconnection: the resident must press the button on the meter."


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    A conversation, and the command as it stood when it began.

    ``sent_before``: when an order of this command may have left before it.
    """

    command: Command
    order: Order
    exchange: Exchange
    sent_before: datetime | None


@transaction.atomic
def conclude(attempt: Attempt, now: datetime) -> Command:
    """
    Write down how far the conversation got, and when to go on; ``now`` is when it was over.

    The meter is locked before its command, as when asking for one. A conversation that outlived
    its lease changes nothing: somebody else has read the relay since.
    """
    command, exchange = attempt.command, attempt.exchange
    meter = Meter.objects.select_for_update(of=("self",), no_key=True).get(pk=command.meter_id)
    current = Command.objects.select_for_update(of=("self",)).get(pk=command.pk)
    if (current.attempts, current.state) != (command.attempts, command.state):
        return current
    current.meter, current.checks, current.moved_at = meter, command.checks, now
    if attempt.order.act:
        current.sent_at = _sent_at(current, attempt, now)
    if exchange.answered:
        current.acknowledged_at = now
    if exchange.relay is not None:
        _note_relay(meter, exchange.relay, now)
        reach(Point.RELAY_NOTED)
    if reached(attempt.order.action, exchange.relay):
        verify(current, now)
    elif exchange.refused:
        current.state, current.outcome = State.BLOCKED, exchange.refused[:250]
    else:
        _go_on(current, attempt, now)
    current.save()
    reach(Point.CONCLUSION_WRITTEN)
    return current


def _sent_at(command: Command, attempt: Attempt, now: datetime) -> datetime | None:
    """
    When the order left: a cut at the latest, a reconnection at the earliest.

    The breaker counts cuts by it and must not lose sight of one too early; what is used from a
    reconnection on is no use while disconnected.
    """
    if not attempt.exchange.left:
        return attempt.sent_before
    return now if command.action == Action.DISCONNECT else command.sent_at


def verify(command: Command, now: datetime) -> None:
    """The relay stands as ordered: close the command, which the caller saves, and tell of it."""
    command.state, command.verified_at = State.VERIFIED, now
    if command.action == Action.READ:
        command.outcome = f"The relay reads {command.meter.get_relay_state_display().lower()}."
        return
    is_cut = command.action == Action.DISCONNECT
    waits = command.meter.relay_state == Meter.RelayState.READY and not is_cut
    command.outcome = PRESS_THE_BUTTON if waits else "Read back from the meter."
    told, ended = Kind.DISCONNECTION, Kind.RECONNECTION
    if not is_cut:
        told, ended = ended, told
    alerts.resolve(meter_ids=[command.meter_id], kind=ended, now=now)
    alerts.raise_once(
        meter_id=command.meter_id,
        kind=told,
        severity=Severity.INFO,
        source=alerts.Source.RELAY,
        message=PRESS_THE_BUTTON if waits else f"{told.label}: {command.reason}",
        now=now,
    )
    telling.tell(command, now=now)


def _go_on(command: Command, attempt: Attempt, now: datetime) -> None:
    """Not there yet: what is known decides whether to ask, to send again, or to give up."""
    command.state = _next_state(command, attempt)
    exchange = attempt.exchange
    command.outcome = (exchange.error or exchange.waits or NOT_AS_ORDERED)[:250]
    if command.expires_at <= now:
        command.state = State.EXPIRED
    elif exchange.look_after is not None:
        # Not after its end, which is to be noticed too.
        command.due_at = min(now + exchange.look_after, command.expires_at)
    elif command.attempts > len(RETRY_AFTER):
        command.state = State.DEAD
    else:
        command.due_at = now + RETRY_AFTER[command.attempts - 1]


def _next_state(command: Command, attempt: Attempt) -> Command.State:
    exchange, order = attempt.exchange, attempt.order
    if exchange.lost:
        return State.RETRYING
    if exchange.waits:
        return State.SENT if exchange.left else State(command.state)
    if exchange.relay is not None:
        return State.RETRYING
    if exchange.answered:
        return State.ACKNOWLEDGED
    if exchange.left:
        return State.UNKNOWN
    nothing_left = order.act or order.action == Action.READ
    return State.RETRYING if nothing_left else State(command.state)


def _note_relay(meter: Meter, relay: RelayState, now: datetime) -> None:
    meter.relay_state = relay_state(relay)
    meter.control_mode = relay.control_mode
    Meter.objects.filter(pk=meter.pk).update(
        relay_state=meter.relay_state,
        control_mode=meter.control_mode,
        relay_read_at=now,
        last_contact_at=now,
        communication_status=CommunicationStatus.ONLINE,
        visits_failed=0,
        visit_after=None,
    )
