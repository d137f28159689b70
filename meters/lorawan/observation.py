"""What a frame says, whatever the model that sent it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Flag(StrEnum):
    """A condition that a device reports for as long as it lasts."""

    LEAK = "leak"
    BURST = "burst"
    BACKFLOW = "backflow"
    FLOW_TIMEOUT = "flow_timeout"
    OUTAGE = "outage"
    EMPTY_PIPE = "empty_pipe"
    LOW_BATTERY = "low_battery"
    LOW_TEMPERATURE = "low_temperature"
    PERMANENT_ERROR = "permanent_error"
    TEMPORARY_ERROR = "temporary_error"


class Count(NamedTuple):
    """
    What a counter showed: raw pulses, or whole litres (Wh) where the device meters itself.

    ``at`` is in seconds since 1970 by the device's clock; None stands for the moment of the uplink.
    """

    value: int
    at: int | None = None
    is_pulses: bool = True


@dataclass(frozen=True, slots=True)
class Observation:
    """
    What a frame says.

    ``told`` are the conditions that the frame speaks of at all, ``raised`` those of them that hold;
    what is told and not raised has ended. ``is_closed`` is the position of a relay's contact,
    ``clock`` what the device's own clock showed (seconds since 1970) when it made the frame.
    """

    counts: tuple[Count, ...] = ()
    battery_percent: int | None = None
    told: frozenset[Flag] = frozenset()
    raised: frozenset[Flag] = frozenset()
    is_closed: bool | None = None
    clock: int | None = None
