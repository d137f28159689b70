"""Pieces of work for processes that may be killed at them; every argument is text."""

import os
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import User
from meters import keys
from meters.batches import RawReading
from meters.collecting import visits
from meters.collecting.rounds import Visit
from meters.collecting.targets import Target
from meters.control import sending
from meters.control.exchange import Exchange, LastWord, Order
from meters.dlms.values import ControlState, RelayState
from meters.tasks import collect
from notifications import outbox
from quantify.crash_points import Point, reach
from wallets import purchases, topups
from wallets.billing import carrying, runs
from wallets.office import adjustments, suspense

OFF = RelayState(output=False, control_state=ControlState.DISCONNECTED, control_mode=4)
ON = RelayState(output=True, control_state=ControlState.CONNECTED, control_mode=4)


def pay(wallet: str, key: str) -> None:
    topups.top_up(
        wallet_id=UUID(wallet), amount=Decimal("50.00"), payment_method="cash", reference=key,
        occurred_at=timezone.now(), actor=None, idempotency_key=key, request_digest="same",
    )  # fmt: skip


def adjust(wallet: str, key: str) -> None:
    adjustments.adjust(
        wallet_id=UUID(wallet), amount=Decimal("-7.77"), reason="Test", reference=key,
        occurred_at=timezone.now(), actor=User.objects.get(username="crash"),
        idempotency_key=key, request_digest="same",
    )  # fmt: skip


def buy(wallet: str, key: str) -> None:
    purchases.purchase(
        wallet_id=UUID(wallet), utility="electricity", amount=Decimal("1.11"),
        occurred_at=timezone.now(), actor=None, idempotency_key=key, request_digest="same",
    )  # fmt: skip


def allocate(wallet: str, key: str, receipt: str) -> None:
    suspense.allocate(
        receipt_id=UUID(receipt), wallet_id=UUID(wallet), amount=Decimal("3.33"),
        occurred_at=timezone.now(), actor=None, idempotency_key=key, request_digest="same",
    )  # fmt: skip


def bill(wallet: str, now: str) -> None:
    runs.bill(now=datetime.fromisoformat(now), wallet_ids=[UUID(wallet)])


def bill_in_lanes(now: str) -> None:
    """Bill everybody, one wallet a batch, in two lanes."""
    with patch.object(runs, "WALLETS_AT_ONCE", 1), patch.object(carrying, "BILLS_AT_ONCE", 1):
        runs.bill(now=datetime.fromisoformat(now))


def trade(wallet: str, journal: str, first: str) -> None:
    """Pay, buy and correct without end, telling the journal what is tried and what is done."""
    told = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in count(int(first)):
        work = (pay, buy, adjust)[number % 3]
        key = f"{work.__name__}-{number}"
        os.write(told, f"try {key}\n".encode())
        work(wallet, key)
        os.write(told, f"done {key}\n".encode())


def collect_kilowatt_hours(concentrator: str, until: str, hours: str) -> None:
    """Collect from a meter that counted 1 kWh in each quarter of an hour up to an instant."""
    end = datetime.fromisoformat(until)

    def visit_all(targets: list[Target], *_: object) -> list[Visit]:
        quarters = range(1, int(hours) * 4 + 1)
        began = end - timedelta(hours=int(hours))
        return [
            Visit(
                target,
                [RawReading(target.meter_id, 1, began + quarter * timedelta(minutes=15),
                    1000 * quarter) for quarter in quarters],
                heard=True,
            )
            for target in targets
        ]  # fmt: skip

    with patch.object(visits, "visit_all", visit_all):
        collect(concentrator_id=concentrator)


class RelayInAFile:
    """A meter that keeps the history of its relay in a file."""

    def __init__(self, path: str) -> None:
        self.history = Path(path)

    def converse(self, order: Order, may_leave: LastWord) -> Exchange:
        stands = self.history.read_text().split()[-1]
        acts = order.act and not (order.read_first and stands == order.action)
        if acts and (refusal := may_leave()):
            return Exchange(refused=refusal)
        if acts:
            stands = str(order.action)
            self.history.write_text(f"{self.history.read_text()} {stands}")
        return Exchange(left=acts, answered=acts, relay=OFF if stands == "disconnect" else ON)


def use_counters(meter: str, journal: str) -> None:
    """Take counters for a meter and use some, telling the journal which."""
    counters = keys.issue(UUID(meter)).counters
    told = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for _ in range(3):
        os.write(told, f"{counters.take()}\n".encode())
    reach(Point.COUNTERS_USED)


def send(command: str, relay: str, now: str) -> None:
    """Send a command to a meter that keeps the history of its relay in a file."""
    sending.send(
        UUID(command),
        permit=lambda *_: sending.Verdict(),
        now=datetime.fromisoformat(now),
        finding=lambda _: RelayInAFile(relay),
    )


def send_over_the_line(command: str, now: str) -> None:
    """Send a command to its meter behind its concentrator."""
    sending.send(
        UUID(command), permit=lambda *_: sending.Verdict(), now=datetime.fromisoformat(now)
    )


def deliver(folder: str) -> None:
    backend = "django.core.mail.backends.filebased.EmailBackend"
    settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": {"file_path": folder}}}
    outbox.deliver_due(now=timezone.now())


def pay_in_two_commits(wallet: str, reference: str) -> None:
    """A fault: what was posted and what the wallet holds are committed one after the other."""
    held = read(wallet)
    post_past_the_ledger(wallet, reference, held)
    reach(Point.AFTER_LEDGER_WRITE)
    move_past_the_ledger(wallet, held)


def read(wallet: str) -> tuple[int, Decimal]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sequence, available FROM wallets_wallet WHERE id = %s", [wallet])
        return cursor.fetchone()


def post_past_the_ledger(wallet: str, reference: str, held: tuple[int, Decimal]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO wallets_transaction (wallet_id, estate_id, sequence, kind, utility,"
            " amount, balance_before, balance_after, arrears_after, payment_method, reference,"
            " reason, metadata, request_digest, occurred_at, debits, credits, amounts)"
            " SELECT %(wallet)s, estate_id, coalesce((SELECT max(sequence) FROM wallets_transaction"
            " WHERE wallet_id = %(wallet)s), 0) + 1, 'topup', '', 50, %(held)s, %(held)s + 50, 0,"
            " 'cash', %(reference)s, '', '{}', '', now(), '{23}', '{1}', '{50}'"
            " FROM units_unit JOIN wallets_wallet AS wallet ON wallet.unit_id = units_unit.id"
            " WHERE wallet.id = %(wallet)s",
            {"wallet": wallet, "reference": reference, "held": held[1]},
        )


def move_past_the_ledger(wallet: str, held: tuple[int, Decimal]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE wallets_wallet SET sequence = %s, available = %s WHERE id = %s",
            [held[0] + 1, held[1] + 50, wallet],
        )
