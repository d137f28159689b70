"""
A concentrator as a TCP server: many meters behind one port.

Each is reached by its wrapper port, or behind a gateway's prefix on the concentrator's own.
"""

import asyncio
import socket
from collections.abc import Iterable
from typing import NamedTuple

from meters.dlms.addressing import GATEWAY_REQUEST, GATEWAY_RESPONSE, Prefixed
from meters.dlms.association import AssociationResponse, AssociationResult, Diagnostic
from meters.dlms.errors import FrameError
from meters.dlms.simulator.access import PUBLIC_CLIENT
from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.simulator.conversation import Conversation
from meters.dlms.simulator.faults import Fault, FaultKind, FaultPlan
from meters.dlms.simulator.objects import (
    LogicalDevice,
    management_device,
    meter_device,
    public_device,
)
from meters.dlms.simulator.protocol import SimulatedMeter
from meters.dlms.wrapper import Frame, FrameBuffer

MANAGEMENT_DEVICE = 1
NOISE = bytes.fromhex("ffdeadbeef0000")
SEGMENT_GAP = 0.0005


class Concentrator:
    """
    The meters, their behaviour on the wire and the faults in force.

    ``behaviour`` and ``faults`` may be changed while it serves.
    """

    def __init__(
        self, meters: Iterable[SimulatedMeter] = (), behaviour: Behaviour | None = None
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.faults = FaultPlan()
        self.answered = 0
        self.most_connections = 0
        self.asked_at_once = 0
        self._being_asked = 0
        self._meters: dict[int, SimulatedMeter] = {}
        self._devices = {MANAGEMENT_DEVICE: management_device(self._meters.values)}
        self._public: dict[int, LogicalDevice] = {}
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        for meter in meters:
            self.install(meter)

    def install(self, meter: SimulatedMeter, port: int | None = None) -> None:
        """
        Put a meter behind this concentrator, in the place of the one at its port.

        Installed at port 1 it stands for the concentrator itself: a meter with an address of its
        own, as with direct IPv6.
        """
        port = meter.logical_device if port is None else port
        self._meters[port] = meter
        self._devices[port] = meter_device(meter, self.behaviour)
        self._public.pop(port, None)
        if meter.access is not None:
            self._public[port] = public_device(meter, self.behaviour)

    def remove(self, logical_device: int) -> None:
        del self._meters[logical_device], self._devices[logical_device]

    def device(self, port: int, client: int) -> LogicalDevice | None:
        """What this client finds at a port: the public client sees little where keys are asked."""
        shown = self._public.get(port) if client == PUBLIC_CLIENT else None
        return shown or self._devices.get(port)

    def unreachable(self, port: int) -> bool:
        """Whether the meter at this port cannot be heard; the concentrator itself always is."""
        meter = self._meters.get(port)
        return meter is not None and meter.offline

    def note_asked(self) -> None:
        self._being_asked += 1
        self.asked_at_once = max(self.asked_at_once, self._being_asked)

    def note_answered(self) -> None:
        self._being_asked -= 1
        self.answered += 1

    def note_connections(self) -> None:
        self.most_connections = max(self.most_connections, len(self._connections))

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; the port, of the system's choosing if 0 was given."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, self._connections), host, port
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and hang up."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.drop()
        await self._server.wait_closed()


class _Channel:
    """One client's conversation with one meter; requests are taken one after another."""

    def __init__(self, device: LogicalDevice, behaviour: Behaviour) -> None:
        self.device = device
        self.conversation = Conversation(device, behaviour)
        self.free_at = 0.0


class _Letter(NamedTuple):
    """A request to one meter, by wrapper port or behind a gateway's prefix to its number."""

    client: int
    port: int
    device: int
    apdu: bytes
    gateway: Prefixed | None

    @classmethod
    def open(cls, frame: Frame) -> "_Letter":
        """:raises FrameError: if it has a gateway's prefix that is cut short."""
        if frame.apdu[:1] != bytes((GATEWAY_REQUEST,)):
            return cls(frame.source, frame.destination, frame.destination, frame.apdu, None)
        prefixed = Prefixed.parse(frame.apdu)
        device = int.from_bytes(prefixed.address)
        return cls(frame.source, frame.destination, device, prefixed.apdu, prefixed)

    def reply(self, apdu: bytes) -> bytes:
        if self.gateway is None:
            return Frame(self.port, self.client, apdu).to_bytes()
        prefixed = self.gateway._replace(tag=GATEWAY_RESPONSE, apdu=apdu)
        return Frame(self.port, self.client, prefixed.to_bytes()).to_bytes()


class _Turn(NamedTuple):
    """A request, when its turn has come."""

    letter: _Letter
    channel: _Channel
    fault: Fault | None


class _Connection(asyncio.Protocol):
    def __init__(self, concentrator: Concentrator, registry: "set[_Connection]") -> None:
        self._concentrator = concentrator
        self._registry = registry
        self._buffer = FrameBuffer()
        self._channels: dict[tuple[int, int], _Channel] = {}
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP gives no other kind
        self._transport = transport
        self._registry.add(self)
        self._concentrator.note_connections()
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._registry.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._buffer.feed(data):
                self._receive(_Letter.open(frame))
        except FrameError:
            self.hang_up()

    def drop(self) -> None:
        """Close at once, whatever was still to be sent."""
        if self._transport is not None:
            self._transport.abort()

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _receive(self, letter: _Letter) -> None:
        device = self._concentrator.device(letter.device, letter.client)
        if device is None:
            refusal = AssociationResponse(
                AssociationResult.REJECTED_PERMANENT, Diagnostic.CALLED_TITLE_NOT_RECOGNIZED
            )
            self._write(letter.reply(refusal.to_bytes()))
            return
        if self._concentrator.unreachable(letter.device):
            return
        fault = self._concentrator.faults.strike(letter.device)
        if fault is not None and fault.kind is FaultKind.SILENT:
            return
        self._schedule(_Turn(letter, self._channel(letter, device), fault))

    def _channel(self, letter: _Letter, device: LogicalDevice) -> _Channel:
        key = letter.client, letter.device
        channel = self._channels.get(key)
        # A meter that was replaced knows nothing of the association with the one before.
        if channel is None or channel.device is not device:
            channel = self._channels[key] = _Channel(device, self._concentrator.behaviour)
        return channel

    def _schedule(self, turn: _Turn) -> None:
        self._concentrator.note_asked()
        delay = self._concentrator.behaviour.delay
        if turn.fault is not None and turn.fault.kind is FaultKind.LATE:
            delay += turn.fault.seconds
        now = self._loop.time()
        if not delay and turn.channel.free_at <= now:
            self._answer(turn)
            return
        turn.channel.free_at = max(now, turn.channel.free_at) + delay
        self._loop.call_at(turn.channel.free_at, self._answer, turn)

    def _answer(self, turn: _Turn) -> None:
        self._concentrator.note_answered()
        if self._transport is None:
            return
        kind = turn.fault.kind if turn.fault else None
        refuse = kind is FaultKind.REFUSE_ASSOCIATION
        apdu = turn.channel.conversation.answer(turn.letter.apdu, refuse=refuse)
        reply = NOISE if kind is FaultKind.GARBAGE else apdu
        self._deliver(turn.letter.reply(reply), kind)

    def _deliver(self, reply: bytes, kind: FaultKind | None) -> None:
        if kind is FaultKind.MUTE:
            return
        if kind is FaultKind.CLOSE_MID_REPLY:
            self._write(reply[: len(reply) // 2])
            self.hang_up()
        elif kind is FaultKind.SEGMENTED:
            self._write_octet(reply, 0)
        else:
            self._write(reply)

    def _write_octet(self, reply: bytes, position: int) -> None:
        self._write(reply[position : position + 1])
        if position + 1 < len(reply):
            self._loop.call_later(SEGMENT_GAP, self._write_octet, reply, position + 1)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
