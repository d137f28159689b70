"""
Reading out the meters of a concentrator and recording what is new.

What to ask for is read from the database before the round, what came is written after it, in
sets; the round itself (`meters.collecting.visits`) knows no database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from math import inf
from uuid import UUID

from django.db import connection

from meters import keys
from meters.collecting import outcomes, visits
from meters.collecting.line import Address
from meters.collecting.outcomes import Summary
from meters.collecting.rounds import Round, Stopwatch
from meters.collecting.targets import targets_of
from meters.collecting.visits import Told
from meters.models.devices import Concentrator
from quantify.crash_points import Point, reach

ADVISORY_LOCK = 7_301_002


def collect(
    *,
    concentrator_id: UUID,
    now: datetime,
    serial: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    told: Told = lambda _: None,
) -> Summary:
    """
    Read out a concentrator's meters, the longest unread first, or one of them.

    By default each is asked for what came since its newest reading, as much as fits in a round;
    `start` and `end` ask for a whole stretch instead. Two rounds of a concentrator never run at
    once: the second is skipped. `told` hears of each visit.
    """
    concentrator = Concentrator.objects.get(pk=concentrator_id)
    summary = Summary(concentrator.serial)
    with _alone(concentrator_id) as is_free:
        if not is_free:
            summary.is_skipped = True
            return summary
        targets = targets_of(concentrator, now, serial=serial, start=start)
        summary.resting = targets.resting
        visiting = _round(concentrator, now, end)
        if start:
            visiting = replace(visiting, seconds=inf, meter_seconds=inf, most_rows=inf)
        stopwatch = Stopwatch(now)
        visited = visits.visit_all(targets.chosen, visiting, told, keys.issue)
        reach(Point.COUNTERS_USED)
        outcomes.write(concentrator, visited, targets.unreachable, summary, stopwatch.now())
        summary.seconds = stopwatch.passed
    return summary


def _round(concentrator: Concentrator, now: datetime, end: datetime | None) -> Round:
    return Round(
        Address.of(concentrator),
        now,
        end or now,
        concentrator.connections,
        concentrator.outstanding,
        keeps_clocks=concentrator.keeps_clocks,
    )


@contextmanager
def _alone(concentrator_id: UUID) -> Iterator[bool]:
    """Hold a concentrator on this connection; losing the connection frees it."""
    key = [ADVISORY_LOCK, int.from_bytes(concentrator_id.bytes[-4:], signed=True)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        is_free = bool(cursor.fetchone()[0])
    try:
        yield is_free
    finally:
        if is_free:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
