from datetime import UTC, datetime, timedelta

import pytest

from meters import alerts
from meters.alerts import Kind, Notice, Severity
from meters.models import MeterAlert
from meters.tests.factories import MeterAlertFactory, MeterFactory

NOW = datetime(2026, 7, 1, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)

pytestmark = pytest.mark.django_db


def tell(meter, now=NOW, kind=Kind.LEAK, message="Water runs."):
    alerts.raise_once(
        meter_id=meter.pk, kind=kind, severity=Severity.WARNING, message=message, now=now
    )


class TestRaise:
    def test_raises_an_open_alert(self):
        meter = MeterFactory.create()

        tell(meter)

        alert = MeterAlert.objects.get()
        assert (alert.meter, alert.kind, alert.severity) == (meter, "leak", "warning")
        assert (alert.state, alert.raised_at, alert.message) == ("open", NOW, "Water runs.")

    @pytest.mark.parametrize("state", ["open", "acknowledged"])
    def test_while_it_lasts_it_is_only_seen_again(self, state):
        meter = MeterFactory.create()
        tell(meter)
        MeterAlert.objects.update(state=state)

        tell(meter, LATER, message="Water still runs.")

        alert = MeterAlert.objects.get()
        assert (alert.state, alert.message) == (state, "Water runs.")
        assert (alert.raised_at, alert.last_seen_at) == (NOW, LATER)

    def test_after_its_end_it_is_raised_anew(self):
        meter = MeterFactory.create()
        tell(meter)
        alerts.resolve(meter_ids=[meter.pk], kind=Kind.LEAK, now=NOW)

        tell(meter, LATER)

        assert MeterAlert.objects.unresolved().get().raised_at == LATER

    def test_many_at_once_count_once_each(self):
        one, other = MeterFactory.create(), MeterFactory.create()
        notices = [
            Notice(meter.pk, kind, Severity.INFO, "x" * 300)
            for meter in (one, other, one)
            for kind in (Kind.LEAK, Kind.METER_FAULT)
        ]

        alerts.raise_all(notices, now=NOW)

        assert MeterAlert.objects.count() == 4


class TestResolve:
    def test_ends_the_alerts_of_a_kind(self):
        alert = MeterAlertFactory.create(kind="leak")
        other = MeterAlertFactory.create(meter=alert.meter, kind="meter_fault")

        assert alerts.resolve(meter_ids=[alert.meter_id], kind=Kind.LEAK, now=NOW) == 1

        alert.refresh_from_db()
        other.refresh_from_db()
        assert (alert.state, alert.resolved_at) == ("resolved", NOW)
        assert other.state == "open"
