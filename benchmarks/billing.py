"""
How fast bills follow what was metered: a month, a quarter of an hour, a day, nothing new.

    python -m quantify.stack run -- python benchmarks/billing.py --units 10000

Everything happens in the database that DATABASE_URL names, which should be one to throw away.
Besides the seconds that passed it tells those that the processor worked, here and in the
database's processes: on a busy machine only they can be compared.
"""

import argparse
import cProfile
import os
import pstats
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from django.core.management import call_command
from django.db import connection

from benchmarks import estates
from benchmarks.measuring import Took
from meters import readings
from meters.models import Meter
from meters.readings import RegisterSeries
from wallets.billing import runs
from wallets.proving import verification

JUNE = estates.INSTALLED
JULY = datetime(2026, 6, 30, 22, tzinfo=UTC)
TENTH = datetime(2026, 7, 9, 22, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    meters = estates.make(asked.units)
    estates.use(JUNE, JULY)
    _vacuum()
    print(f"made in {time.perf_counter() - began:.0f} s", flush=True)
    profile = cProfile.Profile() if asked.profile else None
    month(asked.units, profile)
    estates.use(JULY, TENTH)
    _vacuum()
    _bill(TENTH)
    quarters(asked.units, asked.rounds, profile)
    nothing(asked.units, asked.rounds)
    days(meters, asked.rounds)
    assert not verification.verify().differences
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


def month(units: int, profile: cProfile.Profile | None) -> None:
    took = Took()
    with took.measured(), profile or _nothing():
        charged = _bill(JULY - QUARTER)
    assert charged == units, charged
    _tell("a month, new", units, units * 30 * 96, [took])


def quarters(units: int, rounds: int, profile: cProfile.Profile | None) -> None:
    """Rounds of one more quarter hour a unit, in the second third of a month."""
    took = []
    for number in range(rounds):
        estates.use(TENTH + number * QUARTER, TENTH + (number + 1) * QUARTER)
        took.append(Took())
        with took[-1].measured(), profile or _nothing():
            charged = _bill(TENTH + (number + 1) * QUARTER)
        assert charged == units, charged
    _tell("a quarter hour", units, units, took)


def nothing(units: int, rounds: int) -> None:
    """Rounds without anything new."""
    took = [Took() for _ in range(rounds)]
    for one in took:
        with one.measured():
            assert not _bill(TENTH + rounds * QUARTER)
    _tell("nothing", units, 0, took)


def days(meters: list[Meter], rounds: int) -> None:
    """A day from readings as they come to its charges; a new local day began with it."""
    first = TENTH + rounds * QUARTER
    wh = dict(_rates())
    begins = (first - JUNE) // QUARTER
    counts = np.arange(begins + 1, begins + 97)
    series = [RegisterSeries(one.pk, 1, first + QUARTER, counts * wh[one.pk]) for one in meters]
    recorded, charged = Took(), Took()
    with recorded.measured():
        told = readings.record_series(series, received_at=first + DAY)
    assert told.created == len(meters) * 96, told
    with charged.measured():
        assert _bill(first + DAY) == len(meters)
    both = Took(*(getattr(recorded, name) + getattr(charged, name) for name in Took.__slots__))
    for name, one in (("a day: readings", recorded), ("a day: charges", charged), ("a day", both)):
        _tell(name, len(meters), len(meters) * 96, [one])


def _bill(now: datetime) -> int:
    return runs.bill(now=now).charged


def _rates() -> list[tuple[object, int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT meter_id, wh FROM used")
        return cursor.fetchall()


def _vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _median(took: list[Took], of: Callable[[Took], float]) -> float:
    return statistics.median(of(one) for one in took)


def _tell(name: str, units: int, intervals: int, took: list[Took]) -> None:
    wall, client, server = (
        _median(took, of)
        for of in (lambda one: one.wall, lambda one: one.client, lambda one: one.server)
    )
    charges = units / wall if intervals else 0
    print(
        f"{name:<16} {wall:8.3f} s  (Python {client:7.3f}, database {server:7.3f})"
        f" {charges:>9,.0f} charges/s {intervals / wall:>11,.0f} intervals/s"
        f"  load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
