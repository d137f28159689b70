"""Starting what the tests talk to: the simulator, or a peer that follows a script."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from meters.dlms import client
from meters.dlms.client import Line
from meters.dlms.meter import Meter
from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.simulator.concentrator import Concentrator
from meters.dlms.wrapper import Frame, FrameBuffer
from meters.tests.dlms.standin import StandIn

LOCALHOST = "127.0.0.1"

type Answering = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def run[T](main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(main, 30))


@asynccontextmanager
async def simulated(
    *meters: StandIn, behaviour: Behaviour | None = None
) -> AsyncIterator[tuple[Concentrator, int]]:
    concentrator = Concentrator(meters or (StandIn(),), behaviour)
    port = await concentrator.start(LOCALHOST, 0)
    try:
        yield concentrator, port
    finally:
        await concentrator.stop()


@asynccontextmanager
async def line_to(
    *meters: StandIn, behaviour: Behaviour | None = None, timeout: float = 2.0
) -> AsyncIterator[tuple[Concentrator, Line]]:
    async with (
        simulated(*meters, behaviour=behaviour) as (concentrator, port),
        client.connect(LOCALHOST, port, timeout=timeout) as line,
    ):
        yield concentrator, line


@asynccontextmanager
async def meter_of(
    standin: StandIn, behaviour: Behaviour | None = None, *, max_pdu: int = 0xFFFF
) -> AsyncIterator[Meter]:
    device = standin.logical_device
    async with (
        line_to(standin, behaviour=behaviour) as (_, line),
        line.associate(logical_device=device, max_pdu=max_pdu) as meter,
    ):
        yield meter


@asynccontextmanager
async def scripted(answering: Answering) -> AsyncIterator[int]:
    """A server that leaves each APDU, and all writing, to a function of the test."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = FrameBuffer()
        while data := await reader.read(65536):
            for frame in buffer.feed(data):
                await answering(frame.apdu, writer)
        writer.close()

    server = await asyncio.start_server(talk, LOCALHOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def framed(*apdus: bytes, device: int = 101) -> bytes:
    return b"".join(Frame(device, 1, apdu).to_bytes() for apdu in apdus)


def segments(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """``data`` cut at the given sizes, repeated; the last piece takes what is left."""
    pieces, position, turn = [], 0, 0
    while position < len(data):
        size = max(sizes[turn % len(sizes)], 1)
        pieces.append(data[position : position + size])
        position, turn = position + size, turn + 1
    return pieces


async def attempt(line, device=101):
    """The class of what a reading ends in, and how long it took."""
    started = time.perf_counter()
    try:
        async with line.associate(logical_device=device) as meter:
            outcome = await meter.clock()
    except Exception as error:
        outcome = type(error)
    return outcome, time.perf_counter() - started


async def until(condition):
    while not condition():
        await asyncio.sleep(0.02)
