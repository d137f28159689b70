"""
A device's queue of downlinks at ChirpStack v4: put in, emptied, looked at.

ChirpStack serves gRPC-web over plain HTTP/1.1. Sources: chirpstack/chirpstack,
api/proto/api/device.proto (field numbers); grpc/grpc, doc/PROTOCOL-WEB.md (frames and trailers).
"""

import http.client
import re
import ssl
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from meters.lorawan import protobuf
from meters.lorawan.protobuf import Malformed, Value

SERVICE = "/api.DeviceService/"
MEDIA_TYPE = "application/grpc-web+proto"
MESSAGE, TRAILERS = 0x00, 0x80
HEAD = struct.Struct(">BI")
LARGEST_ANSWER = 1 << 20
PATIENCE = 5.0
"""Seconds to wait for each answer."""
OK = 200
_STATUS = re.compile(rb"^grpc-status:\s*(\d{1,3})\s*$", re.MULTILINE | re.IGNORECASE)
REFUSALS = {
    "3": "cannot read it", "5": "knows no such device", "7": "forbids it", "12": "does not know it",
    "16": "refuses the API key",
}  # fmt: skip
"""Status codes that leave no doubt: nothing was done. After others it may have been."""


class NotReached(Exception):
    """ChirpStack was not reached: nothing has changed there."""


class Refused(Exception):
    """ChirpStack said no: nothing has changed there."""


class NoAnswer(Exception):
    """What was asked may have been done or not: the connection ended before the answer."""


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A downlink in the queue; ``is_pending`` once it was sent and waits for the device's word."""

    id: str
    port: int
    data: bytes
    is_pending: bool
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, repr=False)
class Network:
    """A ChirpStack by its address (`https://chirpstack.example:8080`) and an API key."""

    address: str
    api_key: str

    def enqueue(
        self, eui: str, *, port: int, data: bytes, confirmed: bool, expires_at: datetime
    ) -> str:
        """
        Put a downlink at the end of the queue; returns its id.

        ChirpStack itself takes it out at `expires_at`, which is cut to whole seconds.

        :raises NotReached, Refused: if nothing was put in. :raises NoAnswer: if that is not known.
        """
        until = protobuf.encode({1: int(expires_at.timestamp())})
        item: dict[int, Value | str] = {2: eui, 3: confirmed, 4: port, 5: data, 10: until}
        answer = self._ask("Enqueue", protobuf.encode({1: protobuf.encode(item)}))
        return _text(answer, 1)

    def flush(self, eui: str) -> None:
        """Empty the queue. :raises NotReached, Refused, NoAnswer: as above."""
        self._ask("FlushQueue", protobuf.encode({1: eui}))

    def queue(self, eui: str) -> list[QueueItem]:
        """What waits for the device, the next first. :raises NotReached, Refused, NoAnswer:"""
        answer = self._ask("GetQueue", protobuf.encode({1: eui}))
        try:
            return [_item(one) for one in answer.get(2, [])]
        except (Malformed, OverflowError, OSError, UnicodeDecodeError) as error:
            raise NoAnswer(f"The queue cannot be read: {error}") from error

    def _ask(self, method: str, message: bytes) -> dict[int, list[Value]]:
        with closing(self._connection()) as line:
            try:
                line.connect()
            except OSError as error:
                raise NotReached(f"ChirpStack is not reached: {error}") from error
            try:
                line.request("POST", SERVICE + method, _framed(message), {
                    "Authorization": f"Bearer {self.api_key}", "Content-Type": MEDIA_TYPE,
                    "Accept": MEDIA_TYPE, "X-Grpc-Web": "1",
                })  # fmt: skip
                answer = line.getresponse()
                body = answer.read(LARGEST_ANSWER + 1)
            except (OSError, http.client.HTTPException) as error:
                raise NoAnswer(f"ChirpStack did not answer: {type(error).__name__}") from error
            return _read(answer.status, answer.getheader("grpc-status"), body)

    def _connection(self) -> http.client.HTTPConnection:
        place = urlsplit(self.address)
        host = place.hostname or ""
        if place.scheme == "https":
            trusted = ssl.create_default_context()
            return http.client.HTTPSConnection(host, place.port, timeout=PATIENCE, context=trusted)
        return http.client.HTTPConnection(host, place.port, timeout=PATIENCE)


def _framed(message: bytes) -> bytes:
    return HEAD.pack(MESSAGE, len(message)) + message


def _read(status: int, code: str | None, body: bytes) -> dict[int, list[Value]]:
    """The message of an answer; where there is none the status says why."""
    if status != OK:
        # A proxy in between may have passed the request on before it failed.
        raise NoAnswer(f"ChirpStack's address answered {status}.")
    frames = list(_frames(body))
    trailers = b"\n".join(content for flag, content in frames if flag & TRAILERS)
    found = _STATUS.search(trailers.replace(b"\r", b""))
    told = found[1].decode() if found else code
    if told is None:
        raise NoAnswer("ChirpStack's answer breaks off.")
    if told in REFUSALS:
        raise Refused(f"ChirpStack {REFUSALS[told]}.")
    if told != "0":
        raise NoAnswer(f"ChirpStack answers with error {told[:3]}.")
    try:
        return protobuf.decode(b"".join(content for flag, content in frames if flag == MESSAGE))
    except Malformed as error:
        raise NoAnswer(f"ChirpStack's answer cannot be read: {error}") from error


def _frames(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + HEAD.size <= len(body):
        flag, size = HEAD.unpack_from(body, at)
        at += HEAD.size
        if at + size > len(body):
            return
        yield flag, body[at : at + size]
        at += size


def _item(message: Value) -> QueueItem:
    if isinstance(message, int):
        raise Malformed("An item is no number.")
    fields = protobuf.decode(message)
    until = None
    if (stamp := fields.get(10, [b""])[-1]) and isinstance(stamp, bytes):
        until = datetime.fromtimestamp(_number(protobuf.decode(stamp), 1), UTC)
    data = fields.get(5, [b""])[-1]
    return QueueItem(
        id=_text(fields, 1),
        port=_number(fields, 4),
        data=data if isinstance(data, bytes) else b"",
        is_pending=bool(_number(fields, 7)),
        expires_at=until,
    )


def _number(fields: dict[int, list[Value]], number: int) -> int:
    value = fields.get(number, [0])[-1]
    return value if isinstance(value, int) else 0


def _text(fields: dict[int, list[Value]], number: int) -> str:
    value = fields.get(number, [b""])[-1]
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
