"""
A hundred people at once: the running demonstration under Locust, with millions of intervals behind.

    PORT=8001 make dev                                          # in another terminal
    eval "$(python -m quantify.stack --instance dev env)"
    python benchmarks/crowd.py --port 8001 --intervals 17000000 --seconds 60

Everybody has a key of their own, so that no password is hashed meanwhile, and asks, after one to
three seconds of reading, what people ask: lists, pages of readings and transactions, a month of a
meter, a search, a top-up. The intervals are written behind the demonstration's own history, for its
meters. The ledger is added up at the end.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.dev")

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import QuerySet  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts import keys  # noqa: E402
from accounts.models import Role, User  # noqa: E402
from estates.models import Estate, Membership  # noqa: E402
from meters import partitions  # noqa: E402
from meters.models import Meter  # noqa: E402
from units.models import Unit  # noqa: E402
from wallets.models import Wallet  # noqa: E402
from wallets.proving import verification  # noqa: E402

QUARTERS_A_DAY = 96
FILL = """
INSERT INTO meters_interval (meter_id, channel, start, quantity, quality)
SELECT meter_id, channel, start, 100 + (extract(epoch FROM start)::bigint / 900 * 37) %% 400,
    'actual'
FROM (SELECT DISTINCT meter_id, channel FROM meters_register) AS register
CROSS JOIN generate_series(%(first)s::timestamptz, %(last)s - interval '15 minutes',
    interval '15 minutes') AS start
ORDER BY meter_id, channel, start
ON CONFLICT DO NOTHING
"""


def main() -> None:
    asked = _arguments()
    print(f"{_fill(asked.intervals):,} intervals", flush=True)
    people = _people(asked.people)
    with tempfile.TemporaryDirectory() as folder:
        _run(asked, people, Path(folder))
        _show(Path(folder) / "crowd_stats.csv")
    outcome = verification.verify()
    print(outcome)
    assert not outcome.differences


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--intervals", type=int, default=0, help="fill up to so many")
    return parser.parse_args()


def _fill(wanted: int) -> int:
    """Write days of intervals, a month at a time, behind the oldest until there are enough."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), min(start) FROM meters_interval")
        count, oldest = cursor.fetchone()
        while count < wanted:
            first = (oldest - timedelta(days=1)).replace(day=1, hour=0, minute=0)
            partitions.ensure(first.date(), date.fromordinal(oldest.toordinal()))
            with transaction.atomic():
                cursor.execute("SET LOCAL session_replication_role = replica")
                cursor.execute(FILL, {"first": first, "last": oldest})
                assert cursor.rowcount, "There are no meters to fill."
            count, oldest = count + cursor.rowcount, first
        cursor.execute("ANALYZE meters_interval")
    return int(count)


def _people(count: int) -> list[str]:
    """So many managers of every estate; the key of each."""
    role, run, now = Role.objects.get(code="property_manager"), time.time_ns(), timezone.now()
    people = User.objects.bulk_create(
        User(username=f"crowd-{run}-{number}", role=role) for number in range(count)
    )
    estates = Estate.objects.all()
    Membership.objects.bulk_create(
        Membership(user=one, estate=estate) for one in people for estate in estates
    )
    return [
        keys.make(
            user=one, name="crowd", scopes=["write"], estates=None, expires_at=None, at=now
        ).text
        for one in people
    ]  # fmt: skip


def _ids() -> dict[str, list[str]]:
    """What people come back to; they know where it is."""
    rows: dict[str, QuerySet] = {
        "units": Unit.objects.alive(),
        "wallets": Wallet.objects.all(),
        "meters": Meter.objects.alive().exclude(installations=None),
    }
    return {name: [str(pk) for pk in of.values_list("pk", flat=True)] for name, of in rows.items()}


def _run(asked: argparse.Namespace, people: list[str], folder: Path) -> None:
    script = Path(__file__).with_name("crowd_people.py")
    known = folder / "ids.json"
    known.write_text(json.dumps(_ids()))
    done = subprocess.run(  # noqa: S603
        [
            sys.executable, "-m", "locust", "--headless", "--only-summary",
            "--host", f"http://127.0.0.1:{asked.port}", "--locustfile", str(script),
            "--users", str(asked.people), "--spawn-rate", "10", "--reset-stats",
            "--run-time", f"{asked.seconds}s", "--csv", str(folder / "crowd"),
        ],
        env=os.environ | {"CROWD": ",".join(people), "CROWD_IDS": str(known)},
        check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit("Somebody was answered with an error; see above.")


def _show(path: Path) -> None:
    with path.open() as lines:
        total = next(row for row in csv.DictReader(lines) if row["Name"] == "Aggregated")
    print(
        f"{total['Request Count']} requests, {total['Failure Count']} failed, "
        f"{float(total['Requests/s']):.0f} a second, average "
        f"{float(total['Average Response Time']):.0f} ms, median {total['50%']} ms, "
        f"95 % within {total['95%']} ms, 99 % within {total['99%']} ms"
    )


if __name__ == "__main__":
    main()
