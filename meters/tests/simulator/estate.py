"""An estate to test with, as a demonstration would compose it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from meters.dlms.simulator.clock import SimulatedClock
from meters.dlms.simulator.fleet import Fleet, FleetPlan, Kind, MeterPlan, journal_of, seed_of

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SLOT = timedelta(minutes=15)


class Time:
    """A real time that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def meter(device: int, kind: Kind, residents: int = 3, opening_register: int = 0) -> MeterPlan:
    serial = f"SIM{device:06}"
    return MeterPlan(
        logical_device=device,
        serial=serial,
        kind=kind,
        seed=seed_of(serial),
        residents=residents,
        opening_register=opening_register,
    )


def estate(
    units: int, *, loss_percent: str = "0", planted: dict[int, dict[str, Any]] | None = None
) -> FleetPlan:
    kinds = [Kind.ELECTRICITY, Kind.WATER, Kind.SOLAR]
    meters = [
        meter(100 + 3 * unit + at, kind, residents=1 + unit % 5, opening_register=1000 * unit)
        for unit in range(units)
        for at, kind in enumerate(kinds)
    ]
    meters += [meter(17, Kind.BULK_ELECTRICITY, opening_register=500), meter(18, Kind.BULK_WATER)]
    changes = planted or {}
    return FleetPlan(
        code="WC001",
        epoch=EPOCH,
        meters=tuple(replace(one, **changes.get(one.logical_device, {})) for one in meters),
        loss_percent=Decimal(loss_percent),
    )


def fleet_at(plan: FleetPlan, directory: Path, time: Time) -> Fleet:
    """A fleet on real time, which the test moves."""
    journal = journal_of(plan, directory / "journal.jsonl")
    clock = SimulatedClock(start=time.at, keepers=[journal], time_source=time)
    return Fleet(plan, clock, journal)
