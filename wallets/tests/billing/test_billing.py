from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import transaction

from meters.models import Meter
from meters.tests.factories import MeterFactory
from quantify.tests.crowd import at_once
from rates.tests.factories import AssignmentFactory, flat
from units.tests.factories import UnitFactory
from wallets import ledger
from wallets.billing import runs
from wallets.models import Account, Bill, Charge, Posting, Transaction, Wallet
from wallets.tests.metering import count, use
from wallets.tests.moments import top_up

pytestmark = pytest.mark.django_db

BLOCKS = [
    {
        "kind": "block",
        "blocks": [
            {"upto": "50", "price": "1.50"},
            {"upto": "200", "price": "2.00"},
            {"upto": None, "price": "3.00"},
        ],
    }
]
JULY = date(2026, 7, 1)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 10, tzinfo=UTC)


def metered_unit(components: list[dict[str, object]], *, kind: str = "electricity") -> Meter:
    """A unit with one meter since January and one rate table for it."""
    unit = UnitFactory.create()
    meter = MeterFactory.create(
        estate=unit.estate, kind=kind, with_register=True, installed=True, installation__unit=unit
    )
    AssignmentFactory.create(
        estate=unit.estate,
        rate_table__utility=kind,
        rate_table__version__components=components,
    )
    return meter


def wallet_of(meter: Meter) -> Wallet:
    return Wallet.objects.get(unit__installations__meter=meter)


class TestRun:
    def test_charges_what_was_metered_with_vat(self):
        meter = metered_unit(flat("2.00"))
        top_up(wallet_of(meter), "100.00")
        use(meter, date(2026, 7, 3), "10")

        outcome = runs.bill(now=noon(date(2026, 7, 3)), since=JULY)

        wallet = wallet_of(meter)
        assert (outcome.charged, outcome.total) == (1, Decimal("23.00"))
        assert wallet.balance == Decimal("77.00")
        charged = Transaction.objects.get(kind="consumption_electricity")
        assert [(p.debit, p.credit, p.amount) for p in charged.postings.order_by("line")] == [
            (Account.AVAILABLE, Account.REVENUE_ELECTRICITY, Decimal("23.00")),
            (Account.REVENUE_ELECTRICITY, Account.VAT_OUTPUT, Decimal("3.00")),
        ]

    def test_again_charges_nothing(self):
        meter = metered_unit(flat("2.00"))
        use(meter, date(2026, 7, 3), "10")
        runs.bill(now=noon(date(2026, 7, 3)), since=JULY)

        again = runs.bill(now=noon(date(2026, 7, 3)), since=JULY)

        assert (again.priced, again.charged) == (0, 0)
        assert Transaction.objects.count() == 1

    def test_thirty_days_cost_what_the_month_costs(self):
        meter = metered_unit(BLOCKS)
        for number in range(1, 31):
            day = date(2026, 7, number)
            use(meter, day, "10")
            runs.bill(now=noon(day), since=JULY)

        bill = Bill.objects.get(month=JULY)
        # 50 at 1.50, 150 at 2.00, 100 at 3.00, and 15 % VAT.
        assert (bill.subtotal, bill.vat, bill.total) == (
            Decimal("675.00"),
            Decimal("101.25"),
            Decimal("776.25"),
        )
        assert sum(one.amount for one in Transaction.objects.all()) == Decimal("776.25")

    def test_a_lower_correction_is_given_back(self):
        meter = metered_unit(flat("2.00"))
        use(meter, date(2026, 7, 3), "10")
        runs.bill(now=noon(date(2026, 7, 3)), since=JULY)
        use(meter, date(2026, 7, 3), "4")

        runs.bill(now=noon(date(2026, 7, 3)), since=JULY)

        wallet = wallet_of(meter)
        amounts = Transaction.objects.order_by("sequence").values_list("amount", flat=True)
        assert list(amounts) == [Decimal("23.00"), Decimal("-13.80")]
        assert (wallet.arrears, wallet.balance) == (Decimal("9.20"), Decimal("0.00"))

    def test_what_electricity_cannot_pay_becomes_arrears(self):
        meter = metered_unit(flat("2.00"))
        top_up(wallet_of(meter), "10.00")
        use(meter, date(2026, 7, 3), "10")

        runs.bill(now=noon(date(2026, 7, 3)), since=JULY)

        wallet = wallet_of(meter)
        assert (wallet.balance, wallet.arrears) == (Decimal("0.00"), Decimal("13.00"))

    def test_what_water_cannot_pay_falls_below_zero(self):
        meter = metered_unit(flat("20.00"), kind="water")
        top_up(wallet_of(meter), "10.00")
        use(meter, date(2026, 7, 3), "1")

        runs.bill(now=noon(date(2026, 7, 3)), since=JULY)

        wallet = wallet_of(meter)
        assert (wallet.available, wallet.water, wallet.arrears) == (0, Decimal("-13.00"), 0)

    def test_solar_gives_the_first_units_of_a_month_away(self):
        meter = metered_unit(flat("2.00"), kind="solar")
        use(meter, date(2026, 7, 3), "75")

        runs.bill(now=noon(date(2026, 7, 3)), since=JULY)

        assert Bill.objects.get(month=JULY).subtotal == Decimal("50.00")

    def test_a_fixed_charge_comes_with_each_day_without_consumption(self):
        meter = metered_unit([*flat("2.00"), {"kind": "fixed_per_day", "price": "3.00"}])

        for number in (1, 2, 4):
            runs.bill(now=noon(date(2026, 7, number)), since=JULY)

        amounts = Transaction.objects.order_by("sequence").values_list("amount", flat=True)
        assert list(amounts) == [Decimal("3.45"), Decimal("3.45"), Decimal("6.90")]
        assert wallet_of(meter).arrears == Decimal("13.80")

    def test_without_a_rate_table_says_so_and_charges_nothing(self):
        meter = metered_unit(flat("2.00"))
        AssignmentFactory._meta.model.objects.all().delete()
        use(meter, date(2026, 7, 3), "10")

        outcome = runs.bill(now=noon(date(2026, 7, 3)), since=JULY)

        assert (outcome.charged, outcome.refused) == (0, 1)
        assert "No rate table is assigned" in Bill.objects.get().problem
        assert not Transaction.objects.exists()

    def test_explains_each_charge_by_the_lines_that_came(self):
        meter = metered_unit(BLOCKS)
        use(meter, date(2026, 7, 3), "45")
        runs.bill(now=noon(date(2026, 7, 3)), since=JULY)
        use(meter, date(2026, 7, 4), "10")

        runs.bill(now=noon(date(2026, 7, 4)), since=JULY)

        charge = Charge.objects.latest("transaction__number")
        lines = [(line["what"], line["quantity"], line["amount"]) for line in charge.lines]
        assert lines == [("block upto 50", "5.000", "7.50"), ("block upto 200", "5.000", "10.00")]
        assert (charge.consumption_before, charge.consumption_after) == (45_000, 55_000)
        amount = sum(Decimal(line["amount"]) for line in charge.lines) + charge.vat
        assert amount == charge.transaction.amount

    def test_postings_and_pockets_agree(self):
        meter = metered_unit(BLOCKS)
        top_up(wallet_of(meter), "60.00")
        for number, quantity in enumerate(("12.3", "0.017", "40.001"), start=1):
            use(meter, date(2026, 7, number), quantity)
            runs.bill(now=noon(date(2026, 7, number)), since=JULY)

        wallet = wallet_of(meter)
        debits = {account: Decimal(0) for account in Account}
        for posting in Posting.objects.all():
            debits[posting.debit] += posting.amount
            debits[posting.credit] -= posting.amount
        assert sum(debits.values()) == 0
        assert -debits[Account.AVAILABLE] == wallet.available
        assert debits[Account.ARREARS] == wallet.arrears
        assert -debits[Account.VAT_OUTPUT] == Bill.objects.get().vat

    def test_time_of_use_prices_each_interval_by_its_band(self):
        meter = metered_unit(
            [
                {
                    "kind": "time_of_use",
                    "calendar": "eskom",
                    "season": season,
                    "prices": {"peak": "7.00", "standard": "2.00", "off_peak": "1.00"},
                }
                for season in ("high", "low")
            ]
        )
        # Wednesday 1 July 2026, local: 06:15 peak, 09:00 standard, 23:45 off-peak.
        for instant, kwh in (("04:15", 1), ("07:00", 10), ("21:45", 100)):
            count(meter, datetime.fromisoformat(f"2026-07-01T{instant}+00:00"), f"{kwh}")

        runs.bill(now=noon(date(2026, 7, 2)), since=JULY)

        bill = Bill.objects.get(month=JULY)
        lines = {line["what"]: line["amount"] for line in bill.lines}
        assert lines == {"peak": "7.00", "standard": "20.00", "off_peak": "100.00"}
        assert bill.consumption == 111_000


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_runs_are_one(self):
        meters = [metered_unit(flat("2.00")) for _ in range(5)]
        for meter in meters:
            use(meter, date(2026, 7, 3), "10")

        at_once(lambda _: runs.bill(now=noon(date(2026, 7, 3)), since=JULY), times=6, threads=6)

        assert Transaction.objects.count() == 5
        assert {wallet.arrears for wallet in Wallet.objects.all()} == {Decimal("23.00")}

    def test_a_wallet_locked_too_long_keeps_no_other_batch_waiting(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(runs, "WALLETS_AT_ONCE", 1)
        use(metered_unit(flat("2.00")), date(2026, 7, 3), "10")
        meter = metered_unit(flat("2.00"))
        use(meter, date(2026, 7, 3), "10")

        def run(_: int) -> object:
            return runs.bill(now=noon(date(2026, 7, 3)), since=JULY)

        with transaction.atomic():
            ledger.lock([wallet_of(meter).pk])
            (answer,) = at_once(run, times=1, threads=1)

        assert isinstance(answer, runs.Run)
        assert (answer.charged, answer.busy) == (1, 1)
        assert run(1).charged == 1
