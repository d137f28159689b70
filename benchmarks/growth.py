"""
What a reading costs as the tables grow: a day of every meter, with more and more behind it.

    python -m quantify.stack --var var/bench --instance dev run -- \\
        python benchmarks/growth.py --millions 1 10 50

The reference is a raw COPY of the same day into an empty table with the same key, in turns with
it. The history is filled in by the database itself, readings and intervals, backwards in time,
whole months of it without a log and without autovacuum, which would be counted as work. The days
in front of it come in as readings do. It needs some 300 bytes of disk for each reading.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from django.core.management import call_command
from django.db import connection

from benchmarks import ingest
from benchmarks.ingest import FIRST, QUARTER, QUARTERS_A_DAY
from benchmarks.measuring import Took
from meters import partitions
from meters.models import Meter
from quantify.periods import first_of_month, next_month

METERS = 1_440
DAYS_EACH = 5
MILLION = 1_000_000
# Every register counts the same in each quarter hour; it began long before.
WH = 100
BEFORE = 40_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 10, 50])
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    meters = ingest.make_meters(METERS)
    filled, quarter = 0, 1
    for millions in asked.millions:
        wanted = millions * MILLION // METERS
        fill(meters, filled, wanted)
        filled = wanted
        empty = [Took() for _ in range(DAYS_EACH)]
        grown = [Took() for _ in range(DAYS_EACH)]
        for reference, took in zip(empty, grown, strict=True):
            content = a_day(meters, quarter)
            with reference.measured():
                ingest.copy_raw(content, ingest.KEY)
            with took.measured():
                told = ingest.record(content)
            assert told.created == told.intervals == METERS * QUARTERS_A_DAY, told
            quarter += QUARTERS_A_DAY
        raw = ingest.median(empty, lambda one: one.worked)
        for name, several in (("COPY into an empty table", empty), ("a day", grown)):
            ingest.tell(f"{millions} million, {name}", several, METERS * QUARTERS_A_DAY, raw)


def fill(meters: Sequence[Meter], filled: int, wanted: int) -> None:
    """Readings and intervals of the quarters before `FIRST`, beyond those that are there."""
    oldest, newest = 1 - wanted, 1 - filled
    begin, end = FIRST + oldest * QUARTER, FIRST + newest * QUARTER
    partitions.ensure(begin.date(), end.date() + timedelta(days=2))
    with connection.cursor() as cursor:
        for month in months_before(begin.date(), FIRST.date()):
            for parent in partitions.TABLES:
                name = parent.partition(month)
                cursor.execute(f"ALTER TABLE {name} SET UNLOGGED")
                cursor.execute(f"ALTER TABLE {name} SET (autovacuum_enabled = off)")
        for statement in (READINGS, INTERVALS):
            cursor.execute(
                statement,
                {"meters": [one.pk for one in meters], "oldest": oldest, "newest": newest,
                 "first": FIRST, "wh": WH, "before": BEFORE},
            )  # fmt: skip
        cursor.execute("ANALYZE meters_reading, meters_interval")
        cursor.execute("CHECKPOINT")


def months_before(first: date, end: date) -> Iterator[date]:
    """The months from one day's on that are over before another's begins."""
    month = first_of_month(first)
    while month < first_of_month(end):
        yield month
        month = next_month(month)


QUARTERS = """
FROM unnest(%(meters)s::uuid[]) AS meter_id
CROSS JOIN LATERAL generate_series(%(oldest)s, %(newest)s - 1) AS quarter
"""
READINGS = f"""
INSERT INTO meters_reading (meter_id, channel, taken_at, value)
SELECT meter_id, 1, %(first)s + quarter * interval '15 minutes', (%(before)s + quarter) * %(wh)s
{QUARTERS}
"""
INTERVALS = f"""
INSERT INTO meters_interval (meter_id, channel, start, quantity, quality)
SELECT meter_id, 1, %(first)s + (quarter - 1) * interval '15 minutes', %(wh)s, 'actual'
{QUARTERS}
"""


def a_day(meters: list[Meter], quarter: int) -> bytes:
    """The next 96 quarters of every meter, as bytes in the order of time."""
    values = (BEFORE + quarter + np.arange(QUARTERS_A_DAY)) * WH
    return ingest.laid_out(meters, FIRST + quarter * QUARTER, values[:, None])


if __name__ == "__main__":
    main()
