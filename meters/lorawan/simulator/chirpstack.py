"""
A ChirpStack: its queue of downlinks over gRPC-web on a real socket, with faults if asked for.

It takes messages apart by itself, so that a mistake in our encoding is not made twice: the field
numbers stand here once more, from chirpstack/chirpstack, api/proto/api/device.proto.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

KEY = "an-api-key"
MEDIA_TYPE = "application/grpc-web+proto"
VARINT, OCTETS = 0, 2
MORE = 128
EUI, CONFIRMED, PORT, DATA, PENDING, EXPIRES = 2, 3, 4, 5, 7, 10
SECONDS = 1


class Unreadable(Exception):
    """A request that ChirpStack would not understand."""


@dataclass(slots=True)
class Item:
    """A downlink in a queue, with the message that put it there."""

    id: str
    port: int
    data: bytes
    expires: int
    message: bytes
    is_pending: bool = False

    @property
    def told(self) -> bytes:
        """As GetQueue tells of it."""
        pending = bytes((PENDING << 3 | VARINT, 1)) if self.is_pending else b""
        return told(1, self.id.encode()) + self.message + pending


def varint(octets: Iterator[int]) -> int:
    """:raises Unreadable: if it has no end."""
    value = shift = 0
    for octet in octets:
        value |= (octet & MORE - 1) << shift
        if octet < MORE:
            return value
        shift += 7
    raise Unreadable("A number has no end.")


def fields(message: bytes) -> dict[int, Any]:
    """
    The fields of a message of numbers and strings of octets; each at most once.

    :raises Unreadable: if it is not such a message.
    """
    found: dict[int, Any] = {}
    octets = iter(message)
    for octet in octets:
        number, kind = octet >> 3, octet & 7
        if number in found or kind not in {VARINT, OCTETS}:
            raise Unreadable(f"Field {number} of kind {kind}.")
        value = varint(octets)
        if kind == OCTETS:
            found[number] = bytes(next(octets) for _ in range(value))
        else:
            found[number] = value
    return found


def told(number: int, content: bytes) -> bytes:
    """A string of octets as a field."""
    size = len(content)
    length = bytes((size,)) if size < MORE else bytes((size & MORE - 1 | MORE, size >> 7))
    return bytes((number << 3 | OCTETS, *length)) + content


class Chirpstack(ThreadingHTTPServer):
    """
    `queues` by device; `faults` are taken one a request, in the order of requests.

    `clock` (seconds since 1970) says when the time of an item is over.
    """

    daemon_threads = True

    def __init__(self, *, port: int = 0, api_key: str = KEY) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.api_key = api_key
        self.queues: dict[str, list[Item]] = {}
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.clock: Callable[[], float] = time.time
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, method: str, message: bytes) -> bytes:
        """:raises Unreadable: if it knows no such method, or cannot read the message."""
        with self.lock:
            self.asked.append(method)
            asked = fields(message)
            if method == "Enqueue":
                item = _item(asked[1])
                self.queues.setdefault(item[0], []).append(item[1])
                return told(1, item[1].id.encode())
            queue = self.queues.setdefault(asked[1].decode(), [])
            if method == "FlushQueue":
                queue.clear()
                return b""
            if method != "GetQueue":
                raise Unreadable(method)
            return bytes((8, len(queue))) + b"".join(told(2, item.told) for item in queue)

    def transmit(self, eui: str) -> Item | None:
        """
        Take the next downlink of a device as sent: it stays in the queue, pending.

        None if none is due; one whose time is over is dropped.
        """
        with self.lock:
            queue = self.queues.get(eui, [])
            queue[:] = [item for item in queue if item.expires > self.clock()]
            item = queue[0] if queue else None
            if item is None or item.is_pending:
                return None
            item.is_pending = True
            return item

    def conclude(self, eui: str, item: Item) -> None:
        """The device acknowledged a downlink, or did not in time: it leaves the queue."""
        with self.lock:
            queue = self.queues.get(eui, [])
            if item in queue:
                queue.remove(item)


def _item(message: bytes) -> tuple[str, Item]:
    asked = fields(message)
    expires = fields(asked.get(EXPIRES, b"")).get(SECONDS, 1 << 62)
    item = Item(str(uuid4()), asked.get(PORT, 0), asked.get(DATA, b""), expires, message)
    return asked[EUI].decode(), item


class _Handler(BaseHTTPRequestHandler):
    server: Chirpstack
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault = self.server.faults.pop(0) if self.server.faults else ""
        if self.headers["Authorization"] != f"Bearer {self.server.api_key}":
            self._send(b"", "16")
        elif fault.isdecimal():
            self._send(b"", fault)
        elif fault == "lost before":
            self.close_connection = True
        else:
            self._answer(body, fault)

    def _answer(self, body: bytes, fault: str) -> None:
        try:
            answer = self.server.answer(self._method(body), body[5:])
        except Unreadable:
            self._send(b"", "3")
            return
        if fault == "slow":
            time.sleep(1)
        if fault == "lost after":
            self.close_connection = True
        elif fault == "proxy":
            self.send_error(502)
        else:
            self._send(answer, "0", cut=fault == "cut")

    def _method(self, body: bytes) -> str:
        service, _, method = self.path[1:].partition("/")
        whole = body[:1] == b"\0" and int.from_bytes(body[1:5]) == len(body) - 5
        if not whole or service != "api.DeviceService":
            raise Unreadable(self.path)
        if self.headers["Content-Type"] != MEDIA_TYPE:
            raise Unreadable(self.headers["Content-Type"])
        return method

    def _send(self, message: bytes, status: str, *, cut: bool = False) -> None:
        """As ChirpStack does: an error has its status among the headers, and no body."""
        self.send_response(200)
        self.send_header("Content-Type", MEDIA_TYPE)
        body = b""
        if status == "0":
            trailers = b"grpc-status:0\r\n"
            body = b"\0" + len(message).to_bytes(4) + message
            body += b"\x80" + len(trailers).to_bytes(4) + trailers
            body = body[:-8] if cut else body
        else:
            self.send_header("grpc-status", status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def running(server: Chirpstack | None = None) -> Iterator[Chirpstack]:
    """A ChirpStack that answers until the end of the block."""
    server = server or Chirpstack()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
