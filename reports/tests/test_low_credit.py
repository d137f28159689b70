"""Wallets below their limit: the least first, with what is known of them and nothing else."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from estates.models import Estate
from estates.tests.factories import EstateFactory
from meters.models import Meter
from reports.low_credit import REPORT
from reports.tests.asking import AUGUST, END_OF_JULY, rand, rows, totals
from reports.tests.test_simulations import home
from units.tests.factories import OccupancyFactory, ResidentFactory
from wallets import ledger
from wallets.models import Wallet
from wallets.tests.moments import NOON, top_up
from wallets.tests.test_topups import owe

pytestmark = pytest.mark.django_db


@pytest.fixture
def estate() -> Estate:
    """A1 holds R45, A2 R35, A3 nothing, A4 R60."""
    estate: Estate = EstateFactory.create()
    for number, amount in (("A1", "45.00"), ("A2", "35.00"), ("A3", None), ("A4", "60.00")):
        home(estate, number)
        wallet = Wallet.objects.get(unit__estate=estate, unit__unit_number=number)
        if amount:
            top_up(wallet, amount)
    return estate


def wallet_of(estate: Estate, number: str) -> Wallet:
    return Wallet.objects.get(unit__estate=estate, unit__unit_number=number)


class TestAnswer:
    def test_lists_who_is_below_the_limit_the_least_first(self, estate):
        owe(wallet_of(estate, "A3"), water="20.00", arrears="30.00")
        Wallet.objects.filter(pk=wallet_of(estate, "A2").pk).update(low_balance_limit=Decimal(30))
        names = ("unit_number", "level", "limit", "balance", "arrears")

        # A2 holds R35 above its own limit of R30.
        assert rows(REPORT, estate, *names) == [
            ("A3", "critical", *rand("50", "-20", "30")), ("A1", "low", *rand("50", "45", "0")),
        ]  # fmt: skip

    def test_comes_to_what_these_wallets_hold(self, estate):
        low = Wallet.objects.filter(unit__estate=estate, balance__lt=50)
        sums = low.aggregate(balance=Sum("balance"), arrears=Sum("arrears"))

        assert sums["balance"] == Decimal("80.00")
        assert totals(REPORT, estate, "balance", "arrears") == [tuple(sums.values())]
        assert totals(REPORT, estate, "wallets", "balance", group_by="level") == [
            (3, Decimal("80.00"))
        ]
        assert rows(REPORT, estate, "level", "wallets", "balance", group_by="level") == [
            ("critical", 1, Decimal(0)), ("low", 2, Decimal("80.00")),
        ]  # fmt: skip

    def test_says_why_there_is_no_forecast(self, estate):
        names = ("days_left", "runs_out_at", "forecast")

        for days_left, runs_out_at, says in rows(REPORT, estate, *names):
            assert (days_left, runs_out_at) == (None, None)
            assert says

    def test_tells_whom_to_call_today(self, estate):
        unit = wallet_of(estate, "A1").unit
        for first_name, kind in (("Olga", "owner"), ("Tandi", "tenant")):
            resident = ResidentFactory.create(
                estate=estate, first_name=first_name, last_name="Nkosi", phone="+27821234567"
            )
            OccupancyFactory.create(unit=unit, resident=resident, kind=kind)
        names = ("unit_number", "resident", "phone")

        assert rows(REPORT, estate, *names)[-1] == ("A1", "Tandi Nkosi", "+27821234567")

    def test_tells_nobody_to_who_may_not_see_people(self, estate):
        OccupancyFactory.create(unit=wallet_of(estate, "A1").unit)

        found = rows(REPORT, estate, "resident", "phone", "email", sees_people=False)

        assert found == [("", "", "")] * 3

    def test_tells_what_came_in_in_the_days(self, estate):
        wallet = wallet_of(estate, "A1")
        bounced = top_up(wallet, "10.00")
        ledger.reverse(transaction_id=bounced.pk, reason="x", occurred_at=NOON, actor=None)
        top_up(wallet, "10.00", occurred_at=NOON - timedelta(days=40))
        Wallet.objects.filter(pk=wallet.pk).update(low_balance_limit=Decimal(100))

        found = dict(rows(REPORT, estate, "unit_number", "paid_in"))

        assert (found["A1"], found["A3"]) == rand("45", "0")
        assert totals(REPORT, estate, "paid_in", last_day=END_OF_JULY) == [Decimal(80)]

    def test_of_a_utility_names_units_with_a_meter_of_it(self, estate):
        home(estate, "A5", kind="water")

        assert rows(REPORT, estate, "unit_number", utility="water") == ["A5"]
        assert rows(REPORT, estate, "unit_number", utility="solar") == []

    def test_tells_whose_supply_is_cut(self, estate):
        cut = Meter.objects.filter(installations__unit__unit_number="A1")
        cut.update(relay_state=Meter.RelayState.DISCONNECTED)

        assert dict(rows(REPORT, estate, "unit_number", "supply"))["A1"] == "Disconnected"

    def test_forgets_units_that_were_deleted(self, estate):
        estate.units.update(deleted_at=AUGUST)

        assert rows(REPORT, estate, "unit_number") == []
        assert totals(REPORT, estate, "balance") == []
