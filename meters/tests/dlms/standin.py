"""Meters in memory, whose every value can be worked out in the head."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from meters.dlms.simulator.access import Access
from meters.dlms.simulator.protocol import Medium

QUARTER = timedelta(minutes=15)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
CONFIRMED_AT_THE_METER = {1, 3, 5, 6}


def import_at(device: int, at: datetime) -> int:
    """1 Wh (or litre) a second since the epoch, on top of a start that tells meters apart."""
    return device * 1_000_000 + int((at - EPOCH).total_seconds())


def export_at(device: int, at: datetime) -> int:
    """A tenth of the import, without the start."""
    return device + int((at - EPOCH).total_seconds()) // 10


def status_at(at: datetime) -> int:
    """Bit 5, clock adjusted, at each full hour."""
    return 0x20 if at.minute == 0 else 0


@dataclass
class StandIn:
    """A meter whose clock stands still unless it is set."""

    logical_device: int = 101
    medium: Medium = "electricity"
    has_relay: bool = True
    control_mode: int = 4
    connected: bool = True
    ready_for_reconnection: bool = False
    offline: bool = False
    at: datetime = NOON
    access: Access | None = None
    commands: list[str] = field(default_factory=list)
    logged: dict[str, list[tuple[datetime, int]]] = field(default_factory=dict)
    serial: str = ""

    def __post_init__(self) -> None:
        self.serial = self.serial or f"{46_000_000 + self.logical_device}"

    def now(self) -> datetime:
        return self.at

    def set_clock(self, at: datetime) -> None:
        self.at = at

    def import_register(self, at: datetime) -> int:
        return import_at(self.logical_device, at)

    def export_register(self, at: datetime) -> int:
        return export_at(self.logical_device, at)

    def profile(self, start: datetime, end: datetime) -> list[tuple[datetime, int, int, int]]:
        first = -((EPOCH - max(start, EPOCH)) // QUARTER)
        last = (min(end, self.at) - EPOCH) // QUARTER
        marks = [EPOCH + number * QUARTER for number in range(first, last + 1)]
        return [
            (mark, status_at(mark), self.import_register(mark), self.export_register(mark))
            for mark in marks
        ]

    def events(self, log: str) -> list[tuple[datetime, int]]:
        return self.logged.get(log, [])

    def disconnect(self) -> None:
        self.commands.append("disconnect")
        self.connected = self.ready_for_reconnection = False

    def reconnect(self) -> None:
        self.commands.append("reconnect")
        if self.control_mode in CONFIRMED_AT_THE_METER:
            self.ready_for_reconnection = not self.connected
        else:
            self.connected, self.ready_for_reconnection = True, False


def water(logical_device: int = 201) -> StandIn:
    return StandIn(logical_device, medium="water", has_relay=False, control_mode=0)
