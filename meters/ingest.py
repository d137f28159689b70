"""
The one way readings come in: judged, stored, turned into intervals and daily sums.

What is derived is a function of the set of readings of a register, so that batches may come in
any order, twice, or late. A batch is one transaction and locks its meters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection, transaction

from meters import copying, days, intervals, partitions, registers, windows
from meters.batches import Key, ReadingArrays, days_of, instant, microseconds
from meters.intervals import Intervals
from meters.models.facts import Reading
from meters.registers import Registers
from meters.vee import findings, shaping
from meters.vee.rules import Rule
from meters.vee.validation import OWN, Bools, Judgement, Series, is_storable, judge, own_rules
from meters.windows import NEW, STORED, Repeated, Window
from quantify.periods import EPOCH

FAR = microseconds(datetime.max.replace(tzinfo=EPOCH.tzinfo, microsecond=0))


@dataclass(frozen=True, slots=True)
class Recorded:
    """
    What became of a batch of readings.

    ``invalid`` counts among ``created``. ``refused`` could not be stored at all: a negative
    register, or an instant beyond reason. ``intervals`` were written, ``days`` changed, and
    ``overturned`` readings, valid so far, turned out invalid.
    """

    created: int = 0
    duplicates: int = 0
    conflicts: int = 0
    invalid: int = 0
    refused: int = 0
    intervals: int = 0
    days: int = 0
    overturned: int = 0

    def __add__(self, other: "Recorded") -> "Recorded":
        return Recorded(*(getattr(self, n) + getattr(other, n) for n in self.__slots__))


@transaction.atomic
def take_in(batch: ReadingArrays, *, source: Reading.Source, received_at: datetime) -> Recorded:
    """
    Record a batch of readings of any number of registers.

    :raises UnknownRegister: if a meter has no such register.
    """
    asked = len(batch)
    batch = _storable(batch, received_at)
    refused = asked - len(batch)
    if not len(batch):
        return Recorded(refused=refused)
    partitions.ensure_around(days_of(batch.taken_at))
    known = registers.lock(batch.keys)
    reach = windows.bounds(batch, len(known.keys))
    window, judgement, repeated = _judged(known, batch, reach, received_at)
    conflicts = _keep_conflicts(known, repeated, source)
    findings.note_conflicts(known, repeated, received_at)
    created = _store(known, window, judgement, source, received_at)
    changed = _correct(known, window, judgement)
    written, touched = 0, intervals.NONE
    if created.any() or changed.any():
        touched, written = _derive(known, window, judgement)
    findings.note(known, window, judgement, created | changed, received_at)
    findings.note_errors(known, window, created, source, received_at)
    findings.mark_meters(known, window, judgement, source, received_at)
    return Recorded(
        created=int(np.count_nonzero(created)),
        duplicates=repeated.duplicates,
        conflicts=conflicts,
        invalid=int(np.count_nonzero(created & ~judgement.is_valid)),
        refused=refused,
        intervals=written,
        days=days.refresh(known, touched),
        overturned=int(np.count_nonzero(changed & window.is_valid & ~judgement.is_valid)),
    )


def make_room(batch: ReadingArrays, *, received_at: datetime) -> None:
    """Make the partitions that a batch needs."""
    partitions.ensure_around(days_of(_storable(batch, received_at).taken_at))


@transaction.atomic
def rejudge(*, keys: Sequence[Key], first: datetime, last: datetime, now: datetime) -> Recorded:
    """
    Judge stored readings anew from one instant to another, and derive again what follows.

    Needed where a person edited a reading or a limit changed; doing it again changes nothing.

    :raises UnknownRegister: if a meter has no such register.
    """
    known = registers.lock(sorted(keys))
    count = len(known.keys)
    reach = np.full(count, microseconds(first)), np.full(count, microseconds(last))
    window, judgement, _ = _judged(known, ReadingArrays.none_of(known.keys), reach, now)
    changed = _correct(known, window, judgement)
    touched, written = _derive(known, window, judgement)
    findings.note(known, window, judgement, changed, now)
    return Recorded(
        intervals=written,
        days=days.refresh(known, touched),
        overturned=int(np.count_nonzero(changed & window.is_valid & ~judgement.is_valid)),
    )


def _storable(batch: ReadingArrays, received_at: datetime) -> ReadingArrays:
    can_be = is_storable(batch.taken_at, batch.value, microseconds(received_at))
    return batch if can_be.all() else batch.take(can_be)


def _judged(
    known: Registers, batch: ReadingArrays, reach: windows.Bounds, received_at: datetime
) -> tuple[Window, Judgement, Repeated]:
    """Judge the batch among what is stored, as far on as it can have an effect."""
    to_end = np.zeros(len(known.keys), np.bool_)
    while True:
        stored = windows.stored(known, reach, to_end)
        window, repeated = windows.merge(stored, batch)
        judgement = judge(_series(known, window, microseconds(received_at)))
        spoiled = _last_turned_invalid(window, judgement) & ~to_end[window.register]
        if not spoiled.any():
            return window, judgement, repeated
        to_end[window.register[spoiled]] = True


def _series(known: Registers, window: Window, received_at: int) -> Series:
    register = window.register
    fresh = own_rules(window.taken_at, window.status, received_at + known.ahead[register])
    own = np.where(window.origin == NEW, fresh, window.rules & int(OWN))
    own[window.opening] |= Rule.OPENING
    return Series(
        register=register,
        taken_at=window.taken_at,
        value=window.value,
        rules=own,
        span=known.span[register],
        rollover=known.rollover[register],
        maximum=known.maximum[register],
    )


def _last_turned_invalid(window: Window, judgement: Judgement) -> Bools:
    """Rows that were a register's last valid stored reading of the window and are not now."""
    last = np.ones(len(window.register), np.bool_)
    last[:-1] = window.register[1:] != window.register[:-1]
    turned: Bools = last & (window.origin == STORED) & windows.is_base(window) & ~judgement.is_valid
    return turned


def _keep_conflicts(known: Registers, repeated: Repeated, source: Reading.Source) -> int:
    if not len(repeated.value):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO meters_readingconflict (meter_id, channel, taken_at, value, source)"
            " SELECT *, %s FROM unnest(%s::uuid[], %s::smallint[], %s::timestamptz[], %s::bigint[])"
            " ON CONFLICT (meter_id, channel, taken_at, value) DO NOTHING",
            [
                source,
                [known.meters[one] for one in repeated.register],
                [known.channels[one] for one in repeated.register],
                [instant(at) for at in repeated.taken_at],
                repeated.value.tolist(),
            ],
        )
    return len(repeated.value)


def _store(
    known: Registers,
    window: Window,
    judgement: Judgement,
    source: Reading.Source,
    received_at: datetime,
) -> Bools:
    """
    Append the new readings by COPY; which ones are new is certain, for their meters are locked.

    COPY into the partitions costs about 4 µs a row with key and foreign key, INSERT ... SELECT
    from a staging table twice that.
    """
    created: Bools = window.origin == NEW
    register = window.register[created]
    copying.write(
        "meters_reading",
        {
            **known.columns(register),
            "taken_at": (copying.INSTANT, window.taken_at[created]),
            "value": (copying.BIGINT, window.value[created]),
            "source": copying.text(source),
            "status": (copying.SMALLINT, window.status[created]),
            "rules": (copying.INTEGER, judgement.rules[created]),
            "is_valid": (copying.BOOLEAN, judgement.is_valid[created]),
            "received_at": (copying.INSTANT, microseconds(received_at)),
        },
        len(register),
    )
    return created


def _correct(known: Registers, window: Window, judgement: Judgement) -> Bools:
    """Write what is now found about stored readings; their values stand."""
    changed: Bools = (window.origin == STORED) & (
        (window.rules != judgement.rules) | (window.is_valid != judgement.is_valid)
    )
    rows = np.flatnonzero(changed)
    if not len(rows):
        return changed
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE meters_reading r SET rules = found.rules, is_valid = found.is_valid"
            " FROM unnest(%s::uuid[], %s::smallint[], %s::timestamptz[], %s::integer[],"
            " %s::boolean[]) AS found (meter_id, channel, taken_at, rules, is_valid)"
            " WHERE r.meter_id = found.meter_id AND r.channel = found.channel"
            " AND r.taken_at = found.taken_at AND r.taken_at BETWEEN %s AND %s",
            [
                [known.meters[one] for one in window.register[rows]],
                [known.channels[one] for one in window.register[rows]],
                [instant(at) for at in window.taken_at[rows]],
                judgement.rules[rows].tolist(),
                judgement.is_valid[rows].tolist(),
                instant(window.taken_at[rows].min()),
                instant(window.taken_at[rows].max()),
            ],
        )
    return changed


def _derive(known: Registers, window: Window, judgement: Judgement) -> tuple[Intervals, int]:
    """
    Bring the intervals of the windows in line with their readings.

    Returns the intervals that went, came or changed, and how many were written.
    """
    derived, gaps = intervals.derive(window.register, window.taken_at, judgement)
    derived = shaping.shaped(known, derived, gaps)
    end, beyond = windows.ends(window, len(known.keys))
    # Where nothing but a base is stored, no interval is stored after it, unless use was estimated
    # beyond it. That is replaced by what was measured since.
    overtaken = known.is_open & ~beyond & _has_news(window, judgement, len(known.keys))
    may_have = overtaken.copy()
    may_have[window.register[window.origin == STORED]] = True
    asked = np.flatnonzero(may_have)
    begin = np.full(len(known.keys), FAR)
    np.minimum.at(begin, window.register, window.taken_at)
    until = np.where(beyond, end, FAR)
    stored = intervals.stored(known, asked, begin[asked], until[asked])
    touched, written = intervals.replace(known, stored, derived)
    registers.forget_estimates(known, overtaken)
    late = np.flatnonzero(beyond)
    if len(touched) and len(late):
        reshaped = shaping.reshape_later(known, late, end[late])
        touched, written = intervals.joined(touched, reshaped), written + len(reshaped)
    return touched, written


def _has_news(window: Window, judgement: Judgement, count: int) -> Bools:
    """Which registers have a valid new reading."""
    found = np.zeros(count, np.bool_)
    found[window.register[(window.origin == NEW) & judgement.is_valid]] = True
    return found
