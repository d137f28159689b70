"""A round of visits: under which circumstances, and what came of each visit."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from meters.batches import RawReading
from meters.collecting.gaps import Missing
from meters.collecting.line import Address
from meters.collecting.targets import Target
from meters.dlms.credentials import NOTHING, Credentials
from meters.dlms.values import RelayState
from meters.events import RawEvent

ROWS_A_DAY = 96
NO_TIME_LEFT = "There was no time left."


@dataclass(frozen=True, slots=True)
class Round:
    """
    The circumstances of a round of visits.

    Up to ``outstanding`` meters are asked at once over each of the ``connections``. ``until`` is
    the newest reading asked for. After ``seconds`` no further meter is begun, and none is talked
    to for longer than ``meter_seconds``. When a profile brought ``most_rows``, what is left of
    it is for the next round. ``keeps_clocks``: a meter that is more than a minute off is set.
    """

    address: Address
    began: datetime
    until: datetime
    connections: int = 2
    outstanding: int = 8
    seconds: float = 200.0
    meter_seconds: float = 90.0
    most_rows: float = 14 * ROWS_A_DAY
    keeps_clocks: bool = True


@dataclass(slots=True)
class Visit:
    """
    What came of visiting a meter.

    ``drift`` is how far its clock ran ahead of ours, in seconds. ``error`` is empty if all went
    well; readings that came before an error count. ``reached`` is up to where each profile was
    read: a visit that is repeated goes on from there. ``asked_again`` are the missing stretches
    that the meter answered for. ``credentials`` is what it was shown; ``refused``: it did not
    accept that, and heard counters up to ``counter_heard``. ``tried``: it was spoken to.
    ``is_another``: the meter that answered was not the one that was meant.
    """

    target: Target
    readings: list[RawReading] = field(default_factory=list)
    heard: bool = False
    tried: bool = False
    is_another: bool = False
    drift: int | None = None
    clock_was_set: bool = False
    clock_set_at: datetime | None = None
    relay: RelayState | None = None
    relay_read_at: datetime | None = None
    reached: dict[str, datetime] = field(default_factory=dict)
    events: list[RawEvent] = field(default_factory=list)
    events_read: bool = False
    asked_again: list[Missing] = field(default_factory=list)
    credentials: Credentials = NOTHING
    refused: bool = False
    counter_heard: int | None = None
    error: str = NO_TIME_LEFT


class Stopwatch:
    """Our own time, going on from the instant the round began."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self._started = time.monotonic()

    @property
    def passed(self) -> float:
        return time.monotonic() - self._started

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.passed)
