"""Asking for a command: one open command a meter, and a reconnection goes before a cut."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Value, When

from accounts.models import User
from meters.control.channels import overtakes
from meters.models.control import Command
from meters.models.devices import Meter
from quantify.quantities import Utility

Action, State = Command.Action, Command.State

LIFETIME = {
    Action.DISCONNECT: timedelta(minutes=30),
    Action.RECONNECT: timedelta(hours=24),
    Action.READ: timedelta(minutes=10),
}
FIRST = {Action.RECONNECT: 0, Action.DISCONNECT: 1, Action.READ: 2}
CONTROL_MODE_NONE = 0


class NoRelay(Exception):
    """The meter cannot be switched."""


class CommandOpen(Exception):
    """Another command to this meter is under way."""


@transaction.atomic
def ask(
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

    A reconnection takes the place of a disconnection that has not left yet, or that it overtakes
    on its way; both take the place of a question.

    :raises NoRelay: if the meter cannot be switched.
    :raises CommandOpen: if something else is under way.
    """
    meter = Meter.objects.select_for_update(of=("self",), no_key=True).get(pk=meter_id)
    if meter.utility is Utility.WATER and action == Action.DISCONNECT:
        raise NoRelay(f"{meter} counts water, which is never closed.")
    if not meter.has_relay or meter.control_mode == CONTROL_MODE_NONE:
        raise NoRelay(f"{meter} has no relay that can be switched.")
    if earlier := meter.commands.open().select_for_update().first():
        if earlier.action == action:
            return earlier
        earlier.meter = meter
        _supersede(earlier, Action(action), now)
    return Command.objects.create(
        meter=meter,
        action=Action(action),
        cause=cause,
        reason=reason[:250],
        trace=list(trace),
        requested_by=requested_by,
        requested_at=now,
        moved_at=now,
        due_at=now,
        expires_at=now + LIFETIME[Action(action)],
    )


def due(now: datetime) -> list[UUID]:
    """The commands to be worked on now: reconnections first, questions last."""
    ranks = [When(action=action, then=Value(rank)) for action, rank in FIRST.items()]
    waiting = Command.objects.open().filter(due_at__lte=now).order_by(Case(*ranks), "due_at")
    return list(waiting.values_list("pk", flat=True))


def _supersede(earlier: Command, action: Command.Action, now: datetime) -> None:
    """:raises CommandOpen: unless the earlier one gives way."""
    is_cut = earlier.action == Action.DISCONNECT
    may_be_overtaken = is_cut and (earlier.state in Command.NOT_LEFT or overtakes(earlier.meter))
    gives_way = earlier.action == Action.READ or (action == Action.RECONNECT and may_be_overtaken)
    if not gives_way:
        raise CommandOpen(f"{earlier.get_action_display()} is under way.")
    earlier.state, earlier.moved_at = State.SUPERSEDED, now
    earlier.outcome = f"{action.label} was asked for at {now:%Y-%m-%d %H:%M} UTC."
    earlier.save(update_fields=["state", "outcome", "moved_at", "updated_at"])
