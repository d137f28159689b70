"""
A line that goes wrong: a TCP proxy between a head end and a concentrator, with seeded faults.

Both streams are cut into frames of the wrapper, so that a fault strikes within a frame or between
two on purpose. What a connection suffers is decided by a script when it is opened.
"""

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import NamedTuple

HEADER = struct.Struct(">HHHH")
RESET = struct.pack("ii", 1, 0)
SHORT, LONG = 0.02, 0.15
BYTES_A_SECOND = 4_000
HELD_FOR = 0.05


class Trouble(StrEnum):
    """What a connection can suffer on the way back to the head end."""

    LATENCY = "latency"
    JITTER = "jitter"
    RESET = "reset in the middle of a frame"
    FIN = "closed after a header"
    OCTETS = "one octet a segment"
    JOINED = "two frames in one segment"
    DUPLICATE = "every reply twice"
    LATE = "the reply to the request before once more"
    REORDERED = "replies change places"
    SILENCE = "half open: nothing comes any more"
    SLOW = "a few octets a second"
    BANDWIDTH = "a narrow line"


class Frame(NamedTuple):
    """One frame of the wrapper as it passes; `meter` is the logical device it is to or from."""

    connection: int
    meter: int
    apdu: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Weather:
    """What a connection suffers, from which of its replies on."""

    trouble: Trouble | None = None
    spared: int = 0


FAIR = Weather()

type Script = Callable[[int, Random], Weather]
"""The weather of a connection, by its number, from the line's own chance."""


class FaultyLine:
    """
    Listens in the place of a concentrator; one event loop serves many lines.

    `hears` is told of every request as it comes from the head end, `delivers` of every reply as
    it goes back. `delays` may hold a request up, and what it does has happened before it goes on.
    `struck` counts the connections on which each trouble really began.
    """

    def __init__(self, concentrator: tuple[str, int], script: Script, *, seed: int) -> None:
        self.concentrator = concentrator
        self.script = script
        self.chance = Random(seed)
        self.connections = self.requests = self.replies = 0
        self.struck: Counter[Trouble] = Counter()
        self.hears: Callable[[Frame], object] = lambda _: None
        self.delivers: Callable[[Frame], object] = lambda _: None
        self.delays: Callable[[Frame], Awaitable[None] | None] = lambda _: None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1") -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._accept, host, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        number = self.connections
        try:
            there, back = await asyncio.open_connection(*self.concentrator)
            passage = _Passage(self, number, writer, self.script(number, self.chance))
            work = [
                asyncio.create_task(_requests(self, number, reader, back)),
                asyncio.create_task(passage.read(there)),
                asyncio.create_task(passage.deliver()),
            ]
            try:
                await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in work:
                    one.cancel()
                back.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._open.discard(task)


async def _frame(reader: asyncio.StreamReader, number: int, *, is_request: bool) -> Frame:
    head = await reader.readexactly(HEADER.size)
    _, source, destination, length = HEADER.unpack(head)
    apdu = await reader.readexactly(length)
    return Frame(number, destination if is_request else source, apdu, head + apdu)


async def _requests(
    line: FaultyLine, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, OSError):
        while True:
            frame = await _frame(reader, number, is_request=True)
            line.requests += 1
            if waiting := line.delays(frame):
                await waiting
            line.hears(frame)
            writer.write(frame.raw)


class _Passage:
    """The way back over one connection."""

    def __init__(
        self, line: FaultyLine, number: int, writer: asyncio.StreamWriter, weather: Weather
    ) -> None:
        self._line = line
        self._number = number
        self._writer = writer
        self._weather = weather
        self._waiting: asyncio.Queue[tuple[float, Frame | None]] = asyncio.Queue()
        self._passed = 0
        self._last: dict[int, Frame] = {}
        self._is_struck = False
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Take replies from the concentrator, each with the instant at which it is due."""
        loop = asyncio.get_running_loop()
        due = 0.0
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                frame = await _frame(reader, self._number, is_request=False)
                due = max(due, loop.time() + self._latency())
                self._waiting.put_nowait((due, frame))
        self._waiting.put_nowait((due, None))
        await asyncio.Event().wait()

    def _latency(self) -> float:
        match self._weather.trouble:
            case Trouble.LATENCY:
                return LONG
            case Trouble.JITTER:
                return self._line.chance.uniform(0, LONG)
        return SHORT * self._line.chance.random()

    async def deliver(self) -> None:
        """Pass replies on until the concentrator or the weather ends it."""
        with contextlib.suppress(OSError):
            while frame := await self._next():
                is_spared = self._passed < self._weather.spared
                self._passed += 1
                if is_spared or not await self._strike(frame):
                    self._pass(frame)
                self._last[frame.meter] = frame
            await self._writer.drain()

    async def _next(self, patience: float | None = None) -> Frame | None:
        async with asyncio.timeout(patience):
            due, frame = await self._waiting.get()
        await asyncio.sleep(max(due - asyncio.get_running_loop().time(), 0))
        return frame

    async def _strike(self, frame: Frame) -> bool:
        """Let the trouble happen to a reply; whether that delivered it, or took it away."""
        trouble = self._weather.trouble
        if trouble is None:
            return False
        if not self._is_struck:
            self._is_struck = True
            self._line.struck[trouble] += 1
        match trouble:
            case Trouble.RESET | Trouble.FIN:
                self._break_off(frame, is_reset=trouble is Trouble.RESET)
            case Trouble.SILENCE:
                await asyncio.Event().wait()
            case Trouble.OCTETS | Trouble.SLOW | Trouble.BANDWIDTH:
                await self._dribble(frame, trouble)
            case Trouble.JOINED | Trouble.REORDERED:
                await self._pair(frame, is_swapped=trouble is Trouble.REORDERED)
            case _:
                return self._repeat(frame, trouble)
        return True

    def _repeat(self, frame: Frame, trouble: Trouble) -> bool:
        if trouble is Trouble.DUPLICATE:
            self._pass(frame)
        elif trouble is Trouble.LATE and frame.meter in self._last:
            self._pass(self._last[frame.meter])
        return False

    def _pass(self, *frames: Frame) -> None:
        for frame in frames:
            self._line.replies += 1
            self._line.delivers(frame)
        self._writer.write(b"".join(frame.raw for frame in frames))

    def _break_off(self, frame: Frame, *, is_reset: bool) -> None:
        cut = len(frame.raw) // 2 if is_reset else HEADER.size
        self._writer.write(frame.raw[:cut])
        if not is_reset:
            raise ConnectionAbortedError
        wire = self._writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._writer.transport.abort()
        raise ConnectionResetError

    async def _dribble(self, frame: Frame, trouble: Trouble) -> None:
        size = 40 if trouble is Trouble.BANDWIDTH else 1
        pause = {Trouble.OCTETS: 0.0, Trouble.SLOW: 0.25, Trouble.BANDWIDTH: size / BYTES_A_SECOND}
        for start in range(0, len(frame.raw), size):
            self._writer.write(frame.raw[start : start + size])
            await asyncio.sleep(pause[trouble])
        self._line.replies += 1
        self._line.delivers(frame)

    async def _pair(self, frame: Frame, *, is_swapped: bool) -> None:
        """Send a reply with the one after it, if that comes soon."""
        try:
            after = await self._next(HELD_FOR)
        except TimeoutError:
            self._pass(frame)
            return
        if after is None:
            self._pass(frame)
            raise ConnectionAbortedError
        self._pass(*((after, frame) if is_swapped else (frame, after)))
        self._last[after.meter] = after
