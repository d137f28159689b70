"""Money in and revenue: the sums of the postings, to the cent, however they are grouped."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from estates.models import Estate
from estates.tests.factories import EstateFactory
from rates.tests.factories import flat
from reports.report import BEGINNING
from reports.revenue import METHODS, REPORT
from reports.tests.asking import AUGUST, JULY, rand, rows, section, totals
from reports.tests.test_simulations import bill, estate_on, home, table_of
from wallets import accounts, ledger
from wallets.models import Account, Posting, Wallet
from wallets.office import refunds, service_charges, suspense
from wallets.tests.metering import use
from wallets.tests.moments import NOON, top_up

pytestmark = pytest.mark.django_db

EVERYTHING = {"first_day": BEGINNING, "last_day": date(2999, 1, 1)}
SECOND = datetime(2026, 7, 2, 10, tzinfo=UTC)


@pytest.fixture
def estate() -> Estate:
    """
    R300 by EFT and R200 by card, of which the card's bounced; R50 refunded by EFT; 50 kWh at
    R2.00 with VAT; a service of R23.00; R70 in suspense by EFT, R30 of them allocated and the
    rest given back.
    """
    estate = estate_on(table_of(flat("2.00")))
    use(home(estate, "A1"), date(2026, 7, 3), "50")
    wallet = Wallet.objects.get(unit__estate=estate)
    top_up(wallet, "300.00", payment_method="eft", occurred_at=SECOND)
    card = top_up(wallet, "200.00", payment_method="card", utility="water", occurred_at=SECOND)
    ledger.reverse(transaction_id=card.pk, reason="bounced", occurred_at=NOON, actor=None)
    bill()
    asked = {"wallet_id": wallet.pk, "occurred_at": NOON, "actor": None}
    refunds.refund(amount=Decimal(50), payment_method="eft", reason="Moves", **asked)
    service_charges.charge(amount=Decimal(23), reason="Lost key", **asked)
    receipt = suspense.record(
        estate=estate, amount=Decimal(70), payment_method="eft", external_key="1",
        received_at=SECOND, recorded_at=SECOND, actor=None,
    ).receipt  # fmt: skip
    suspense.allocate(
        receipt_id=receipt.pk, wallet_id=wallet.pk, amount=Decimal(30), occurred_at=NOON, actor=None
    )
    suspense.return_money(
        receipt_id=receipt.pk, reason="wrong account", returned_at=NOON, actor=None
    )
    return estate


class TestAnswer:
    def test_by_method_comes_to_the_clearing_accounts(self, estate):
        names = ("method", "top_ups", "reversed", "suspense", "returned", "refunds", "net")

        found = rows(REPORT, estate, *names, group_by="method")

        assert found == [
            ("eft", *rand("300", "0", "70", "40", "50", "280")),
            ("card", *rand("200", "200", "0", "0", "0", "0")),
        ]
        held = {row.account: -row.closing for row in self.trial(estate)}
        codes = {name: account for account, name in METHODS.items()}
        assert {name: held[codes[name]] for name, *_ in found} == {row[0]: row[-1] for row in found}

    def test_by_utility_comes_to_the_revenue_accounts(self, estate):
        names = ("utility", "revenue", "vat", "charged")

        assert rows(REPORT, estate, *names, group_by="utility", last_day=date(2026, 8, 31)) == [
            ("electricity", *rand("100", "15", "115")), ("services", *rand("20", "3", "23")),
        ]  # fmt: skip

    def test_by_day_dates_each_by_when_it_happened(self, estate):
        names = ("day", "paid_in", "paid_back", "electricity", "services", "vat", "charged")
        found = rows(REPORT, estate, *names, last_day=date(2026, 8, 31))

        assert found == [
            (date(2026, 7, 2), *rand("570", "0", "0", "0", "0", "0")),
            (date(2026, 7, 15), *rand("0", "290", "0", "20", "3", "23")),
            (date(2026, 8, 3), *rand("0", "0", "100", "0", "15", "115")),
        ]

    def test_accounts_are_those_of_the_trial_balance(self, estate):
        accounts.close(now=AUGUST + timedelta(days=4000))
        names = ("account", "debit", "credit", "net")

        found = section(REPORT, estate, "accounts", *names, **EVERYTHING)

        assert found == [
            (row.account.name.lower(), row.debit, row.credit, row.closing)
            for row in self.trial(estate)
        ]

    def test_accounts_are_the_sums_of_the_postings(self, estate):
        vat = Posting.objects.filter(transaction__estate=estate, credit=Account.VAT_OUTPUT)

        found = dict(section(REPORT, estate, "accounts", "account", "net", **EVERYTHING))

        assert vat.aggregate(sum=Sum("amount"))["sum"] == found["vat_output"] == Decimal(18)

    @pytest.mark.parametrize("group_by", ["day", "month"])
    def test_totals_are_the_sums_of_the_rows(self, estate, group_by):
        names = ("paid_in", "revenue", "vat", "charged")
        asked = {"group_by": group_by, "last_day": date(2026, 8, 31)}
        found = rows(REPORT, estate, *names, **asked)

        assert totals(REPORT, estate, *names, **asked) == [
            tuple(sum(column) for column in zip(*found, strict=True))
        ]
        assert totals(REPORT, estate, *names, **asked) == [rand("570", "120", "18", "138")]

    def test_of_one_utility_tells_what_was_paid_in_for_it(self, estate):
        asked = {"utility": "water", "last_day": date(2026, 8, 31)}

        assert totals(REPORT, estate, "paid_in", "paid_back", "charged", **asked) == [
            rand("200", "200", "0")
        ]

    def test_of_nothing_is_empty(self):
        empty = EstateFactory.create()
        for group_by in REPORT.groups:
            assert rows(REPORT, empty, group_by=group_by) == []
        assert section(REPORT, empty, "accounts", "account") == []

    @staticmethod
    def trial(estate: Estate) -> tuple[accounts.Row, ...]:
        return accounts.trial_balance(estate, JULY, date(2999, 1, 1)).rows
