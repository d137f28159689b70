"""
What hostile bytes are given to: each target takes any bytes and raises nothing.

A target does with them what the product does: refuses them by an error of our own, or reads
them. Whatever else is raised is a fault, found by Hypothesis in CI and by `make fuzz`.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from meters.dlms import axdr, event_logs, obis
from meters.dlms.addressing import GatewayPrefix, Route, WrapperPort
from meters.dlms.apdu import parse_response
from meters.dlms.association import AssociationRequest
from meters.dlms.ciphering import CIPHERED, Cipher, CounterBlock, Keys, Watermark
from meters.dlms.errors import ConnectionLost, DlmsError, FrameError
from meters.dlms.knowledge import Knowledge
from meters.dlms.mailbox import Mailbox
from meters.dlms.meter import Meter
from meters.dlms.profile import ProfileLayout, columns_of, decode_rows, period_of
from meters.dlms.selection import CLOCK_COLUMN, CaptureObject
from meters.dlms.services import GetListResponse, GetResponse, list_results
from meters.dlms.session import Session
from meters.dlms.values import RegisterValue, RelayState, ScalerUnit
from meters.dlms.wrapper import FrameBuffer
from meters.lorawan import catalogue, chirpstack
from meters.lorawan.chirpstack import Kind
from meters.lorawan.errors import UnreadableEvent, UnreadableFrame

OFFSET = timedelta(hours=2)
NOON = datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
SINCE = NOON - timedelta(hours=3)
ROUTE = Route(101, 1)
LAYOUT = ProfileLayout(
    (
        CLOCK_COLUMN,
        CaptureObject(1, obis.AMR_STATUS, 2),
        CaptureObject(3, obis.ENERGY_IMPORT, 2),
        CaptureObject(3, obis.ENERGY_EXPORT, 2),
    ),
    timedelta(minutes=15),
    {obis.ENERGY_IMPORT: ScalerUnit(3, 30)},
)
READERS = (ScalerUnit.of, columns_of, period_of)


KEYS = Keys(bytes(range(16)), bytes(range(16, 32)))
OURS, THEIRS = b"QTY\x00\x00\x00\x00\x01", b"MTR\x00\x00\x00\x00\x02"
HEARD = 6


class Rehearsed(Mailbox):
    """A mailbox whose letters are there beforehand; after the last the line is lost."""

    def __init__(self, replies: Iterable[bytes]) -> None:
        super().__init__()
        self._replies = iter(replies)

    def clear(self) -> None:
        """Every request is answered by the next letter, whatever was asked."""

    async def take(self) -> bytes:
        for reply in self._replies:
            return reply
        raise ConnectionLost("no more replies")


class Dumb:
    """A line that sends nothing."""

    timeout = 5.0
    utc_offset = OFFSET

    def __init__(self) -> None:
        self.knowledge = Knowledge()

    def send(self, route: Route, apdu: bytes) -> None:
        """Into the void."""


async def visit(session: Session) -> None:
    """All that is asked of a meter in a round of collection."""
    await session.open(AssociationRequest())
    meter = Meter(session)
    await meter.snapshot(registers=[obis.ENERGY_IMPORT])
    await meter.serial()
    await meter.profile(obis.LOAD_PROFILE, start=SINCE, end=NOON)
    await event_logs.read(meter, {"0.0.99.98.0.255": SINCE})


def replies_of(data: bytes) -> Iterator[bytes]:
    """Bytes as replies: two octets of length before each."""
    while data:
        length = int.from_bytes(data[:2])
        yield data[2 : 2 + length]
        data = data[2 + length :]


def as_bytes(replies: Iterable[bytes]) -> bytes:
    return b"".join(len(reply).to_bytes(2) + reply for reply in replies)


def conversation(data: bytes) -> None:
    """A whole visit to a meter that answers with these replies."""
    session = Session(Dumb(), ROUTE, Rehearsed(replies_of(data)))
    try:
        asyncio.run(visit(session))
    except DlmsError:
        return


def wrapper(data: bytes) -> None:
    """A stream as TCP brings it, in two segments, cut into frames and addressed."""
    buffer, half = FrameBuffer(), len(data) // 2
    try:
        frames = [*buffer.feed(data[:half]), *buffer.feed(data[half:])]
    except FrameError:
        return
    for frame in frames:
        for strategy in (WrapperPort(), GatewayPrefix()):
            try:
                _, apdu = strategy.route(frame)
            except FrameError:
                continue
            answer(apdu)


def answer(data: bytes) -> None:
    """One reply, and every reading of what it may hold."""
    try:
        understand(data)
    except FrameError:
        return


def understand(raw: bytes) -> None:
    """:raises FrameError: if it cannot be read."""
    response = parse_response(raw)
    match response:
        case GetResponse(data=bytes(data)):
            value = axdr.decode(data)
            for reading in READERS:
                _bear(reading, value)
            _bear(RelayState.of, value, value, value)
            _bear(RegisterValue.of, value, ScalerUnit(0, 30))
        case GetListResponse(body=body):
            list_results(body)


def _bear(reading: Callable[..., object], *values: object) -> None:
    try:
        reading(*values)
    except FrameError:
        return


def opened(data: bytes) -> bytes:
    """:raises meters.dlms.errors.DlmsError: if it is not what the meter sealed."""
    cipher = Cipher(OURS, KEYS, CounterBlock(0, 10), Watermark(HEARD), peer=THEIRS)
    return cipher.open(data)


def from_the_meter(apdu: bytes, *, counter: int = HEARD + 1) -> bytes:
    """An APDU as only who has the meter's keys can seal it."""
    block = CounterBlock(counter, counter + 1)
    return Cipher(THEIRS, KEYS, block, Watermark(), peer=OURS).seal(apdu)


def sealed(data: bytes) -> None:
    """A ciphered reply as it came, and as one that the meter itself has sealed."""
    candidates = [data]
    if data and data[0] in CIPHERED:
        candidates.append(from_the_meter(data))
    for one in candidates:
        try:
            understand(opened(one))
        except DlmsError:
            continue


def rows(data: bytes) -> None:
    """The buffer of a load profile."""
    try:
        decode_rows(data, LAYOUT, offset=OFFSET)
    except FrameError:
        return


def lorawan(data: bytes) -> None:
    """The payload of an uplink; the first octet chooses the model."""
    if not data:
        return
    models = list(catalogue.MODELS.values())
    model = models[data[0] % len(models)]
    try:
        model.observe(data[1:], model.port)
    except UnreadableFrame:
        return


def webhook(data: bytes) -> None:
    """The body of an event; the first octet chooses its kind."""
    kinds = list(Kind)
    kind = kinds[data[0] % len(kinds)] if data else Kind.UP
    try:
        body = json.loads(data[1:])
    except (ValueError, RecursionError):
        return
    if not isinstance(body, dict):
        return
    try:
        if kind is Kind.UP:
            chirpstack.uplink(body)
        else:
            chirpstack.notice(kind, body)
    except UnreadableEvent:
        return


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (wrapper, answer, sealed, rows, conversation, lorawan, webhook)
}
