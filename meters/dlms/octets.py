"""Reading bytes from a hostile peer, and the length field that A-XDR and BER share."""

from struct import Struct

from meters.dlms.errors import FrameError

UINT16 = Struct(">H")
UINT32 = Struct(">I")

SHORT_LENGTH_LIMIT = 0x80
LONGEST_LENGTH_FIELD = 4


class OctetReader:
    """
    A cursor over bytes that never reads past their end.

    :raises FrameError: from every read that asks for more than there is.
    """

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._end = len(data)

    @property
    def remaining(self) -> int:
        """How many octets are left."""
        return self._end - self._position

    def octet(self) -> int:
        position = self._position
        if position >= self._end:
            raise FrameError("the data ends too early")
        self._position = position + 1
        return self._data[position]

    def take(self, count: int) -> bytes:
        position = self._position
        if count > self._end - position:
            raise FrameError(f"{count} octets announced, {self._end - position} left")
        self._position = position + count
        return self._data[position : position + count]

    def uint16(self) -> int:
        return int.from_bytes(self.take(2))

    def uint32(self) -> int:
        return int.from_bytes(self.take(4))

    def length(self) -> int:
        """A length: one octet below 128, else the count of octets that hold it."""
        first = self.octet()
        if first < SHORT_LENGTH_LIMIT:
            return first
        size = first & 0x7F
        if not 1 <= size <= LONGEST_LENGTH_FIELD:
            raise FrameError(f"a length field of {size} octets")
        return int.from_bytes(self.take(size))

    def rest(self) -> bytes:
        return self.take(self.remaining)

    def finish(self) -> None:
        """:raises FrameError: if anything is left."""
        if self.remaining:
            raise FrameError(f"{self.remaining} octets too many")


def length_field(length: int) -> bytes:
    """Encode a length the way A-XDR and BER do (definite form)."""
    if length < SHORT_LENGTH_LIMIT:
        return bytes((length,))
    size = (length.bit_length() + 7) // 8
    return bytes((0x80 | size,)) + length.to_bytes(size)
