"""
How fast readings come in, against a raw COPY of the same rows into the same table.

    python -m quantify.stack run -- python benchmarks/ingest.py --meters 380 --days 90

Everything happens in the database that DATABASE_URL names, which should be one to throw away.
"""

import argparse
import cProfile
import os
import pstats
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock
from uuid import UUID

import django
import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.test")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Sum  # noqa: E402
from django.db.models.functions import TruncMonth  # noqa: E402

from benchmarks.measuring import Took  # noqa: E402
from estates.models import Estate  # noqa: E402
from meters import copying, ingest, intervals, readings  # noqa: E402
from meters.batches import ReadingArrays, days_of, instant, microseconds  # noqa: E402
from meters.models import DailyConsumption, Meter, Register  # noqa: E402
from meters.readings import RawReading, Recorded  # noqa: E402
from meters.vee.validation import INTERVAL, Ints  # noqa: E402
from quantify.periods import next_month  # noqa: E402

FIRST = datetime(2026, 1, 31, 22, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
QUARTERS_A_DAY = 96
CYCLES = 20
KEY = ", PRIMARY KEY (meter_id, channel, taken_at)"
MICROSECONDS = 1_000_000

# A reading as it lies in memory: fixed fields, one after another, in the order of time.
ID = np.dtype([("high", ">u8"), ("low", ">u8")])
RECORD = np.dtype(
    [("meter", ID), ("channel", "<i2"), ("taken_at", "<i8"), ("value", "<i8"), ("status", "<i2")]
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--meters", type=int, default=380)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    in_turns(asked.meters, asked.days, asked.rounds, profile=asked.profile)


def in_turns(count: int, days_long: int, rounds: int, *, profile: bool) -> None:
    """The raw COPY and our path, one after the other, each round with meters of its own."""
    took: dict[str, list[Took]] = {}
    profiler = cProfile.Profile() if profile else None
    for _ in range(rounds):
        for name, work, content in turns(make_meters(count), make_meters(count), days_long):
            took.setdefault(name, []).append(Took())
            with took[name][-1].measured(), (name == "whole path" and profiler) or nullcontext():
                work(content)
            print(f"  {name:<32} {took[name][-1].wall:6.2f} s  load {os.getloadavg()[0]:.1f}")
    reference = median(took["COPY with key, time order"], lambda one: one.worked)
    for name, several in took.items():
        tell(name, several, count * days_long * QUARTERS_A_DAY, reference)
    live(make_meters(count))
    if profiler:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(35)


def turns(
    alone: list[Meter], whole: list[Meter], days_long: int
) -> Iterator[tuple[str, Callable[[bytes], object], bytes]]:
    content = in_memory(whole, days_long)
    yield "COPY without key", lambda content: copy_raw(content, key=""), content
    yield "COPY with key, time order", lambda content: copy_raw(content, KEY), content
    yield "readings alone", readings_alone, in_memory(alone, days_long)
    yield "whole path", whole_path, content
    yield "the same again (all known)", record, content


def make_meters(count: int) -> list[Meter]:
    estate = Estate.objects.create(code=f"B{time.time_ns()}", name="Benchmark")
    meters = Meter.objects.bulk_create(
        Meter(estate=estate, serial=f"{estate.code}-{number}", kind="electricity")
        for number in range(count)
    )
    Register.objects.bulk_create(
        Register(meter=meter, channel=1, obis="1.0.1.8.0.255", profile_obis="1.0.99.1.0.255")
        for meter in meters
    )
    return meters


def in_memory(meters: list[Meter], days_long: int) -> bytes:
    """What registers show every 15 minutes, in the order of time, as bytes."""
    rng = np.random.default_rng(7)
    steps = rng.integers(0, 900, (days_long * QUARTERS_A_DAY, len(meters)))
    return laid_out(meters, FIRST, np.cumsum(steps, axis=0))


def laid_out(meters: list[Meter], first: datetime, values: Ints) -> bytes:
    """The values of meters (columns) every 15 minutes (rows) from an instant on."""
    rows = np.zeros((len(values), len(meters)), RECORD)
    rows["meter"] = np.frombuffer(b"".join(meter.pk.bytes for meter in meters), ID)
    rows["channel"] = 1
    rows["taken_at"] = (microseconds(first) + INTERVAL * np.arange(len(values)))[:, None]
    rows["value"] = values
    return rows.tobytes()


def copy_raw(content: bytes, key: str) -> None:
    """The rows as they come into the table of readings, without its foreign key and triggers."""
    rows = np.frombuffer(content, RECORD)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS benchmark_raw")
        cursor.execute(
            "CREATE TABLE benchmark_raw"
            f" (LIKE meters_reading INCLUDING ALL EXCLUDING INDEXES{key})"
            " PARTITION BY RANGE (taken_at)"
        )
        for month in sorted({day.replace(day=1) for day in days_of(rows["taken_at"])}):
            cursor.execute(
                f"CREATE TABLE benchmark_raw_{month:%Y_%m} PARTITION OF benchmark_raw"
                f" FOR VALUES FROM ('{month} 00:00+00') TO ('{next_month(month)} 00:00+00')"
            )
    copying.write("benchmark_raw", reading_columns(rows), len(rows))


def reading_columns(rows: npt.NDArray[np.void]) -> dict[str, copying.Column]:
    return {
        "meter_id": (copying.UUID, rows["meter"].view(copying.UUID)),
        "channel": (copying.SMALLINT, rows["channel"]),
        "taken_at": (copying.INSTANT, rows["taken_at"]),
        "value": (copying.BIGINT, rows["value"]),
        "source": copying.text("automatic"),
        "status": (copying.SMALLINT, rows["status"]),
        "rules": (copying.INTEGER, 0),
        "is_valid": (copying.BOOLEAN, True),
        "received_at": (copying.INSTANT, int(rows["taken_at"][-1])),
    }


def as_arrays(content: bytes) -> ReadingArrays:
    rows = np.frombuffer(content, RECORD)
    # Ids are random enough for their halves to name them.
    name = (rows["meter"]["high"] ^ rows["meter"]["low"]) + rows["channel"].astype(np.uint64)
    _, first, numbers = np.unique(name, return_index=True, return_inverse=True)
    keys = [(UUID(bytes=one["meter"].tobytes()), int(one["channel"])) for one in rows[first]]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return ReadingArrays(
        [keys[place] for place in order],
        np.argsort(order)[numbers],
        rows["taken_at"].astype(np.int64),
        rows["value"].astype(np.int64),
        rows["status"].astype(np.int64),
        np.zeros(len(rows), np.bool_),
    )


def record(content: bytes) -> Recorded:
    batch = as_arrays(content)
    received_at = instant(batch.taken_at.max())
    return readings.record_all(batch, received_at=received_at)


def readings_alone(content: bytes) -> None:
    """Judged and stored, without what is derived from them."""
    nothing = mock.Mock(return_value=(intervals.NONE, 0))
    with mock.patch.object(ingest, "_derive", nothing):
        told = record(content)
    assert told.created == len(content) // RECORD.itemsize, told


def whole_path(content: bytes) -> None:
    """From bytes to intervals, days and the sums of months; the sums are those of the registers."""
    told = record(content)
    rows = np.frombuffer(content, RECORD)
    count = int(np.count_nonzero(rows["taken_at"] == rows["taken_at"][0]))
    sums = (
        DailyConsumption.objects.filter(
            meter__in=[UUID(bytes=one.tobytes()) for one in rows["meter"][:count]]
        )
        .values("meter", "channel", month=TruncMonth("day"))
        .annotate(quantity=Sum("quantity"))
    )
    counted = rows["value"][-count:] - rows["value"][:count]
    assert told.created == len(rows), told
    assert sum(one["quantity"] for one in sums) == int(counted.sum())


def live(meters: list[Meter]) -> None:
    """Cycles of two new readings a meter, as a collection brings them."""
    took = []
    for cycle in range(CYCLES):
        rows = [
            RawReading(meter.pk, 1, FIRST + quarter * QUARTER, 9 * quarter)
            for meter in meters
            for quarter in (2 * cycle, 2 * cycle + 1)
        ]
        took.append(Took())
        with took[-1].measured():
            told = readings.record(rows, received_at=FIRST + (2 * cycle + 2) * QUARTER)
        assert told.created == len(rows)
    tell("live cycle, median", took, len(rows))
    print(f"slowest {max(one.wall for one in took):.3f} s")


def tell(name: str, took: list[Took], rows: int, reference: float | None = None) -> None:
    """The median of each kind of seconds; the share is of the reference's processor time."""
    wall, client, server, worked = (
        median(took, of)
        for of in (
            lambda one: one.wall, lambda one: one.client, lambda one: one.server,
            lambda one: one.worked,
        )
    )  # fmt: skip
    share = f"  {reference / worked:5.2f} of COPY" if reference else ""
    print(
        f"{name:<28} {rows:>9} rows {wall:8.3f} s {rows / wall:>9,.0f} rows/s"
        f"  us a row: Python {client / rows * MICROSECONDS:5.2f},"
        f" database {server / rows * MICROSECONDS:5.2f}{share}",
        flush=True,
    )


def median(took: list[Took], of: Callable[[Took], float]) -> float:
    return statistics.median(of(one) for one in took)


if __name__ == "__main__":
    main()
