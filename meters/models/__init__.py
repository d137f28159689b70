"""Devices, the facts they report, and what is asked of them."""

from meters.models.alerts import MeterAlert
from meters.models.control import Command, CommandStep
from meters.models.devices import Concentrator, Meter, Register
from meters.models.downlinks import Downlink, DownlinkEvent
from meters.models.drift import RelayDrift
from meters.models.events import MeterEvent, MissingStretch
from meters.models.facts import DailyConsumption, Interval, MonthRevision, Reading, ReadingConflict
from meters.models.installations import Installation
from meters.models.quality import CheckLimit, Finding, ReadingEdit
from meters.models.radio import LoraDevice, NetworkServer, Uplink
from meters.models.security import MeterKeys

__all__ = [
    "CheckLimit",
    "Command",
    "CommandStep",
    "Concentrator",
    "DailyConsumption",
    "Downlink",
    "DownlinkEvent",
    "Finding",
    "Installation",
    "Interval",
    "LoraDevice",
    "Meter",
    "MeterAlert",
    "MeterEvent",
    "MeterKeys",
    "MissingStretch",
    "MonthRevision",
    "NetworkServer",
    "Reading",
    "ReadingConflict",
    "ReadingEdit",
    "Register",
    "RelayDrift",
    "Uplink",
]
