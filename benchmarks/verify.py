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
from django.db import connection, transaction  # noqa: E402

from estates.models import Estate  # noqa: E402
from units.models import Unit  # noqa: E402
from wallets import verification  # noqa: E402

# Round by round over all wallets, as billing runs do. The first round pays in what the charges
# of R23.00 (R3.00 of it VAT) take out again.
TRANSACTIONS = """
INSERT INTO wallets_transaction (id, wallet_id, estate_id, sequence, kind, utility, amount,
    balance_before, balance_after, arrears_after, payment_method, reference, reason, metadata,
    request_digest, occurred_at, debits, credits, amounts)
SELECT uuidv7(), wallet.id, unit.estate_id, round,
    CASE round WHEN 1 THEN 'topup' ELSE 'consumption_electricity' END, '',
    CASE round WHEN 1 THEN 23 * (%(rounds)s - 1) ELSE 23 END,
    CASE round WHEN 1 THEN 0 ELSE 23 * (%(rounds)s - round + 1) END,
    23 * (%(rounds)s - round), 0, 'system', '', '', '{}', '', now(),
    CASE round WHEN 1 THEN ARRAY[20] ELSE ARRAY[1, 30] END,
    CASE round WHEN 1 THEN ARRAY[1] ELSE ARRAY[30, 40] END,
    CASE round WHEN 1 THEN ARRAY[23 * (%(rounds)s - 1)] ELSE ARRAY[23, 3] END
FROM generate_series(1, %(rounds)s) AS round
CROSS JOIN wallets_wallet AS wallet JOIN units_unit AS unit ON unit.id = wallet.unit_id
WHERE unit.estate_id = %(estate)s
ORDER BY round, wallet.id
"""

WALLETS = """
UPDATE wallets_wallet SET sequence = %(rounds)s
WHERE unit_id IN (SELECT id FROM units_unit WHERE estate_id = %(estate)s)
"""

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
    fill(wallets=asked.wallets, rounds=asked.postings // (2 * asked.wallets) + 1)
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


@transaction.atomic
def fill(*, wallets: int, rounds: int) -> None:
    """Write a ledger that agrees, past the triggers: they would look at every row of it."""
    estate = Estate.objects.create(code=f"V{time.time_ns()}", name="Benchmark")
    Unit.objects.bulk_create(
        Unit(estate=estate, unit_number=f"B-{number}") for number in range(wallets)
    )
    named = {"estate": estate.pk, "rounds": rounds}
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in (TRANSACTIONS, WALLETS):
            cursor.execute(statement, named)
    print(f"filled        {wallets} wallets of {rounds} transactions", end="")
    print(f" in {time.perf_counter() - began:.1f} s", flush=True)


def bare_sums() -> float:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        for statement in BARE:
            cursor.execute(statement)
            cursor.fetchall()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
