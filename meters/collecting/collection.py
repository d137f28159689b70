"""
Reading out the meters of a concentrator and recording what is new.

What to ask for is read from the database before the round, what came is written after it, in
sets; the round itself (`meters.collecting.visits`) knows no database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import connection

from meters.collecting import outcomes, visits
from meters.collecting.line import Address
from meters.collecting.outcomes import Summary
from meters.collecting.targets import targets_of
from meters.collecting.visits import Round
from meters.models.devices import Concentrator

ADVISORY_LOCK = 7_301_002


def collect(
    *,
    concentrator_id: UUID,
    now: datetime,
    serial: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    connections: int = 4,
) -> Summary:
    """
    Read out a concentrator's meters, the longest unread first, or one of them.

    By default each is asked for what came since its newest reading; `start` and `end` ask for a
    stretch instead. Two rounds of a concentrator never run at once: the second is skipped.
    """
    concentrator = Concentrator.objects.get(pk=concentrator_id)
    summary = Summary(concentrator.serial)
    with _alone(concentrator_id) as is_free:
        if not is_free:
            summary.is_skipped = True
            return summary
        targets = targets_of(concentrator_id, now, serial=serial, start=start)
        visiting = Round(
            Address.of(concentrator),
            now,
            end or now,
            connections,
            keeps_clocks=concentrator.keeps_clocks,
        )
        stopwatch = visits.Stopwatch(now)
        visited = visits.visit_all(targets, visiting)
        outcomes.write(concentrator, visited, summary, stopwatch.now())
        summary.seconds = stopwatch.passed
    return summary


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
