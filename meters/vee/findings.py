"""What a batch of readings tells about its meters: that they live, and what is odd about them."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import connection
from django.utils import timezone

from meters import alerts
from meters.alerts import Kind, Notice, Severity
from meters.batches import instant
from meters.models.facts import Reading
from meters.registers import Registers
from meters.vee.rules import Rule
from meters.vee.validation import BROKEN, Bools, Ints, Judgement
from meters.windows import NEW, Window


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
    Raise alerts about impossible steps.

    A register that went back is a fault that ends with its next valid reading; that one rose
    beyond its physical maximum stays for a person to look at.
    """
    broken = news & (judgement.rules & BROKEN != 0) & ~judgement.is_valid
    if broken.any():
        notices = _notices(known, window, judgement, np.flatnonzero(broken))
        alerts.raise_all(notices, now=received_at)
    last = _last_of_register(window.register)
    sound = last[judgement.is_valid[last] & (window.origin[last] == NEW)]
    healthy = {known.meters[one] for one in window.register[sound]}
    ill = {known.meters[one] for one in window.register[last[~judgement.is_valid[last]]]}
    alerts.resolve(meter_ids=healthy - ill, kind=Kind.METER_FAULT, now=received_at)


def _notices(
    known: Registers, window: Window, judgement: Judgement, rows: Ints
) -> Iterator[Notice]:
    for row in rows:
        meter, channel = known.keys[window.register[row]]
        at = timezone.localtime(instant(window.taken_at[row])).strftime("%Y-%m-%d %H:%M")
        value = window.value[row]
        if judgement.rules[row] & Rule.NEGATIVE_STEP:
            message = f"Register {channel} went back, to {value}, at {at}."
            yield Notice(meter, Kind.METER_FAULT, Severity.ERROR, message)
        else:
            message = f"Register {channel} rose to {value} at {at}: more than the meter can carry."
            yield Notice(meter, Kind.ABNORMAL_USAGE, Severity.WARNING, message)


def _last_of_register(register: Ints) -> Ints:
    """The last row of each register, the rows being in order of register."""
    return np.flatnonzero(np.append(register[1:] != register[:-1], True)[: len(register)])
