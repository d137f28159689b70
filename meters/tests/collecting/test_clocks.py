from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from meters import clocks
from meters.alerts import rounds
from meters.models import Concentrator, Finding, MeterAlert, MeterEvent, Reading
from meters.tests.collecting.kit import NOW, gather, meter
from meters.vee import limits, standing


def at(text):
    return datetime.fromisoformat(f"2026-06-04T{text}").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("ours", "theirs", "seconds"),
    [
        pytest.param("12:07:00", "12:12:00", 0, id="far from any edge"),
        pytest.param("12:14:55", "12:20:00", 15, id="before the edge"),
        pytest.param("12:15:04", "12:20:00", 6, id="after the edge"),
        pytest.param("12:07:00", "12:14:52", 18, id="near the meter's edge"),
        pytest.param("12:14:51", "12:14:33", 37, id="one after the other"),
    ],
)
def test_wait(ours, theirs, seconds):
    waited = clocks.wait(at(ours), at(theirs))

    assert waited == timedelta(seconds=seconds)
    for clock in (at(ours), at(theirs)):
        into = (clock + waited).timestamp() % 900
        assert 10 <= into <= 890


def test_wait_at_the_end_of_time():
    """A clock may show anything that a date can be."""
    last = datetime(9999, 12, 31, 23, 59, 55, tzinfo=UTC)

    assert clocks.wait(at("12:07:00"), last) == timedelta(seconds=15)


@pytest.mark.parametrize(
    ("drifts", "doubtful"),
    [
        ([300, 0, 0, 0], False),
        ([300, 301, 0, 0], False),
        ([300, 301, 299, 0], True),
        ([300, 300], False),
        ([None, None, None], False),
        ([], False),
    ],
)
def test_are_doubtful(drifts, doubtful):
    assert clocks.are_doubtful(drifts) is doubtful


@pytest.mark.django_db
class TestRound:
    def test_keeps_what_it_did_as_an_event(self, served, concentrator):
        served.fleet[101].set_clock(NOW - timedelta(minutes=5))

        assert gather(concentrator).clocks_set == 1

        event = MeterEvent.objects.get(log="system")
        assert event.meter == meter(101)
        assert (event.words, event.detail) == ("Clock set by this system", "It was -300 s off.")
        assert not MeterAlert.objects.exists()

    @pytest.mark.parametrize("year", [1970, 2099])
    def test_goes_on_where_a_clock_is_a_lifetime_off(self, served, concentrator, year):
        concentrator.keeps_clocks = False
        concentrator.save()
        served.fleet[101].set_clock(NOW.replace(year=year))
        served.fleet[104].set_clock(NOW - timedelta(seconds=90))

        summary = gather(concentrator)

        assert (summary.heard, summary.failures) == (4, {})
        assert meter(104).clock_drift_seconds == -90
        assert abs(meter(101).clock_drift_seconds) > 40 * 366 * 86_400

    def test_a_clock_that_spoiled_readings_is_a_finding_and_an_alert(self, served, concentrator):
        served.fleet[101].set_clock(NOW - timedelta(minutes=11))

        gather(concentrator)
        standing.check(now=NOW)
        rounds.run(now=NOW)

        alert = MeterAlert.objects.get(kind="clock")
        assert alert.source == "checks"
        assert "the meter's clock is 660 seconds behind" in alert.message

    @pytest.mark.parametrize(("limit", "told", "valid"), [("240", 1, False), ("400", 0, True)])
    def test_tells_and_doubts_by_the_limit_of_the_estate(
        self, served, concentrator, limit, told, valid
    ):
        limits.change(estate=concentrator.estate, values={"clock_drift.seconds": Decimal(limit)})
        served.fleet[101].set_clock(NOW - timedelta(minutes=5))

        gather(concentrator)
        standing.check(now=NOW)

        assert Finding.objects.filter(rule="clock_drift").count() == told
        newest = Reading.objects.filter(meter=meter(101)).latest("taken_at")
        assert newest.is_valid is valid

    def test_sets_none_where_ours_is_the_likelier_culprit(self, served, concentrator):
        for device in (101, 102, 103):
            served.fleet[device].set_clock(NOW + timedelta(minutes=5))

        assert gather(concentrator).clocks_set == 0

        assert "check the server's clock" in Concentrator.objects.get().last_error
        assert served.fleet[101].now() == NOW + timedelta(minutes=5)

    def test_blames_no_meter_where_ours_is_the_likelier_culprit(self, served, concentrator):
        for device in (101, 102, 103):
            served.fleet[device].set_clock(NOW - timedelta(minutes=11))

        gather(concentrator)

        assert standing.check(now=NOW) == 0
        assert Reading.objects.filter(meter=meter(101)).latest("taken_at").is_valid
