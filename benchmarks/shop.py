"""Paying clients for the benchmark of the ledger: in Python, and over HTTP."""

import http.client
import json
import os
import random
import sys
import time
import uuid
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.test")
django.setup()

from django.db import connection  # noqa: E402

from accounts.models import User  # noqa: E402
from benchmarks import serving  # noqa: E402
from estates.models import Estate  # noqa: E402
from wallets import ledger, topups  # noqa: E402

TEN = Decimal("10.00")
PASSWORD = "benchmark-only"  # noqa: S105


def _wallets() -> list[uuid.UUID]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM bench_wallet")
        return [row[0] for row in cursor]


def post_for(seconds: int) -> list[float]:
    """Post top-ups to the ledger as fast as one process can; the seconds that each took."""
    return _repeat(lambda **asked: ledger.post(topups.entry(**asked)), seconds)


def top_up_for(seconds: int) -> list[float]:
    """Top up with all that belongs to it: limits, ledger, and the wake-up of credit control."""
    return _repeat(topups.top_up, seconds)


def _repeat(pay: Callable[..., object], seconds: int) -> list[float]:
    wallets = _wallets()
    took: list[float] = []
    ends = time.perf_counter() + seconds
    while (began := time.perf_counter()) < ends:
        pay(
            wallet_id=random.choice(wallets),
            amount=TEN,
            payment_method="cash",
            reference="T-1",
            occurred_at=datetime.now(UTC),
            actor=None,
            idempotency_key=str(uuid.uuid4()),
            request_digest="digest",
        )
        took.append(time.perf_counter() - began)
    return took


def top_up_over_http(estate: Estate, *, clients: int, seconds: int) -> list[float]:
    """Pay into wallets by the API of two web processes; the seconds that each request took."""
    name = f"payer-{estate.pk}"
    User.objects.create_user(name, PASSWORD, role="super_admin")
    with serving.served(workers=2, threads=4) as web:
        wallets = _wallets()
        with ThreadPoolExecutor(clients) as pool:
            parts = pool.map(lambda _: _pay(web.port, name, wallets, seconds), range(clients))
            return [one for part in parts for one in part]


def _pay(port: int, name: str, wallets: list[uuid.UUID], seconds: int) -> list[float]:
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    credential = b64encode(f"{name}:{PASSWORD}".encode()).decode()
    body = json.dumps({"amount": "10.00", "payment_method": "cash", "reference": "T-1"})
    headers = {"Authorization": f"Basic {credential}", "Content-Type": "application/json"}
    took: list[float] = []
    ends = time.perf_counter() + seconds
    while (began := time.perf_counter()) < ends:
        path = f"/api/v1/wallets/{random.choice(wallets)}/topup"
        server.request("POST", path, body, headers | {"Idempotency-Key": str(uuid.uuid4())})
        answer = server.getresponse()
        text = answer.read()
        assert answer.status == http.HTTPStatus.CREATED, (answer.status, text)
        took.append(time.perf_counter() - began)
    return took
