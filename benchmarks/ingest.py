"""
How fast readings come in: a history, and a live cycle, against a plain COPY of the same rows.

    python -m quantify.stack run -- python benchmarks/ingest.py --meters 380 --days 90

Everything happens in the database that DATABASE_URL names, which should be one to throw away.
"""

import argparse
import os
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.test")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from estates.models import Estate  # noqa: E402
from meters import copying, readings  # noqa: E402
from meters.batches import microseconds  # noqa: E402
from meters.models import DailyConsumption, Interval, Meter, Register  # noqa: E402
from meters.readings import RawReading, RegisterSeries  # noqa: E402
from meters.vee.validation import INTERVAL  # noqa: E402

FIRST = datetime(2026, 1, 31, 22, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
CYCLES = 20
MICROSECONDS = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--meters", type=int, default=380)
    parser.add_argument("--days", type=int, default=90)
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    meters = make_meters(asked.meters)
    rng = np.random.default_rng(7)
    count = asked.days * 96
    series = [
        RegisterSeries(meter.pk, 1, FIRST, np.cumsum(rng.integers(0, 900, count)))
        for meter in meters
    ]
    plain = copy_plainly(series)
    history(series, plain)
    live(meters, series, count)


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


def copy_plainly(series: list[RegisterSeries]) -> float:
    """The same rows into a bare table without key: what the machine can do at best."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS benchmark_plain")
        cursor.execute(
            "CREATE TABLE benchmark_plain (meter_id uuid, channel smallint, taken_at timestamptz,"
            " value bigint, source varchar(10), status smallint, rules integer, is_valid boolean,"
            " received_at timestamptz)"
        )
    began = time.perf_counter()
    for one in series:
        instants = microseconds(one.first) + INTERVAL * np.arange(len(one.values))
        columns = {
            "meter_id": ("V16", np.frombuffer(one.meter_id.bytes, "V16").repeat(len(one.values))),
            "channel": (copying.SMALLINT, one.channel),
            "taken_at": (copying.INSTANT, instants),
            "value": (copying.BIGINT, one.values),
            "source": copying.text("automatic"),
            "status": (copying.SMALLINT, 0),
            "rules": (copying.INTEGER, 0),
            "is_valid": (copying.BOOLEAN, True),
            "received_at": (copying.INSTANT, int(instants[0])),
        }
        copying.write("benchmark_plain", columns, len(one.values))
    seconds = time.perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE benchmark_plain")
    rows = sum(len(one.values) for one in series)
    print(f"plain COPY      {rows:>9} rows {seconds:7.2f} s {rows / seconds:>9,.0f} rows/s")
    return seconds


def history(series: list[RegisterSeries], plain: float) -> None:
    rows = sum(len(one.values) for one in series)
    last = series[0].first + len(series[0].values) * QUARTER
    for name in ("record_series", "again (known)"):
        began = time.perf_counter()
        told = readings.record_series(series, received_at=last)
        seconds = time.perf_counter() - began
        print(
            f"{name:<15} {rows:>9} rows {seconds:7.2f} s {rows / seconds:>9,.0f} rows/s,"
            f" {seconds / plain:.1f} x plain COPY, {seconds / rows * MICROSECONDS:.1f} us a row"
        )
        print(f"                {told}")
    meters = [one.meter_id for one in series]
    advance = sum(int(one.values[-1] - one.values[0]) for one in series)
    for model in (Interval, DailyConsumption):
        quantities = model.objects.filter(meter__in=meters).values_list("quantity", flat=True)
        assert sum(quantities.iterator()) == advance, model


def live(meters: list[Meter], series: list[RegisterSeries], count: int) -> None:
    """Cycles of two new readings a meter, as a collection brings them."""
    seconds = []
    for cycle in range(CYCLES):
        quarters = [count + 2 * cycle, count + 2 * cycle + 1]
        rows = [
            RawReading(meter.pk, 1, FIRST + quarter * QUARTER, int(one.values[-1]) + quarter * 9)
            for meter, one in zip(meters, series, strict=True)
            for quarter in quarters
        ]
        began = time.perf_counter()
        told = readings.record(rows, received_at=FIRST + (quarters[-1] + 1) * QUARTER)
        seconds.append(time.perf_counter() - began)
        assert told.created == len(rows)
    print(
        f"live cycle      {2 * len(meters):>9} rows {statistics.median(seconds):7.3f} s (median"
        f" of {CYCLES}; slowest {max(seconds):.3f} s)"
    )


if __name__ == "__main__":
    main()
