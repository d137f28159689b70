"""Everything that moves money at once, over real connections, while the meters keep counting."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from psycopg.errors import DeadlockDetected

from accounts.tests.factories import UserFactory
from meters.models import Meter
from rates.tests.factories import flat
from wallets import ledger, purchases
from wallets.billing import runs
from wallets.models import Account, Bill, Posting, Transaction, Wallet
from wallets.office import adjustments, refunds
from wallets.pockets import POCKET_ACCOUNTS, InsufficientBalance
from wallets.proving import verification
from wallets.tests.billing.test_billing import JULY, metered_unit, wallet_of
from wallets.tests.metering import use
from wallets.tests.moments import NOON, top_up

DAY = date(2026, 7, 14)
EXPECTED = (InsufficientBalance, ledger.AlreadyReversed, ledger.NotReversible)


class Estate:
    """Some metered units, and the things people and machines do with their money."""

    def __init__(self, units: int, seconds: float) -> None:
        self.meters = [metered_unit(flat("2.00")) for _ in range(units)]
        self.wallets = [wallet_of(meter) for meter in self.meters]
        self.clerk = UserFactory.create()
        self.used = dict.fromkeys((meter.pk for meter in self.meters), 0)
        self.ends = time.monotonic() + seconds
        self.surprises: list[BaseException] = []
        self.done: dict[str, int] = {}

    def pay(self, chance: random.Random) -> None:
        top_up(chance.choice(self.wallets), str(chance.randrange(100, 900)))

    def buy(self, chance: random.Random) -> None:
        purchases.purchase(
            wallet_id=chance.choice(self.wallets).pk,
            utility="electricity",
            amount=Decimal(chance.randrange(1, 40)),
            occurred_at=NOON,
            actor=None,
        )

    def refund(self, chance: random.Random) -> None:
        refunds.refund(
            wallet_id=chance.choice(self.wallets).pk,
            amount=Decimal(chance.randrange(1, 40)),
            payment_method="eft",
            reason="test",
            occurred_at=NOON,
            actor=None,
        )

    def adjust(self, chance: random.Random) -> None:
        adjustments.adjust(
            wallet_id=chance.choice(self.wallets).pk,
            amount=Decimal(chance.randrange(-20, 40) or 1),
            reason="test",
            occurred_at=NOON,
            actor=self.clerk,
        )

    def take_back(self, chance: random.Random) -> None:
        wallet = chance.choice(self.wallets)
        kinds = ("topup", "refund", "adjustment", "purchase_electricity")
        paid = wallet.transactions.filter(kind__in=kinds).order_by("?").first()
        if paid:
            ledger.reverse(transaction_id=paid.pk, reason="test", occurred_at=NOON, actor=None)

    def bill(self, _: random.Random) -> None:
        runs.bill(now=NOON, since=JULY)

    def count(self, chance: random.Random) -> None:
        meter: Meter = chance.choice(self.meters)
        self.used[meter.pk] += 1
        use(meter, DAY, str(self.used[meter.pk]))

    def repeat(self, work: Callable[[random.Random], None], seed: int) -> None:
        chance = random.Random(seed)
        try:
            while time.monotonic() < self.ends:
                try:
                    work(chance)
                    self.done[work.__name__] = self.done.get(work.__name__, 0) + 1
                except EXPECTED:
                    continue
                except ledger.LedgerBusy as busy:
                    # A loaded machine may keep a wallet for three seconds; a deadlock is a fault.
                    if busy.__cause__ and isinstance(busy.__cause__.__cause__, DeadlockDetected):
                        raise
        except Exception as error:
            self.surprises.append(error)
        finally:
            connection.close()


def pockets_by_postings(wallet: Wallet) -> dict[str, Decimal]:
    sums = dict.fromkeys([*POCKET_ACCOUNTS.values(), "arrears"], Decimal(0))
    names = {**POCKET_ACCOUNTS, Account.ARREARS: "arrears"}
    for posting in Posting.objects.filter(transaction__wallet=wallet):
        for account, sign in ((posting.credit, 1), (posting.debit, -1)):
            if name := names.get(Account(account)):
                sums[name] += sign * posting.amount
    return sums | {"arrears": -sums["arrears"]}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestEverythingAtOnce:
    @pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=pytest.mark.soak)])
    def test_keeps_every_balance(self, seconds: float):
        estate = Estate(units=6, seconds=seconds)
        counting = threading.Thread(target=estate.repeat, args=(estate.count, 0))
        counting.start()
        work = [
            estate.pay, estate.buy, estate.refund, estate.adjust, estate.take_back,
            estate.bill, estate.bill,
        ]  # fmt: skip
        with ThreadPoolExecutor(len(work)) as pool:
            list(pool.map(estate.repeat, work, range(1, len(work) + 1)))
        counting.join()
        runs.bill(now=NOON, since=JULY)

        assert estate.surprises == []
        assert set(estate.done) == {one.__name__ for one in [*work, estate.count]}
        assert verification.verify().differences == []
        for meter, wallet in zip(estate.meters, estate.wallets, strict=True):
            self.assert_sound(meter, wallet, kwh=estate.used[meter.pk])

    def assert_sound(self, meter: Meter, wallet: Wallet, *, kwh: int) -> None:
        wallet.refresh_from_db()
        transactions = list(Transaction.objects.filter(wallet=wallet).order_by("sequence"))
        pockets = {name: getattr(wallet, name) for name in pockets_by_postings(wallet)}
        assert pockets == pockets_by_postings(wallet)
        assert [one.sequence for one in transactions] == list(range(1, wallet.sequence + 1))
        after = [Decimal(0), *(one.balance_after for one in transactions)]
        assert [one.balance_before for one in transactions] == after[:-1]
        assert after[-1] == wallet.balance
        # 2.00 a kWh and 15 % VAT, whatever order things happened in.
        assert Bill.objects.get(wallet=wallet).charged == Decimal(kwh) * Decimal("2.30")
