"""
A wallet against a hundred lines of plain arithmetic: equal to the cent after every step.

The model knows amounts and kilowatt-hours, nothing of postings, bills or the rating engine.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from unittest.mock import patch

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

from accounts.tests.factories import UserFactory
from meters.tests.factories import MeterFactory
from quantify.crash_points import Point
from rates import tables
from rates.tests.factories import AssignmentFactory, flat
from units.tests.factories import UnitFactory
from wallets import ledger, purchases, topups
from wallets.billing import runs
from wallets.models import Transaction, Wallet
from wallets.office import adjustments, refunds, service_charges
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


POCKETS = ("available", "electricity", "water", "solar", "arrears")
NEVER_BELOW_ZERO = ("available", "electricity", "solar", "arrears")

type Change = dict[str, Decimal]


class Crash(Exception):
    """Stands for the end of the process at a named point."""


@dataclass
class Model:
    """What a resident would work out on paper; `history` is what each entry changed."""

    available: Decimal = ZERO
    electricity: Decimal = ZERO
    water: Decimal = ZERO
    solar: Decimal = ZERO
    arrears: Decimal = ZERO
    used: dict[tuple[str, date], Decimal] = field(default_factory=dict)
    charged: dict[tuple[str, date], Decimal] = field(default_factory=dict)
    water_prices: dict[date, Decimal] = field(default_factory=lambda: {date.min: Decimal(WATER)})
    history: list[Change] = field(default_factory=list)
    bought: set[int] = field(default_factory=set)
    undone: set[int] = field(default_factory=set)

    @property
    def held(self) -> Change:
        return {name: getattr(self, name) for name in POCKETS}

    @property
    def free(self) -> Decimal:
        return max(self.available - self.arrears - max(-self.water, ZERO), ZERO)

    def note(self, before: Change) -> None:
        """Remember what an entry changed, to undo it one day."""
        self.history.append({name: self.held[name] - before[name] for name in POCKETS})

    def undo(self, number: int, *, override: bool) -> bool:
        """Take an entry back, if its money is there; with override what is not there is owed."""
        back = {name: -change for name, change in self.history[number].items()}
        if override and number not in self.bought:
            back = self.owing(back)
        if any(self.held[name] + back[name] < 0 for name in NEVER_BELOW_ZERO):
            return False
        for name, change in back.items():
            setattr(self, name, self.held[name] + change)
        self.history.append(back)
        self.undone |= {number, len(self.history) - 1}
        return True

    def owing(self, back: Change) -> Change:
        changed = dict.fromkeys(POCKETS, ZERO) | {"water": back["water"]}
        for name in ("available", "electricity", "solar"):
            own = max(back[name], -self.held[name])
            free = ZERO if name == "available" else min(own - back[name], self.available)
            changed[name] += own
            changed["available"] -= free
            changed["arrears"] += own - back[name] - free
        owed = max(back["arrears"], -self.arrears)
        changed["arrears"] += owed
        changed["available"] += owed - back["arrears"]
        return changed

    def pay_in(self, amount: Decimal, pocket: str) -> None:
        debt = min(amount, max(-self.water, ZERO))
        self.water += debt
        owed = min(amount - debt, self.arrears)
        self.arrears -= owed
        setattr(self, pocket, getattr(self, pocket) + amount - debt - owed)

    def serve(self, amount: Decimal) -> None:
        paid = min(amount, self.available)
        self.available -= paid
        self.arrears += amount - paid

    def water_costs(self, month: date) -> Decimal:
        """Every price is for the days from its own to the next; each is a line of the bill."""
        litres: dict[Decimal, Decimal] = {}
        for (kind, day), quantity in self.used.items():
            if kind == "water" and day.replace(day=1) == month:
                begun = max(first for first in self.water_prices if first <= day)
                price = self.water_prices[begun]
                litres[price] = litres.get(price, ZERO) + quantity
        return sum((cents(price * used) for price, used in litres.items()), ZERO)

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
            net = self.water_costs(month)
        else:
            cheap = min(total, Decimal(20))
            net = cents(cheap * Decimal("1.337")) + cents((total - cheap) * Decimal("2.919"))
        return net + cents(net * Decimal("0.15"))

    def bill(self, today: date) -> None:
        this = today.replace(day=1)
        months = [(this - timedelta(days=1)).replace(day=1), this]
        for month in months:
            for utility in ("electricity", "water"):
                cost, before = self.month_costs(utility, month), self.held
                if more := cost - self.charged.get((utility, month), ZERO):
                    self.charge(utility, more)
                    self.note(before)
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
SMALL = st.decimals(min_value="0.01", max_value=120, places=2)
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
            assigned = AssignmentFactory.create(
                estate=unit.estate,
                rate_table__utility=kind,
                rate_table__version__components=components,
            )
        self.water, self.priced_from = assigned.rate_table, START
        self.clerk = UserFactory.create()
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
        before = self.model.held
        self.pay(amount, pocket)
        self.model.pay_in(amount, pocket)
        self.model.note(before)

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
        before = self.model.held
        self.model.available -= amount
        setattr(self.model, utility, getattr(self.model, utility) + amount)
        self.model.bought.add(len(self.model.history))
        self.model.note(before)

    @rule(amount=SMALL)
    def refund(self, amount: Decimal) -> None:
        try:
            refunds.refund(
                wallet_id=self.wallet.pk, amount=amount, payment_method="eft", reason="test",
                occurred_at=self.now, actor=None,
            )  # fmt: skip
        except InsufficientBalance:
            assert self.model.free < amount
            return
        before = self.model.held
        self.model.available -= amount
        self.model.note(before)

    @rule(amount=SMALL, sign=st.sampled_from([1, -1]))
    def adjust(self, amount: Decimal, sign: int) -> None:
        try:
            adjustments.adjust(
                wallet_id=self.wallet.pk, amount=sign * amount, reason="test",
                occurred_at=self.now, actor=self.clerk,
            )  # fmt: skip
        except InsufficientBalance:
            assert sign < 0
            assert self.model.available < amount
            return
        before = self.model.held
        if sign > 0:
            self.model.pay_in(amount, "available")
        else:
            self.model.available -= amount
        self.model.note(before)

    @rule(amount=SMALL)
    def charge_for_a_service(self, amount: Decimal) -> None:
        service_charges.charge(
            wallet_id=self.wallet.pk, amount=amount, reason="test", occurred_at=self.now,
            actor=None,
        )  # fmt: skip
        before = self.model.held
        self.model.serve(amount)
        self.model.note(before)

    @rule(days=st.integers(-15, 15), price=st.decimals(min_value=1, max_value=40, places=3))
    def change_the_price_of_water(self, days: int, price: Decimal) -> None:
        """From a coming day, or from a past one: then the difference is charged or given back."""
        day = max(self.today + timedelta(days=days), self.priced_from + timedelta(days=1))
        tables.create_version(
            table=self.water, effective_from=day, components=flat(str(price)), source="test"
        )
        self.priced_from = day
        self.model.water_prices[day] = price

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
        runs.bill(now=self.now)
        self.model.bill(self.today)

    @rule(
        point=st.sampled_from([
            Point.AFTER_LEDGER_WRITE, Point.BEFORE_LEDGER_COMMIT, Point.CHARGES_POSTED,
            Point.BILLS_STORED,
        ])
    )  # fmt: skip
    def crash_in_the_middle_and_bill_again(self, point: Point) -> None:
        def reach(reached: Point) -> None:
            if reached == point:
                raise Crash

        @transaction.atomic
        def run() -> None:
            runs.bill(now=self.now)
            raise Crash  # Nothing was to be posted: it ends before the commit.

        with (
            patch.object(runs, "reach", reach),
            patch.object(ledger, "reach", reach),
            pytest.raises(Crash),
        ):
            run()
        self.bill()

    @rule(amount=AMOUNTS)
    def crash_after_the_commit_and_pay_again(self, amount: Decimal) -> None:
        self.keys += 1
        before = self.model.held

        def reach(reached: Point) -> None:
            if reached == Point.AFTER_LEDGER_WRITE:
                raise Crash

        with patch.object(ledger, "reach", reach), pytest.raises(Crash):
            self.pay(amount, "available")
        self.pay(amount, "available")
        self.model.pay_in(amount, "available")
        self.model.note(before)

    @rule(days=st.integers(1, 12))
    def days_pass(self, days: int) -> None:
        # No reading of the past two weeks may fall out of the months that a run looks at.
        runs.bill(now=self.now)
        self.model.bill(self.today)
        self.today += timedelta(days=days)

    @rule()
    def the_month_ends(self) -> None:
        self.bill()
        self.today = (self.today.replace(day=1) + timedelta(days=31)).replace(day=1)
        self.bill()

    @precondition(lambda self: len(self.model.undone) < len(self.model.history))
    @rule(data=st.data(), override=st.booleans())
    def reverse(self, data: st.DataObject, override: bool) -> None:
        """A payment, a purchase, a charge of energy or the office, whatever it is."""
        numbers = range(len(self.model.history))
        left = [number for number in numbers if number not in self.model.undone]
        number = data.draw(st.sampled_from(left[-6:]))
        made = Transaction.objects.get(wallet=self.wallet, sequence=number + 1)
        asked = {"reason": "test", "occurred_at": self.now, "actor": None, "override": override}
        try:
            ledger.reverse(transaction_id=made.pk, **asked)
        except ledger.NotReversible:
            assert not self.model.undo(number, override=override)
            return
        assert self.model.undo(number, override=override)
        with pytest.raises(ledger.AlreadyReversed):
            ledger.reverse(transaction_id=made.pk, **asked)

    @invariant()
    def is_equal_to_the_cent(self) -> None:
        self.wallet.refresh_from_db()
        held = {name: getattr(self.wallet, name) for name in POCKETS}
        assert held == self.model.held
        assert self.wallet.sequence == len(self.model.history)
        assert held == pockets_by_postings(self.wallet)


@pytest.mark.django_db
class TestWallet:
    @pytest.mark.parametrize("examples", [40, pytest.param(400, marks=pytest.mark.soak)])
    def test_does_what_the_model_does(self, examples: int):
        run_state_machine_as_test(
            WalletMachine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
