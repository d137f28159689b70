"""
One conversation with a meter about its relay: what is to be said, and how far it got.

A `Channel` holds it. Whatever carries the order (power line, radio) keeps three promises:

* errors of the line are told in the `Exchange`, never raised;
* `may_leave` is asked right before the order leaves, and what it answers ends the conversation;
* from the moment at which the order may have left, `left` is true, whatever happens after it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from meters.dlms.values import RelayState
from meters.keys import Shown
from meters.models.control import Command
from meters.models.devices import Meter
from meters.relays import CONFIRMED_AT_THE_METER, relay_state

type LastWord = Callable[[], str | None]
"""Why the order must not leave now, or None."""


def nothing_against() -> None:
    """The last word on an order that nobody has anything against."""


@dataclass(frozen=True, slots=True)
class Order:
    """
    What to say to a meter.

    Unless it is to ``act`` the relay is only read. ``read_first``: an order of this kind may have
    left before, so that it is read before it is repeated.
    """

    action: Command.Action
    act: bool
    read_first: bool


@dataclass(slots=True)
class Exchange:
    """
    How far a conversation got.

    ``left``: the order may have left for the meter. ``answered``: the meter accepted it.
    ``relay``: what it last said about its relay. ``refused``: why the order was held back at
    the last moment. ``error``: why the conversation ended early. ``shown``: what the meter made of
    our password or keys.
    """

    left: bool = False
    answered: bool = False
    relay: RelayState | None = None
    refused: str = ""
    error: str = ""
    shown: Shown | None = None


class Channel(Protocol):
    """A way to one meter."""

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
