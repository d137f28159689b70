"""The bulk meter against its units: what is lost, what it is worth, and what is not compared."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db.models import Sum

from estates.models import Estate
from meters.models import DailyConsumption, Meter
from meters.tests.factories import MeterFactory
from rates.tests.factories import flat
from reports.reconciliation import NO_BULK_METER, REPORT
from reports.tests.asking import rows, totals
from reports.tests.test_simulations import bill, estate_on, home, table_of
from wallets.tests.metering import count, use

pytestmark = pytest.mark.django_db

THIRD, FOURTH = date(2026, 7, 3), date(2026, 7, 4)


def bulk(estate: Estate, kind: str = "bulk_electricity") -> Meter:
    meter: Meter = MeterFactory.create(
        estate=estate, kind=kind, with_register=True, installed=True, installation__unit=None
    )
    return meter


@pytest.fixture
def estate() -> Estate:
    """At R2.00 a kWh: 100 kWh in bulk and 90 at two homes on the third; no bulk on the fourth."""
    estate = estate_on(table_of(flat("2.00")))
    for number, kwh in (("A1", "60"), ("A2", "30")):
        meter = home(estate, number)
        use(meter, THIRD, kwh)
        use(meter, FOURTH, "5")
    use(bulk(estate), THIRD, "100")
    bill()
    return estate


class TestAnswer:
    def test_tells_the_loss_in_kwh_percent_and_rand(self, estate):
        names = ("bulk", "units", "difference", "measure", "percent", "amount")

        found = rows(REPORT, estate, *names, last_day=THIRD)

        # R2.00 and VAT of 15 %.
        assert found == [
            (100_000, 90_000, 10_000, "kWh", Decimal("10.00"), Decimal("23.00")),
        ]  # fmt: skip

    def test_compares_nothing_without_a_bulk_meter(self, estate):
        asked = {"first_day": FOURTH, "last_day": FOURTH}

        found = rows(REPORT, estate, "bulk", "units", "difference", "amount", "remark", **asked)

        assert found == [(None, 10_000, None, None, NO_BULK_METER)]

    @pytest.mark.parametrize("group_by", ["day", "month"])
    def test_comes_to_the_meters_days_and_to_its_rows(self, estate, group_by):
        sides = dict(
            DailyConsumption.objects.filter(meter__estate=estate)
            .values_list("meter__kind")
            .annotate(Sum("quantity"))
        )
        names = ("bulk", "units", "difference", "amount")

        (found,) = totals(REPORT, estate, *names, group_by=group_by)

        assert sides == {"bulk_electricity": 100_000, "electricity": 100_000}
        # What the fourth used was not compared: the difference is that of the third.
        assert found == (100_000, 100_000, 10_000, Decimal("23.00"))
        assert sum(one or 0 for one in rows(REPORT, estate, "difference", group_by=group_by)) == (
            10_000
        )

    def test_names_days_that_are_not_whole(self, estate):
        day = DailyConsumption.objects.filter(meter__kind="electricity", day=THIRD)
        day.filter(quantity=30_000).update(intervals=95)

        ((incomplete, remark),) = rows(REPORT, estate, "incomplete", "remark", last_day=THIRD)

        assert (incomplete, remark) == (1, "1 of 2 unit meters not whole")
        assert totals(REPORT, estate, "remark") == ["1 days without a bulk meter; 1 days not whole"]

    def test_keeps_water_and_electricity_apart(self, estate):
        use(bulk(estate, "bulk_water"), THIRD, "3")
        use(home(estate, "A3", kind="water"), THIRD, "2")

        assert rows(REPORT, estate, "utility", "difference", "amount", last_day=THIRD) == [
            ("electricity", 10_000, Decimal("23.00")), ("water", 1_000, None),
        ]  # fmt: skip
        assert rows(REPORT, estate, "difference", utility="water") == [1_000]
        assert rows(REPORT, estate, "difference", utility="solar") == []

    def test_maps_the_loss_by_hour_of_the_week(self, estate):
        home_meter = Meter.objects.get(installations__unit__unit_number="A1")
        in_bulk = Meter.objects.get(kind="bulk_electricity")
        # Friday 3 July, 20:15 local time; of the hour before only the home is known.
        at = datetime(2026, 7, 3, 18, 15, tzinfo=UTC)
        count(in_bulk, at, "0.400")
        count(home_meter, at, "0.300")
        count(home_meter, at.replace(hour=17), "0.200")

        names = ("weekday", "hour", "bulk", "units", "difference", "percent")

        assert rows(REPORT, estate, *names, group_by="hour") == [
            (5, 20, 400, 300, 100, Decimal("25.00")),
        ]  # fmt: skip
        assert totals(REPORT, estate, "difference", group_by="hour") == [100]
