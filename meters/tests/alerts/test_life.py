from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from accounts.tests.factories import UserFactory
from meters import alerts
from meters.alerts import Kind, Notice, Severity, Source, handling
from meters.models import MeterAlert
from meters.tests.factories import MeterAlertFactory, MeterFactory
from quantify.ids import uuid7

NOW = datetime(2026, 7, 1, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)

pytestmark = pytest.mark.django_db


def tell(meter, now=NOW, kind=Kind.LEAK, message="Water runs.", source=Source.METER):
    notice = Notice(meter.pk, kind, Severity.WARNING, message, source)
    alerts.raise_all([notice], now=now)


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
        assert (alert.state, alert.message) == (state, "Water still runs.")
        assert (alert.raised_at, alert.last_seen_at) == (NOW, LATER)

    def test_another_source_does_not_reword_it(self):
        meter = MeterFactory.create()
        tell(meter)

        tell(meter, LATER, message="Night flow.", source=Source.CHECKS)

        assert MeterAlert.objects.get().message == "Water runs."

    def test_becomes_worse_and_never_milder(self):
        meter = MeterFactory.create()
        for severity in (Severity.WARNING, Severity.ERROR, Severity.INFO):
            alerts.raise_all([Notice(meter.pk, Kind.LEAK, severity, "Water runs.")], now=NOW)

        assert MeterAlert.objects.get().severity == "error"

    def test_what_comes_back_soon_is_the_same_alert_counted(self):
        meter = MeterFactory.create()
        for minutes in (0, 10, 20):
            tell(meter, NOW + timedelta(minutes=minutes))
            ended = NOW + timedelta(minutes=minutes + 5)
            alerts.resolve(meter_ids=[meter.pk], kind=Kind.LEAK, now=ended)

        tell(meter, NOW + timedelta(hours=1))

        alert = MeterAlert.objects.get()
        assert (alert.state, alert.times, alert.raised_at) == ("open", 4, NOW)
        assert alert.resolved_at is None

    def test_what_comes_back_late_is_raised_anew(self):
        meter = MeterFactory.create()
        tell(meter)
        alerts.resolve(meter_ids=[meter.pk], kind=Kind.LEAK, now=NOW)

        tell(meter, NOW + timedelta(hours=25))

        alert = MeterAlert.objects.unresolved().get()
        assert (alert.times, alert.raised_at) == (1, NOW + timedelta(hours=25))
        assert MeterAlert.objects.count() == 2

    def test_each_disconnection_is_its_own(self):
        meter = MeterFactory.create()
        tell(meter, kind=Kind.DISCONNECTION)
        alerts.resolve(meter_ids=[meter.pk], kind=Kind.DISCONNECTION, now=NOW)

        tell(meter, LATER, kind=Kind.DISCONNECTION)

        assert MeterAlert.objects.count() == 2

    def test_of_a_device_that_is_gone_is_nothing(self):
        alerts.raise_all([Notice(uuid7(), Kind.LEAK, Severity.INFO, "x")], now=NOW)

        assert not MeterAlert.objects.exists()

    def test_many_at_once_count_once_each(self):
        one, other = MeterFactory.create(), MeterFactory.create()
        notices = [
            Notice(meter.pk, kind, Severity.INFO, "x" * 300)
            for meter in (one, other, one)
            for kind in (Kind.LEAK, Kind.METER_FAULT)
        ]

        alerts.raise_all(notices, now=NOW)

        assert MeterAlert.objects.count() == 4


class TestResolvedByAPerson:
    """While its cause lasts, what a person has resolved is not raised at every round."""

    def tell(self, meter, now, since):
        notice = Notice(meter.pk, Kind.LEAK, Severity.WARNING, "Water runs.", since=since)
        alerts.raise_all([notice], now=now)

    @pytest.fixture
    def meter(self):
        meter = MeterFactory.create()
        self.tell(meter, NOW, NOW)
        handling.resolve(
            alert_id=MeterAlert.objects.get().pk, user=UserFactory.create(),
            note="The plumber comes.", now=LATER,
        )  # fmt: skip
        return meter

    def test_stays_resolved(self, meter):
        self.tell(meter, LATER + timedelta(days=6), NOW)

        assert MeterAlert.objects.get().note == "The plumber comes."
        assert not MeterAlert.objects.unresolved().exists()

    def test_reminds_after_a_week(self, meter):
        self.tell(meter, LATER + timedelta(days=7), NOW)

        assert MeterAlert.objects.unresolved().count() == 1

    def test_what_began_later_is_news(self, meter):
        self.tell(meter, LATER + timedelta(days=1), LATER + timedelta(hours=1))

        alert = MeterAlert.objects.unresolved().get()
        assert (alert.times, alert.note) == (1, "")


@pytest.mark.django_db(transaction=True)
def test_raised_by_many_at_once_it_is_one():
    meter = MeterFactory.create()

    def work(_):
        try:
            tell(meter)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))

    assert MeterAlert.objects.count() == 1


class TestResolve:
    def test_ends_the_alerts_of_a_kind(self):
        alert = MeterAlertFactory.create(kind="leak")
        other = MeterAlertFactory.create(meter=alert.meter, kind="meter_fault")

        assert alerts.resolve(meter_ids=[alert.meter_id], kind=Kind.LEAK, now=NOW) == 1

        alert.refresh_from_db()
        other.refresh_from_db()
        assert (alert.state, alert.resolved_at) == ("resolved", NOW)
        assert other.state == "open"
