"""How a meter is reached: its concentrator's address as plain values, for use off the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from meters.dlms import client
from meters.dlms.client import Line as Connection
from meters.dlms.meter import Meter as Talk
from meters.models.devices import Concentrator


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
