"""
What the codes in a meter's event logs mean.

IDIS and DSMR meters share one numbering over all their logs. `Source.PUBLISHED` codes are those of
the public model of the Grid eXchange Fabric (`EventType`, Apache-2.0) and of IDIS drivers that
agree with it; `Source.CUSTOMARY` ones are usual in that family and were not found in a public
list: a meter's own manual has the last word. Codes of ours tell what this system did to a meter.
"""

from enum import Enum, StrEnum
from typing import NamedTuple


class Log(StrEnum):
    """Where an event was written down; all but the last are logs inside the meter."""

    STANDARD = "standard"
    FRAUD = "fraud"
    DISCONNECTOR = "disconnector"
    COMMUNICATION = "communication"
    POWER_QUALITY = "power_quality"
    SYSTEM = "system"


# Profile generics (class 7). The numbers 0, 1, 4 and 5 are GXF's; 2 is IDIS's.
LOGS = {
    Log.STANDARD: "0.0.99.98.0.255",
    Log.FRAUD: "0.0.99.98.1.255",
    Log.DISCONNECTOR: "0.0.99.98.2.255",
    Log.COMMUNICATION: "0.0.99.98.4.255",
    Log.POWER_QUALITY: "0.0.99.98.5.255",
}


class Sign(Enum):
    """What an event may be a sign of."""

    POWER = "power"
    CLOCK = "clock"
    TAMPER = "tamper"
    SECURITY = "security"
    SUPPLY = "supply"
    VOLTAGE = "voltage"
    FAULT = "fault"
    UPKEEP = "upkeep"


class Source(Enum):
    """How well a meaning is known."""

    PUBLISHED = "published"
    CUSTOMARY = "customary"
    OURS = "ours"


class Meaning(NamedTuple):
    words: str
    sign: Sign
    source: Source = Source.PUBLISHED


def _customary(words: str, sign: Sign) -> Meaning:
    return Meaning(words, sign, Source.CUSTOMARY)


POWER_DOWN, POWER_UP = 1, 2
CLOCK_OLD_TIME, CLOCK_NEW_TIME = 4, 5
COVER_REMOVED, COVER_CLOSED, MAGNET, MAGNET_GONE = 40, 41, 42, 43
METER_COVER_REMOVED, METER_COVER_CLOSED = 44, 45
READY_FOR_RECONNECTION, MANUAL_CONNECTION = 59, 61
REMOTE_DISCONNECTION, REMOTE_CONNECTION = 62, 63

MEANINGS = {
    POWER_DOWN: Meaning("Power failure", Sign.POWER),
    POWER_UP: Meaning("Power returned", Sign.POWER),
    3: Meaning("Daylight saving time changed", Sign.CLOCK),
    CLOCK_OLD_TIME: Meaning("Clock adjusted (old time)", Sign.CLOCK),
    CLOCK_NEW_TIME: Meaning("Clock adjusted (new time)", Sign.CLOCK),
    6: Meaning("Clock invalid", Sign.CLOCK),
    7: Meaning("Replace the battery", Sign.FAULT),
    8: Meaning("Battery low", Sign.FAULT),
    9: Meaning("Tariff activated", Sign.UPKEEP),
    10: Meaning("Error register cleared", Sign.UPKEEP),
    11: Meaning("Alarm register cleared", Sign.UPKEEP),
    12: Meaning("Program memory error", Sign.FAULT),
    13: Meaning("Memory (RAM) error", Sign.FAULT),
    14: Meaning("Permanent memory error", Sign.FAULT),
    15: Meaning("Watchdog error", Sign.FAULT),
    16: Meaning("Measurement system error", Sign.FAULT),
    17: Meaning("Firmware ready for activation", Sign.UPKEEP),
    18: Meaning("Firmware activated", Sign.UPKEEP),
    COVER_REMOVED: Meaning("Terminal cover removed", Sign.TAMPER),
    COVER_CLOSED: Meaning("Terminal cover closed", Sign.TAMPER),
    MAGNET: Meaning("Strong magnetic field", Sign.TAMPER),
    MAGNET_GONE: Meaning("No strong magnetic field any more", Sign.TAMPER),
    METER_COVER_REMOVED: Meaning("Meter cover removed", Sign.TAMPER),
    METER_COVER_CLOSED: Meaning("Meter cover closed", Sign.TAMPER),
    46: Meaning("Wrong password or key, several times", Sign.SECURITY),
    49: _customary("Message could not be decrypted", Sign.SECURITY),
    50: _customary("Old message repeated (replay)", Sign.SECURITY),
    READY_FOR_RECONNECTION: _customary("Ready for reconnection by hand", Sign.SUPPLY),
    60: _customary("Disconnected by hand", Sign.SUPPLY),
    MANUAL_CONNECTION: _customary("Connected by hand", Sign.SUPPLY),
    REMOTE_DISCONNECTION: _customary("Disconnected remotely", Sign.SUPPLY),
    REMOTE_CONNECTION: _customary("Connected remotely", Sign.SUPPLY),
    64: _customary("Disconnected by the meter", Sign.SUPPLY),
    65: _customary("Power limit exceeded", Sign.SUPPLY),
    66: _customary("Power within its limit again", Sign.SUPPLY),
    67: _customary("Power limit changed", Sign.UPKEEP),
    68: _customary("Disconnecting or connecting failed", Sign.FAULT),
    69: _customary("Connected by the meter", Sign.SUPPLY),
    76: _customary("Voltage too low, phase 1", Sign.VOLTAGE),
    77: _customary("Voltage too low, phase 2", Sign.VOLTAGE),
    78: _customary("Voltage too low, phase 3", Sign.VOLTAGE),
    79: _customary("Voltage too high, phase 1", Sign.VOLTAGE),
    80: _customary("Voltage too high, phase 2", Sign.VOLTAGE),
    81: _customary("Voltage too high, phase 3", Sign.VOLTAGE),
    82: _customary("No voltage, phase 1", Sign.VOLTAGE),
    83: _customary("No voltage, phase 2", Sign.VOLTAGE),
    84: _customary("No voltage, phase 3", Sign.VOLTAGE),
    85: _customary("Voltage normal, phase 1", Sign.VOLTAGE),
    86: _customary("Voltage normal, phase 2", Sign.VOLTAGE),
    87: _customary("Voltage normal, phase 3", Sign.VOLTAGE),
    255: Meaning("Event log cleared", Sign.UPKEEP),
}

CLOCK_SET = 1
OURS = {CLOCK_SET: Meaning("Clock set by this system", Sign.CLOCK, Source.OURS)}


def meaning(log: str, code: int) -> Meaning | None:
    """What an event says; None for a code that this table does not know."""
    return (OURS if log == Log.SYSTEM else MEANINGS).get(code)


def codes_of(sign: Sign) -> list[int]:
    """The codes in a meter's logs that are such a sign."""
    return [code for code, meaning in MEANINGS.items() if meaning.sign is sign]
