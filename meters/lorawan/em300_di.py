"""
Milesight EM300-DI: a pulse counter with temperature, humidity and battery.

Source: Milesight SensorDecoders, em-series/em300-di, and the vendor's protocol page. In a history
record (``20 CE``) the status stands before the pulses: the codec and the worked example say so,
the table of the manual has it the other way round.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from meters.lorawan import milesight
from meters.lorawan.milesight import Battery
from meters.lorawan.observation import Count, Flag, Observation

PORT = 85
COUNTER = 2
_RAISED = {1: Flag.OUTAGE, 3: Flag.FLOW_TIMEOUT}
_ENDED = {2: Flag.OUTAGE, 4: Flag.FLOW_TIMEOUT}


class Temperature(NamedTuple):
    tenths: int


class Humidity(NamedTuple):
    halves: int


class Input(NamedTuple):
    level: int


class InputAlarm(NamedTuple):
    level: int
    alarm: int


class Pulses(NamedTuple):
    """The counter itself (firmware up to 1.2)."""

    pulses: int


class Water(NamedTuple):
    """
    The counter in a unit of the device's settings: ``water`` per ``pulse`` tenths of either.

    ``total`` is a 32-bit float: beyond 2**24 pulses it no longer tells single ones apart.
    """

    water: int
    pulse: int
    total: float


class WaterAlarm(NamedTuple):
    water: int
    pulse: int
    total: float
    alarm: int


class History(NamedTuple):
    """What the device kept while it was not heard (firmware up to 1.2)."""

    at: int
    temperature: int
    humidity: int
    mode: int
    level: int
    pulses: int


class WaterHistory(NamedTuple):
    at: int
    temperature: int
    humidity: int
    alarm: int
    mode: int
    level: int
    water: int
    pulse: int
    total: float


LAYOUTS: milesight.Layouts = {
    **milesight.BATTERY,
    (0x03, 0x67): (Temperature, "<h"),
    (0x04, 0x68): (Humidity, "<B"),
    (0x05, 0x00): (Input, "<B"),
    (0x05, 0xC8): (Pulses, "<I"),
    (0x05, 0xE1): (Water, "<HHf"),
    (0x85, 0x00): (InputAlarm, "<BB"),
    (0x85, 0xE1): (WaterAlarm, "<HHfB"),
    (0x20, 0xCE): (History, "<IhBBBI"),
    (0x21, 0xCE): (WaterHistory, "<IhBBBBHHf"),
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
    What a frame says; raw pulses are preferred to the float beside them.

    :raises UnreadableFrame: if it is not one of this device.
    """
    items = decode(payload)
    alarms = [one.alarm for one in items if isinstance(one, WaterAlarm)]
    raised = frozenset(_RAISED[alarm] for alarm in alarms if alarm in _RAISED)
    ended = frozenset(_ENDED[alarm] for alarm in alarms if alarm in _ENDED)
    batteries = [one.percent for one in items if isinstance(one, Battery)]
    return Observation(
        counts=tuple(_counts(items)),
        battery_percent=batteries[-1] if batteries else None,
        told=raised | ended,
        raised=raised,
    )


def _counts(items: tuple[Any, ...]) -> Iterator[Count]:
    exact = any(isinstance(one, Pulses) for one in items)
    for one in items:
        match one:
            case Pulses():
                yield Count(one.pulses)
            case Water() | WaterAlarm() if not exact and (pulses := _pulses(one)) is not None:
                yield Count(pulses)
            case History() if one.mode == COUNTER:
                yield Count(one.pulses, one.at)
            case WaterHistory() if one.mode == COUNTER and (pulses := _pulses(one)) is not None:
                yield Count(pulses, one.at)


def _pulses(one: Water | WaterAlarm | WaterHistory) -> int | None:
    """The pulses behind a total, to the nearest; None if the device has no conversion."""
    if not one.water or not one.pulse:
        return None
    return round(Fraction(one.total) * one.pulse / one.water)
