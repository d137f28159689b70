"""The list of transactions, and totals that come to what the wallets hold."""

from decimal import Decimal

import pytest
from django.db.models import Sum

from estates.models import Estate
from estates.tests.factories import EstateFactory
from quantify.periods import SOUTH_AFRICA
from reports.report import BEGINNING
from reports.tests.asking import rand, rows, section, totals
from reports.transactions import REPORT
from units.tests.factories import UnitFactory
from wallets import ledger, purchases
from wallets.models import Transaction, Wallet
from wallets.tests.moments import NOON, top_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def estate() -> Estate:
    """R100 paid in and R30 of it bound to electricity; R50 paid in and taken back."""
    estate: Estate = EstateFactory.create()
    UnitFactory.create(estate=estate, unit_number="A1")
    wallet = Wallet.objects.get(unit__estate=estate)
    top_up(wallet, "100.00", reference="First")
    purchases.purchase(
        wallet_id=wallet.pk, utility="electricity", amount=Decimal(30), occurred_at=NOON, actor=None
    )
    wrong = top_up(wallet, "50.00", payment_method="eft")
    ledger.reverse(transaction_id=wrong.pk, reason="bounced", occurred_at=NOON, actor=None)
    other = Wallet.objects.get(unit=UnitFactory.create())
    top_up(other, "999.00")
    return estate


class TestAnswer:
    def test_lists_each_the_oldest_first(self, estate):
        names = ("kind", "amount", "effect", "balance_after", "reference", "is_reversed", "reason")

        assert rows(REPORT, estate, *names)[0] == (
            "topup", *rand("100", "100", "100"), "First", False, "",
        )  # fmt: skip
        assert rows(REPORT, estate, "kind", "amount", "effect", "is_reversed")[2:] == [
            ("topup", *rand("50", "50"), True),
            ("reversal", *rand("-50", "-50"), False),
        ]

    def test_tells_instants_in_the_zone_of_the_estate(self, estate):
        at = rows(REPORT, estate, "occurred_at")[0]

        assert (at, at.utcoffset()) == (NOON, NOON.astimezone(SOUTH_AFRICA).utcoffset())

    def test_adds_up_by_kind(self, estate):
        names = ("kind", "transactions", "amount", "effect")
        expected = [
            ("purchase_electricity", 1, *rand("30", "0")),
            ("reversal", 1, *rand("-50", "-50")),
            ("topup", 2, *rand("150", "150")),
        ]

        assert rows(REPORT, estate, *names, group_by="kind") == expected
        assert section(REPORT, estate, "kinds", *names) == expected
        assert [row[1:] for row in rows(REPORT, estate, "day", *names, group_by="day")] == expected

    @pytest.mark.parametrize("group_by", REPORT.groups)
    def test_comes_to_what_the_wallets_hold(self, estate, group_by):
        held = Wallet.objects.filter(unit__estate=estate).aggregate(sum=Sum("balance"))["sum"]

        assert held == Decimal(100)
        asked = {"group_by": group_by, "first_day": BEGINNING}
        assert totals(REPORT, estate, "effect", **asked) == [Decimal(100)]
        assert sum(rows(REPORT, estate, "effect", **asked)) == Decimal(100)

    def test_of_one_utility_leaves_the_others_out(self, estate):
        assert rows(REPORT, estate, "kind", utility="electricity") == ["purchase_electricity"]
        assert Transaction.objects.filter(estate=estate).count() == 4

    def test_of_nothing_is_empty(self):
        empty = EstateFactory.create()
        for group_by in REPORT.groups:
            assert rows(REPORT, empty, group_by=group_by) == []
            assert totals(REPORT, empty, group_by=group_by) == []
