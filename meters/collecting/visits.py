"""
Reading out meters over a concentrator's line; plain values in, plain values out.

Meters are visited one after another on each of a few connections. What goes wrong with one of
them is told with it, and what it said until then is kept.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from meters.batches import RawReading
from meters.collecting.line import Address
from meters.collecting.targets import JUST_AFTER, Profile, Target
from meters.dlms.client import Line
from meters.dlms.errors import ConnectionLost, DlmsError
from meters.dlms.meter import Meter as Talk
from meters.dlms.values import ProfileRow, RelayState

CLOCK_TOLERANCE = timedelta(seconds=60)
AT_ONCE = timedelta(days=7)
GIVE_UP_AFTER = 2


@dataclass(slots=True)
class Visit:
    """
    What came of visiting a meter.

    ``drift`` is how far its clock ran ahead of ours, in seconds. ``error`` is empty if all went
    well; readings that came before an error count.
    """

    target: Target
    readings: list[RawReading] = field(default_factory=list)
    heard: bool = False
    drift: int | None = None
    clock_was_set: bool = False
    relay: RelayState | None = None
    relay_read_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """
    The circumstances of a round of visits.

    ``keeps_clocks``: a meter that is more than a minute off is set. ``until`` is the newest
    reading asked for; after ``seconds`` no further meter is begun.
    """

    address: Address
    began: datetime
    until: datetime
    connections: int = 4
    seconds: float = 200.0
    keeps_clocks: bool = True


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


def visit_all(targets: Sequence[Target], visiting: Round) -> list[Visit]:
    """Visit meters in the given order, on several connections at once."""
    return asyncio.run(_visit_all(targets, visiting))


async def _visit_all(targets: Sequence[Target], visiting: Round) -> list[Visit]:
    visits = [Visit(target, error="There was no time left.") for target in targets]
    waiting = deque(visits)
    stopwatch = Stopwatch(visiting.began)
    count = min(visiting.connections, len(targets))
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(_work(waiting, visiting, stopwatch))
    return visits


async def _work(waiting: deque[Visit], visiting: Round, stopwatch: Stopwatch) -> None:
    """Take meters off the list until it is empty, on one connection after another if they break."""
    failures, reason = 0, ""
    while waiting and stopwatch.passed < visiting.seconds and failures < GIVE_UP_AFTER:
        before = len(waiting)
        try:
            async with visiting.address.connect() as line:
                await _go_round(waiting, line, visiting, stopwatch)
        except ConnectionLost as error:
            reason = f"{type(error).__name__}: {error}"
        failures = failures + 1 if len(waiting) == before else 0
    if failures >= GIVE_UP_AFTER:
        for visit in waiting:
            visit.error = reason


async def _go_round(
    waiting: deque[Visit], line: Line, visiting: Round, stopwatch: Stopwatch
) -> None:
    while waiting and stopwatch.passed < visiting.seconds:
        visit = waiting.popleft()
        visit.error = ""
        try:
            async with visiting.address.associate(line, visit.target.logical_device) as talk:
                await _read_out(talk, visit, visiting, stopwatch)
        except DlmsError as error:
            visit.error = f"{type(error).__name__}: {error}"
            if isinstance(error, ConnectionLost):
                return


async def _read_out(talk: Talk, visit: Visit, visiting: Round, stopwatch: Stopwatch) -> None:
    snapshot = await talk.snapshot(relay=visit.target.has_relay)
    visit.heard = True
    visit.relay, visit.relay_read_at = snapshot.relay, stopwatch.now()
    if snapshot.clock is not None:
        visit.drift = round((snapshot.clock - stopwatch.now()).total_seconds())
    for profile in visit.target.profiles:
        await _read_profile(talk, visit, profile, visiting, stopwatch)
    # Last, so that readings of the old time are not mixed up with the new one.
    is_off = visit.drift is None or abs(visit.drift) > CLOCK_TOLERANCE.total_seconds()
    if is_off and visiting.keeps_clocks:
        await talk.set_clock(stopwatch.now())
        visit.clock_was_set = True


async def _read_profile(
    talk: Talk, visit: Visit, profile: Profile, visiting: Round, stopwatch: Stopwatch
) -> None:
    """Read a profile in stretches of a few days: a lost connection costs one of them at most."""
    start = profile.since + JUST_AFTER
    while start <= visiting.until and stopwatch.passed < visiting.seconds:
        end = min(start + AT_ONCE, visiting.until)
        for row in await talk.profile(profile.obis, start=start, end=end):
            visit.readings += _readings(visit.target.meter_id, profile, row)
        start = end + JUST_AFTER


def _readings(meter_id: UUID, profile: Profile, row: ProfileRow) -> list[RawReading]:
    return [
        RawReading(meter_id, channel, row.taken_at, row.values[obis], row.status or 0)
        for obis, channel in profile.channels.items()
        if obis in row.values
    ]
