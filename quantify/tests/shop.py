"""
The whole product on servers that may be killed, and clients who remember what they were told.

What an answer acknowledged is kept here, outside of the database; so is what every kill was and
how long it took until somebody was served again.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import psycopg
from celery import Celery

from quantify.stack.instance import CHECKOUT
from quantify.stack.quarters import Quarters
from quantify.stack.tests.conftest import Stack, wait_until
from quantify.stack.tests.test_recovery import postmaster
from quantify.tests.proofs import faults

CLIENTS = 5
AMOUNT = "10.00"
# Between two payments of a client: a crowd that leaves the machine room to start anew.
PAUSE = 0.1
KWH = Decimal("2.30")  # 2.00 and 15 % VAT
PREPARE = """
from accounts.models import User
from rates.tests.factories import flat
from wallets.tests.billing.test_billing import metered_unit
from django.utils import timezone
from meters import partitions
User.objects.create_user("payer", "crash-test-only", role="super_admin")
partitions.ahead(timezone.now().date())
for _ in range(5):
    metered_unit(flat("2.00"))
"""
COUNT = """
WITH counted AS (
    INSERT INTO meters_dailyconsumption (meter_id, channel, day, quantity, intervals)
    SELECT id, 1, (now() AT TIME ZONE 'Africa/Johannesburg')::date, 1000, 96 FROM meters_meter
    ON CONFLICT (meter_id, channel, day) DO UPDATE
    SET quantity = meters_dailyconsumption.quantity + 1000,
        revision = meters_dailyconsumption.revision + 1
    RETURNING meter_id, channel, day
)
INSERT INTO meters_monthrevision AS known (meter_id, channel, month, revision)
SELECT meter_id, channel, date_trunc('month', day), 1 FROM counted
ON CONFLICT (meter_id, channel, month) DO UPDATE SET revision = known.revision + 1
"""
# What was metered, in kWh, and what was charged for it, wallet by wallet.
CHARGED = """
SELECT used.kwh, billed.charged
FROM (
    SELECT hangs.unit_id, sum(days.quantity) / 1000 AS kwh
    FROM meters_dailyconsumption AS days
    JOIN meters_installation AS hangs ON hangs.meter_id = days.meter_id
    GROUP BY hangs.unit_id
) AS used
LEFT JOIN (
    SELECT wallet.unit_id, sum(bill.charged) AS charged
    FROM wallets_bill AS bill JOIN wallets_wallet AS wallet ON wallet.id = bill.wallet_id
    GROUP BY wallet.unit_id
) AS billed ON billed.unit_id = used.unit_id
"""


class Shop:
    """Servers, web and worker, each to be killed; `trade` does so while clients pay."""

    def __init__(self, servers: Stack) -> None:
        self.servers = servers
        self.supervisor = servers.serve()
        self.environment = self._announced()
        self._manage("migrate", "--verbosity=0")
        self._manage("shell", "--verbosity=0", "--command", PREPARE)
        rows = servers.sql("SELECT id FROM wallets_wallet ORDER BY id")
        self.wallets = [str(row[0]) for row in rows]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.acknowledged: list[str] = []
        self.recoveries: dict[str, list[float]] = {}
        self.given_up = 0
        self.is_open, self.is_closed = True, False
        self.web, self.worker = self._start_web(), self._start_worker()

    def trade(self, kills: list[str], *, seed: int = 1) -> None:
        """Kill while clients pay and meters count; after each kill they must be served again."""
        chance = random.Random(seed)
        chance.shuffle(kills)
        work = [(self._pay_until_closed, wallet) for wallet in self.wallets[:CLIENTS]]
        work.append((self._count_until_closed, ""))
        threads = [threading.Thread(target=do, args=[with_], daemon=True) for do, with_ in work]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(self.acknowledged) > CLIENTS and self._billed_since(0), seconds=60)
        for kind in kills:
            self._kill_and_wait(kind)
            time.sleep(chance.uniform(0, 0.5))
        self.is_open = False
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)

    def settle(self) -> None:
        """Bill what is left, with nobody in between."""
        self._end(self.worker)
        self._manage("bill")

    def faults(self) -> list[str]:
        with self._connect() as connection, connection.cursor() as cursor:
            found = faults(cursor, self.acknowledged)
            cursor.execute(CHARGED)
            for kwh, charged in cursor.fetchall():
                if charged != kwh * KWH:
                    found.append(f"{kwh} kWh were charged with R{charged}")
            cursor.execute("SELECT (SELECT sum(balance - arrears) FROM wallets_wallet)"
                " - (SELECT sum(amount) FROM wallets_transaction WHERE kind = 'topup')"
                " + (SELECT coalesce(sum(charged), 0) FROM wallets_bill)")  # fmt: skip
            ((more,),) = cursor.fetchall()
        return [*found, f"R{more} came from nowhere"] if more else found

    def close(self) -> None:
        self.is_open, self.is_closed = False, True
        self._end(self.web)
        self._end(self.worker)

    def kill_web(self) -> None:
        self._end(self.web)
        self.web = self._start_web()

    def kill_worker(self) -> None:
        """Its main process; who keeps it running then clears away its children and starts it."""
        self.worker.kill()
        self._end(self.worker)
        self.worker = self._start_worker()

    def kill_child(self) -> None:
        children = Path(f"/proc/{self.worker.pid}/task/{self.worker.pid}/children")
        if pids := children.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(random.choice(pids)), signal.SIGKILL)

    def kill_postgres(self) -> None:
        os.kill(postmaster(self.servers), signal.SIGKILL)

    def kill_backend(self) -> None:
        """PostgreSQL ends every other one as well and recovers from its log."""
        wait_until(self.backends, seconds=30)
        with contextlib.suppress(ProcessLookupError, IndexError):
            os.kill(random.choice(self.backends()), signal.SIGKILL)

    def backends(self) -> list[int]:
        with contextlib.suppress(psycopg.Error):
            return [int(pid) for (pid,) in self.servers.sql(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
                " AND pid <> pg_backend_pid()"
            )]  # fmt: skip
        return []

    def _kill_and_wait(self, kind: str) -> None:
        kill: Callable[[], None] = getattr(self, f"kill_{kind}")
        restarts = self.given_up
        killed_at, known = time.time(), len(self.acknowledged)
        kill()
        began = time.monotonic()
        wait_until(lambda: self._is_served(kind, killed_at, known), seconds=120)
        if self.given_up == restarts:
            self.recoveries.setdefault(kind, []).append(time.monotonic() - began)

    def _is_served(self, kind: str, killed_at: float, known: int) -> bool:
        self._serve_again_if_given_up()
        # An answer may have been on its way when the kill came, one for each client.
        if len(self.acknowledged) <= known + CLIENTS:
            return False
        return kind not in ("worker", "child") or self._billed_since(killed_at)

    def _billed_since(self, instant: float) -> bool:
        with contextlib.suppress(psycopg.Error):
            return bool(self.servers.sql(
                f"SELECT 1 FROM wallets_bill WHERE updated_at > to_timestamp({instant:f}) LIMIT 1"  # noqa: S608
            ))  # fmt: skip
        return False

    def _serve_again_if_given_up(self) -> None:
        """What keeps ending is given up, and then a person starts everything anew."""
        if self.supervisor.poll() is None:
            return
        self.given_up += 1
        self.supervisor = self.servers.serve()
        self.environment = self._announced()
        self.kill_web()
        self.kill_worker()

    def _announced(self) -> dict[str, str]:
        urls = self.servers.instance.await_announcement(30)
        self._queue = Celery(broker=urls.redis)
        return {
            **os.environ,
            "DATABASE_URL": urls.database,
            "REDIS_URL": urls.redis,
            "DJANGO_SETTINGS_MODULE": "quantify.settings.dev",
            "LOG_LEVEL": "CRITICAL",
        }

    def _manage(self, *words: str) -> None:
        command = [sys.executable, str(CHECKOUT / "manage.py"), *words]
        quiet = subprocess.DEVNULL
        subprocess.run(  # noqa: S603
            command, env=self.environment, cwd=CHECKOUT, check=True, stdout=quiet
        )

    def _start_web(self) -> subprocess.Popen[bytes]:
        return self._start(
            "granian", "--interface=wsgi", "--workers=1", "--blocking-threads=6",
            f"--port={self.port}", "--log-level=critical", "quantify.wsgi:application",
        )  # fmt: skip

    def _start_worker(self) -> subprocess.Popen[bytes]:
        return self._start(
            "celery", "-A", "quantify", "worker", "--queues=quantify,control", "--concurrency=2",
            "--loglevel=CRITICAL",
        )  # fmt: skip

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", *words]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(  # noqa: S603
            command, env=self.environment, cwd=CHECKOUT, process_group=0,
            stdout=quiet, stderr=quiet,
        )  # fmt: skip

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _connect(self) -> psycopg.Connection:
        sockets = str(Quarters.near(self.servers.instance.home).sockets)
        return psycopg.connect(host=sockets, user="quantify", dbname="quantify")

    def _count_until_closed(self, _: str) -> None:
        """Every meter counts a kWh, and the workers are told that there is something to bill."""
        while self.is_open:
            with contextlib.suppress(Exception):
                self.servers.sql(COUNT)
                self._queue.send_task("wallets.tasks.bill", queue="quantify", retry=False)
            time.sleep(0.5)

    def _pay_until_closed(self, wallet: str) -> None:
        while self.is_open:
            key = str(uuid.uuid4())
            while not self._pay(wallet, key):
                if self.is_closed:
                    return
                time.sleep(PAUSE)
            self.acknowledged.append(key)
            time.sleep(PAUSE)

    def _pay(self, wallet: str, key: str) -> bool:
        body = {"amount": AMOUNT, "payment_method": "cash", "reference": key}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/wallets/{wallet}/topup",
            data=json.dumps(body).encode(),
            headers={
                "Authorization": "Basic " + b64encode(b"payer:crash-test-only").decode(),
                "Content-Type": "application/json",
                "Idempotency-Key": key,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 201)
        except (OSError, urllib.error.HTTPError):
            return False
