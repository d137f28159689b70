"""
What was probably used since the last valid reading, where no register is known yet.

Only estimated when a person asks for it, from like days, and replaced as soon as a reading
counts. Nobody is cut on it: credit control wants measured intervals.
"""

from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import transaction

from meters import days, intervals, partitions, registers
from meters.batches import days_of, instant, microseconds
from meters.intervals import Intervals
from meters.models.devices import Register
from meters.models.facts import Interval, Reading
from meters.registers import Registers
from meters.vee import like_days
from meters.vee.like_days import DAY, PARTS, Measured
from meters.vee.validation import INTERVAL, NEVER_A_BASE, Ints
from quantify.periods import floor_to_interval


class NothingToGoBy(Exception):
    """There is no valid reading, or no whole measured day before: enter a reading instead."""


@transaction.atomic
def estimate(*, meter_id: UUID, channel: int, until: datetime) -> int:
    """
    Estimate what was used from the last valid reading up to an instant, in Wh or litres.

    Done again, later or with more history, it replaces what was estimated before.

    :raises NothingToGoBy: if nothing is known of the register to estimate from.
    """
    known = registers.lock([(meter_id, channel)])
    begin = microseconds(_last_reading(meter_id, channel))
    end = microseconds(floor_to_interval(until))
    start = np.arange(begin, end, INTERVAL, dtype=np.int64)
    if not len(start):
        return 0
    quantity = _usual(known, start)
    one = np.zeros(len(start), np.int64)
    method = np.full(len(start), int(Interval.Method.USUAL), np.int64)
    made = Intervals(one, start, quantity, method)
    partitions.ensure_around(days_of(start))
    first = np.zeros(1, np.int64)
    before = intervals.stored(known, first, np.array([begin]), np.array([end + 366 * DAY]))
    touched, _ = intervals.replace(known, before, made)
    days.refresh(known, touched)
    Register.objects.filter(meter=meter_id, channel=channel).update(estimated_to=instant(end))
    return int(quantity.sum())


def _last_reading(meter_id: UUID, channel: int) -> datetime:
    valid = Reading.objects.filter(meter=meter_id, channel=channel, is_valid=True)
    for reading in valid.order_by("-taken_at").iterator(chunk_size=50):
        if not reading.rules & NEVER_A_BASE:
            return reading.taken_at
    raise NothingToGoBy("The register has no valid reading: enter one.")


def _usual(known: Registers, start: Ints) -> Ints:
    """The mean of like days, rounded half up to whole Wh or litres."""
    begin, history = int(start[0]), int(known.history[0])
    back = np.array([begin - (history + 1) * DAY])
    stored = intervals.stored(known, np.zeros(1, np.int64), back, np.array([begin]))
    measured = stored.take(~stored.is_estimated)
    usual = like_days.usual(
        start, Measured(measured.start, measured.quantity), known.zones[0], history
    )
    if usual is None:
        raise NothingToGoBy("No whole day was measured in the weeks before: enter a reading.")
    return (usual * 2 + PARTS) // (2 * PARTS)
