"""
COSEM data in A-XDR (IEC 62056-5-3, type Data).

Each encoder returns bytes, so that a structure is written as it reads:
``structure(uint16(8), octets(name), int8(2))``.

Decoding gives plain values: null-data is ``None``, an array a ``list``, a structure a ``tuple``,
octet-strings and the date and time types are ``bytes``, the text types ``str``, the integer and
enumerated types ``int``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from struct import Struct
from struct import error as struct_error

from meters.dlms.errors import FrameError
from meters.dlms.octets import OctetReader, length_field

MAX_NESTING = 16

type Value = bool | int | float | bytes | str | BitString | list[Value] | tuple[Value, ...] | None


@dataclass(frozen=True, slots=True)
class BitString:
    """Bits from the left of ``octets``; the rest of the last octet is padding."""

    size: int
    octets: bytes


NULL = b"\x00"
ARRAY, STRUCTURE = 1, 2


def array(items: Iterable[bytes]) -> bytes:
    encoded = list(items)
    return b"\x01" + length_field(len(encoded)) + b"".join(encoded)


def structure(*members: bytes) -> bytes:
    return b"\x02" + length_field(len(members)) + b"".join(members)


def boolean(value: bool, /) -> bytes:  # noqa: FBT001 - the value itself, not a mode
    return b"\x03\x01" if value else b"\x03\x00"


def octets(value: bytes) -> bytes:
    return b"\x09" + length_field(len(value)) + value


def visible(value: str) -> bytes:
    encoded = value.encode("ascii")
    return b"\x0a" + length_field(len(encoded)) + encoded


def utf8(value: str) -> bytes:
    encoded = value.encode()
    return b"\x0c" + length_field(len(encoded)) + encoded


def bits(value: BitString) -> bytes:
    return b"\x04" + length_field(value.size) + value.octets


def _number(tag: int, code: str) -> Callable[[int], bytes]:
    layout = Struct(f">B{code}")

    def encode(value: int) -> bytes:
        try:
            return layout.pack(tag, value)
        except struct_error as error:
            raise ValueError(f"{value} does not fit COSEM type {tag}") from error

    return encode


int32 = _number(5, "i")
uint32 = _number(6, "I")
int8 = _number(15, "b")
int16 = _number(16, "h")
uint8 = _number(17, "B")
uint16 = _number(18, "H")
int64 = _number(20, "q")
uint64 = _number(21, "Q")
enumerated = _number(22, "B")


def float32(value: float) -> bytes:
    return Struct(">Bf").pack(23, value)


def float64(value: float) -> bytes:
    return Struct(">Bd").pack(24, value)


def decode(data: bytes) -> Value:
    """
    The value that fills ``data`` completely.

    :raises FrameError: if the data is cut short, too long, nested deeper than 16, or of a type
        this codec does not know (compact-array among them).
    """
    reader = OctetReader(data)
    value = read(reader)
    reader.finish()
    return value


def read(reader: OctetReader, depth: int = 0) -> Value:
    """The next value of a longer message."""
    tag = reader.octet()
    if tag in {ARRAY, STRUCTURE}:
        return _read_sequence(reader, tag, depth + 1)
    decoder = _DECODERS.get(tag)
    if decoder is None:
        raise FrameError(f"unknown COSEM data type {tag}")
    return decoder(reader)


def _read_sequence(reader: OctetReader, tag: int, depth: int) -> Value:
    if depth > MAX_NESTING:
        raise FrameError("the data is nested too deeply")
    count = reader.length()
    # Every element takes at least its tag, so a larger count is a lie that must not cost memory.
    if count > reader.remaining:
        raise FrameError(f"{count} elements announced, {reader.remaining} octets left")
    items = [read(reader, depth) for _ in range(count)]
    return items if tag == ARRAY else tuple(items)


def _integer(size: int, *, signed: bool) -> Callable[[OctetReader], Value]:
    return lambda reader: int.from_bytes(reader.take(size), signed=signed)


def _float(code: str) -> Callable[[OctetReader], Value]:
    layout = Struct(f">{code}")
    return lambda reader: float(layout.unpack(reader.take(layout.size))[0])


def _fixed(size: int) -> Callable[[OctetReader], Value]:
    return lambda reader: reader.take(size)


def _text(encoding: str) -> Callable[[OctetReader], Value]:
    def read_text(reader: OctetReader) -> Value:
        raw = reader.take(reader.length())
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError as error:
            raise FrameError(f"text that is not {encoding}") from error

    return read_text


def _bit_string(reader: OctetReader) -> Value:
    size = reader.length()
    return BitString(size, reader.take((size + 7) // 8))


_DECODERS: dict[int, Callable[[OctetReader], Value]] = {
    0: lambda _: None,
    3: lambda reader: reader.octet() != 0,
    4: _bit_string,
    5: _integer(4, signed=True),
    6: _integer(4, signed=False),
    9: lambda reader: reader.take(reader.length()),
    10: _text("ascii"),
    12: _text("utf-8"),
    13: _integer(1, signed=True),
    15: _integer(1, signed=True),
    16: _integer(2, signed=True),
    17: _integer(1, signed=False),
    18: _integer(2, signed=False),
    20: _integer(8, signed=True),
    21: _integer(8, signed=False),
    22: _integer(1, signed=False),
    23: _float("f"),
    24: _float("d"),
    25: _fixed(12),
    26: _fixed(5),
    27: _fixed(4),
    255: lambda _: None,
}
