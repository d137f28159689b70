"""
Bringing a command one step further: claimed, permitted, said to the meter, concluded.

A worker may die at any point. Before the order leaves, that it may have left is on record, and
who finds such a record reads the relay before anything else.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from meters import keys
from meters.control.channels import channel_to
from meters.control.conclusions import Attempt, conclude
from meters.control.exchange import Channel, Order
from meters.models.control import Command
from meters.models.devices import Meter
from quantify.crash_points import Point, reach

Action, State = Command.Action, Command.State

# Whoever holds a command has this long for the conversation before another may look at it.
LEASE = timedelta(minutes=2)
TOO_SLOW = "The line took so long to open that somebody else may look after this command by now."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guards say of an order that is about to leave: why not, and all they saw."""

    refusal: str = ""
    checks: Sequence[Any] = ()


type Permit = Callable[[Command, datetime], Verdict]
type Finding = Callable[[Meter], Channel | None]


def send(
    command_id: UUID, *, permit: Permit, now: datetime, finding: Finding = channel_to
) -> Command:
    """
    Bring a command one step further, if it is due and nobody else is at it.

    ``permit`` is asked twice: in the database transaction that puts the order on record, where
    it may take locks, and by the channel right before the order leaves. A reason that it
    returns blocks the command. An order that may have left is never repeated before the relay
    was read, and no cut leaves after its lease: what may have left by then is bounded.
    """
    started = time.monotonic()
    with transaction.atomic(durable=True):
        command = _claim(command_id, now)
        if command is None:
            return Command.objects.get(pk=command_id)
        sent_before = command.sent_at
        channel = finding(command.meter)
        order = _prepare(command, channel, permit, now)
        command.save()
    if order is None or channel is None:
        return command
    reach(Point.COMMAND_CLAIMED)

    def clock() -> datetime:
        return now + timedelta(seconds=time.monotonic() - started)

    def may_leave() -> str | None:
        if command.action == Action.DISCONNECT and clock() >= now + LEASE:
            return TOO_SLOW
        verdict = permit(command, clock())
        command.checks = list(verdict.checks)
        reach(Point.COMMAND_LEAVING)
        return verdict.refusal or None

    exchange = channel.converse(order, may_leave)
    reach(Point.COMMAND_ANSWERED)
    keys.note([exchange.shown] if exchange.shown else [], now=clock())
    concluded = conclude(Attempt(command, order, exchange, sent_before), clock())
    reach(Point.COMMAND_CONCLUDED)
    return concluded


def _claim(command_id: UUID, now: datetime) -> Command | None:
    return (
        Command.objects.open()
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("meter__concentrator")
        .filter(pk=command_id, due_at__lte=now)
        .first()
    )


def _prepare(
    command: Command, channel: Channel | None, permit: Permit, now: datetime
) -> Order | None:
    """Decide what to say to the meter, and put on record that it may have been said."""
    is_new = command.state in Command.NOT_LEFT
    order = Order(
        action=Action(command.action),
        act=is_new and command.action != Action.READ,
        read_first=command.attempts > 0,
        command=command,
        at=now,
    )
    command.moved_at = now
    if command.state == State.SENT and command.action == Action.DISCONNECT:
        # Whoever held it told nobody whether it left; if so, not later than the lease lasted.
        command.sent_at = command.due_at
    if ending := _ending(command, channel, order, permit, now):
        command.state, command.outcome = ending[0], ending[1][:250]
        return None
    if is_new:
        command.state, command.sent_at = State.SENT, now
    command.attempts += 1
    command.due_at = now + LEASE
    return order


def _ending(
    command: Command, channel: Channel | None, order: Order, permit: Permit, now: datetime
) -> tuple[Command.State, str] | None:
    """Why the command ends here, if it does."""
    if channel is None:
        return State.DEAD, "Nothing carries orders to this meter."
    if command.state not in Command.NOT_LEFT:
        return None
    if command.expires_at <= now:
        return State.EXPIRED, command.outcome or "It could not be sent in time."
    if not order.act:
        return None
    verdict = permit(command, now)
    command.checks = list(verdict.checks)
    return (State.BLOCKED, verdict.refusal) if verdict.refusal else None
