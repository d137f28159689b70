"""What a simulated meter writes in its event logs: what was planted, and what was done to it."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta

from meters.dlms.simulator.journal import ClockSetting, RelayChange, RelayState
from meters.dlms.simulator.plans import MeterPlan

STANDARD, FRAUD, DISCONNECTOR = (f"0.0.99.98.{number}.255" for number in (0, 1, 2))
POWER_DOWN, POWER_UP, OLD_TIME, NEW_TIME = 1, 2, 4, 5
READY, BY_HAND, CUT, CONNECTED = 59, 61, 62, 63
# Somebody opens the terminal cover, holds a magnet to the meter, and closes it again.
TAMPERING = ((0, 40), (1, 42), (9, 43), (10, 41))
DAYS_BETWEEN_OUTAGES = 23

type Entry = tuple[datetime, int]


def entries(
    log: str,
    plan: MeterPlan,
    relay: Iterable[RelayChange],
    clock: Iterable[ClockSetting],
    span: tuple[datetime, datetime],
) -> list[Entry]:
    """The entries of one log from the epoch to now (both in ``span``), the oldest first."""
    found: Iterable[Entry] = ()
    if log == STANDARD:
        found = [*_outages(plan.serial, *span), *_settings(clock)]
    elif log == FRAUD and plan.bypass_from is not None:
        begun = plan.bypass_from - timedelta(minutes=15)
        found = [(begun + timedelta(minutes=minute), code) for minute, code in TAMPERING]
    elif log == DISCONNECTOR:
        found = _switchings(relay)
    return sorted((at, code) for at, code in found if span[0] <= at <= span[1])


def _outages(serial: str, epoch: datetime, now: datetime) -> Iterator[Entry]:
    """Short power failures, shorter than a quarter of an hour: days follow from the serial."""
    day = epoch.astimezone(UTC).date()
    while day <= now.astimezone(UTC).date():
        chance = hashlib.sha256(f"{serial} {day}".encode()).digest()
        if chance[0] % DAYS_BETWEEN_OUTAGES == 0:
            down = datetime.combine(day, time(chance[1] % 24, chance[2] % 45), UTC)
            yield down, POWER_DOWN
            yield down + timedelta(seconds=20 + chance[3]), POWER_UP
        day += timedelta(days=1)


def _settings(clock: Iterable[ClockSetting]) -> Iterator[Entry]:
    for setting in clock:
        at = setting.at.replace(microsecond=0)
        yield at, OLD_TIME
        yield at, NEW_TIME


def _switchings(relay: Iterable[RelayChange]) -> Iterator[Entry]:
    before = RelayState.CONNECTED
    for change in relay:
        code = {RelayState.DISCONNECTED: CUT, RelayState.READY: READY}.get(change.state)
        if change.state is RelayState.CONNECTED:
            code = BY_HAND if before is RelayState.READY else CONNECTED
        before = change.state
        if code is not None:
            yield change.at.replace(microsecond=0), code
