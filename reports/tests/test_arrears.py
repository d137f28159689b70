"""Debts by age: first in, first out, and in all what the ledger says is owed."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from estates.models import Estate
from estates.tests.factories import EstateFactory
from reports.arrears import REPORT
from reports.report import BEGINNING
from reports.tests.asking import AUGUST, END_OF_JULY, rand, rows, totals
from units.tests.factories import OccupancyFactory, UnitFactory
from wallets import accounts, ledger
from wallets.billing import charges
from wallets.entries import Entry
from wallets.models import Account, Settlement, Transaction, Wallet
from wallets.office import former_residents
from wallets.tests.moments import top_up
from wallets.tests.office.test_settlement import AFTER, moved_out, settle

pytestmark = pytest.mark.django_db

LAST = datetime(2026, 7, 31, 10, tzinfo=UTC)
BY_AGE = ("days_0_30", "days_31_60", "days_61_90", "over_90")
ALL = {"first_day": BEGINNING, "last_day": END_OF_JULY}


@pytest.fixture
def wallet() -> Wallet:
    return Wallet.objects.select_related("unit__estate").get(unit=UnitFactory.create())


def used(
    wallet: Wallet, amount: str, *, days_ago: int, utility: str = "electricity"
) -> Transaction:
    """Charge what the wallet cannot pay, some days before 31 July."""
    flow = charges.consumption_flow(charges.Utility(utility), Decimal(amount), Decimal(0))
    return ledger.post(
        Entry(
            wallet_id=wallet.pk,
            kind=Transaction.Kind(f"consumption_{utility}"),
            amount=Decimal(amount),
            flow=flow,
            utility=utility,
            occurred_at=LAST - timedelta(days=days_ago),
        )
    ).transaction


def ages(estate: Estate, **asked: object) -> list[tuple[Decimal, ...]]:
    found: list[tuple[Decimal, ...]] = rows(REPORT, estate, *BY_AGE, **{**ALL, **asked})
    return found


class TestAges:
    @pytest.mark.parametrize(
        ("days_ago", "bucket"), [(0, 0), (30, 0), (31, 1), (60, 1), (61, 2), (90, 2), (91, 3)]
    )
    def test_go_by_the_day_on_which_it_arose(self, wallet, days_ago, bucket):
        used(wallet, "10.00", days_ago=days_ago)
        expected = [Decimal(0)] * 4
        expected[bucket] = Decimal(10)

        assert ages(wallet.unit.estate) == [tuple(expected)]
        oldest = (LAST - timedelta(days=days_ago)).date()
        assert rows(REPORT, wallet.unit.estate, "total", "oldest", **ALL) == [(Decimal(10), oldest)]

    def test_a_payment_clears_the_oldest_first(self, wallet):
        for days_ago in (100, 70, 40, 5):
            used(wallet, "10.00", days_ago=days_ago)
        top_up(wallet, "15.00", occurred_at=LAST)

        assert ages(wallet.unit.estate) == [rand("10", "10", "5", "0")]

    def test_a_debt_that_was_paid_whole_is_none(self, wallet):
        used(wallet, "10.00", days_ago=100)
        top_up(wallet, "10.00", occurred_at=LAST - timedelta(days=50))
        used(wallet, "4.00", days_ago=1)

        assert ages(wallet.unit.estate) == [rand("4", "0", "0", "0")]

    def test_water_is_owed_from_where_it_falls_below_zero(self, wallet):
        top_up(wallet, "30.00", utility="water", occurred_at=LAST - timedelta(days=80))
        used(wallet, "20.00", days_ago=75, utility="water")
        used(wallet, "25.00", days_ago=45, utility="water")
        used(wallet, "5.00", days_ago=2, utility="water")

        assert ages(wallet.unit.estate) == [rand("5", "15", "0", "0")]
        assert rows(REPORT, wallet.unit.estate, "utility", "total", group_by="utility", **ALL) == [
            ("water", Decimal(20))
        ]

    def test_a_payment_that_bounced_leaves_the_debt_as_old_as_it_was(self, wallet):
        used(wallet, "10.00", days_ago=100)
        paid = top_up(wallet, "10.00", occurred_at=LAST - timedelta(days=50))
        ledger.reverse(transaction_id=paid.pk, reason="bounced", occurred_at=LAST, actor=None)

        assert ages(wallet.unit.estate) == [rand("0", "0", "0", "10")]

    def test_a_charge_that_was_reversed_is_no_debt(self, wallet):
        wrong = used(wallet, "10.00", days_ago=100)
        used(wallet, "3.00", days_ago=50)
        ledger.reverse(transaction_id=wrong.pk, reason="wrong", occurred_at=LAST, actor=None)

        assert ages(wallet.unit.estate) == [rand("0", "3", "0", "0")]

    def test_are_told_as_they_stood_in_the_past(self, wallet):
        used(wallet, "10.00", days_ago=40)
        top_up(wallet, "10.00", occurred_at=LAST)

        then = (LAST - timedelta(days=9)).date()

        assert ages(wallet.unit.estate, last_day=then) == [rand("0", "10", "0", "0")]
        assert ages(wallet.unit.estate) == []

    def test_tell_only_what_arose_since_a_day_that_is_named(self, wallet):
        used(wallet, "10.00", days_ago=40)
        used(wallet, "4.00", days_ago=3)

        assert ages(wallet.unit.estate, first_day=date(2026, 7, 1)) == [rand("4", "0", "0", "0")]


class TestFormerResidents:
    @pytest.fixture
    def owed(self) -> Settlement:
        """Somebody who moved out on 15 July and owes R23.00 of electricity."""
        return settle(moved_out())

    def test_owe_beside_who_lives_there_now(self, owed):
        wallet = owed.wallet
        used(wallet, "7.00", days_ago=1)
        names = ("unit_number", "debtor", "total", "settlement")
        number = wallet.unit.unit_number

        assert rows(REPORT, owed.estate, *names, **ALL) == [
            (number, "resident", Decimal(7), None),
            (number, "former resident", Decimal(23), str(owed.pk)),
        ]
        assert rows(REPORT, owed.estate, "resident", **ALL)[1] == owed.resident
        assert rows(REPORT, owed.estate, "resident", sees_people=False, **ALL) == ["", ""]

    def test_owe_what_is_as_old_as_it_was_in_the_wallet(self):
        occupancy = moved_out()
        wallet = Wallet.objects.get(unit=occupancy.unit_id)
        used(wallet, "40.00", days_ago=95)
        made = settle(occupancy)

        # R23.00 was charged when it was settled, for the last days.
        assert made.debt == Decimal("63.00")
        assert ages(made.estate) == [rand("23", "0", "0", "40")]

    def test_owe_less_by_what_they_paid_the_oldest_first(self, owed):
        paid = former_residents.collect(
            settlement_id=owed.pk, amount=Decimal(20), payment_method="eft",
            occurred_at=AFTER, actor=None,
        )  # fmt: skip
        assert totals(REPORT, owed.estate, "total", **ALL) == [Decimal(3)]

        ledger.reverse(
            transaction_id=paid.transaction_id, reason="x", occurred_at=AFTER, actor=None
        )
        assert totals(REPORT, owed.estate, "total", **ALL) == [Decimal(23)]

    def test_are_residents_again_if_the_settlement_is_reversed(self, owed):
        ledger.reverse(
            transaction_id=owed.transaction_id, reason="x", occurred_at=AFTER, actor=None
        )

        assert rows(REPORT, owed.estate, "debtor", "total", **ALL) == [("resident", Decimal(23))]


class TestTotal:
    @pytest.mark.parametrize("group_by", REPORT.groups)
    def test_is_what_the_ledger_says_is_owed(self, group_by):
        owed = settle(moved_out())
        wallet = owed.wallet
        used(wallet, "12.34", days_ago=40)
        used(wallet, "5.66", days_ago=10, utility="water")
        second = Wallet.objects.get(unit=UnitFactory.create(estate=owed.estate))
        used(second, "100.00", days_ago=5)
        top_up(second, "60.00", occurred_at=LAST)
        paid = Wallet.objects.get(unit=UnitFactory.create(estate=owed.estate))
        top_up(paid, "60.00", occurred_at=LAST)
        at = AUGUST + timedelta(days=4000)

        in_wallets = Wallet.objects.filter(unit__estate=owed.estate).aggregate(
            arrears=Sum("arrears")
        )["arrears"]
        former = -accounts.balance(owed.estate, Account.FORMER_RESIDENTS, at)

        assert (in_wallets, former) == rand("52.34", "23.00")
        now = {"now": datetime.now(UTC), "last_day": date(2999, 1, 1), "first_day": BEGINNING}
        assert totals(REPORT, owed.estate, "total", group_by=group_by, **now) == [
            in_wallets + former + Decimal("5.66")
        ]
        assert sum(rows(REPORT, owed.estate, "total", group_by=group_by, **now)) == Decimal(81)

    def test_names_who_lives_there(self, wallet):
        used(wallet, "5.00", days_ago=1)
        occupancy = OccupancyFactory.create(unit=wallet.unit, starts_on=date(2026, 1, 1))

        assert rows(REPORT, wallet.unit.estate, "resident", **ALL) == [str(occupancy.resident)]

    def test_of_nothing_is_empty(self):
        empty = EstateFactory.create()
        for group_by in REPORT.groups:
            assert rows(REPORT, empty, "total", group_by=group_by, **ALL) == []
            assert totals(REPORT, empty, "total", group_by=group_by, **ALL) == []
