"""How a meter is reached: its concentrator's address as plain values, for use off the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from meters.dlms import client
from meters.dlms.client import Line as Connection
from meters.dlms.meter import Meter as Talk
from meters.dlms.values import ControlState, RelayState
from meters.models.devices import Concentrator, Meter

RELAY_STATES = {
    ControlState.DISCONNECTED: Meter.RelayState.DISCONNECTED,
    ControlState.CONNECTED: Meter.RelayState.CONNECTED,
    ControlState.READY_FOR_RECONNECTION: Meter.RelayState.READY,
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a concentrator listens; ``timeout`` in seconds bounds each request."""

    host: str
    port: int
    timeout: float
    client_address: int

    @classmethod
    def of(cls, concentrator: Concentrator) -> Self:
        return cls(
            concentrator.host,
            concentrator.port,
            concentrator.timeout_seconds,
            concentrator.client_address,
        )

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """:raises meters.dlms.errors.ConnectionLost: if nobody listens."""
        async with client.connect(self.host, self.port, timeout=self.timeout) as connection:
            yield connection

    @asynccontextmanager
    async def associate(self, connection: Connection, logical_device: int) -> AsyncIterator[Talk]:
        """:raises meters.dlms.errors.DlmsError: if the meter does not answer or refuses."""
        async with connection.associate(
            logical_device=logical_device, client_address=self.client_address
        ) as talk:
            yield talk


def relay_state(relay: RelayState) -> Meter.RelayState:
    """
    The relay as the meter itself says it stands.

    Where supply and control state contradict each other it is not known.
    """
    if relay.output != (relay.control_state == ControlState.CONNECTED):
        return Meter.RelayState.UNKNOWN
    return RELAY_STATES[relay.control_state]
