"""
Credit control: warn, cut what may be cut, restore what was paid for.

What is to be done is decided by `wallets.credit.policy` from the facts, recorded as a command with
its trace, and asked again at the moment of sending.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import User
from meters.control import requests, sending
from meters.control.channels import channel_to
from meters.control.sending import Finding
from meters.models import Command, Meter
from wallets.credit import alarms, restores, supplies, warnings
from wallets.credit.permits import permit
from wallets.credit.policy import Action, Decision, Facts, decide

log = logging.getLogger(__name__)

CAUSES = {
    Action.DISCONNECT: "The credit is used up.",
    Action.RECONNECT: "The credit reached the activation minimum.",
}


@dataclass(slots=True)
class Outcome:
    """What credit control found: commands it asked for, and cuts that were refused, with why."""

    requested: list[Command] = field(default_factory=list)
    refused: list[tuple[Facts, Decision]] = field(default_factory=list)
    warned: int = 0


def run(*, now: datetime, wallet_ids: Sequence[UUID] | None = None) -> Outcome:
    """
    Warn and decide for all wallets, or for some; running it again changes nothing.

    Asks for commands but does not send them: see `send`.
    """
    if wallet_ids is None:
        restores.watch(now=now)
    outcome = Outcome(warned=warnings.write(now=now, wallet_ids=wallet_ids))
    for facts, decision in consider(now=now, wallet_ids=wallet_ids):
        if not decision.is_permitted:
            outcome.refused.append((facts, decision))
        elif command := _request(facts, decision, now):
            outcome.requested.append(command)
    spared = [facts for facts, decision in outcome.refused if decision.waits_for_a_warning]
    outcome.warned += warnings.before_a_cut(spared, now=now)
    alarms.tell(outcome.refused, now=now)
    if wallet_ids is None:
        alarms.withdraw(outcome.refused, now=now)
    return outcome


def consider(
    *, now: datetime, wallet_ids: Sequence[UUID] | None = None
) -> list[tuple[Facts, Decision]]:
    """Who would be cut or restored now, and who is spared and why: the dry run."""
    decided = [
        (facts, decide(facts, now=now)) for facts in supplies.facts(now=now, wallet_ids=wallet_ids)
    ]
    return [(facts, decision) for facts, decision in decided if decision.action]


def send(command_id: UUID, *, now: datetime, finding: Finding = channel_to) -> Command:
    """
    Send a command if the facts still call for it at this moment.

    A cut that was overtaken by a payment is undone at once.
    """
    command = sending.send(command_id, permit=permit, now=now, finding=finding)
    is_done = command.state == Command.State.VERIFIED
    if is_done and command.action == Command.Action.DISCONNECT:
        over_at = command.moved_at
        for undoing in _undo(command, over_at):
            sending.send(undoing.pk, permit=permit, now=over_at, finding=finding)
    return command


def request_by_person(
    *, meter: Meter, action: str, reason: str, user: User, now: datetime
) -> Command:
    """
    Ask for a cut or a reconnection on a person's word.

    :raises meters.control.requests.NoRelay: if the meter cannot be switched.
    :raises meters.control.requests.CommandOpen: if another command is under way.
    """
    found = supplies.facts(now=now, meter_ids=[meter.pk])
    trace = decide(found[0], now=now).trace if found else []
    return requests.ask(
        meter_id=meter.pk,
        action=action,
        reason=reason,
        cause=Command.Cause.PERSON,
        trace=trace,
        requested_by=user,
        now=now,
    )


def _undo(cut: Command, now: datetime) -> list[Command]:
    """The reconnections that money has called for while a cut was under way."""
    facts = supplies.facts(now=now, meter_ids=[cut.meter_id])
    decided = [(one, decide(one, now=now)) for one in facts]
    asked = [
        _request(one, decision, now)
        for one, decision in decided
        if decision.action == Action.RECONNECT and decision.is_permitted
    ]
    return [command for command in asked if command is not None]


@transaction.atomic
def _request(facts: Facts, decision: Decision, now: datetime) -> Command | None:
    action = decision.action
    if action is None:
        return None
    try:
        return requests.ask(
            meter_id=facts.meter_id,
            action=action,
            reason=CAUSES[action],
            cause=Command.Cause.CREDIT,
            trace=decision.trace,
            requested_by=None,
            now=now,
        )
    except requests.CommandOpen:
        log.info("Meter %s has another command under way.", facts.serial)
        return None
