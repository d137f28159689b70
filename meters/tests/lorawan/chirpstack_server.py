"""
A ChirpStack for tests: the queue of downlinks over gRPC-web, with the faults that are asked for.

It takes messages apart by itself, so that a mistake in our encoding is not made twice: the field
numbers stand here once more, from chirpstack/chirpstack, api/proto/api/device.proto.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

KEY = "an-api-key"


def varint(octets: Iterator[int]) -> int:
    value = shift = 0
    for octet in octets:
        value |= (octet & 127) << shift
        if octet < 128:
            return value
        shift += 7
    raise AssertionError("A number has no end.")


def fields(message: bytes) -> dict[int, Any]:
    """The fields of a message of numbers and strings of octets; each at most once."""
    found: dict[int, Any] = {}
    octets = iter(message)
    for octet in octets:
        number, kind = octet >> 3, octet & 7
        assert number not in found
        if kind == 0:
            found[number] = varint(octets)
        else:
            assert kind == 2
            found[number] = bytes(next(octets) for _ in range(varint(octets)))
    return found


def told(number: int, content: bytes) -> bytes:
    """A short string of octets as a field."""
    assert len(content) < 128
    return bytes((number << 3 | 2, len(content))) + content


class Chirpstack(ThreadingHTTPServer):
    """`queues` by device; `faults` are taken one a request, in the order of requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.queues: dict[str, list[tuple[str, bytes]]] = {}
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, method: str, message: bytes) -> bytes:
        with self.lock:
            self.asked.append(method)
            asked = fields(message)
            if method == "Enqueue":
                item = fields(asked[1])
                mark = str(uuid4())
                self.queues.setdefault(item[2].decode(), []).append((mark, asked[1]))
                return told(1, mark.encode())
            queue = self.queues.setdefault(asked[1].decode(), [])
            if method == "FlushQueue":
                queue.clear()
                return b""
            assert method == "GetQueue"
            items = (told(2, told(1, mark.encode()) + item) for mark, item in queue)
            return bytes((8, len(queue))) + b"".join(items)


class _Handler(BaseHTTPRequestHandler):
    server: Chirpstack
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == "application/grpc-web+proto"
        assert body[:1] == b"\0"
        assert int.from_bytes(body[1:5]) == len(body) - 5
        service, method = self.path[1:].split("/")
        assert service == "api.DeviceService"
        fault = self.server.faults.pop(0) if self.server.faults else ""
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self._send(b"", "16")
        elif fault.isdecimal():
            self._send(b"", fault)
        elif fault == "lost before":
            self.close_connection = True
        else:
            answer = self.server.answer(method, body[5:])
            if fault == "slow":
                time.sleep(1)
            if fault == "lost after":
                self.close_connection = True
            elif fault == "proxy":
                self.send_error(502)
            else:
                self._send(answer, "0", cut=fault == "cut")

    def _send(self, message: bytes, status: str, *, cut: bool = False) -> None:
        """As ChirpStack does: an error has its status among the headers, and no body."""
        self.send_response(200)
        self.send_header("Content-Type", "application/grpc-web+proto")
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
def running() -> Iterator[Chirpstack]:
    server = Chirpstack()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
