"""
A client for meters behind a concentrator, over one TCP connection.

::

    async with client.connect("10.0.0.5", 4059) as line:
        async with line.associate(logical_device=101) as meter:
            snapshot = await meter.snapshot(registers=[obis.ENERGY_IMPORT])

Associations with different meters may be open at once on one line; their requests and answers
interleave on the wire. Times are UTC, quantities whole watt-hours and litres.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from meters.dlms.addressing import Addressing, Route, WrapperPort
from meters.dlms.association import AssociationRequest
from meters.dlms.credentials import NOTHING, Credentials
from meters.dlms.errors import (
    AssociationRefused,
    ConnectionLost,
    DlmsError,
    FrameError,
)
from meters.dlms.initiate import LARGEST_PDU
from meters.dlms.knowledge import Knowledge
from meters.dlms.mailbox import Mailbox, again
from meters.dlms.meter import Meter
from meters.dlms.session import Session
from meters.dlms.wrapper import TCP_PORT, Frame, FrameBuffer

MANAGEMENT_CLIENT = 1
SOUTH_AFRICA = timedelta(hours=2)
DEFAULT_TIMEOUT = 5.0
CLOSING_GRACE = 1.0


@asynccontextmanager
async def connect(
    host: str,
    port: int = TCP_PORT,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    addressing: Addressing | None = None,
    utc_offset: timedelta = SOUTH_AFRICA,
) -> AsyncIterator["Line"]:
    """
    One TCP connection to a concentrator, closed on leaving.

    ``timeout`` (seconds) bounds the connecting and every single request. ``utc_offset`` is the
    civil time of the meters, for those that give no deviation.

    :raises ConnectionLost: if there is no connection within the timeout.
    """
    line = Line(timeout=timeout, addressing=addressing or WrapperPort(), utc_offset=utc_offset)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            await loop.create_connection(lambda: line, host, port)
    except (OSError, TimeoutError) as error:
        raise ConnectionLost(f"no connection to {host} port {port}: {error}") from error
    try:
        yield line
    finally:
        await line.close()


class Line(asyncio.Protocol):
    """
    The connection: it cuts the stream into frames and hands each to its association.

    Made by :func:`connect`.
    """

    def __init__(self, *, timeout: float, addressing: Addressing, utc_offset: timedelta) -> None:
        self.timeout = timeout
        self.utc_offset = utc_offset
        self.knowledge = Knowledge()
        self._addressing = addressing
        self._buffer = FrameBuffer()
        self._mailboxes: dict[Route, Mailbox] = {}
        self._transport: asyncio.Transport | None = None
        self._failure: DlmsError | None = None
        self._closed = asyncio.Event()

    @asynccontextmanager
    async def associate(
        self,
        *,
        logical_device: int,
        client_address: int = MANAGEMENT_CLIENT,
        physical: bytes = b"",
        max_pdu: int = LARGEST_PDU,
        credentials: Credentials = NOTHING,
    ) -> AsyncIterator[Meter]:
        """
        An application association with one meter, released on leaving.

        ``physical`` is the meter's address behind a gateway. ``max_pdu`` is the largest answer
        in octets that the meter may send in one piece.

        :raises CredentialsRefused: if the meter does not accept the credentials.
        :raises AssociationRefused: if it refuses, or is already spoken to on this line.
        :raises ReplyTimeout: if it does not answer.
        """
        route = Route(logical_device, client_address, physical)
        mailbox = self._open_mailbox(route)
        session = Session(self, route, mailbox)
        try:
            await session.open(AssociationRequest(max_pdu=max_pdu), credentials)
            try:
                yield Meter(session)
            except BaseException:
                session.abandon()
                raise
            await session.release()
        finally:
            del self._mailboxes[route]

    def send(self, route: Route, apdu: bytes) -> None:
        """:raises ConnectionLost: if the line is down; the error that broke it, if one did."""
        if self._failure is not None:
            raise again(self._failure)
        if self._transport is None or self._transport.is_closing():
            raise ConnectionLost("the line is closed")
        self._transport.write(self._addressing.frame(route, apdu).to_bytes())

    def is_down(self) -> bool:
        """Whether the line broke; whoever still spoke over it failed with it."""
        is_open = self._transport is not None and not self._transport.is_closing()
        return self._failure is not None or not is_open

    async def close(self) -> None:
        """Close the connection; associations still open fail with ``ConnectionLost``."""
        if self._transport is None:
            return
        self._transport.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_GRACE):
                await self._closed.wait()
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP gives no other kind
        self._transport = transport
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._buffer.feed(data):
                self._hand_over(frame)
        except FrameError as error:
            # Where the next frame begins is anybody's guess from here on.
            self._fail(error)
            assert self._transport is not None  # noqa: S101 - data came over it
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        where = "in the middle of a reply" if self._buffer.partial else "between replies"
        lost = ConnectionLost(f"the peer closed the connection {where}")
        lost.__cause__ = exc
        self._fail(lost)
        self._closed.set()

    def _hand_over(self, frame: Frame) -> None:
        """To its association; what is addressed to nobody, or to nobody any more, is dropped."""
        try:
            route, apdu = self._addressing.route(frame)
        except FrameError:
            return
        if mailbox := self._mailboxes.get(route):
            mailbox.put(apdu)

    def _open_mailbox(self, route: Route) -> Mailbox:
        if route in self._mailboxes:
            raise AssociationRefused(f"device {route.device} is already associated on this line")
        mailbox = self._mailboxes[route] = Mailbox()
        return mailbox

    def _fail(self, error: DlmsError) -> None:
        if self._failure is None:
            self._failure = error
            for mailbox in self._mailboxes.values():
                mailbox.fail(error)
