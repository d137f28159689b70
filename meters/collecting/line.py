"""How a meter is reached: addresses as plain values, for use off the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, Self

from meters import addresses
from meters.dlms import client
from meters.dlms.addressing import Addressing, GatewayPrefix, WrapperPort
from meters.dlms.client import Line as Connection
from meters.dlms.credentials import NOTHING, Credentials
from meters.dlms.errors import DlmsError
from meters.dlms.meter import Meter as Talk
from meters.models.devices import Concentrator

MANAGEMENT_DEVICE = 1
PUBLIC_CLIENT = 16


class Addressed(Protocol):
    """What a meter says of its addresses."""

    @property
    def logical_device(self) -> int | None: ...

    @property
    def gateway_address(self) -> str: ...

    @property
    def ipv6_address(self) -> str | None: ...


class NoAddress(Exception):
    """The meter lacks the address that its concentrator asks for; the text says which."""


@dataclass(frozen=True, slots=True)
class MeterAddress:
    """
    What tells one meter from the others.

    Its logical device; behind a gateway its ``physical`` address too; with an IPv6 address of
    its own that ``host``.
    """

    logical_device: int
    physical: bytes = b""
    host: str = ""

    @classmethod
    def of(cls, meter: Addressed, concentrator: Concentrator) -> Self:
        """:raises NoAddress: if the meter has none of the concentrator's kind."""
        given = {
            "logical_device": meter.logical_device,
            "gateway_address": meter.gateway_address,
            "ipv6_address": meter.ipv6_address,
        }
        if lack := addresses.lack(concentrator, given):
            raise NoAddress(lack.words)
        device = meter.logical_device or MANAGEMENT_DEVICE
        match concentrator.addressing:
            case Concentrator.Addressing.GATEWAY_PREFIX:
                return cls(device, physical=bytes.fromhex(meter.gateway_address))
            case Concentrator.Addressing.DIRECT_IPV6:
                return cls(device, host=meter.ipv6_address or "")
        return cls(device)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a concentrator listens and how; ``timeout`` in seconds bounds each request."""

    host: str
    port: int
    timeout: float
    client_address: int
    addressing: str = Concentrator.Addressing.WRAPPER_PORT
    network: int = 0

    @classmethod
    def of(cls, concentrator: Concentrator) -> Self:
        return cls(
            concentrator.host,
            concentrator.port,
            concentrator.timeout_seconds,
            concentrator.client_address,
            concentrator.addressing,
            concentrator.network_id,
        )

    @property
    def is_shared(self) -> bool:
        """Whether many meters are reached over one connection."""
        return self.addressing != Concentrator.Addressing.DIRECT_IPV6

    @asynccontextmanager
    async def connect(self, meter: MeterAddress | None = None) -> AsyncIterator[Connection]:
        """
        A connection to the concentrator, or to a meter that has an address of its own.

        :raises meters.dlms.errors.ConnectionLost: if nobody listens.
        """
        host = meter.host if meter and meter.host else self.host
        async with client.connect(
            host, self.port, timeout=self.timeout, addressing=self._strategy()
        ) as connection:
            yield connection

    @asynccontextmanager
    async def associate(
        self, connection: Connection, meter: MeterAddress, credentials: Credentials = NOTHING
    ) -> AsyncIterator[Talk]:
        """:raises meters.dlms.errors.DlmsError: if the meter does not answer or refuses."""
        async with connection.associate(
            logical_device=meter.logical_device,
            client_address=self.client_address,
            physical=meter.physical,
            credentials=credentials,
        ) as talk:
            yield talk

    async def counter_heard_by(self, connection: Connection, meter: MeterAddress) -> int | None:
        """The highest invocation counter that a meter heard, if it tells its public client."""
        try:
            async with connection.associate(
                logical_device=meter.logical_device,
                client_address=PUBLIC_CLIENT,
                physical=meter.physical,
            ) as talk:
                return await talk.frame_counter()
        except DlmsError:
            return None

    def _strategy(self) -> Addressing:
        if self.addressing == Concentrator.Addressing.GATEWAY_PREFIX:
            return GatewayPrefix(self.network)
        return WrapperPort()
