"""
Axioma Qalcosonic W1: an ultrasonic water meter that logs whole litres by the hour.

Source: The Things Network device repository, vendor/axioma (community published, not Axioma's).
Two layouts, told apart by length. The hour of the enhanced layout's last value is not published:
it is taken as the last full hour before the frame was made, which fits the published example.
"""

import struct
from dataclasses import dataclass

from meters.lorawan.errors import UnreadableFrame
from meters.lorawan.observation import Count, Flag, Observation

PORT = 100
HOUR = 3600
_EXTENDED = "<IBIII"
_EXTENDED_DELTAS = 15
_EXTENDED_SIZES = (47, 48)
_PAD, _NO_DELTA = 0x2F, 0x2F2F
_ENHANCED = "<BIBI"
_ENHANCED_VERSION = 1
_ENHANCED_DELTAS, _ENHANCED_BITS = 23, 14
_ENHANCED_SIZE = 51
_SHARED = {0x04: Flag.LOW_BATTERY, 0x08: Flag.PERMANENT_ERROR}
_EMPTY, _LEAK, _BACKFLOW, _COLD, _BURST = 0x10, 0x20, 0x60, 0x80, 0xA0
TOLD = frozenset(Flag) - {Flag.OUTAGE, Flag.FLOW_TIMEOUT}


@dataclass(frozen=True, slots=True)
class Extended:
    """The total now, and what ran in each of up to 15 hours after the log's own time."""

    at: int
    status: int
    litres: int
    log_at: int
    log_litres: int
    deltas: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Enhanced:
    """The total 23 hours ago, and what ran in each hour since; ``multiplier`` scales them."""

    at: int
    status: int
    log_litres: int
    deltas: tuple[int, ...]
    multiplier: int = 0


def decode(payload: bytes) -> Extended | Enhanced:
    """
    Take a frame apart.

    :raises UnreadableFrame: if its length or version is not one of this meter's.
    """
    if len(payload) in _EXTENDED_SIZES:
        return _extended(payload)
    if len(payload) == _ENHANCED_SIZE:
        return _enhanced(payload)
    raise UnreadableFrame(f"A Qalcosonic W1 sends 47, 48 or 51 bytes, not {len(payload)}.")


def encode(frame: Extended | Enhanced) -> bytes:
    """The bytes of a frame; an extended one is padded to 48."""
    if isinstance(frame, Extended):
        head = struct.pack(
            _EXTENDED, frame.at, frame.status, frame.litres, frame.log_at, frame.log_litres
        )
        deltas = struct.pack(f"<{len(frame.deltas)}H", *frame.deltas)
        return (head + deltas).ljust(_EXTENDED_SIZES[-1], bytes([_PAD]))
    packed = sum(delta << (at * _ENHANCED_BITS) for at, delta in enumerate(frame.deltas))
    packed |= frame.multiplier << (_ENHANCED_DELTAS * _ENHANCED_BITS)
    head = struct.pack(_ENHANCED, _ENHANCED_VERSION, frame.at, frame.status, frame.log_litres)
    return head + packed.to_bytes(_ENHANCED_SIZE - len(head), "little")


def read(payload: bytes, port: int) -> Observation:
    """
    What a frame says: the logged hours are its counts, exact at their full hours.

    The total of this very moment is used only where nothing was logged.

    :raises UnreadableFrame: if it is not one of this meter.
    """
    frame = decode(payload)
    if isinstance(frame, Extended):
        counts = _logged(frame.log_litres, frame.deltas, first=frame.log_at)
        if not frame.log_at or counts[-1].value > frame.litres:
            counts = (Count(frame.litres, frame.at or None, is_pulses=False),)
    else:
        if frame.multiplier:
            raise UnreadableFrame("The hours are scaled by a multiplier whose rule is unpublished.")
        last = frame.at - frame.at % HOUR
        first = last - _ENHANCED_DELTAS * HOUR
        counts = _logged(frame.log_litres, frame.deltas, first=first)
    return Observation(counts=counts, told=TOLD, raised=flags(frame.status), clock=frame.at or None)


def flags(status: int) -> frozenset[Flag]:
    """The conditions of a status octet; burst and backflow share bits with leak and cold."""
    raised = {flag for bit, flag in _SHARED.items() if status & bit}
    if status == _EMPTY:
        raised.add(Flag.EMPTY_PIPE)
    elif status & _EMPTY:
        raised.add(Flag.TEMPORARY_ERROR)
    is_backflow, is_burst = status & _BACKFLOW == _BACKFLOW, status & _BURST == _BURST
    if is_backflow:
        raised.add(Flag.BACKFLOW)
    if is_burst:
        raised.add(Flag.BURST)
    if status & _LEAK and not (is_backflow or is_burst):
        raised.add(Flag.LEAK)
    if status & _COLD and not is_burst:
        raised.add(Flag.LOW_TEMPERATURE)
    return frozenset(raised)


def _logged(litres: int, deltas: tuple[int, ...], *, first: int) -> tuple[Count, ...]:
    counts = [Count(litres, first, is_pulses=False)]
    for hour, delta in enumerate(deltas, start=1):
        litres += delta
        counts.append(Count(litres, first + hour * HOUR, is_pulses=False))
    return tuple(counts)


def _extended(payload: bytes) -> Extended:
    size = struct.calcsize(_EXTENDED)
    at, status, litres, log_at, log_litres = struct.unpack_from(_EXTENDED, payload)
    deltas = struct.unpack_from(f"<{_EXTENDED_DELTAS}H", payload, size)
    known = deltas[: deltas.index(_NO_DELTA)] if _NO_DELTA in deltas else deltas
    return Extended(at, status, litres, log_at, log_litres, known)


def _enhanced(payload: bytes) -> Enhanced:
    version, at, status, log_litres = struct.unpack_from(_ENHANCED, payload)
    if version != _ENHANCED_VERSION:
        raise UnreadableFrame(f"Version {version} of the enhanced layout is not known.")
    packed = int.from_bytes(payload[struct.calcsize(_ENHANCED) :], "little")
    mask = (1 << _ENHANCED_BITS) - 1
    deltas = tuple(packed >> (at * _ENHANCED_BITS) & mask for at in range(_ENHANCED_DELTAS))
    return Enhanced(at, status, log_litres, deltas, packed >> (_ENHANCED_DELTAS * _ENHANCED_BITS))
