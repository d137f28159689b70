"""What a batch of readings tells about its meters: that they live, and what is odd about them."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import connection

from meters import alerts
from meters.alerts import Kind, Notice, Severity, Source
from meters.batches import instant
from meters.models.facts import Reading
from meters.registers import Registers
from meters.vee import queue
from meters.vee.queue import Found
from meters.vee.rules import Rule
from meters.vee.validation import BROKEN, NOBODY, Bools, Ints, Judgement
from meters.windows import NEW, Repeated, Window
from quantify.quantities import format_kilo

NEGATIVE_STEP = "negative_step"
CRITICAL = 1  # AMR status bit 0


def mark_meters(
    known: Registers,
    window: Window,
    judgement: Judgement,
    source: Reading.Source,
    received_at: datetime,
) -> None:
    """
    Note the newest valid reading of each meter, and that it was heard from.

    A reading that a person took tells nothing about the line to the meter.
    """
    heard = source == Reading.Source.AUTOMATIC
    newest: dict[UUID, datetime | None] = dict.fromkeys(known.meters)
    rows = np.flatnonzero((window.origin == NEW) & judgement.is_valid)
    for row in rows[_last_of_register(window.register[rows])]:
        meter, at = known.meters[window.register[row]], instant(window.taken_at[row])
        newest[meter] = max(at, newest[meter] or at)
    with connection.cursor() as cursor:
        cursor.execute(
            _MARK_HEARD if heard else _MARK_READ,
            {"now": received_at, "meters": list(newest), "newest": list(newest.values())},
        )
    if heard:
        alerts.resolve(meter_ids=newest, kind=Kind.COMMUNICATION_LOSS, now=received_at)


_MARK_READ = """
UPDATE meters_meter m SET last_reading_at = greatest(m.last_reading_at, told.newest)
FROM unnest(%(meters)s::uuid[], %(newest)s::timestamptz[]) AS told (id, newest)
WHERE m.id = told.id
"""
_MARK_HEARD = """
UPDATE meters_meter m SET last_reading_at = greatest(m.last_reading_at, told.newest),
    last_contact_at = greatest(m.last_contact_at, %(now)s), communication_status = 'online'
FROM unnest(%(meters)s::uuid[], %(newest)s::timestamptz[]) AS told (id, newest)
WHERE m.id = told.id
"""


def note(
    known: Registers, window: Window, judgement: Judgement, news: Bools, received_at: datetime
) -> None:
    """
    Put impossible steps into the queue.

    A register that went back is a fault that ends with its next valid reading; that one rose
    beyond its physical maximum stays for a person to look at.
    """
    broken = news & (judgement.rules & BROKEN != 0) & ~judgement.is_valid
    if broken.any():
        queue.record(_found(known, window, judgement, np.flatnonzero(broken)), now=received_at)
    last = _last_of_register(window.register)
    sound = last[judgement.is_valid[last] & (window.origin[last] == NEW)]
    healthy = {known.meters[one] for one in window.register[sound]}
    ill = {known.meters[one] for one in window.register[last[~judgement.is_valid[last]]]}
    well = healthy - ill
    queue.end_faults(meter_ids=well, rule=NEGATIVE_STEP, now=received_at)


def note_conflicts(known: Registers, repeated: Repeated, received_at: datetime) -> None:
    """Put second values for an instant into the queue; the first stands meanwhile."""
    found = []
    for number, taken_at, value in zip(
        repeated.register, repeated.taken_at, repeated.value, strict=True
    ):
        (meter_id, channel), at = known.keys[number], instant(taken_at)
        local = at.astimezone(known.zones[number])
        second = format_kilo(int(value))
        says = f"The register was also reported as {second} at {local:%Y-%m-%d %H:%M}."
        found.append(Found(meter_id, channel, "conflict", at, at, says))
    queue.record(found, now=received_at)


def _found(known: Registers, window: Window, judgement: Judgement, rows: Ints) -> Iterator[Found]:
    """One for each run of readings that break the same check against the same valid one."""
    runs: dict[tuple[int, str, int], list[np.int64]] = {}
    for row in rows:
        is_step = judgement.rules[row] & Rule.NEGATIVE_STEP
        rule = NEGATIVE_STEP if is_step else "physical_maximum"
        base = judgement.base[row]
        since = window.taken_at[row if base == NOBODY else base]
        runs.setdefault((int(window.register[row]), rule, int(since)), []).append(row)
    for (number, rule, since), run in runs.items():
        meter_id, channel = known.keys[number]
        first, last = run[0], run[-1]
        local = instant(window.taken_at[first]).astimezone(known.zones[number])
        how = "went back to" if rule == NEGATIVE_STEP else "jumped to"
        shown = format_kilo(int(window.value[first]))
        yield Found(
            meter_id=meter_id,
            channel=channel,
            rule=rule,
            starts_at=instant(since),
            ends_at=instant(window.taken_at[last]),
            says=f"The register {how} {shown} at {local:%Y-%m-%d %H:%M}.",
            quantity=_difference(window, judgement, first),
        )


def _difference(window: Window, judgement: Judgement, row: np.int64) -> int | None:
    """How much is at stake: the step from the valid reading before."""
    base = judgement.base[row]
    return None if base == NOBODY else abs(int(window.value[row] - window.value[base]))


def note_errors(
    known: Registers, window: Window, news: Bools, source: Reading.Source, received_at: datetime
) -> None:
    """Raise an alert where the newest reading bears a critical error; a sound one ends it."""
    if source != Reading.Source.AUTOMATIC:
        return
    newest = _last_of_register(window.register)
    newest = newest[news[newest]]
    ill = {known.meters[window.register[row]] for row in newest if window.status[row] & CRITICAL}
    notices = [
        Notice(meter, Kind.METER_FAULT, Severity.ERROR, "The meter reports a critical error.")
        for meter in sorted(ill)
    ]
    alerts.raise_all(notices, now=received_at)
    well = {known.meters[window.register[row]] for row in newest} - ill
    alerts.resolve(meter_ids=well, kind=Kind.METER_FAULT, now=received_at, source=Source.METER)


def _last_of_register(register: Ints) -> Ints:
    """The last row of each register, the rows being in order of register."""
    return np.flatnonzero(np.append(register[1:] != register[:-1], True)[: len(register)])
