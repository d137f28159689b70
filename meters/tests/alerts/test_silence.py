from datetime import UTC, datetime, timedelta

import pytest

from estates.models import EstateSettings
from meters import readings
from meters.alerts.silence import notice_silence
from meters.models import Concentrator, Meter, MeterAlert
from meters.tests.factories import ConcentratorFactory, MeterFactory
from meters.tests.recording import at, new_meter, raw

NOW = datetime(2026, 7, 1, 10, tzinfo=UTC)

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


class TestSilentConcentrator:
    @pytest.fixture
    def concentrator(self):
        concentrator = ConcentratorFactory.create(name="Roof A")
        Concentrator.objects.update(last_contact_at=NOW - timedelta(minutes=50))
        return concentrator

    def behind(self, concentrator, minutes, device):
        return MeterFactory.create(
            estate=concentrator.estate,
            concentrator=concentrator,
            logical_device=device,
            last_contact_at=NOW - timedelta(minutes=minutes),
        )

    def test_is_one_alert_in_place_of_its_meters(self, concentrator):
        meters = [self.behind(concentrator, 50, device) for device in (1, 2, 3)]

        assert notice_silence(now=NOW) == 3
        notice_silence(now=NOW)

        alert = MeterAlert.objects.get()
        assert (alert.concentrator, alert.meter, alert.kind) == (
            concentrator, None, "concentrator_loss",
        )  # fmt: skip
        words = "Roof A is silent: none of its 3 meters can be read, cut or reconnected."
        assert alert.message == words
        meters[0].refresh_from_db()
        assert meters[0].communication_status == "offline"

    def test_as_long_as_one_meter_is_heard_the_others_are_the_silent_ones(self, concentrator):
        self.behind(concentrator, 50, 1)
        self.behind(concentrator, 5, 2)

        notice_silence(now=NOW)

        assert MeterAlert.objects.get().kind == "communication_loss"

    def test_one_meter_alone_is_silent_itself(self, concentrator):
        self.behind(concentrator, 50, 1)

        notice_silence(now=NOW)

        assert MeterAlert.objects.get().kind == "communication_loss"

    def test_takes_the_place_of_what_was_told_of_its_meters_and_ends(self, concentrator):
        silent, heard = self.behind(concentrator, 50, 1), self.behind(concentrator, 5, 2)
        notice_silence(now=NOW)
        later = NOW + timedelta(minutes=40)

        notice_silence(now=later)

        assert MeterAlert.objects.unresolved().get().kind == "concentrator_loss"
        Meter.objects.filter(pk=heard.pk).update(last_contact_at=later)
        notice_silence(now=later)
        alert = MeterAlert.objects.unresolved().get()
        assert (alert.kind, alert.meter, alert.times) == ("communication_loss", silent, 2)
