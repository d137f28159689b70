"""What a month costs where its meter, its price or its metered values change within it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from meters import days
from meters.models import Installation, Meter
from meters.tests.factories import MeterFactory
from quantify.periods import local_day
from rates import assignments
from rates.models import Assignment, RateTable, RateTableVersion, TariffCalendar
from rates.tests.factories import RateTableFactory, flat
from wallets.billing import runs
from wallets.models import Bill, Transaction
from wallets.tests.billing.test_billing import BLOCKS, JULY, metered_unit, noon, wallet_of
from wallets.tests.metering import count, use

pytestmark = pytest.mark.django_db

DEMAND = [{"kind": "demand", "price": "100.00"}]
TIME_OF_USE = [
    {"kind": "time_of_use", "prices": {"peak": "7.00", "standard": "2.00", "off_peak": "1.50"}}
]


def priced(day: date) -> Bill:
    runs.bill(now=noon(day), since=JULY)
    return Bill.objects.get(month=JULY)


def charged() -> list[str]:
    amounts = Transaction.objects.order_by("sequence").values_list("amount", flat=True)
    return [str(amount) for amount in amounts]


class TestReplacedMeter:
    def test_goes_on_in_the_blocks_where_the_old_one_stopped(self):
        old = metered_unit(BLOCKS)
        unit = old.installations.get().unit
        change = datetime(2026, 7, 10, 22, tzinfo=UTC)
        Installation.objects.filter(meter=old).update(ends_at=change)
        new = MeterFactory.create(
            estate=unit.estate, with_register=True, installed=True,
            installation__unit=unit, installation__starts_at=change,
        )  # fmt: skip
        use(old, date(2026, 7, 5), "150")
        use(new, date(2026, 7, 12), "150")

        bill = priced(date(2026, 7, 12))

        assert [line["amount"] for line in bill.lines] == ["75.00", "300.00", "300.00"]


class TestWithdrawnAssignment:
    TENTH = date(2026, 7, 10)

    @pytest.fixture
    def meter(self) -> Meter:
        meter = metered_unit(flat("2.00"))
        use(meter, date(2026, 7, 3), "10")
        priced(date(2026, 7, 3))
        return meter

    @pytest.fixture
    def dearer(self, meter: Meter) -> Assignment:
        return assignments.assign(
            estate=meter.estate,
            utility=meter.kind,
            rate_table=RateTableFactory.create(version__components=flat("5.00")),
            markup_percentage=Decimal(0),
            effective_from=self.TENTH,
        )

    def withdraw(self, assignment: Assignment) -> None:
        assignments.withdraw(assignment=assignment, clock=lambda: noon(date(2026, 7, 9)))

    def test_prices_nothing(self, meter: Meter, dearer: Assignment):
        priced(date(2026, 7, 4))
        self.withdraw(dearer)
        priced(date(2026, 7, 9))
        use(meter, self.TENTH, "10")

        priced(self.TENTH)

        assert charged() == ["23.00", "23.00"]
        assert not dearer.rate_table.versions.exclude(used_at=None).exists()

    def test_is_made_good_where_a_run_had_read_it_before(self, meter: Meter, dearer: Assignment):
        use(meter, self.TENTH, "10")
        priced(self.TENTH)
        self.withdraw(dearer)

        priced(self.TENTH)

        assert charged() == ["23.00", "57.50", "-34.50"]
        assert Bill.objects.get(month=JULY).charged == Decimal("46.00")


class TestVersionChange:
    @pytest.mark.parametrize(
        ("mid_month", "lines"),
        [
            pytest.param(
                "carry_mtd",
                [("50", "1.50"), ("50", "2.00"), ("100", "3.00"), ("50", "4.00")],
                id="carry",
            ),
            # The day 17 of 31 begins: limits of 16 and 15 thirty-firsts.
            pytest.param(
                "prorate_blocks",
                [("25.806", "1.50"), ("74.194", "2.00"),
                 ("24.194", "2.50"), ("72.581", "3.00"), ("53.226", "4.00")],
                id="prorate",
            ),
        ],
    )  # fmt: skip
    def test_at_midnight_prices_each_day_by_its_version(self, mid_month, lines):
        meter = metered_unit(BLOCKS)
        table = RateTable.objects.get()
        RateTable.objects.update(mid_month=mid_month)
        change = date(2026, 7, 17)
        dearer = [{"kind": "block", "blocks": [
            {"upto": "50", "price": "2.50"}, {"upto": "200", "price": "3.00"},
            {"upto": None, "price": "4.00"},
        ]}]  # fmt: skip
        table.versions.update(effective_to=change)
        RateTableVersion.objects.create(
            rate_table=table, number=2, effective_from=change, components=dearer
        )
        use(meter, change - timedelta(days=1), "100")
        use(meter, change, "150")

        bill = priced(date(2026, 7, 20))

        found = [(round(Decimal(one["quantity"]), 3), one["price"]) for one in bill.lines]
        assert found == [(Decimal(quantity), price) for quantity, price in lines]


class TestDemand:
    def test_is_told_from_the_intervals_and_only_rises_in_the_month(self):
        meter = metered_unit(DEMAND)
        day = datetime(2026, 7, 3, 10, tzinfo=UTC)
        told = []
        for number, kwh in enumerate(("1", "2", "1.5")):
            count(meter, day + number * timedelta(minutes=15), kwh)
            told.append(priced(date(2026, 7, 3 + number)).lines[0]["quantity"])

        assert [Decimal(one) for one in told] == [4, 8, 8]
        assert charged() == ["460.00", "460.00"]

    def test_falls_where_the_highest_interval_is_corrected(self):
        meter = metered_unit(DEMAND)
        count(meter, datetime(2026, 7, 3, 10, tzinfo=UTC), "3")
        count(meter, datetime(2026, 7, 3, 11, tzinfo=UTC), "2")
        assert priced(date(2026, 7, 3)).subtotal == Decimal("1200.00")

        correct(meter, datetime(2026, 7, 3, 10, tzinfo=UTC), 1_000)

        assert priced(date(2026, 7, 4)).subtotal == Decimal("800.00")
        assert charged() == ["1380.00", "-460.00"]

    def test_of_half_hours_waits_until_one_is_complete(self):
        meter = metered_unit([DEMAND[0] | {"interval_minutes": 30, "power_factor": "0.8"}])
        half = datetime(2026, 7, 3, 10, tzinfo=UTC)
        count(meter, half, "2")
        assert priced(date(2026, 7, 3)).lines == []

        count(meter, half + timedelta(minutes=15), "1")

        bill = priced(date(2026, 7, 3))
        assert Decimal(bill.lines[0]["quantity"]) == Decimal("7.5")

    def test_of_days_without_intervals_is_not_guessed(self):
        meter = metered_unit(DEMAND)
        use(meter, date(2026, 7, 3), "10")

        assert "give intervals" in priced(date(2026, 7, 3)).problem


class TestCalendar:
    def test_without_hours_stops_the_charging_of_that_unit_alone(self):
        prices = {"peak": "7", "standard": "2", "off_peak": "1"}
        without = metered_unit([{"kind": "time_of_use", "prices": prices, "holidays": "megaflex"}])
        priced_unit = metered_unit(DEMAND)
        long_ago = date(2026, 3, 3)
        TariffCalendar.objects.filter(valid_to=None).update(valid_from=date(2026, 7, 1))
        TariffCalendar.objects.exclude(valid_to=None).update(valid_to=date(2026, 1, 1))
        for meter in (without, priced_unit):
            count(meter, datetime(2026, 3, 3, 10, tzinfo=UTC), "1")

        runs.bill(now=noon(long_ago), since=date(2026, 3, 1))

        problems = {
            bill.wallet_id: bill.problem for bill in Bill.objects.filter(month=date(2026, 3, 1))
        }
        assert "no hours or holidays on 2026-03-01" in problems[wallet_of(without).pk]
        assert problems[wallet_of(priced_unit).pk] == ""


def correct(meter: Meter, start: datetime, wh: int) -> None:
    """Set what an interval says, and its day with it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH before AS (
                SELECT meter_id, quantity FROM meters_interval WHERE meter_id = %s AND start = %s
            ), corrected AS (
                UPDATE meters_interval SET quantity = %s WHERE meter_id = %s AND start = %s
            )
            UPDATE meters_dailyconsumption AS daily
            SET quantity = daily.quantity + %s - before.quantity, revision = revision + 1
            FROM before WHERE daily.meter_id = before.meter_id AND daily.day = %s
            """,
            [meter.pk, start, wh, meter.pk, start, wh, local_day(start)],
        )
    days.add_up([meter.pk])


class TestTimeOfUse:
    def test_does_not_give_away_days_without_intervals(self):
        meter = metered_unit(TIME_OF_USE)
        use(meter, date(2026, 7, 3), "10")

        bill = priced(date(2026, 7, 3))

        assert bill.charged == 0
        assert bill.problem == (
            "Only 0.000 of 10.000 kWh have intervals: these prices need to know when all of it "
            "was used."
        )
