"""
One conversation with a meter about its relay: what is to be said, and how far it got.

A `Channel` holds it. Over power line the meter answers at once; over radio the order waits in a
queue, and a later conversation looks what became of it. Whatever carries the order keeps three
promises:

* errors of the line are told in the `Exchange`, never raised;
* `may_leave` is asked right before the order leaves, and what it answers ends the conversation;
* from the moment at which the order may have left, `left` is true, whatever happens after it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from meters.dlms.values import RelayState
from meters.keys import Shown
from meters.models.control import Command
from meters.models.devices import Meter
from meters.relays import CONFIRMED_AT_THE_METER, relay_state

type LastWord = Callable[[], str | None]
"""Why the order must not leave now, or None."""


RETRY_AFTER = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 120, 600, 1800))
"""How long to wait before an order is given again, after each time that it came to nothing."""


def nothing_against() -> None:
    """The last word on an order that nobody has anything against."""


@dataclass(frozen=True, slots=True)
class Order:
    """
    What to say to a meter.

    Unless it is to ``act`` the relay is only read. ``read_first``: an order of this kind may have
    left before, so that it is read before it is repeated. ``command`` as it stood when the
    conversation began, which was ``at``.
    """

    action: Command.Action
    act: bool
    read_first: bool
    command: Command
    at: datetime

    @property
    def stands(self) -> bool:
        """Whether nothing has moved the command since the conversation began."""
        same = {"state": self.command.state, "attempts": self.command.attempts}
        return Command.objects.filter(pk=self.command.pk, **same).exists()


@dataclass(slots=True)
class Exchange:
    """
    How far a conversation got.

    ``left``: the order may have left for the meter. ``answered``: the meter accepted it.
    ``relay``: what it last said about its relay. ``refused``: why the order was held back at
    the last moment. ``error``: why the conversation ended early. ``shown``: what the meter made of
    our password or keys.

    Where the meter does not answer at once, ``waits`` says what is waited for, ``lost`` that the
    order came to nothing and may be given again, and ``look_after`` when to go on.
    """

    left: bool = False
    answered: bool = False
    relay: RelayState | None = None
    refused: str = ""
    error: str = ""
    shown: Shown | None = None
    waits: str = ""
    lost: bool = False
    look_after: timedelta | None = None


class Channel(Protocol):
    """
    A way to one meter.

    ``overtakes``: an order reaches the meter after all that were given before it, so that it may
    be given while one of them is under way.
    """

    overtakes: ClassVar[bool]

    def converse(self, order: Order, may_leave: LastWord) -> Exchange:
        """Hold the conversation to its end."""


def reached(action: Command.Action, relay: RelayState | None) -> bool:
    """Whether the relay stands as ordered, or as far on as the order can bring it."""
    if relay is None:
        return False
    state = relay_state(relay)
    if action == Command.Action.READ:
        return True
    if action == Command.Action.DISCONNECT:
        return state == Meter.RelayState.DISCONNECTED
    waits = state == Meter.RelayState.READY and relay.control_mode in CONFIRMED_AT_THE_METER
    return state == Meter.RelayState.CONNECTED or waits
