"""
Milesight UC300: a controller with pulse inputs and relay outputs, here one meter and its contactor.

Source: Milesight SensorDecoders, uc-series/uc300. The first input counts; the first output holds
the contactor. It listens all the time (LoRaWAN class C), so that an order leaves at once.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from meters.lorawan import milesight
from meters.lorawan.observation import Count, Observation

PORT = 85


class Pulses(NamedTuple):
    pulses: int


class Level(NamedTuple):
    level: int


class Output(NamedTuple):
    """The relay: 1 holds the contact closed, so that the supply is on."""

    state: int


class OtherPulses(NamedTuple):
    pulses: int


class OtherOutput(NamedTuple):
    state: int


LAYOUTS: milesight.Layouts = {
    **milesight.BATTERY,
    (0x03, 0xC8): (Pulses, "<I"),
    **{(channel, 0xC8): (OtherPulses, "<I") for channel in (0x04, 0x05, 0x06)},
    **{(channel, 0x00): (Level, "<B") for channel in (0x03, 0x04, 0x05, 0x06)},
    (0x07, 0x01): (Output, "<B"),
    (0x08, 0x01): (OtherOutput, "<B"),
}


def decode(payload: bytes) -> tuple[Any, ...]:
    """
    Take a frame apart.

    :raises UnreadableFrame: if it is not one of this device.
    """
    return milesight.decode(payload, LAYOUTS)


def encode(items: Iterable[Any]) -> bytes:
    return milesight.encode(items, LAYOUTS)


def read(payload: bytes, port: int) -> Observation:
    """
    What a frame says of the first input and the first output.

    :raises UnreadableFrame: if it is not one of this device.
    """
    items = decode(payload)
    outputs = [bool(one.state) for one in items if isinstance(one, Output)]
    return Observation(
        counts=tuple(Count(one.pulses) for one in items if isinstance(one, Pulses)),
        is_closed=outputs[-1] if outputs else None,
    )


def switch(*, close: bool) -> bytes:
    """The order to close the contact (supply on) or to open it (supply off)."""
    return bytes((0x07, int(close), 0xFF))
