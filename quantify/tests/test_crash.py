"""
Top-ups over HTTP while PostgreSQL and the web server are killed without warning.

What the client was told is kept outside of the database; afterwards every acknowledged top-up
must be there once, and nothing twice.
"""

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
from collections.abc import Iterator
from decimal import Decimal

import pytest

from quantify.stack.instance import CHECKOUT
from quantify.stack.tests.conftest import (  # noqa: F401  (fixtures of the stack)
    Stack,
    _nothing_given,
    _signals_as_before,
    home,
    stack,
    wait_until,
)
from quantify.stack.tests.test_recovery import postmaster

WEB_KILLS = 7
# More within a minute, and the supervisor rightly gives up.
POSTGRES_KILLS = 3
CLIENTS = 5
AMOUNT = "10.00"
PREPARE = """
from accounts.models import User
from estates.registration import register
from units.models import Unit
User.objects.create_user("payer", "crash-test-only", role="super_admin")
estate = register(code="CRASH", name="Crash test")
for number in range(5):
    Unit.objects.create(estate=estate, unit_number=f"A-{number}")
"""

pytestmark = pytest.mark.slow


class Shop:
    """The product on servers that may be killed, and clients who keep what they were told."""

    def __init__(self, servers: Stack) -> None:
        self.servers = servers
        self.servers.serve()
        urls = servers.instance.await_announcement(30)
        self.environment = {
            **os.environ,
            "DATABASE_URL": urls.database,
            "REDIS_URL": urls.redis,
            "DJANGO_SETTINGS_MODULE": "quantify.settings.dev",
            "LOG_LEVEL": "CRITICAL",
        }
        self._manage("migrate", "--verbosity=0")
        self._manage("shell", "--verbosity=0", "--command", PREPARE)
        rows = servers.sql("SELECT id FROM wallets_wallet ORDER BY id")
        self.wallets = [str(row[0]) for row in rows]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.acknowledged: list[str] = []
        self.is_open, self.is_closed = True, False
        self.web = self._start_web()

    def _manage(self, *words: str) -> None:
        command = [sys.executable, str(CHECKOUT / "manage.py"), *words]
        subprocess.run(command, env=self.environment, cwd=CHECKOUT, check=True)  # noqa: S603

    def _start_web(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-m", "granian", "--interface=wsgi", "--workers=1",
            "--blocking-threads=6", f"--port={self.port}", "--log-level=critical",
            "quantify.wsgi:application",
        ]  # fmt: skip
        return subprocess.Popen(  # noqa: S603
            command, env=self.environment, cwd=CHECKOUT, process_group=0
        )

    def kill_web(self) -> None:
        os.killpg(self.web.pid, signal.SIGKILL)
        self.web.wait()
        self.web = self._start_web()

    def kill_postgres(self) -> None:
        os.kill(postmaster(self.servers), signal.SIGKILL)

    def pay_until_closed(self, wallet: str) -> None:
        while self.is_open:
            key = str(uuid.uuid4())
            while not self._pay(wallet, key):
                if self.is_closed:
                    return
                time.sleep(0.05)
            self.acknowledged.append(key)

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

    def close(self) -> None:
        self.is_open, self.is_closed = False, True
        os.killpg(self.web.pid, signal.SIGKILL)
        self.web.wait()


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:  # noqa: F811
    opened = Shop(stack)
    yield opened
    opened.close()


def trade_through_crashes(shop: Shop, *, web: int, postgres: int) -> None:
    """Kill while clients pay; after each kill they must be served again."""
    chance = random.Random(web)
    kills = [shop.kill_web] * web + [shop.kill_postgres] * postgres
    chance.shuffle(kills)
    clients = [
        threading.Thread(target=shop.pay_until_closed, args=[wallet], daemon=True)
        for wallet in shop.wallets[:CLIENTS]
    ]
    for client in clients:
        client.start()
    wait_until(lambda: shop.acknowledged)
    for kill in kills:
        known = len(shop.acknowledged)
        kill()
        wait_until(lambda known=known: len(shop.acknowledged) > known + CLIENTS, seconds=90)
        time.sleep(chance.uniform(0, 0.5))
    shop.is_open = False
    for client in clients:
        client.join(60)
    assert not any(client.is_alive() for client in clients)


def lost_and_doubled(shop: Shop) -> tuple[set[str], set[str]]:
    """Acknowledged top-ups that are not there, and keys that are there more than once."""
    rows = shop.servers.sql("SELECT reference, count(*) FROM wallets_transaction GROUP BY 1")
    counts = {str(reference): count for reference, count in rows}
    doubled = {reference for reference, count in counts.items() if count != 1}
    return set(shop.acknowledged) - counts.keys(), doubled


class TestKills:
    def test_lose_nothing_and_double_nothing(self, shop: Shop):
        trade_through_crashes(shop, web=WEB_KILLS, postgres=POSTGRES_KILLS)

        assert lost_and_doubled(shop) == (set(), set())
        paid = Decimal(AMOUNT) * len(shop.acknowledged)
        assert shop.servers.sql("SELECT sum(balance) FROM wallets_wallet") == [(paid,)]
        holes = "SELECT count(*) FROM wallets_wallet AS wallet WHERE sequence <> (SELECT count(*) "
        holes += "FROM wallets_transaction WHERE wallet_id = wallet.id)"
        assert shop.servers.sql(holes) == [(0,)]

    def test_are_noticed_where_commits_do_not_wait_for_the_disk(self, shop: Shop):
        shop.servers.sql("ALTER SYSTEM SET synchronous_commit = off")
        shop.servers.sql("ALTER SYSTEM SET wal_writer_delay = '10s'")
        shop.servers.sql("SELECT pg_reload_conf()")

        trade_through_crashes(shop, web=0, postgres=3)

        lost, _ = lost_and_doubled(shop)
        assert lost
