"""Profiles, peaks and comparisons: of the intervals that were counted, and of nothing else."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from estates.models import Estate
from estates.tests.factories import EstateFactory
from meters.models import DailyConsumption, Finding, Meter
from quantify.periods import local_day
from reports.analytics import REPORT
from reports.tests.asking import rows, section, totals
from reports.tests.test_simulations import home
from wallets.tests.metering import count

pytestmark = pytest.mark.django_db

FRIDAY = datetime(2026, 7, 3, 18, 15, tzinfo=UTC)  # 20:15 local time


@pytest.fixture
def estate() -> Estate:
    """Two homes on a Friday at 20:15, one of them also the day after at 07:00."""
    estate: Estate = EstateFactory.create()
    first, second = home(estate, "A1"), home(estate, "A2")
    count(first, FRIDAY, "1.000")
    count(second, FRIDAY, "0.500")
    count(first, datetime(2026, 7, 4, 5, 0, tzinfo=UTC), "0.300")
    return estate


class TestAnswer:
    def test_profiles_the_hours_of_the_average_day(self, estate):
        names = ("hour", "consumption", "average", "percent")
        found = {row[0]: row[1:] for row in rows(REPORT, estate, *names)}

        assert len(found) == 24
        assert found[20] == (1_500, 750, Decimal("83.33"))
        assert found[7] == (300, 150, Decimal("16.67"))
        assert found[3] == (0, 0, Decimal("0.00"))
        assert totals(REPORT, estate, "consumption", "average") == [(1_800, 900)]

    def test_profiles_the_days_of_the_week(self, estate):
        names = ("weekday", "name", "days", "average")

        assert rows(REPORT, estate, *names, group_by="weekday") == [
            (5, "Friday", 1, 1_500), (6, "Saturday", 1, 300),
        ]  # fmt: skip

    def test_finds_the_peak_of_each_day_and_of_all(self, estate):
        names = ("day", "consumption", "peak", "peak_at", "rate")

        assert rows(REPORT, estate, *names, group_by="day") == [
            (date(2026, 7, 3), 1_500, 1_500, FRIDAY, Decimal("6.000")),
            (date(2026, 7, 4), 300, 300, datetime(2026, 7, 4, 5, tzinfo=UTC), Decimal("1.200")),
        ]
        assert section(REPORT, estate, "peaks", "at", "consumption")[0] == (FRIDAY, 1_500)

    @pytest.mark.parametrize("group_by", REPORT.groups)
    def test_comes_to_the_meters_days(self, estate, group_by):
        days = DailyConsumption.objects.filter(meter__estate=estate).aggregate(sum=Sum("quantity"))

        assert days["sum"] == 1_800
        assert totals(REPORT, estate, "consumption", group_by=group_by) == [1_800]
        assert sum(rows(REPORT, estate, "consumption", group_by=group_by)) == 1_800

    def test_compares_with_as_many_days_before(self, estate):
        meter = Meter.objects.get(installations__unit__unit_number="A1")
        count(meter, FRIDAY - timedelta(days=2), "1.200")
        count(meter, FRIDAY - timedelta(days=9), "7.000")
        asked = {"first_day": local_day(FRIDAY), "last_day": date(2026, 7, 4)}
        names = ("consumption", "days", "before", "days_before", "change", "change_percent")

        found = section(REPORT, estate, "comparison", *names, **asked)

        assert found == [(1_800, 2, 1_200, 1, 600, Decimal("50.00"))]

    def test_has_no_percent_of_nothing(self, estate):
        found = section(REPORT, estate, "comparison", "before", "days_before", "change_percent")

        assert found == [(0, 0, None)]

    def test_tells_the_findings_of_the_checks_alone(self, estate):
        meter = Meter.objects.get(installations__unit__unit_number="A1")
        fields = {"meter": meter, "channel": 1, "rule": "spike", "says": "x", "amount": 12}
        for at in (FRIDAY, FRIDAY + timedelta(hours=2), FRIDAY + timedelta(days=60)):
            Finding.objects.create(**fields, starts_at=at, ends_at=at, last_seen_at=at)
        Finding.objects.filter(starts_at=FRIDAY).update(state="closed", resolution="accepted")

        found = section(REPORT, estate, "anomalies", "rule", "name", "found", "waiting", "amount")

        assert found == [("spike", "Spike", 2, 1, Decimal(24))]

    def test_of_nothing_is_empty(self):
        empty = EstateFactory.create()
        for group_by in REPORT.groups:
            assert rows(REPORT, empty, "consumption", group_by=group_by) == []
        assert section(REPORT, empty, "comparison", "consumption") == []
