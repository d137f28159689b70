"""
A simulated fleet: the meters of one plan, at the simulated time, with what was done to them.

Restarted on the same journal it reports the same registers for the same instants, whatever
stopped it. It may be used from several threads.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from meters.dlms.simulator.clock import SimulatedClock, real_time
from meters.dlms.simulator.journal import Journal
from meters.dlms.simulator.meter import BulkMeter, RelayRefused, SimulatedMeter, Site
from meters.dlms.simulator.plans import (
    SLOT,
    FleetPlan,
    Kind,
    MeterPlan,
    PlanInvalid,
    seed_of,
)
from meters.dlms.simulator.registers import Potential, plan_registers

__all__ = [
    "Fleet",
    "FleetPlan",
    "Kind",
    "MeterPlan",
    "PlanInvalid",
    "RelayRefused",
    "SimulatedMeter",
    "journal_of",
    "plan_registers",
    "seed_of",
]


def journal_of(plan: FleetPlan, path: Path) -> Journal:
    """
    Open the journal of a plan's fleet; an estate planned anew needs a new one.

    :raises JournalInUse: if another process has it open.
    :raises JournalCorrupt: if it is damaged or belongs to another fleet.
    """
    return Journal(path, fleet=f"{plan.code} {plan.epoch.isoformat()}")


class Fleet:
    """The meters of a plan, by logical device, in the order of the plan."""

    def __init__(self, plan: FleetPlan, clock: SimulatedClock, journal: Journal) -> None:
        self.plan = plan
        self.clock = clock
        self._journal = journal
        potential = Potential(plan)
        # History is worked out now, so that no request has to wait for it.
        potential.reach(max((clock.now() - plan.epoch) // SLOT, 0) + 1)
        self._meters = _assemble(Site(plan, clock, journal, potential))
        for change in journal.relay_changes:
            self[change.device].apply_relay(change)
        for setting in journal.clock_settings:
            self[setting.device].apply_clock(setting)

    @classmethod
    def open(
        cls,
        plan: FleetPlan,
        journal: Path,
        *,
        behind: timedelta = timedelta(hours=24),
        speed: int = 60,
        time_source: Callable[[], datetime] = real_time,
    ) -> Self:
        """
        Start a fleet, or go on where its journal ended.

        A fleet without a checkpoint starts so far behind real time, and catches up `speed` times
        as fast.

        :raises JournalInUse: if another process runs this fleet.
        :raises JournalCorrupt: if the journal is damaged or belongs to another fleet.
        """
        record = journal_of(plan, journal)
        clock = SimulatedClock.resume([record], behind=behind, speed=speed, time_source=time_source)
        return cls(plan, clock, record)

    def close(self) -> None:
        self._journal.close()

    @property
    def wired(self) -> list[SimulatedMeter]:
        """The meters behind the concentrator."""
        return [meter for meter in self if not meter.plan.dev_eui]

    @property
    def on_radio(self) -> list[SimulatedMeter]:
        """The meters whose pulses a LoRaWAN device counts."""
        return [meter for meter in self if meter.plan.dev_eui]

    def __getitem__(self, logical_device: int) -> SimulatedMeter:
        return self._meters[logical_device]

    def __iter__(self) -> Iterator[SimulatedMeter]:
        return iter(self._meters.values())

    def __len__(self) -> int:
        return len(self._meters)


def _assemble(site: Site) -> dict[int, SimulatedMeter]:
    rows = {meter.logical_device: row for row, meter in enumerate(site.plan.meters)}
    units = {
        device: SimulatedMeter(site, site.plan.meters[row], row)
        for device, row in rows.items()
        if not site.plan.meters[row].kind.measured_in_bulk
    }
    return {
        device: units.get(device) or _bulk_meter(site, row, list(units.values()))
        for device, row in rows.items()
    }


def _bulk_meter(site: Site, row: int, units: list[SimulatedMeter]) -> BulkMeter:
    plan = site.plan.meters[row]
    measured = [unit for unit in units if unit.plan.kind == plan.kind.measured_in_bulk]
    return BulkMeter(site, plan, row, measured)
