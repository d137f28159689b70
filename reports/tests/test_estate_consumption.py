"""What units used: the sums of the meters' days, however they are grouped."""

from datetime import UTC, date, datetime

import pytest
from django.db.models import Sum

from estates.models import Estate
from estates.tests.factories import EstateFactory
from meters.models import DailyConsumption, Installation
from reports.estate_consumption import REPORT
from reports.tests.asking import rows, totals
from reports.tests.test_simulations import home
from wallets.tests.metering import count, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def estate() -> Estate:
    """Two homes with electricity, one with water, and a bulk meter that counts apart."""
    estate: Estate = EstateFactory.create()
    for number, kwh in (("A1", "10"), ("A2", "2.5")):
        meter = home(estate, number)
        use(meter, date(2026, 7, 3), kwh)
        use(meter, date(2026, 7, 4), "1")
    water = home(estate, "A3", kind="water")
    use(water, date(2026, 7, 4), "0.750")
    use(home(estate, "B1", kind="bulk_electricity"), date(2026, 7, 4), "99")
    use(home(EstateFactory.create(), "Z1"), date(2026, 7, 4), "50")
    return estate


class TestAnswer:
    def test_adds_up_days(self, estate):
        found = rows(REPORT, estate, "day", "utility", "consumption", "measure", "meters")

        assert found == [
            (date(2026, 7, 3), "electricity", 12_500, "kWh", 2),
            (date(2026, 7, 4), "electricity", 2_000, "kWh", 2),
            (date(2026, 7, 4), "water", 750, "kl", 1),
        ]

    @pytest.mark.parametrize("group_by", REPORT.groups)
    def test_comes_to_the_meters_days(self, estate, group_by):
        asked = {"group_by": group_by, "utility": "electricity"}
        ledger = DailyConsumption.objects.filter(meter__estate=estate, meter__kind="electricity")

        assert ledger.aggregate(sum=Sum("quantity"))["sum"] == 14_500
        assert totals(REPORT, estate, "consumption", **asked) == [14_500]
        assert sum(rows(REPORT, estate, "consumption", **asked)) == 14_500

    def test_leaves_other_days_out(self, estate):
        asked = {"first_day": date(2026, 7, 4), "last_day": date(2026, 7, 4)}

        assert rows(REPORT, estate, "consumption", **asked) == [2_000, 750]
        assert rows(REPORT, estate, "consumption", group_by="unit", **asked) == [1_000, 1_000, 750]

    def test_divides_the_day_on_which_a_meter_moved(self, estate):
        moved = Installation.objects.get(unit__unit_number="A1", unit__estate=estate)
        noon = datetime(2026, 7, 10, 10, tzinfo=UTC)
        for hour, kwh in ((6, "1.000"), (9, "0.500"), (12, "0.250")):
            count(moved.meter, datetime(2026, 7, 10, hour, tzinfo=UTC), kwh)
        Installation.objects.filter(pk=moved.pk).update(ends_at=noon, closing_value=0)
        other = estate.units.get(unit_number="A3")
        Installation.objects.create(
            meter=moved.meter, unit=other, kind="electricity", opening_value=0,
            starts_at=datetime(2026, 7, 10, 11, tzinfo=UTC),
        )  # fmt: skip

        day = {"first_day": date(2026, 7, 10), "last_day": date(2026, 7, 10)}
        assert rows(REPORT, estate, "unit_number", "consumption", group_by="unit", **day) == [
            ("A1", 1_500), ("A3", 250),
        ]  # fmt: skip

    def test_shows_what_was_counted_at_no_unit(self, estate):
        moved = Installation.objects.get(unit__unit_number="A1", unit__estate=estate)
        count(moved.meter, datetime(2026, 7, 10, 12, tzinfo=UTC), "0.250")
        ends = datetime(2026, 7, 9, 10, tzinfo=UTC)
        Installation.objects.filter(pk=moved.pk).update(ends_at=ends, closing_value=0)

        found = rows(REPORT, estate, "unit", "unit_number", "consumption", group_by="unit")

        assert found[-1] == (None, "not at a unit", 250)
        assert totals(REPORT, estate, "consumption", group_by="unit") == [14_750, 750]

    def test_of_nothing_is_empty(self):
        empty = EstateFactory.create()
        for group_by in REPORT.groups:
            assert rows(REPORT, empty, "consumption", group_by=group_by) == []
            assert totals(REPORT, empty, "consumption", group_by=group_by) == []

    def test_by_month_names_the_month(self, estate):
        asked = {"group_by": "month", "utility": "water", "first_day": date(2026, 6, 1)}

        assert rows(REPORT, estate, "month", "consumption", **asked) == [("2026-07", 750)]
