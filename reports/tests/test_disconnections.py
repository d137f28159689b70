"""Cuts and what ended them: once each, as long as they lasted."""

from datetime import UTC, date, datetime, timedelta

import pytest

from estates.models import Estate
from estates.tests.factories import EstateFactory
from meters.control.conclusions import PRESS_THE_BUTTON
from meters.models import Meter
from meters.tests.factories import CommandFactory
from reports.disconnections import REPORT, WITHOUT_ORDER
from reports.tests.asking import AUGUST, rows, section, totals
from reports.tests.test_simulations import home

pytestmark = pytest.mark.django_db

MORNING = datetime(2026, 7, 6, 7, 0, tzinfo=UTC)


@pytest.fixture
def meter() -> Meter:
    meter = home(EstateFactory.create(), "A1")
    Meter.objects.filter(pk=meter.pk).update(relay_state="disconnected")
    return meter


def ordered(meter: Meter, action: str, minutes: int, **fields: object) -> None:
    """An order that was read back some minutes after the morning."""
    at = MORNING + timedelta(minutes=minutes)
    CommandFactory.create(
        meter=meter, action=action,
        **{"state": "verified", "verified_at": at, "requested_at": at, **fields},
    )  # fmt: skip


class TestAnswer:
    def test_pairs_a_cut_with_what_restored_it(self, meter):
        ordered(meter, "disconnect", 0, reason="No credit")
        ordered(meter, "reconnect", 90, reason="Paid")
        names = (
            "unit_number", "utility", "cut_at", "reason", "cause",
            "restored_at", "restored_because", "minutes_off", "state", "remark",
        )  # fmt: skip

        assert rows(REPORT, meter.estate, *names) == [
            ("A1", "electricity", MORNING, "No credit", "credit",
             MORNING + timedelta(minutes=90), "Paid", 90, "restored", ""),
        ]  # fmt: skip

    def test_counts_a_repeated_order_once(self, meter):
        ordered(meter, "reconnect", -600)
        for minutes in (0, 30):
            ordered(meter, "disconnect", minutes)
        for minutes in (60, 80):
            ordered(meter, "reconnect", minutes)
        ordered(meter, "disconnect", 100)
        ordered(meter, "reconnect", 110)

        assert rows(REPORT, meter.estate, "minutes_off") == [60, 10]
        assert totals(REPORT, meter.estate, "minutes_off") == [70]

    def test_counts_only_what_was_read_back(self, meter):
        ordered(meter, "disconnect", 0, state="dead", verified_at=None)
        ordered(meter, "disconnect", 5, state="blocked", verified_at=None)

        assert rows(REPORT, meter.estate, "cut_at") == []
        assert section(REPORT, meter.estate, "orders", "action", "state", "orders") == [
            ("disconnect", "blocked", 1), ("disconnect", "dead", 1),
        ]  # fmt: skip

    def test_runs_until_now_while_the_supply_is_off(self, meter):
        ordered(meter, "disconnect", 0)
        now = MORNING + timedelta(minutes=33, seconds=59)

        found = rows(REPORT, meter.estate, "minutes_off", "state", "restored_at", now=now)

        assert found == [(33, "off", None)]

    def test_does_not_know_how_long_if_it_was_restored_by_nobody_here(self, meter):
        ordered(meter, "disconnect", 0)
        Meter.objects.update(relay_state="connected")

        found = rows(REPORT, meter.estate, "minutes_off", "state", "remark")

        assert found == [(None, "restored", WITHOUT_ORDER)]

    def test_tells_that_the_button_had_to_be_pressed(self, meter):
        ordered(meter, "disconnect", 0)
        ordered(meter, "reconnect", 10, outcome=PRESS_THE_BUTTON)

        assert rows(REPORT, meter.estate, "remark") == [PRESS_THE_BUTTON]

    def test_is_about_the_cuts_that_began_in_the_days(self, meter):
        ordered(meter, "disconnect", 0)
        ordered(meter, "reconnect", 3 * 24 * 60)

        assert rows(REPORT, meter.estate, "minutes_off", first_day=date(2026, 7, 7)) == []
        assert rows(REPORT, meter.estate, "minutes_off", last_day=date(2026, 7, 6)) == [4320]

    @pytest.mark.parametrize("group_by", ["unit", "day", "cause"])
    def test_adds_up(self, meter, group_by):
        other = home(meter.estate, "A2")
        ordered(meter, "disconnect", 0)
        ordered(meter, "reconnect", 30)
        ordered(other, "disconnect", 24 * 60, cause="person")
        ordered(other, "reconnect", 24 * 60 + 5)
        names = ("cuts", "minutes_off", "still_off")

        assert rows(REPORT, meter.estate, *names, group_by=group_by) == [(1, 30, 0), (1, 5, 0)]
        assert totals(REPORT, meter.estate, *names, group_by=group_by) == [(2, 35, 0)]

    def test_keeps_to_its_utility_and_its_estate(self, meter):
        ordered(meter, "disconnect", 0)
        ordered(home(EstateFactory.create(), "Z1"), "disconnect", 0)

        assert rows(REPORT, meter.estate, "unit_number") == ["A1"]
        assert rows(REPORT, meter.estate, "unit_number", utility="solar") == []

    def test_of_nothing_is_empty(self):
        empty: Estate = EstateFactory.create()
        for group_by in REPORT.groups:
            assert rows(REPORT, empty, group_by=group_by, now=AUGUST) == []
            assert totals(REPORT, empty, group_by=group_by) == []
