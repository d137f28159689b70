"""
Protocol Buffers on the wire, as far as short messages of a known shape need it.

Source: protobuf.dev, Encoding. Fields are told by number; unknown ones are passed over.
"""

from collections.abc import Iterator, Mapping

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10
LOW_BITS, MORE = 0x7F, 0x80
_SIZES = {FIXED64: 8, FIXED32: 4}

type Value = int | bytes


class Malformed(ValueError):
    """The bytes are no message."""


def encode(fields: Mapping[int, Value | str | bool]) -> bytes:
    """A message; fields that are zero, false or empty are left out, as proto3 has it."""
    out = bytearray()
    for number, value in sorted(fields.items()):
        if not value:
            continue
        if isinstance(value, int):
            out += varint(number << 3 | VARINT) + varint(int(value))
        else:
            content = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | BYTES) + varint(len(content)) + content
    return bytes(out)


def varint(value: int) -> bytes:
    """A whole number that is not negative, seven bits an octet, the lowest first."""
    out = bytearray()
    while value > LOW_BITS:
        out.append(value & LOW_BITS | MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode(message: bytes) -> dict[int, list[Value]]:
    """
    The fields of a message by number, each with its values in order.

    :raises Malformed: if it is none.
    """
    fields: dict[int, list[Value]] = {}
    for number, value in _fields(message):
        fields.setdefault(number, []).append(value)
    return fields


def _fields(message: bytes) -> Iterator[tuple[int, Value]]:
    at = 0
    while at < len(message):
        key, at = _varint_at(message, at)
        kind, value = key & 7, 0
        if kind == VARINT:
            value, at = _varint_at(message, at)
            yield key >> 3, value
            continue
        if kind == BYTES:
            size, at = _varint_at(message, at)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise Malformed(f"Wire type {kind} is not used any more.")
        if at + size > len(message):
            raise Malformed("The message ends within a field.")
        yield key >> 3, message[at : at + size]
        at += size


def _varint_at(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for position, octet in enumerate(message[at : at + LONGEST_VARINT]):
        value |= (octet & LOW_BITS) << 7 * position
        if not octet & MORE:
            return value, at + position + 1
    raise Malformed("A number has no end.")
