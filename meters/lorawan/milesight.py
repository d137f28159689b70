"""
What Milesight devices share: a chain of channel, type and data, little-endian.

Source: Milesight SensorDecoders. Where the vendor's decoder stops at an unknown channel, ours
refuses the frame: half a frame must not be booked.
"""

import math
import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from meters.lorawan.errors import UnreadableFrame

type Channel = tuple[int, int]
type Layouts = Mapping[Channel, tuple[type[Any], str]]

LARGEST_FRAME = 242
"""Bytes: the longest payload of LoRaWAN (data rates with the longest frames)."""

# Answers to settings and what a device tells when it joins: type and length of the data.
_ABOUT_ITSELF = {
    0x01: 1, 0x09: 2, 0x0A: 2, 0x0B: 1, 0x0F: 1, 0x16: 8, 0xFE: 1, 0xFF: 2,
    0x02: 2, 0x03: 2, 0x06: 9, 0x10: 1, 0x11: 4, 0x17: 2, 0x27: 1, 0x28: 1, 0x35: 8, 0x4A: 1,
    0x4E: 2, 0x68: 1, 0x69: 1, 0x6A: 3, 0x79: 4, 0x91: 5, 0x92: 5, 0x93: 6, 0xA1: 7, 0xA2: 9,
    0xA3: 2, 0xA4: 2, 0xC3: 1,
}  # fmt: skip
_SETTING_CHANNELS = (0xFE, 0xFF)


class Setting(NamedTuple):
    """Something about the device itself, kept as it came."""

    channel: int
    type: int
    data: bytes


class Battery(NamedTuple):
    percent: int


BATTERY: Layouts = {(0x01, 0x75): (Battery, "<B")}


def decode(payload: bytes, layouts: Layouts) -> tuple[Any, ...]:
    """
    Take a frame apart into its items.

    :raises UnreadableFrame: if a channel is unknown, cut off, or holds an impossible value.
    """
    if not 0 < len(payload) <= LARGEST_FRAME:
        raise UnreadableFrame(f"A frame has 1 to {LARGEST_FRAME} bytes, not {len(payload)}.")
    items: list[Any] = []
    at = 0
    while at < len(payload):
        item, at = _item(payload, at, layouts)
        items.append(item)
    return tuple(items)


def encode(items: Iterable[Any], layouts: Layouts) -> bytes:
    """The frame of these items; of two channels of one shape the first listed is taken."""
    channels: dict[type[Any], tuple[Channel, str]] = {}
    for channel, (shape, form) in layouts.items():
        channels.setdefault(shape, (channel, form))
    frame = bytearray()
    for item in items:
        if isinstance(item, Setting):
            frame += bytes((item.channel, item.type)) + item.data
        else:
            channel, form = channels[type(item)]
            frame += bytes(channel) + struct.pack(form, *item)
    return bytes(frame)


def _item(payload: bytes, at: int, layouts: Layouts) -> tuple[Any, int]:
    if at + 1 >= len(payload):
        raise UnreadableFrame("The frame ends within a channel.")
    head = (payload[at], payload[at + 1])
    begin, layout = at + 2, layouts.get(head)
    if layout is None:
        return _setting(payload, head, begin)
    shape, form = layout
    end = begin + struct.calcsize(form)
    if end > len(payload):
        raise UnreadableFrame(f"Channel {_name(head)} is cut off.")
    item = shape(*struct.unpack(form, payload[begin:end]))
    _check(item, head)
    return item, end


def _setting(payload: bytes, head: Channel, begin: int) -> tuple[Setting, int]:
    channel, kind = head
    length = _ABOUT_ITSELF.get(kind) if channel in _SETTING_CHANNELS else None
    if length is None:
        raise UnreadableFrame(f"Channel {_name(head)} is not known.")
    end = begin + length
    if end > len(payload):
        raise UnreadableFrame(f"Channel {_name(head)} is cut off.")
    return Setting(channel, kind, payload[begin:end]), end


def _check(item: Any, head: Channel) -> None:
    if isinstance(item, Battery) and item.percent > 100:  # noqa: PLR2004  (percent)
        raise UnreadableFrame("A battery is at most full.")
    if any(isinstance(one, float) and (not math.isfinite(one) or one < 0) for one in item):
        raise UnreadableFrame(f"Channel {_name(head)} holds no quantity.")


def _name(head: Channel) -> str:
    return f"{head[0]:02x} {head[1]:02x}"
