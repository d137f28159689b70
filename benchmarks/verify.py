"""
How fast the whole ledger is added up again, against bare sums over transactions and postings.

    python -m quantify.stack run -- python benchmarks/verify.py --postings 1000000

Everything happens in the database that DATABASE_URL names, which should be one to throw away.
Each wallet is paid into once and then charged, two postings a charge: the amount and its VAT.
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.test")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks import postings  # noqa: E402
from estates.models import Estate  # noqa: E402
from units.models import Unit  # noqa: E402
from wallets.proving import verification  # noqa: E402

BARE = (
    "SELECT count(*), sum(amount) FROM wallets_posting",
    "SELECT count(*), sum(amount) FROM wallets_transaction",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--postings", type=int, default=1_000_000)
    parser.add_argument("--wallets", type=int, default=2_000)
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    fill(wallets=asked.wallets, asked=asked.postings)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    bare = min(bare_sums() for _ in range(3))
    best = min((verification.verify() for _ in range(3)), key=lambda one: one.seconds)
    assert not best.differences, best
    rows = best.postings + best.transactions
    print(f"bare sums     {rows:>9} rows {bare:6.2f} s {rows / bare:>11,.0f} rows/s")
    print(
        f"verify        {rows:>9} rows {best.seconds:6.2f} s {rows / best.seconds:>11,.0f} rows/s,"
        f" {best.seconds / bare:.1f} x the bare sums\n              {best}"
    )


def fill(*, wallets: int, asked: int) -> None:
    """An estate whose wallets have about so many postings."""
    estate = Estate.objects.create(code=f"V{time.time_ns()}", name="Benchmark")
    Unit.objects.bulk_create(
        Unit(estate=estate, unit_number=f"B-{number}") for number in range(wallets)
    )
    began = time.perf_counter()
    made = postings.fill(estate, asked)
    print(f"filled        {made:,} postings in {time.perf_counter() - began:.1f} s", flush=True)


def bare_sums() -> float:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        for statement in BARE:
            cursor.execute(statement)
            cursor.fetchall()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
