"""Measured, estimated, missing: together what was to be expected."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from estates.models import Estate
from estates.tests.factories import EstateFactory
from meters.models import Finding, Interval, Meter
from meters.tests.factories import MeterFactory
from reports.data_quality import REPORT
from reports.tests.asking import AUGUST, rows, section, totals
from reports.tests.test_simulations import home
from wallets.tests.metering import count

pytestmark = pytest.mark.django_db

THIRD = date(2026, 7, 3)
MORNING = datetime(2026, 7, 3, 6, tzinfo=UTC)
DAY = {"first_day": THIRD, "last_day": THIRD}


@pytest.fixture
def meter() -> Meter:
    """A meter that told three quarters of an hour of 3 July, one of them estimated."""
    meter = home(EstateFactory.create(), "A1")
    for quarter in range(3):
        count(meter, MORNING + timedelta(minutes=15 * quarter), "0.100")
    Interval.objects.filter(meter=meter, start=MORNING).update(quality="estimated")
    return meter


class TestAnswer:
    @pytest.mark.parametrize("group_by", REPORT.groups)
    def test_shares_what_was_expected(self, meter, group_by):
        names = (
            "expected", "actual", "estimated", "missing",
            "actual_percent", "estimated_percent", "missing_percent",
        )  # fmt: skip
        expected = (96, 2, 1, 93, Decimal("2.08"), Decimal("1.04"), Decimal("96.88"))

        assert rows(REPORT, meter.estate, *names, group_by=group_by, **DAY) == [expected]
        assert totals(REPORT, meter.estate, *names, group_by=group_by, **DAY) == [expected]

    def test_expects_nothing_before_a_meter_hung_nor_after_now(self, meter):
        meter.installations.update(starts_at=MORNING)  # 08:00 local time
        now = datetime(2026, 7, 3, 8, tzinfo=UTC)

        assert rows(REPORT, meter.estate, "expected", "missing", now=now, **DAY) == [(8, 5)]

    def test_counts_bulk_meters_too(self, meter):
        MeterFactory.create(
            estate=meter.estate, kind="bulk_electricity", with_register=True, installed=True,
            installation__unit=None,
        )  # fmt: skip

        found = rows(REPORT, meter.estate, "kind", "expected", group_by="kind", **DAY)

        assert found == [("bulk_electricity", 96), ("electricity", 96)]
        assert rows(REPORT, meter.estate, "expected", utility="water", **DAY) == []

    def test_names_the_meters_that_are_late(self, meter):
        estate = meter.estate
        silent, fresh = home(estate, "A2"), home(estate, "A3")
        Meter.objects.filter(pk=silent.pk).update(last_reading_at=AUGUST - timedelta(hours=5))
        Meter.objects.filter(pk=fresh.pk).update(last_reading_at=AUGUST - timedelta(minutes=59))

        found = section(REPORT, estate, "late", "serial", "unit_number", "hours_late")

        assert found == [(meter.serial, "A1", None), (silent.serial, "A2", 5)]

    def test_counts_findings_by_check(self, meter):
        fields = {"meter": meter, "channel": 1, "says": "x", "ends_at": AUGUST}
        for rule, at, state in (
            ("spike", MORNING, "open"),
            ("spike", MORNING - timedelta(days=90), "open"),
            ("leak", MORNING, "snoozed"),
            ("leak", MORNING + timedelta(hours=1), "closed"),
        ):
            Finding.objects.create(
                **fields, rule=rule, starts_at=at, last_seen_at=at, state=state,
                snoozed_until=AUGUST + timedelta(days=1) if state == "snoozed" else None,
                resolution="accepted" if state == "closed" else "",
            )  # fmt: skip

        names = ("rule", "waiting", "snoozed", "found")

        assert section(REPORT, meter.estate, "findings", *names) == [
            ("leak", 0, 1, 2), ("spike", 2, 0, 1),
        ]  # fmt: skip

    def test_of_nothing_is_empty(self):
        empty: Estate = EstateFactory.create()
        for group_by in REPORT.groups:
            assert rows(REPORT, empty, "expected", group_by=group_by) == []
        assert section(REPORT, empty, "late", "serial") == []
