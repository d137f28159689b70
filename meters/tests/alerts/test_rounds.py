"""Alerts as they follow findings and logs, grow worse, are told of, and end."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection, connections

from accounts.tests.factories import UserFactory
from meters import events
from meters.alerts import Kind, Severity, escalation, following, handling, logs, rounds, telling
from meters.alerts.kinds import KINDS
from meters.event_codes import Log
from meters.events import RawEvent
from meters.models import Finding, MeterAlert
from meters.tests.factories import MeterAlertFactory, MeterFactory
from notifications.models import Notification

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def meter():
    return MeterFactory.create(installed=True, installation__unit__unit_number="A-12")


def finding(meter, rule="leak", **changes):
    values = {
        "channel": 3, "says": "Water ran.", "quantity": 9, "last_seen_at": NOW,
        "starts_at": NOW - 2 * DAY - 2 * HOUR, "ends_at": NOW,
    }  # fmt: skip
    return Finding.objects.create(meter=meter, rule=rule, **(values | changes))


class TestFollow:
    def test_says_what_leaks_where_and_how_much(self, meter):
        finding(meter)

        assert following.follow(now=NOW) == 1

        alert = MeterAlert.objects.get()
        assert alert.message == "Leak at A-12: about 36 litres an hour for 3 nights."
        assert (alert.severity, alert.source, alert.daily_quantity) == ("warning", "checks", 864)

    def test_twice_is_once_and_new_nights_are_told(self, meter):
        one = finding(meter)
        following.follow(now=NOW)
        Finding.objects.filter(pk=one.pk).update(ends_at=NOW + DAY)

        following.follow(now=NOW + DAY)

        alert = MeterAlert.objects.get()
        assert alert.message.endswith("for 4 nights.")
        assert alert.times == 1

    @pytest.mark.parametrize("resolution", ["ended", "accepted"])
    def test_ends_with_the_finding(self, meter, resolution):
        one = finding(meter)
        following.follow(now=NOW)
        Finding.objects.filter(pk=one.pk).update(state="closed", resolution=resolution)

        following.follow(now=NOW + HOUR)

        alert = MeterAlert.objects.get()
        assert (alert.state, alert.resolved_at) == ("resolved", NOW + HOUR)
        assert alert.ended_by_itself

    def test_a_snoozed_finding_stands(self, meter):
        finding(meter, state="snoozed", snoozed_until=NOW + 3 * DAY)

        assert following.follow(now=NOW) == 1

    @pytest.mark.parametrize("rule", ["spike", "sum_check", "high_low", "zero_too_long"])
    def test_what_nobody_has_to_go_for_is_no_alert(self, meter, rule):
        finding(meter, rule)

        assert following.follow(now=NOW) == 0
        assert not MeterAlert.objects.exists()

    def test_leaves_what_others_raised(self, meter):
        other = MeterAlertFactory.create(meter=meter, kind="leak", source="meter")

        following.follow(now=NOW)

        other.refresh_from_db()
        assert other.state == "open"

    def test_with_nothing_new_costs_two_statements(self, django_assert_max_num_queries):
        with django_assert_max_num_queries(4):  # with the savepoint's two
            following.follow(now=NOW)


def entry(meter, code, *, ago=HOUR, log=Log.FRAUD):
    events.record([RawEvent(meter.pk, log, NOW - ago, code)])


class TestLogs:
    @pytest.fixture(autouse=True)
    def _learned(self, meter):
        """Entries are learned of at the real time."""
        self.now = datetime.now(UTC) + timedelta(minutes=1)

    @pytest.mark.parametrize(
        ("code", "kind", "severity"),
        [
            (40, "tamper_detected", "error"), (42, "tamper_detected", "error"),
            (44, "tamper_detected", "error"), (46, "tamper_detected", "warning"),
            (8, "low_battery", "warning"), (14, "meter_fault", "error"),
        ],
    )  # fmt: skip
    def test_raise(self, meter, code, kind, severity):
        entry(meter, code)

        assert logs.notice(now=self.now) == 1

        alert = MeterAlert.objects.get()
        assert (alert.kind, alert.severity, alert.source) == (kind, severity, "events")
        assert alert.events.get().code == code

    @pytest.mark.parametrize("code", [1, 2, 5, 41, 43, 62, 76, 255])
    def test_what_is_no_news_raises_none(self, meter, code):
        entry(meter, code)

        assert logs.notice(now=self.now) == 0
        assert not MeterAlert.objects.exists()

    def test_each_entry_raises_once_even_after_a_person_resolved_it(self, meter):
        entry(meter, 42)
        logs.notice(now=self.now)
        alert = MeterAlert.objects.get()
        handling.resolve(alert_id=alert.pk, user=_person(), note="A speaker.", now=self.now)

        assert logs.notice(now=self.now + HOUR) == 0
        assert not MeterAlert.objects.unresolved().exists()

    def test_a_new_entry_is_a_new_alert(self, meter):
        entry(meter, 42)
        logs.notice(now=self.now)
        alert = MeterAlert.objects.get()
        resolved = self.now - timedelta(minutes=2)
        handling.resolve(alert_id=alert.pk, user=_person(), note="A speaker.", now=resolved)
        entry(meter, 42, ago=HOUR / 2)

        assert logs.notice(now=self.now) == 1
        assert MeterAlert.objects.unresolved().count() == 1

    def test_words_count_many(self, meter):
        for minutes in range(5):
            entry(meter, 40, ago=timedelta(minutes=minutes))

        logs.notice(now=self.now)

        message = MeterAlert.objects.get().message
        assert message.startswith(f"In the log of meter {meter.serial}: terminal cover removed at")
        assert message.endswith(", and 2 more.")

    def test_the_end_is_kept_beside_it_and_ends_nothing(self, meter):
        entry(meter, 40)
        logs.notice(now=self.now)
        entry(meter, 41, ago=HOUR / 2)

        logs.notice(now=self.now)

        alert = MeterAlert.objects.get()
        assert alert.state == "open"
        assert alert.events.count() == 2


class TestEscalate:
    def alert(self, **changes):
        values = {"kind": "leak", "severity": "warning", "raised_at": NOW, "last_seen_at": NOW}
        return MeterAlertFactory.create(**(values | changes))

    @pytest.mark.parametrize(
        ("age", "severity"),
        [
            (3 * DAY - HOUR, "warning"), (3 * DAY, "error"), (14 * DAY - HOUR, "error"),
            (14 * DAY, "critical"),
        ],
    )  # fmt: skip
    def test_by_age(self, age, severity):
        alert = self.alert()

        escalation.escalate(now=NOW + age)

        alert.refresh_from_db()
        assert alert.severity == severity

    @pytest.mark.parametrize(
        ("amount", "severity"),
        [("49.99", "warning"), ("50.00", "error"), ("250.00", "critical")],
    )
    def test_by_rand_a_day(self, amount, severity):
        alert = self.alert(daily_amount=Decimal(amount), state="acknowledged")

        escalation.escalate(now=NOW)

        alert.refresh_from_db()
        assert alert.severity == severity

    def test_who_took_note_is_not_pressed(self):
        alert = self.alert(state="acknowledged")

        assert escalation.escalate(now=NOW + 30 * DAY) == 0

        alert.refresh_from_db()
        assert alert.severity == "warning"

    def test_never_falls_and_twice_is_once(self):
        alert = self.alert(severity="critical")
        self.alert()

        assert escalation.escalate(now=NOW + 4 * DAY) == 1
        assert escalation.escalate(now=NOW + 4 * DAY) == 0

        alert.refresh_from_db()
        assert alert.severity == "critical"


class TestTell:
    def test_once_for_each_severity(self):
        alert = MeterAlertFactory.create(severity="error", message="Gone.")

        assert telling.tell(now=NOW) == 1
        assert telling.tell(now=NOW) == 0
        MeterAlert.objects.update(severity="critical")
        assert telling.tell(now=NOW) == 1

        told = Notification.objects.filter(event="meter_alert").order_by("created_at")
        assert told[0].text == f"Error. Gone. {KINDS[Kind.COMMUNICATION_LOSS].do}"
        assert told[0].scope == alert.estate_id

    def test_mild_ones_stand_in_the_list_only(self):
        MeterAlertFactory.create(severity="warning")

        assert telling.tell(now=NOW) == 0

    def test_many_are_one_message(self):
        first = MeterAlertFactory.create(severity="error")
        for kind in [*MeterAlert.Kind][1:8]:
            MeterAlertFactory.create(
                severity="error", kind=kind, meter=first.meter, estate=first.estate
            )

        assert telling.tell(now=NOW) == 1

        assert Notification.objects.get().text.startswith(f"8 alerts at {first.estate.name}: ")

    def test_a_cause_that_comes_and_goes_is_told_once(self, meter):
        one = finding(meter, "while_disconnected", channel=1)
        for hour in range(6):
            state = "open" if hour % 2 == 0 else "closed"
            resolution = "" if hour % 2 == 0 else "ended"
            Finding.objects.filter(pk=one.pk).update(state=state, resolution=resolution)
            rounds.run(now=NOW + hour * HOUR)

        assert MeterAlert.objects.get().times == 3
        assert Notification.objects.filter(event="meter_alert").count() == 1


class TestRound:
    def test_does_all_and_the_second_time_nothing(self, meter, capsys):
        finding(meter)
        entry(meter, 40)
        call_command("raise_alerts")
        assert "1 new log entries, 1 findings followed" in capsys.readouterr().out

        call_command("raise_alerts")

        assert "0 new log entries" in capsys.readouterr().out
        assert MeterAlert.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_rounds_at_once_the_second_does_nothing():
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [rounds.ONE_ROUND])
        assert rounds.run(now=NOW).is_skipped
    finally:
        other.close()
    assert not rounds.run(now=NOW).is_skipped
    connection.close()


def test_every_kind_says_what_it_is_and_what_to_do():
    assert set(KINDS) == set(MeterAlert.Kind)
    order = list(Severity)
    for kind, one in KINDS.items():
        assert all((one.means, one.do, one.ends)), kind
        steps = [order.index(severity) for _, severity in one.escalates]
        ages = [age for age, _ in one.escalates]
        assert steps == sorted(set(steps)), kind
        assert ages == sorted(set(ages)), kind


def _person():
    return UserFactory.create()
