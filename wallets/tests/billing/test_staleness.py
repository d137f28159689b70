"""What makes a bill stale, and what need not be read again for it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from estates.models import Estate, EstateSettings
from meters.models import Installation, Meter
from rates.tests.factories import flat
from units.tests.factories import UnitFactory
from wallets import ledger
from wallets.billing import runs
from wallets.models import Bill, Transaction, Wallet
from wallets.tests.billing.test_billing import JULY, metered_unit, noon, wallet_of
from wallets.tests.billing.test_rating import charged, correct
from wallets.tests.metering import count, use

pytestmark = pytest.mark.django_db

TIME_OF_USE: list[dict[str, object]] = [
    {
        "kind": "time_of_use",
        "calendar": "eskom",
        "prices": {"peak": "7.00", "standard": "2.00", "off_peak": "1.00"},
    }
]
FIRST = datetime(2026, 7, 1, 7, tzinfo=UTC)
"""Wednesday, 09:00 local: standard."""
PEAK = timedelta(hours=9)


def bill_on(day: int) -> runs.Run:
    return runs.bill(now=noon(date(2026, 7, day)), since=JULY)


class TestEstate:
    def test_that_leaves_vat_gives_the_month_s_back(self):
        meter = metered_unit(flat("2.00"))
        use(meter, date(2026, 7, 3), "10")
        bill_on(3)
        EstateSettings.objects.filter(estate=meter.estate).update(vat_registered=False)

        bill_on(3)

        assert charged() == ["23.00", "-3.00"]
        assert bill_on(3).priced == 0

    def test_that_gives_other_solar_away_prices_the_month_anew(self):
        meter = metered_unit(flat("2.00"), kind="solar")
        use(meter, date(2026, 7, 3), "75")
        bill_on(3)
        Estate.objects.update(solar_free_allocation_kwh=60)

        bill_on(3)

        assert charged() == ["57.50", "-23.00"]
        assert bill_on(3).priced == 0

    def test_that_gives_solar_away_prices_no_electricity_anew(self):
        meter = metered_unit(flat("2.00"))
        use(meter, date(2026, 7, 3), "75")
        bill_on(3)
        Estate.objects.update(solar_free_allocation_kwh=60)

        assert bill_on(3).priced == 0


class TestMove:
    @pytest.mark.parametrize(
        "components",
        [pytest.param(flat("2.00"), id="days"), pytest.param(TIME_OF_USE, id="quarter hours")],
    )
    def test_within_a_day_counts_each_quarter_hour_at_one_unit(self, components):
        meter = metered_unit(components)
        here = meter.installations.get()
        there = UnitFactory.create(estate=meter.estate)
        Installation.objects.filter(pk=here.pk).update(ends_at=FIRST)
        Installation.objects.create(
            meter=meter, unit=there, kind=meter.kind, starts_at=FIRST, opening_value=0
        )
        for instant, kwh in ((FIRST - timedelta(minutes=15), "10"), (FIRST, "20")):
            count(meter, instant, kwh)

        bill_on(2)

        bills = {bill.wallet.unit: bill for bill in Bill.objects.filter(month=JULY)}
        assert (bills[here.unit].consumption, bills[here.unit].subtotal) == (10_000, 20)
        assert (bills[there].consumption, bills[there].subtotal) == (20_000, 40)


class TestBands:
    @pytest.fixture
    def meter(self) -> Meter:
        """Two days of a month, the first of them billed and kept."""
        meter = metered_unit(TIME_OF_USE)
        count(meter, FIRST, "10")
        bill_on(2)
        assert Bill.objects.get(month=JULY).banded["2026-07-01"]["to"] == "2026-07-02"
        count(meter, FIRST + timedelta(days=1) + PEAK, "1")
        return meter

    def test_of_days_before_today_are_not_read_again(self, meter: Meter):
        forget(meter)

        bill_on(2)

        bill = Bill.objects.get(month=JULY)
        assert {line["what"]: line["amount"] for line in bill.lines} == {
            "standard": "20.00",
            "peak": "7.00",
        }

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"state": 1}, id="days"),
            pytest.param({"calendar": "another"}, id="calendar"),
            pytest.param({"to": "2026-07-04"}, id="clock"),
        ],
    )
    def test_are_read_again_if_anything_changed(self, meter: Meter, change: dict[str, object]):
        bill = Bill.objects.get(month=JULY)
        row = bill.banded["2026-07-01"]
        bill.banded = {"2026-07-01": row | {"bands": {"peak": [9, "2026-07-01"]}} | change}
        bill.save()

        bill_on(2)

        assert Bill.objects.get(month=JULY).subtotal == Decimal("27.00")

    def test_of_a_late_correction_are_read_again(self, meter: Meter):
        correct(meter, FIRST, 5_000)

        bill_on(2)

        assert Bill.objects.get(month=JULY).subtotal == Decimal("17.00")

    def test_of_another_installation_are_read_again(self, meter: Meter):
        Installation.objects.update(starts_at=FIRST + timedelta(minutes=15))

        bill_on(2)

        assert Bill.objects.get(month=JULY).subtotal == Decimal("7.00")

    def test_go_on_from_day_to_day(self, meter: Meter):
        for day in range(2, 12):
            bill_on(day)
            count(meter, FIRST + timedelta(days=day), "1")

        bill_on(12)

        bill = Bill.objects.get(month=JULY)
        assert bill.banded["2026-07-01"]["to"] == "2026-07-12"
        used = {line["what"]: Decimal(line["quantity"]) for line in bill.lines}
        assert sum(used.values()) == 21
        assert bill.consumption == 21_000


class TestDemand:
    @pytest.fixture
    def meter(self) -> Meter:
        """Two days of a month, the first of them, of 40 kW, billed and kept."""
        meter = metered_unit([{"kind": "demand", "price": "100.00"}])
        count(meter, FIRST, "10")
        bill_on(2)
        assert Bill.objects.get(month=JULY).banded["2026-07-01"]["demand"] == 40_000
        count(meter, FIRST + timedelta(days=1), "1")
        return meter

    def test_of_days_before_today_is_not_read_again(self, meter: Meter):
        forget(meter)

        bill_on(2)

        assert Bill.objects.get(month=JULY).subtotal == 4_000

    def test_of_today_may_be_higher(self, meter: Meter):
        count(meter, FIRST + timedelta(days=1, minutes=15), "11")

        bill_on(2)
        bill_on(3)

        bill = Bill.objects.get(month=JULY)
        assert (bill.subtotal, bill.banded["2026-07-01"]["demand"]) == (4_400, 44_000)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"state": 1}, id="days"),
            pytest.param({"minutes": 30}, id="minutes"),
            pytest.param({"to": "2026-07-04"}, id="clock"),
        ],
    )
    def test_is_read_again_if_anything_changed(self, meter: Meter, change: dict[str, object]):
        bill = Bill.objects.get(month=JULY)
        bill.banded = {"2026-07-01": bill.banded["2026-07-01"] | {"demand": 99_000} | change}
        bill.save()

        bill_on(2)

        assert Bill.objects.get(month=JULY).subtotal == 4_000

    def test_of_a_late_correction_is_read_again(self, meter: Meter):
        correct(meter, FIRST, 5_000)

        bill_on(2)

        assert Bill.objects.get(month=JULY).subtotal == 2_000


def forget(meter: Meter) -> None:
    """Take the quarter hour of the first day away, behind the back of its day."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM meters_interval WHERE meter_id = %s AND start = %s", [meter.pk, FIRST]
        )


class TestOvertaken:
    def test_a_run_does_not_take_back_what_a_later_one_charged(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        meter = metered_unit([*flat("2.00"), {"kind": "fixed_per_day", "price": "3.00"}])
        bill_on(1)
        self.before_the_lock(monkeypatch, lambda: bill_on(4))

        bill_on(2)

        assert charged() == ["3.45", "10.35"]
        assert wallet_of(meter).arrears == Decimal("13.80")

    def test_a_run_charges_what_came_since(self, monkeypatch: pytest.MonkeyPatch):
        meter = metered_unit(flat("2.00"))
        use(meter, date(2026, 7, 3), "10")

        def come_first() -> None:
            bill_on(3)
            use(meter, date(2026, 7, 3), "15")

        self.before_the_lock(monkeypatch, come_first)

        bill_on(3)

        assert charged() == ["23.00", "11.50"]

    def before_the_lock(self, monkeypatch: pytest.MonkeyPatch, come_first) -> None:
        lock, waiting = ledger.lock, [come_first]

        def overtaken(wallet_ids) -> None:
            if waiting:
                waiting.pop()()
            lock(wallet_ids)

        monkeypatch.setattr(ledger, "lock", overtaken)


class TestRun:
    def test_takes_as_many_statements_for_many_units_as_for_one(self):
        def statements(units: int) -> int:
            for _ in range(units):
                use(metered_unit(flat("2.00")), date(2026, 7, 3), "10")
            with CaptureQueriesContext(connection) as told:
                bill_on(3)
            # Each rate table is built once, with its calendar.
            return sum("rates_tariffcalendar" not in one["sql"] for one in told)

        statements(1)

        assert statements(2) == statements(5)
        assert Transaction.objects.count() == Wallet.objects.count() == 8
