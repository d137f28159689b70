"""One conversation with a meter about its relay, and how far it got."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from meters.collecting.line import Address, relay_state
from meters.dlms.errors import AccessDenied, DlmsError, ServiceRefused
from meters.dlms.meter import Meter as Talk
from meters.dlms.values import RelayState
from meters.models.control import Command
from meters.models.devices import Meter

# IEC 62056-6-2, class 70: here a remote reconnection waits for the button on the meter.
CONFIRMED_AT_THE_METER = frozenset({1, 3, 5, 6})


@dataclass(frozen=True, slots=True)
class Order:
    """What to say to which meter; without an action the relay is only read."""

    address: Address
    logical_device: int
    action: Command.Action
    act: bool
    read_first: bool


@dataclass(slots=True)
class Exchange:
    """
    How far a conversation got.

    ``left``: the order may have left for the meter. ``answered``: the meter accepted it.
    ``relay``: what it last said about its relay. ``error``: why it ended early.
    """

    left: bool = False
    answered: bool = False
    relay: RelayState | None = None
    error: str = ""


type Transport = Callable[[Order], Exchange]


def over_dlms(order: Order) -> Exchange:
    """Hold the conversation over the concentrator's line; errors of the line are in the result."""
    return asyncio.run(_converse(order))


def reached(action: Command.Action, relay: RelayState | None) -> bool:
    """Whether the relay stands as ordered, or as far on as the order can bring it."""
    if relay is None:
        return False
    state = relay_state(relay)
    if action == Command.Action.DISCONNECT:
        return state == Meter.RelayState.DISCONNECTED
    waits = state == Meter.RelayState.READY and relay.control_mode in CONFIRMED_AT_THE_METER
    return state == Meter.RelayState.CONNECTED or waits


async def _converse(order: Order) -> Exchange:
    exchange = Exchange()
    try:
        async with (
            order.address.connect() as connection,
            order.address.associate(connection, order.logical_device) as talk,
        ):
            await _speak(talk, order, exchange)
    except DlmsError as error:
        exchange.error = exchange.error or f"{type(error).__name__}: {error}"
    return exchange


async def _speak(talk: Talk, order: Order, exchange: Exchange) -> None:
    if order.read_first or not order.act:
        exchange.relay = await talk.relay()
        if not order.act or reached(order.action, exchange.relay):
            return
        exchange.relay = None
    exchange.left = True
    try:
        await (talk.disconnect() if order.action == Command.Action.DISCONNECT else talk.reconnect())
    except (AccessDenied, ServiceRefused) as error:
        # A clear no: the meter was heard, so nothing is unknown.
        exchange.left = False
        exchange.error = f"The meter refused: {error}"
    else:
        exchange.answered = True
    exchange.relay = await talk.relay()
