"""What one person of the crowd does; run by `benchmarks/crowd.py`."""

import itertools
import json
import os
import random
import uuid
from pathlib import Path
from typing import Any

from locust import HttpUser, between, task

KEYS = itertools.cycle(os.environ["CROWD"].split(","))
IDS = json.loads(Path(os.environ["CROWD_IDS"]).read_text())
API = "/api/v1"


class Person(HttpUser):
    """Somebody who works for both estates and looks things up."""

    wait_time = between(1, 3)

    units, wallets, meters = IDS["units"], IDS["wallets"], IDS["meters"]

    def on_start(self) -> None:
        self.client.headers["Authorization"] = f"Bearer {next(KEYS)}"

    def _get(self, path: str, name: str, **parameters: Any) -> None:
        self.client.get(f"{API}/{path}", params=parameters, name=name)

    @task(6)
    def look_at_units(self) -> None:
        self._get("units", "/units", page=random.randint(1, 5))

    @task(2)
    def open_a_unit(self) -> None:
        self._get(f"units/{random.choice(self.units)}", "/units/{id}")

    @task(4)
    def look_at_wallets(self) -> None:
        self._get("wallets", "/wallets", page=random.randint(1, 5))

    @task(3)
    def open_a_wallet(self) -> None:
        self._get(f"wallets/{random.choice(self.wallets)}", "/wallets/{id}")

    @task(4)
    def read_transactions(self) -> None:
        self._get("transactions", "/transactions?cursor", cursor="")

    @task(3)
    def read_readings(self) -> None:
        meter = random.choice(self.meters)
        self._get(f"meters/{meter}/readings", "/meters/{id}/readings", cursor="")

    @task(2)
    def look_at_days(self) -> None:
        meter = random.choice(self.meters)
        self._get(f"meters/{meter}/intervals", "/meters/{id}/intervals by day", group_by="day")

    @task(2)
    def search(self) -> None:
        self._get("search", "/search", q=f"A-{random.randint(1, 4)}0{random.randint(1, 6)}")

    @task(1)
    def top_up(self) -> None:
        self.client.post(
            f"{API}/wallets/{random.choice(self.wallets)}/topup",
            json={"amount": "20.00", "payment_method": "cash", "reference": "crowd"},
            headers={"Idempotency-Key": str(uuid.uuid4())},
            name="/wallets/{id}/topup",
        )
