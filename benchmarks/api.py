"""
What a request costs: the API against plain views on the same server, in turns.

    python -m quantify.stack --var var/bench --instance dev run -- python benchmarks/api.py

One web process, one client that keeps its connection. Shown are the processor milliseconds of the
web process and of the database for one request, medians of the rounds, which other work on the
machine disturbs least, and the ratio to a reference of the same run.
"""

import argparse
import os
import statistics
import sys
import time
from base64 import b64encode
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.test")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts import keys  # noqa: E402
from accounts.models import User  # noqa: E402
from benchmarks import estates, serving  # noqa: E402
from benchmarks.requests import Asked, Client  # noqa: E402

PASSWORD = "benchmark-only"  # noqa: S105
UNITS, ME = "/api/v1/units", "/api/v1/auth/me"


def main() -> None:
    asked = _arguments()
    call_command("migrate", verbosity=0)
    if asked.units:
        estates.make(asked.units)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    requests = _requests()
    with serving.served(workers=1, threads=1, settings="benchmarks.api_settings") as web:
        client = Client(web)
        for request in requests:
            client.ask(request, 20)
        for _ in range(asked.rounds):
            for request in requests:
                client.measure(request, asked.times)
    _show(requests)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--units", type=int, default=1000, help="0: as the database is filled")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=100, help="requests of a kind in a round")
    return parser.parse_args()


def _requests() -> list[Asked]:
    """The references, and the same person's requests with a password and with a key."""
    name = f"reader-{time.time_ns()}"
    person = User.objects.create_user(name, PASSWORD, role="super_admin")
    credential = b64encode(f"{name}:{PASSWORD}".encode()).decode()
    basic = {"Authorization": f"Basic {credential}"}
    made = keys.make(
        user=person, name=name, scopes=["read"], estates=None, expires_at=None, at=timezone.now()
    )
    key = {"Authorization": f"Bearer {made.text}"}
    return [
        Asked("a bare Django view", "/plain/django"),
        Asked("a bare view of the framework, one SELECT", "/plain/view"),
        Asked("the framework's plain list of 20 units", "/plain/list"),
        Asked("20 units with meters and wallet, raw psycopg", "/plain/raw"),
        Asked("20 units with meters and wallet, the API, key", UNITS, key),
        Asked("20 units with meters and wallet, the API, Basic", UNITS, basic),
        Asked("who am I, the API, key", ME, key),
        Asked("who am I, the API, Basic", ME, basic),
    ]


def _show(requests: list[Asked]) -> None:
    print(f"{'':50} {'web ms':>8} {'database ms':>12} {'together':>9} {'plain list':>11}")
    plain = next(one.cost for one in requests if one.path == "/plain/list")
    for one in requests:
        web, database = statistics.median(one.web), statistics.median(one.database)
        ratio = plain / one.cost
        print(f"{one.name:50} {web:8.2f} {database:12.2f} {one.cost:9.2f} {ratio:9.2f} x")


if __name__ == "__main__":
    main()
