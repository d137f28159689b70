"""
A wallet against sixty lines of plain arithmetic: equal to the cent after every step.

The model knows amounts and kilowatt-hours, nothing of transactions, bills or the rating engine.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from meters.tests.factories import MeterFactory
from rates.tests.factories import AssignmentFactory, flat
from units.tests.factories import UnitFactory
from wallets import billing, ledger, purchases, topups
from wallets.models import Transaction, Wallet
from wallets.pockets import InsufficientBalance
from wallets.tests.metering import use
from wallets.tests.test_mixed import pockets_by_postings

START = date(2026, 6, 20)
ZERO = Decimal("0.00")
BLOCKS = [
    {
        "kind": "block",
        "blocks": [{"upto": "20", "price": "1.337"}, {"upto": None, "price": "2.919"}],
    }
]
WATER = "17.453"


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass
class Model:
    """What a resident would work out on paper."""

    available: Decimal = ZERO
    electricity: Decimal = ZERO
    water: Decimal = ZERO
    solar: Decimal = ZERO
    arrears: Decimal = ZERO
    used: dict[tuple[str, date], Decimal] = field(default_factory=dict)
    charged: dict[tuple[str, date], Decimal] = field(default_factory=dict)

    def pay_in(self, amount: Decimal, pocket: str) -> None:
        debt = min(amount, max(-self.water, ZERO))
        self.water += debt
        owed = min(amount - debt, self.arrears)
        self.arrears -= owed
        setattr(self, pocket, getattr(self, pocket) + amount - debt - owed)

    def month_costs(self, utility: str, month: date) -> Decimal:
        total = sum(
            (
                quantity
                for (kind, day), quantity in self.used.items()
                if kind == utility and day.replace(day=1) == month
            ),
            ZERO,
        )
        if utility == "water":
            net = cents(total * Decimal(WATER))
        else:
            cheap = min(total, Decimal(20))
            net = cents(cheap * Decimal("1.337")) + cents((total - cheap) * Decimal("2.919"))
        return net + cents(net * Decimal("0.15"))

    def bill(self, today: date) -> None:
        this = today.replace(day=1)
        months = [(this - timedelta(days=1)).replace(day=1), this]
        for month in months:
            for utility in ("electricity", "water"):
                cost = self.month_costs(utility, month)
                self.charge(utility, cost - self.charged.get((utility, month), ZERO))
                self.charged[utility, month] = cost

    def charge(self, utility: str, amount: Decimal) -> None:
        if amount < 0:
            return self.give_back(utility, -amount)
        own = min(amount, max(getattr(self, utility), ZERO))
        free = min(amount - own, self.available)
        rest = amount - own - free
        setattr(self, utility, getattr(self, utility) - own)
        self.available -= free
        if utility == "water":
            self.water -= rest
        else:
            self.arrears += rest
        return None

    def give_back(self, utility: str, amount: Decimal) -> None:
        debt = max(-self.water, ZERO) if utility == "water" else self.arrears
        cleared = min(amount, debt)
        if utility == "water":
            self.water += cleared
        else:
            self.arrears -= cleared
        self.available += amount - cleared


AMOUNTS = st.decimals(min_value=10, max_value=400, places=2)
QUANTITIES = st.decimals(min_value=0, max_value=30, places=3)


class WalletMachine(RuleBasedStateMachine):
    """Each example lives in a database transaction of its own, which is rolled back."""

    @initialize()
    def open(self) -> None:
        self.outer = transaction.atomic()
        self.outer.__enter__()
        unit = UnitFactory.create()
        self.meters = {
            kind: MeterFactory.create(
                estate=unit.estate,
                kind=kind,
                with_register=True,
                installed=True,
                installation__unit=unit,
            )
            for kind in ("electricity", "water")
        }
        for kind, components in (("electricity", BLOCKS), ("water", flat(WATER))):
            AssignmentFactory.create(
                estate=unit.estate,
                rate_table__utility=kind,
                rate_table__version__components=components,
            )
        self.wallet = Wallet.objects.get(unit=unit)
        self.model = Model()
        self.today = START
        self.keys = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.outer.__exit__(None, None, None)

    @property
    def now(self) -> datetime:
        return datetime(self.today.year, self.today.month, self.today.day, 10, tzinfo=UTC)

    @rule(amount=AMOUNTS, pocket=st.sampled_from(["available", "electricity", "water"]))
    def top_up(self, amount: Decimal, pocket: str) -> None:
        self.keys += 1
        self.pay(amount, pocket)
        self.model.pay_in(amount, pocket)

    @precondition(lambda self: self.keys)
    @rule(amount=AMOUNTS)
    def repeat_the_last_key(self, amount: Decimal) -> None:
        self.pay(amount, "available")

    def pay(self, amount: Decimal, pocket: str) -> None:
        topups.top_up(
            wallet_id=self.wallet.pk,
            amount=amount,
            payment_method="cash",
            utility="" if pocket == "available" else pocket,
            occurred_at=self.now,
            actor=None,
            idempotency_key=f"key {self.wallet.pk} {self.keys}",
        )

    @rule(amount=AMOUNTS, utility=st.sampled_from(["electricity", "water"]))
    def purchase(self, amount: Decimal, utility: str) -> None:
        try:
            purchases.purchase(
                wallet_id=self.wallet.pk,
                utility=utility,
                amount=amount,
                occurred_at=self.now,
                actor=None,
            )
        except InsufficientBalance:
            assert self.model.available < amount
            return
        self.model.available -= amount
        setattr(self.model, utility, getattr(self.model, utility) + amount)

    @rule(
        kind=st.sampled_from(["electricity", "water"]),
        days_ago=st.integers(0, 15),
        quantity=QUANTITIES,
    )
    def read_or_correct(self, kind: str, days_ago: int, quantity: Decimal) -> None:
        day = max(self.today - timedelta(days=days_ago), START)
        use(self.meters[kind], day, str(quantity))
        self.model.used[kind, day] = quantity

    @rule()
    def bill(self) -> None:
        billing.run(now=self.now)
        self.model.bill(self.today)

    @rule()
    def crash_in_the_middle_and_bill_again(self) -> None:
        lost = transaction.savepoint_create()
        billing.run(now=self.now)
        transaction.savepoint_rollback(lost)
        self.bill()

    @rule(days=st.integers(1, 12))
    def days_pass(self, days: int) -> None:
        # No reading of the past two weeks may fall out of the months that a run looks at.
        billing.run(now=self.now)
        self.model.bill(self.today)
        self.today += timedelta(days=days)

    @precondition(lambda self: self.model.available > 0)
    @rule(data=st.data())
    def reverse_a_top_up(self, data: st.DataObject) -> None:
        plain = Transaction.objects.filter(
            wallet=self.wallet, kind="topup", utility="", reversed_by=None
        )
        whole = [
            one
            for one in plain.order_by("sequence")
            if one.balance_after - one.balance_before == one.amount
            and all(posting.credit == 1 for posting in one.postings.all())
        ]
        if not whole:
            return
        chosen = data.draw(st.sampled_from(whole))
        try:
            ledger.reverse(
                transaction_id=chosen.pk, reason="test", occurred_at=self.now, actor=None
            )
        except ledger.NotReversible:
            assert self.model.available < chosen.amount
            return
        self.model.available -= chosen.amount

    @invariant()
    def is_equal_to_the_cent(self) -> None:
        self.wallet.refresh_from_db()
        names = ("available", "electricity", "water", "solar", "arrears")
        held = {name: getattr(self.wallet, name) for name in names}
        assert held == {name: getattr(self.model, name) for name in names}
        assert held == pockets_by_postings(self.wallet)


@pytest.mark.django_db
class TestWallet:
    def test_does_what_the_model_does(self):
        run_state_machine_as_test(
            WalletMachine,
            settings=settings(
                max_examples=25,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
