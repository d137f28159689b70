from datetime import UTC, datetime, timedelta

import pytest

from estates.models import EstateSettings
from meters import readings
from meters.models import MeterAlert
from meters.silence import notice_leaks, notice_silence
from meters.tests.factories import ConcentratorFactory, MeterFactory
from meters.tests.recording import LATER, at, new_meter, raw

NOW = datetime(2026, 7, 1, 10, tzinfo=UTC)
# 04:00 local time after the nights of the first to the third day.
MORNING = 2 * 96 + 16

pytestmark = pytest.mark.django_db


def heard(minutes, **changes):
    return MeterFactory.create(
        behind_concentrator=True,
        last_contact_at=NOW - timedelta(minutes=minutes),
        communication_status="online",
        **changes,
    )


class TestSilence:
    def test_is_offline_after_the_estates_limit(self):
        in_time, late = heard(30), heard(31)

        assert notice_silence(now=NOW) == 1

        in_time.refresh_from_db()
        late.refresh_from_db()
        assert (in_time.communication_status, late.communication_status) == ("online", "offline")
        alert = MeterAlert.objects.get()
        assert (alert.meter, alert.kind) == (late, "communication_loss")
        assert alert.message == "No contact for 30 minutes."

    def test_the_limit_is_a_setting(self):
        meter = heard(50)
        settings, _ = EstateSettings.objects.get_or_create(estate=meter.estate)
        EstateSettings.objects.filter(pk=settings.pk).update(offline_after_minutes=60)

        assert notice_silence(now=NOW) == 0

    def test_is_told_once(self):
        heard(60)

        notice_silence(now=NOW)
        notice_silence(now=NOW + timedelta(minutes=5))

        assert MeterAlert.objects.get().last_seen_at == NOW + timedelta(minutes=5)

    def test_ends_with_the_next_reading(self):
        meter = new_meter(
            concentrator=ConcentratorFactory.create(),
            logical_device=7,
            last_contact_at=at(0),
        )
        notice_silence(now=NOW)

        readings.record([raw(meter, 1, 0)], received_at=NOW)

        meter.refresh_from_db()
        assert meter.communication_status == "online"
        assert MeterAlert.objects.get().state == "resolved"

    def test_counts_from_the_beginning_for_a_meter_never_heard(self):
        meter = MeterFactory.create(behind_concentrator=True)

        assert notice_silence(now=meter.created_at + timedelta(minutes=29)) == 0
        assert notice_silence(now=meter.created_at + timedelta(minutes=31)) == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"deleted_at": NOW},
            {"concentrator__is_enabled": False},
            {"concentrator__deleted_at": NOW},
            {"concentrator": None, "behind_concentrator": False},
        ],
        ids=["deleted", "not in use", "concentrator deleted", "read by hand"],
    )
    def test_of_a_meter_nobody_asks_is_no_news(self, changes):
        MeterFactory.create(**({"behind_concentrator": True} | changes), last_contact_at=at(0))

        assert notice_silence(now=NOW) == 0


def run_water(meter, litres, *, quiet=(), leave_out=()):
    """Let water run all the time for three days, but for some quarters."""
    value, rows = 0, []
    for quarter in range(-8, MORNING + 1):
        if quarter not in leave_out:
            rows.append(raw(meter, quarter, value))
        value += 0 if quarter in quiet else litres
    readings.record(rows, received_at=LATER)


class TestLeaks:
    @pytest.fixture
    def meter(self):
        return new_meter(kind="water")

    def test_water_that_never_stops_for_three_nights_is_one(self, meter):
        run_water(meter, 3)

        assert notice_leaks(now=at(MORNING)) == 1

        alert = MeterAlert.objects.get()
        assert alert.kind == "leak"
        assert alert.message == "Water ran all through 3 nights, at least 12 litres an hour."

    @pytest.mark.parametrize("quarter", [8, 15, 96 + 11, 192 + 8])
    def test_one_quiet_quarter_of_a_night_says_no(self, meter, quarter):
        run_water(meter, 3, quiet=[quarter])

        assert notice_leaks(now=at(MORNING)) == 0

    def test_quiet_by_day_says_nothing(self, meter):
        run_water(meter, 3, quiet=[7, 16, 60])

        assert notice_leaks(now=at(MORNING)) == 1

    def test_a_night_that_was_not_measured_says_nothing(self, meter):
        run_water(meter, 3, leave_out=[96 + 10])

        assert notice_leaks(now=at(MORNING)) == 0

    def test_ends_with_a_quiet_night(self, meter):
        run_water(meter, 3)
        notice_leaks(now=at(MORNING))
        last = 3 * (MORNING + 8)
        rows = [raw(meter, quarter, last) for quarter in range(MORNING + 1, MORNING + 97)]
        readings.record(rows, received_at=LATER)

        notice_leaks(now=at(MORNING + 96))

        assert MeterAlert.objects.get().state == "resolved"

    def test_is_not_looked_for_in_electricity(self):
        run_water(new_meter(), 3)

        assert notice_leaks(now=at(MORNING)) == 0
