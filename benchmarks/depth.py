"""
Whether lists slow down as they grow and as one goes deeper into them: readings and transactions.

    python -m quantify.stack --var var/bench --instance dev run -- python benchmarks/depth.py

Rows are written past the triggers, asked for over HTTP by one client as the manager of the estate,
and deleted at the end. By cursor nobody counts; a page by its number counts the whole list.
"""

import argparse
import json
import os
import statistics
import sys
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.test")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from accounts.models import User  # noqa: E402
from benchmarks import estates, postings, serving  # noqa: E402
from benchmarks.requests import Asked, Client  # noqa: E402
from estates.models import Estate  # noqa: E402
from meters import partitions  # noqa: E402
from meters.models import Meter  # noqa: E402

PASSWORD = "benchmark-only"  # noqa: S105
PER_METER = 10_000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
READINGS = """
INSERT INTO meters_reading (meter_id, channel, taken_at, value)
SELECT meter_id, 1, taken_at, (extract(epoch FROM taken_at)::bigint / 900) * 100
FROM (SELECT id AS meter_id FROM meters_meter ORDER BY serial LIMIT %(meters)s) AS meter
CROSS JOIN generate_series(%(first)s::timestamptz, %(last)s, interval '15 minutes') AS taken_at
ORDER BY taken_at, meter_id
ON CONFLICT DO NOTHING
"""


def main() -> None:
    asked = _arguments()
    call_command("migrate", verbosity=0)
    meters = estates.make(max(asked.rows // PER_METER, 1))
    meter = min(meters, key=lambda one: one.serial)
    headers = _manager()
    with serving.served(workers=1, threads=1) as web:
        for rows in sorted({PER_METER, asked.rows}):
            _fill(rows)
            client = Client(web)
            _show(f"{rows:,} rows", _measured(client, meter, headers, asked))
    _empty()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=90, help="pages of 100 to go down by cursor")
    return parser.parse_args()


def _manager() -> dict[str, str]:
    name = f"manager-{time.time_ns()}"
    person = User.objects.create_user(name, PASSWORD, role="property_manager")
    for estate in Estate.objects.all():
        estate.memberships.create(user=person)
    return {"Authorization": "Basic " + b64encode(f"{name}:{PASSWORD}".encode()).decode()}


def _fill(rows: int) -> None:
    """So many readings, of meters with ten thousand each, and transactions, and no others."""
    _empty()
    last = FIRST + (PER_METER - 1) * QUARTER
    partitions.ensure(FIRST.date() - timedelta(days=1), last.date() + timedelta(days=1))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        named = {"meters": rows // PER_METER, "first": FIRST, "last": last}
        cursor.execute(READINGS, named)
    estate = Estate.objects.order_by("code")[0]
    postings.fill(estate, 2 * rows)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE meters_reading, wallets_transaction")


def _empty() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("TRUNCATE meters_reading, wallets_transaction CASCADE")


def _measured(
    client: Client, meter: Meter, headers: dict[str, str], asked: argparse.Namespace
) -> list[Asked]:
    lists = {"readings": f"meters/{meter.pk}/readings", "transactions": "transactions"}
    requests = []
    for name, address in lists.items():
        path = f"/api/v1/{address}"
        first = Asked(f"{name}, first page by cursor", f"{path}?cursor=", headers)
        deep = _deep(client, path, headers, asked.steps)
        requests += [
            first,
            Asked(f"{name}, {asked.steps} pages of 100 deep", f"{path}?cursor={deep}", headers),
            Asked(f"{name}, page 1 by number", path, headers),
        ]
    for request in requests:
        client.ask(request, 3)
    for _ in range(asked.rounds):
        for request in requests:
            client.measure(request, asked.times)
    return requests


def _deep(client: Client, path: str, headers: dict[str, str], steps: int) -> str:
    """The cursor after so many pages of a hundred."""
    cursor = ""
    for _ in range(steps):
        page = client.ask(Asked("", f"{path}?per_page=100&cursor={cursor}", headers))
        cursor = json.loads(page)["next_cursor"]
    return cursor


def _show(title: str, requests: list[Asked]) -> None:
    print(f"{title:45} {'web ms':>8} {'database ms':>12} {'passed ms':>10}")
    for one in requests:
        columns = [statistics.median(each) for each in (one.web, one.database, one.passed)]
        print(f"{one.name:45} {columns[0]:8.2f} {columns[1]:12.2f} {columns[2]:10.2f}", flush=True)


if __name__ == "__main__":
    main()
