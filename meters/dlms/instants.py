"""
COSEM date-time (IEC 62056-6-2, 4.1.6.1): twelve octets of local time, deviation and status.

The deviation is what must be *added to local time* to get UTC, in minutes: UTC+2 is -120.
Octets 0xFF, and 0xFFFF or 0x8000 in the two-octet fields, mean "not specified".
"""

from datetime import UTC, datetime, timedelta
from enum import IntFlag
from struct import Struct
from typing import NamedTuple

from meters.dlms.errors import FrameError

SIZE = 12
UNSPECIFIED = 0xFF
UNSPECIFIED_YEAR = 0xFFFF
UNSPECIFIED_DEVIATION = -0x8000
LARGEST_DEVIATION = 840
_LAYOUT = Struct(">HBBBBBBBhB")


def is_specified(raw: bytes) -> bool:
    """Whether a date-time names a date; a clock that lost its time may name none."""
    return raw[:2] != b"\xff\xff" and UNSPECIFIED not in raw[2:4]


class ClockStatus(IntFlag):
    """What the meter says about its clock; an unspecified status reads as no flag."""

    INVALID = 1
    DOUBTFUL = 2
    DIFFERENT_BASE = 4
    INVALID_STATUS = 8
    DAYLIGHT_SAVING = 128


class Instant(NamedTuple):
    """A moment a meter named: when (UTC), its own offset from UTC, and its clock's status."""

    at: datetime
    offset: timedelta
    status: ClockStatus


def encode(at: datetime, *, offset: timedelta, status: int = 0) -> bytes:
    """An aware datetime as the local time of a meter ``offset`` ahead of UTC."""
    local = at.astimezone(UTC) + offset
    return _LAYOUT.pack(
        local.year,
        local.month,
        local.day,
        local.isoweekday(),
        local.hour,
        local.minute,
        local.second,
        local.microsecond // 10_000,
        -int(offset.total_seconds() // 60),
        status,
    )


def decode(raw: bytes, *, offset: timedelta) -> Instant:
    """
    The moment that ``raw`` names; ``offset`` counts where the meter gives no deviation.

    Unspecified hours and below count as zero.

    :raises FrameError: if it is no full date, or no date at all.
    """
    if len(raw) != SIZE:
        raise FrameError(f"a date-time of {len(raw)} octets")
    year, month, day, _, hour, minute, second, hundredths, deviation, status = _LAYOUT.unpack(raw)
    if deviation != UNSPECIFIED_DEVIATION:
        if abs(deviation) > LARGEST_DEVIATION:
            raise FrameError(f"a deviation of {deviation} minutes")
        offset = timedelta(minutes=-deviation)
    hour, minute, second, hundredths = (
        0 if part == UNSPECIFIED else part for part in (hour, minute, second, hundredths)
    )
    try:
        local = datetime(year, month, day, hour, minute, second, hundredths * 10_000, UTC)
        at = local - offset
    except (ValueError, OverflowError) as error:
        raise FrameError(f"no such moment: {raw.hex()}") from error
    return Instant(at, offset, ClockStatus(0 if status == UNSPECIFIED else status))
