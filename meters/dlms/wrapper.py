"""
The TCP wrapper (IEC 62056-4-7): version, source port, destination port, length, APDU.

Ports address application processes: on the server side one logical device each, here one meter.
"""

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from meters.dlms.errors import FrameError

TCP_PORT = 4059
VERSION = 1
MAX_APDU = 0xFFFF
_HEADER = Struct(">HHHH")


class Frame(NamedTuple):
    """One wrapper protocol data unit."""

    source: int
    destination: int
    apdu: bytes

    def to_bytes(self) -> bytes:
        """:raises ValueError: if the APDU is longer than the length field can say."""
        if len(self.apdu) > MAX_APDU:
            raise ValueError(f"an APDU of {len(self.apdu)} octets")
        header = _HEADER.pack(VERSION, self.source, self.destination, len(self.apdu))
        return header + self.apdu


class FrameBuffer:
    """Cuts a byte stream, however it was segmented, into frames. Holds one frame at most."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """
        The frames that ``data`` completes.

        :raises FrameError: if the stream is not the wrapper's; it cannot be trusted any further.
        """
        self._data += data
        while len(self._data) >= _HEADER.size:
            version, source, destination, length = _HEADER.unpack_from(self._data)
            if version != VERSION:
                raise FrameError(f"wrapper version {version}")
            end = _HEADER.size + length
            if len(self._data) < end:
                return
            apdu = bytes(self._data[_HEADER.size : end])
            del self._data[:end]
            yield Frame(source, destination, apdu)

    @property
    def partial(self) -> bool:
        """Whether a frame has begun but not ended."""
        return bool(self._data)
