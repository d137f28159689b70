"""What the other homes of an estate did while one was cut, to find meters that are swapped."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from django.db import connection

from meters import copying
from meters.batches import microseconds
from meters.models.devices import Register
from meters.models.quality import Finding
from meters.vee import limits, queue, swaps, work
from meters.vee.limits import Limits
from meters.vee.queue import Found
from meters.vee.swaps import Cut, Floats
from meters.vee.validation import INTERVAL
from quantify.periods import floor_to_interval
from quantify.quantities import format_kilo

RULE = "swapped"
LOOKS_BACK = timedelta(days=14)
LONGEST = timedelta(days=3)
"""Of a cut that lasted longer nothing is said: somebody may have moved, others may be away."""
QUARTER = timedelta(minutes=15)
QUARTERS_A_DAY = 96
POWER_DOWN = 1 << 7


class Trace(NamedTuple):
    """
    A cut that was undone: the whole quarters for which the relay was open, from ``begins`` on.

    ``lit_from``: the first whole quarter after the reconnection was read back. The relay switched
    somewhere in the quarters in between, which belong to neither side.
    """

    estate_id: UUID
    zone: str
    meter_id: UUID
    unit: str
    begins: datetime
    ends: datetime
    lit_from: datetime

    @property
    def lit_until(self) -> datetime:
        """The end of the last whole quarter before the cut."""
        return self.begins - QUARTER

    @property
    def quarters(self) -> int:
        return (self.ends - self.begins) // QUARTER

    @property
    def own(self) -> tuple[UUID, datetime, datetime]:
        return self.meter_id, self.begins, self.ends


def check(*, now: datetime) -> int:
    """
    Look at the cuts that were undone in the last two weeks; returns how many were new to tell of.

    The newest cut of a meter that tells something decides: another home followed its relay, or it
    stopped as it should, which ends what was found before.
    """
    traces = _traces(now)
    limit = limits.of_estates(one.estate_id for one in traces)
    known = {one.meter_id: one for one in Finding.objects.filter(rule=RULE).order_by("ends_at")}
    found: list[Found] = []
    sound: list[UUID] = []
    told: set[UUID] = set()
    for trace, during in zip(traces, _use([one.own for one in traces]), strict=True):
        standing = known.get(trace.meter_id)
        if trace.meter_id in told or (standing is not None and standing.ends_at >= trace.ends):
            told.add(trace.meter_id)
            continue
        limits_here = limit[trace.estate_id]
        if trace.quarters < limits_here["swapped.quarters"]:
            continue
        goes_on = swaps.counts_on(during, tolerance=_tolerance(limits_here))
        if goes_on is False:
            sound.append(trace.meter_id)
            told.add(trace.meter_id)
        elif goes_on and (swapped := _compare(trace, during, limits_here, now)):
            found.append(_continuing(swapped, standing))
            told.add(trace.meter_id)
    queue.record(found, now=now)
    queue.end_faults(meter_ids=[*sound, *_moved()], rule=RULE, now=now)
    return len(found)


def _continuing(found: Found, standing: Finding | None) -> Found:
    """One finding of a meter stands at a time, however often its relay tells the same."""
    if standing is None or standing.state == Finding.State.CLOSED:
        return found
    return found._replace(starts_at=standing.starts_at)


def _tolerance(limits_here: Limits) -> float:
    return float(limits_here["swapped.tolerance"] * 1000)


def _compare(trace: Trace, during: Floats, limits_here: Limits, now: datetime) -> Found | None:
    """Find the one home that followed the relay of another."""
    tolerance = _tolerance(limits_here)
    still = _still(trace, tolerance)
    begins = trace.begins - timedelta(days=int(limits_here["swapped.days"]))
    meters = [trace.meter_id, *still]
    use = np.array(_use([(one, begins, trace.lit_from + QUARTER) for one in meters]))
    cut = Cut(
        before=_quarter(trace.lit_until - QUARTER, begins),
        first=_quarter(trace.begins, begins),
        last=_quarter(trace.ends, begins),
        after=_quarter(trace.lit_from, begins),
    )
    others = _without_cuts(use, cut, _cut_meanwhile(meters, begins, now))
    row = swaps.partner(others, cut, tolerance=tolerance)
    if row is None:
        return None
    own, other = (_daily(one, cut.before) for one in (use[0], use[row + 1]))
    return _found(trace, still[meters[row + 1]], int(during.sum()), abs(own - other))


def _without_cuts(use: Floats, cut: Cut, cuts: Mapping[int, Sequence[slice]]) -> Floats:
    """
    The other homes, without the quarters that say nothing of how long they are ever still: those
    of their own cuts, and of earlier ones of the first home, which they may have followed too.
    """
    others = use[1:].copy()
    for row, spans in cuts.items():
        for span in spans:
            if row:
                others[row - 1, span] = np.nan
            elif span.stop <= cut.before + 1:
                others[:, span] = np.nan
    return others


def _found(trace: Trace, other: str, counted: int, daily: int) -> Found:
    local = trace.begins.astimezone(ZoneInfo(trace.zone))
    says = (
        f"{trace.unit} and {other} look swapped: cut for {trace.quarters / 4:g} h from"
        f" {local:%Y-%m-%d %H:%M}, {trace.unit} counted on ({format_kilo(counted)} kWh) and"
        f" {other} stopped until the reconnection."
        f" One would pay for {format_kilo(daily)} kWh a day of the other."
    )
    return Found(
        meter_id=trace.meter_id,
        channel=Register.Channel.IMPORT,
        rule=RULE,
        starts_at=trace.begins,
        ends_at=trace.ends,
        says=says,
        quantity=daily,
    )


def _daily(use: Floats, before: int) -> int:
    """The Wh a day of a home in the time before; by its measured quarters."""
    history = use[:before]
    measured = history[np.isfinite(history)]
    return round(float(measured.mean()) * QUARTERS_A_DAY) if len(measured) else 0


def _quarter(at: datetime, begins: datetime) -> int:
    return (at - begins) // QUARTER


def _traces(now: datetime) -> list[Trace]:
    """The cuts of homes that were undone lately, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            _UNDONE, {"since": now - LOOKS_BACK, "cut_since": now - LOOKS_BACK - LONGEST}
        )
        rows = cursor.fetchall()
    traces = [
        Trace(
            estate, zone, meter, unit, _ceiling(cut_at), floor_to_interval(restored_at),
            _ceiling(lit_at),
        )
        for estate, zone, meter, unit, cut_at, restored_at, lit_at in rows
    ]  # fmt: skip
    return [one for one in traces if timedelta() < one.quarters * QUARTER <= LONGEST]


def _ceiling(at: datetime) -> datetime:
    return floor_to_interval(at + QUARTER - timedelta(microseconds=1))


# A reconnection is dated when it may have left at the earliest, a cut when it was read back.
_UNDONE = """
SELECT m.estate_id, e.time_zone, m.id, coalesce(unit.unit_number, m.serial),
    cut.verified_at, restored.sent_at, restored.verified_at
FROM meters_command cut
JOIN meters_meter m ON m.id = cut.meter_id AND m.kind = 'electricity' AND m.deleted_at IS NULL
JOIN estates_estate e ON e.id = m.estate_id
JOIN meters_installation hangs ON hangs.meter_id = m.id AND hangs.ends_at IS NULL
    AND hangs.starts_at <= cut.verified_at
JOIN units_unit unit ON unit.id = hangs.unit_id
CROSS JOIN LATERAL (
    SELECT c.sent_at, c.verified_at FROM meters_command c
    WHERE c.meter_id = cut.meter_id AND c.action = 'reconnect' AND c.sent_at > cut.verified_at
    ORDER BY c.sent_at LIMIT 1
) AS restored
WHERE cut.action = 'disconnect' AND cut.verified_at > %(cut_since)s
  AND restored.verified_at > %(since)s
ORDER BY cut.verified_at DESC, m.id
"""


def _use(asked: Sequence[tuple[UUID, datetime, datetime]]) -> list[Floats]:
    """The Wh by quarter of meters, each from an instant up to another; NaN where not measured."""
    meters, begins, ends = ([one[column] for one in asked] for column in range(3))
    rows = copying.read(
        work.INTERVALS,
        {
            "numbers": list(range(len(asked))),
            "meters": meters,
            "channels": [Register.Channel.IMPORT.value] * len(asked),
            "begin": begins,
            "ends": ends,
        },
        work.INTERVAL_COLUMNS,
    )
    return [
        _laid_out(rows[rows["number"] == number], microseconds(begin), (end - begin) // QUARTER)
        for number, (_, begin, end) in enumerate(asked)
    ]


def _laid_out(rows: npt.NDArray[Any], first: int, count: int) -> Floats:
    use = np.full(count, np.nan)
    measured = rows[rows["measured"]]
    use[(measured["start"] - first) // INTERVAL] = measured["quantity"]
    return use


def _still(trace: Trace, tolerance: float) -> Mapping[UUID, str]:
    """The homes of the estate that counted nothing during a cut; their units."""
    with connection.cursor() as cursor:
        cursor.execute(
            _STILL,
            {
                "estate": trace.estate_id, "meter": trace.meter_id, "begins": trace.begins,
                "ends": trace.ends, "quarters": trace.quarters, "tolerance": tolerance,
                "power_down": POWER_DOWN,
            },
        )  # fmt: skip
        return dict(cursor.fetchall())


# Whoever noted a power failure meanwhile was still for that reason.
_STILL = """
SELECT m.id, coalesce(unit.unit_number, m.serial)
FROM meters_meter m
JOIN meters_installation hangs ON hangs.meter_id = m.id AND hangs.ends_at IS NULL
JOIN units_unit unit ON unit.id = hangs.unit_id
CROSS JOIN LATERAL (
    SELECT count(*) AS quarters, max(quantity) AS most FROM meters_interval i
    WHERE i.meter_id = m.id AND i.channel = 1 AND i.quality = 'actual'
      AND i.start >= %(begins)s AND i.start < %(ends)s
) AS during
WHERE m.estate_id = %(estate)s AND m.id <> %(meter)s AND m.kind = 'electricity'
  AND m.deleted_at IS NULL
  AND during.quarters = %(quarters)s AND during.most <= %(tolerance)s
  AND NOT EXISTS (SELECT FROM meters_reading r WHERE r.meter_id = m.id AND r.channel = 1
      AND r.taken_at > %(begins)s AND r.taken_at <= %(ends)s AND r.status & %(power_down)s <> 0)
ORDER BY m.id
"""


def _cut_meanwhile(
    meters: Sequence[UUID], begins: datetime, now: datetime
) -> dict[int, list[slice]]:
    """The quarters, by row, in which a relay was open for a while at least."""
    first = microseconds(begins)
    return {
        meters.index(meter_id): [
            slice(max((begin - first) // INTERVAL, 0), max(-((first - end) // INTERVAL), 0))
            for begin, end in periods
        ]
        for meter_id, periods in work.disconnected(meters, now=now).items()
    }


def _moved() -> list[UUID]:
    """Meters that were hung up elsewhere since they were found."""
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, [RULE])
        return [meter_id for (meter_id,) in cursor.fetchall()]


_MOVED = """
SELECT f.meter_id FROM meters_finding f
WHERE f.rule = %s AND f.state <> 'closed' AND NOT EXISTS (
    SELECT FROM meters_installation hangs WHERE hangs.meter_id = f.meter_id
      AND hangs.ends_at IS NULL AND hangs.starts_at <= f.starts_at)
"""
