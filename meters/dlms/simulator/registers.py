"""
Cumulative registers of a whole fleet, as they would be had no relay ever opened.

They are worked out once, kept as arrays, and extended as time passes. Inside a slot a register
rises in proportion to time, rounded down to whole units.
"""

from datetime import UTC, datetime, timedelta

import numpy as np

from meters.dlms.simulator import loads
from meters.dlms.simulator.homes import SLOTS_PER_DAY
from meters.dlms.simulator.loads import Counts
from meters.dlms.simulator.plans import SLOT, FleetPlan, Kind, MeterPlan

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SLOT_MICROSECONDS = loads.SLOT_SECONDS * 1_000_000
# Worked out beyond what is asked, so that most requests find it done.
AHEAD = 7 * SLOTS_PER_DAY
MODELS = {
    Kind.ELECTRICITY: loads.electricity,
    Kind.WATER: loads.water,
    Kind.SOLAR: loads.solar,
    Kind.BULK_ELECTRICITY: loads.common_electricity,
    Kind.BULK_WATER: loads.common_water,
}


class Potential:
    """
    Energy and water since the epoch, in rows: what each meter registers, then what goes past.

    The row of a unit meter is what it registers while connected; that of a bulk meter is the
    common area. After the meters follow, one for each bypassed meter, what its bypass carries.
    Columns are the quarters of an hour ("marks") since the epoch.
    """

    def __init__(self, plan: FleetPlan) -> None:
        self._plan = plan
        bypassed = [row for row, meter in enumerate(plan.meters) if meter.bypass_from]
        self._bypasses = {row: len(plan.meters) + at for at, row in enumerate(bypassed)}
        self._kinds = [meter.kind for meter in plan.meters]
        self._kinds += [plan.meters[row].kind for row in bypassed]
        self._members = {bulk: self._seen_by(bulk) for bulk in Kind if bulk.measured_in_bulk}
        self._marks: Counts = np.zeros((len(self._kinds), 1), dtype=np.int64)
        self._delivered: dict[Kind, Counts] = {}

    def reach(self, mark: int) -> None:
        """Work out the registers at least until a mark."""
        known = self._marks.shape[1] - 1
        if mark > known:
            self._extend(known, mark + AHEAD)

    def _extend(self, known: int, mark: int) -> None:
        first = self._plan.first_slot
        drawn = draw(self._plan, first + known, first + mark)
        later = self._marks[:, -1:] + np.cumsum(drawn, axis=1)
        self._marks = np.concatenate([self._marks, later], axis=1)
        self._delivered = {
            bulk: self._marks[rows].sum(axis=0) for bulk, rows in self._members.items()
        }

    def _seen_by(self, bulk: Kind) -> list[int]:
        seen = {bulk, bulk.measured_in_bulk}
        return [row for row, kind in enumerate(self._kinds) if kind in seen]

    def between(self, row: int, first: int, last: int) -> Counts:
        """Return one row at the marks first to last, both included."""
        self.reach(last)
        return self._marks[row, first : last + 1]

    def delivered_between(self, bulk: Kind, first: int, last: int) -> Counts:
        """Return what a bulk meter would see, without losses, at the marks first to last."""
        self.reach(last)
        return self._delivered[bulk][first : last + 1]

    def at(self, row: int, moment: int) -> int:
        """Return one row at a moment: microseconds since the Unix epoch."""
        mark, passed = self._place(moment)
        low, high = self._marks[row, mark : mark + 2].tolist()
        return int(low + (high - low) * passed // SLOT_MICROSECONDS)

    def bypassed(self, row: int, moment: int) -> int:
        """Return what the bypass around a meter carried until a moment."""
        return self.at(self._bypasses[row], moment) if row in self._bypasses else 0

    def delivered(self, bulk: Kind, moment: int) -> int:
        """Return what a bulk meter would see, without losses, at a moment."""
        mark, passed = self._place(moment)
        columns = self._marks[self._members[bulk], mark : mark + 2]
        low, high = columns[:, 0], columns[:, 1]
        return int((low + (high - low) * passed // SLOT_MICROSECONDS).sum())

    def _place(self, moment: int) -> tuple[int, int]:
        since = max(moment - self._plan.first_slot * SLOT_MICROSECONDS, 0)
        mark, passed = divmod(since, SLOT_MICROSECONDS)
        self.reach(mark + 1)
        return mark, passed


def draw(plan: FleetPlan, first: int, last: int) -> Counts:
    """Return the whole units of each row of `Potential` in the slots [first, last)."""
    drawn = np.empty((len(plan.meters), last - first), dtype=np.int64)
    for kind, model in MODELS.items():
        rows = [row for row, meter in enumerate(plan.meters) if meter.kind == kind]
        if rows:
            seeds = [plan.meters[row].seed for row in rows]
            sizes = [_size(plan, plan.meters[row]) for row in rows]
            drawn[rows] = model(seeds, sizes, first, last)
    past = []
    for row, meter in enumerate(plan.meters):
        if meter.leak_from is not None:
            since = slot_from(meter.leak_from)
            drawn[row] += loads.leak(meter.leak_litres_per_hour, since, first, last)
        if meter.bypass_from is not None:
            whole = drawn[row].copy()
            after = max(slot_from(meter.bypass_from) - first, 0)
            drawn[row, after:] = whole[after:] * meter.bypass_percent // 100
            past.append(whole - drawn[row])
    return np.vstack([drawn, *past])


def _size(plan: FleetPlan, meter: MeterPlan) -> int:
    """Return the residents of a unit; for a common area, the units it serves."""
    measured = meter.kind.measured_in_bulk
    return len(plan.of_kind(measured)) if measured else meter.residents


def slot_from(at: datetime) -> int:
    """Return the first slot that begins at an instant or after it."""
    return -(-microseconds(at) // SLOT_MICROSECONDS)


def microseconds(at: datetime) -> int:
    """Return an instant in whole microseconds since the Unix epoch."""
    return (at - UNIX_EPOCH) // timedelta(microseconds=1)


def plan_registers(plan: FleetPlan, start: datetime, end: datetime) -> dict[int, Counts]:
    """
    Return the import registers at every quarter of an hour from start to end, both included.

    They are keyed by logical device, in whole watt-hours or litres. A fleet whose relays were
    never opened reports the same.

    :raises ValueError: if start or end is not on a quarter of an hour, or before the epoch.
    """
    if (start - plan.epoch) % SLOT or (end - start) % SLOT or start < plan.epoch:
        raise ValueError("Registers are planned on quarters of an hour, from the epoch on.")
    first, last = (start - plan.epoch) // SLOT, (end - plan.epoch) // SLOT
    potential = Potential(plan)
    potential.reach(last)
    registers = {}
    for row, meter in enumerate(plan.meters):
        if meter.kind.measured_in_bulk:
            delivered = potential.delivered_between(meter.kind, first, last)
            units = delivered + plan.losses(meter.kind.medium, delivered)
        else:
            units = potential.between(row, first, last)
        registers[meter.logical_device] = meter.opening_register + units
    return registers
