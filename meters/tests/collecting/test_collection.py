from datetime import timedelta
from functools import partial
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from meters import readings
from meters.collecting import collection, reading
from meters.collecting.rounds import Round
from meters.collecting.targets import targets_of
from meters.control import requests, sending
from meters.dlms.simulator.faults import FaultKind
from meters.models import Command, Concentrator, DailyConsumption, Interval, Meter, Reading
from meters.tasks import collect, collect_all, make_partitions, raise_alerts
from meters.tests.collecting.kit import EPOCH, KINDS, NOW, QUARTERS, gather, meter
from meters.tests.factories import ConcentratorFactory

pytestmark = pytest.mark.django_db


class TestCollect:
    def test_brings_all_there_is_since_the_installation(self, served, concentrator):
        summary = gather(concentrator)

        assert (summary.asked, summary.heard, summary.failures) == (4, 4, {})
        # The first quarter is the opening, which is known.
        assert summary.recorded.created == 4 * (QUARTERS - 1)
        assert summary.recorded.conflicts == 0
        for one in served.fleet:
            used = sum(
                Interval.objects.filter(meter=meter(one.logical_device)).values_list(
                    "quantity", flat=True
                )
            )
            last = EPOCH + timedelta(days=3)
            assert used == one.import_register(last) - one.plan.opening_register
        assert not Interval.objects.filter(quality="estimated").exists()
        assert DailyConsumption.objects.filter(intervals=96).count() == 8

    def test_then_only_what_is_new(self, concentrator):
        gather(concentrator)

        summary = gather(concentrator)

        assert (summary.recorded.created, summary.recorded.duplicates) == (0, 0)

    def test_a_reading_by_hand_does_not_hide_the_meters_own(self, served, concentrator):
        taken = EPOCH + timedelta(days=2)
        value = served.fleet[101].import_register(taken)
        readings.record(
            [readings.RawReading(meter(101).pk, 1, taken, value)],
            source=Reading.Source.MANUAL,
            received_at=NOW,
        )

        summary = gather(concentrator, serial="SIM000101")

        assert (summary.recorded.created, summary.recorded.duplicates) == (QUARTERS - 2, 1)

    def test_asks_in_stretches(self, concentrator, monkeypatch):
        monkeypatch.setattr(reading, "AT_ONCE", timedelta(hours=5))

        assert gather(concentrator).recorded.created == 4 * (QUARTERS - 1)

    def test_a_stretch_can_be_asked_for(self, concentrator):
        summary = gather(
            concentrator,
            serial="SIM000101",
            start=EPOCH + timedelta(hours=1),
            end=EPOCH + timedelta(hours=2),
        )

        assert summary.asked == 1
        assert summary.recorded.created == 5

    def test_notes_relay_and_contact(self, served, concentrator):
        served.fleet[104].disconnect()

        gather(concentrator)

        assert [meter(device).relay_state for device in KINDS] == [
            "connected",
            "unknown",
            "connected",
            "disconnected",
        ]
        assert meter(101).control_mode == 4
        assert meter(101).communication_status == "online"
        concentrator.refresh_from_db()
        assert concentrator.communication_status == "online"
        assert concentrator.last_contact_at >= NOW

    def test_what_a_command_read_since_stands(self, concentrator):
        later = NOW + timedelta(hours=1)
        Meter.objects.filter(logical_device=101).update(
            relay_state="disconnected", relay_read_at=later
        )

        gather(concentrator)

        assert (meter(101).relay_state, meter(101).relay_read_at) == ("disconnected", later)

    def test_sets_clocks_that_are_wrong(self, served, concentrator):
        served.fleet[101].set_clock(NOW + timedelta(minutes=5))
        served.fleet[103].set_clock(NOW + timedelta(seconds=50))

        summary = gather(concentrator)

        assert summary.clocks_set == 1
        assert meter(101).clock_drift_seconds == 300
        assert abs(served.fleet[101].now() - NOW) < timedelta(seconds=5)

    def test_one_silent_meter_does_not_hold_up_the_others(self, served, concentrator):
        served.faults.set(FaultKind.SILENT, meter=102)

        summary = gather(concentrator)

        assert (summary.asked, summary.heard) == (4, 3)
        assert list(summary.failures) == ["SIM000102"]
        assert "ReplyTimeout" in summary.failures["SIM000102"]
        assert Reading.objects.filter(meter=meter(101)).count() == QUARTERS
        concentrator.refresh_from_db()
        assert concentrator.communication_status == "online"
        assert "1 of 4 meters failed" in concentrator.last_error

    @pytest.mark.parametrize(
        "kind", [FaultKind.CLOSE_MID_REPLY, FaultKind.GARBAGE, FaultKind.REFUSE_ASSOCIATION]
    )
    @pytest.mark.parametrize("connections_at_once", [1, 4])
    @pytest.mark.parametrize("outstanding", [1, 8])
    def test_nor_does_one_that_breaks_the_line(
        self, served, concentrator, kind, connections_at_once, outstanding
    ):
        served.faults.set(kind, meter=101)
        Concentrator.objects.update(connections=connections_at_once, outstanding=outstanding)

        summary = gather(concentrator)

        assert list(summary.failures) == ["SIM000101"]
        assert summary.heard == 3

    def test_what_came_before_a_fault_is_kept(self, served, concentrator, monkeypatch):
        monkeypatch.setattr(reading, "AT_ONCE", timedelta(days=1))
        real, stretches = reading._readings, []

        def count(meter_id, profile, row):
            if row.taken_at == EPOCH + timedelta(hours=20):
                stretches.append(row)
                served.faults.set(FaultKind.SILENT, meter=101)
            return real(meter_id, profile, row)

        monkeypatch.setattr(reading, "_readings", count)

        summary = gather(concentrator, serial="SIM000101")
        assert list(summary.failures) == ["SIM000101"]
        assert 80 < summary.recorded.created < 100

        served.faults.clear()
        gather(concentrator, serial="SIM000101")
        assert Reading.objects.filter(meter=meter(101)).count() == QUARTERS

    def test_many_meters_are_asked_at_once_over_one_connection(self, served, concentrator):
        Concentrator.objects.update(connections=1, outstanding=8, timeout_seconds=10)
        served.concentrator.behaviour.delay = 0.1

        gather(concentrator)

        assert served.concentrator.most_connections == 1
        assert served.concentrator.asked_at_once == 4

    def test_or_one_after_the_other_where_that_is_all_it_bears(self, served, concentrator):
        Concentrator.objects.update(connections=1, outstanding=1, timeout_seconds=10)
        served.concentrator.behaviour.delay = 0.02

        gather(concentrator)

        assert served.concentrator.asked_at_once == 1

    def test_a_meter_that_goes_on_for_too_long_is_left(self, served, concentrator, monkeypatch):
        monkeypatch.setattr(collection, "Round", partial(Round, meter_seconds=0.5))
        served.faults.set(FaultKind.LATE, meter=101, seconds=0.4)

        summary = gather(concentrator)

        assert summary.failures == {"SIM000101": "The meter was too slow: not done after 0.5 s."}
        assert summary.heard == 3

    def test_a_silent_meter_rests_for_longer_each_time(self, served, concentrator):
        served.faults.set(FaultKind.SILENT, meter=102)
        asked, now = [], NOW
        for _ in range(9):
            asked.append(gather(concentrator, now).asked)
            now += timedelta(minutes=15)

        # Visited at first, then after 15, 15 and 30 minutes, and an hour.
        assert asked == [4, 4, 4, 3, 4, 3, 3, 3, 4]
        assert gather(concentrator, now).resting == 1

        served.faults.clear()
        assert gather(concentrator, now, serial="SIM000102").heard == 1
        assert gather(concentrator, now).asked == 4

    def test_nobody_rests_because_the_concentrator_is_away(self, concentrator):
        Concentrator.objects.update(port=1)

        for _ in range(3):
            gather(concentrator)

        assert not Meter.objects.filter(visits_failed__gt=0).exists()

    def test_a_round_reads_some_days_and_the_next_goes_on(self, concentrator, monkeypatch):
        monkeypatch.setattr(collection, "Round", partial(Round, most_rows=96))
        monkeypatch.setattr(reading, "AT_ONCE", timedelta(days=1))

        created = [gather(concentrator).recorded.created for _ in range(4)]

        assert created == [4 * 96, 4 * 96, 4 * 96, 0]

    def test_nobody_listening_is_told_once_for_all(self, served, concentrator):
        Concentrator.objects.update(port=1)

        summary = gather(concentrator)

        assert summary.heard == 0
        assert len(summary.failures) == 4
        assert all("ConnectionLost" in reason for reason in summary.failures.values())
        concentrator.refresh_from_db()
        assert concentrator.communication_status == "offline"

    def test_the_longest_unread_goes_first(self, concentrator):
        Meter.objects.filter(logical_device__in=[101, 103]).update(last_contact_at=NOW)
        Meter.objects.filter(logical_device=104).update(last_contact_at=EPOCH)
        targets = targets_of(concentrator, NOW).chosen

        assert [target.address.logical_device for target in targets] == [102, 104, 101, 103]

    def test_leaves_out_meters_that_cannot_be_asked(self, concentrator):
        Meter.objects.filter(logical_device=101).update(deleted_at=NOW)
        Meter.objects.filter(logical_device=102).update(logical_device=None)

        assert gather(concentrator).asked == 2

    def test_begins_no_meter_when_its_time_is_over(self, concentrator, monkeypatch):
        begin = partial(Round, seconds=0.0)
        monkeypatch.setattr(collection, "Round", begin)

        summary = gather(concentrator)

        assert summary.heard == 0
        assert set(summary.failures.values()) == {"There was no time left."}

    def test_leaves_clocks_alone_where_they_are_not_kept(self, served, concentrator):
        Concentrator.objects.update(keeps_clocks=False)
        served.fleet[101].set_clock(NOW + timedelta(minutes=5))

        assert gather(concentrator).clocks_set == 0
        assert meter(101).clock_drift_seconds == 300

    def test_takes_some_statements_however_many_meters(
        self, concentrator, django_assert_max_num_queries
    ):
        with django_assert_max_num_queries(35):
            gather(concentrator)


@pytest.mark.django_db(transaction=True)
def test_two_rounds_of_a_concentrator_never_run_at_once():
    concentrator = ConcentratorFactory.create()
    found = []

    def second():
        found.append(gather(concentrator).is_skipped)
        connections.close_all()

    with collection._alone(concentrator.pk) as is_free:
        assert is_free
        thread = Thread(target=second)
        thread.start()
        thread.join()

    assert found == [True]
    assert gather(concentrator).is_skipped is False
    assert connection.is_usable()


class TestCommandsOverTheLine:
    """The life of a command against the simulator, with real frames."""

    def send(self, device, action, now=NOW):
        command = requests.ask(
            meter_id=meter(device).pk,
            action=action,
            reason="Credit is used up.",
            cause=Command.Cause.CREDIT,
            trace=[],
            requested_by=None,
            now=now,
        )
        return sending.send(command.pk, permit=lambda command, now: sending.Verdict(), now=now)

    def again(self, command):
        """When it is due: some seconds after its conversation, which took its time, had ended."""
        return sending.send(
            command.pk, permit=lambda command, now: sending.Verdict(), now=command.due_at
        )

    def test_cuts_and_restores(self, served, concentrator):
        assert self.send(101, "disconnect").state == "verified"
        assert not served.fleet[101].connected
        assert meter(101).relay_state == "disconnected"

        assert self.send(101, "reconnect").state == "verified"
        assert served.fleet[101].connected
        assert meter(101).relay_state == "connected"

    @pytest.mark.parametrize("served", [{101: {"control_mode": 6}}], indirect=True)
    def test_restores_as_far_as_the_button(self, served, concentrator):
        self.send(101, "disconnect")

        command = self.send(101, "reconnect")

        assert command.state == "verified"
        assert "press the button" in command.outcome
        assert meter(101).relay_state == "ready"
        served.fleet[101].press_button()
        gather(concentrator, now=NOW + timedelta(minutes=1))
        assert meter(101).relay_state == "connected"

    def test_an_order_that_was_carried_out_unanswered_is_found_done(self, served, concentrator):
        switched = []
        disconnect = served.fleet[101].disconnect
        served.fleet[101].disconnect = lambda: (
            switched.append(1),
            served.faults.set(FaultKind.MUTE, meter=101),
            disconnect(),
        )
        command = self.send(101, "disconnect")
        # The meter carried it out and falls silent with the answer already decided.
        assert command.state in {"unknown", "acknowledged"}
        served.faults.clear()

        command = self.again(command)

        assert command.state == "verified"
        assert switched == [1]

    def test_a_silent_meter_is_tried_again(self, served, concentrator):
        served.faults.set(FaultKind.SILENT, meter=101)
        command = self.send(101, "disconnect")
        assert command.state == "retrying"
        assert served.fleet[101].connected
        served.faults.clear()

        assert self.again(command).state == "verified"

    def test_a_meter_without_relay_says_no(self, served, concentrator):
        Meter.objects.filter(logical_device=102).update(has_relay=True, kind="electricity")

        command = self.send(102, "disconnect")

        assert command.state == "retrying"
        assert command.outcome


class TestManagementCommand:
    def test_tells_what_came(self, concentrator, capsys):
        Concentrator.objects.update(timeout_seconds=10)
        call_command("collect", "--concentrator", concentrator.serial)

        told = capsys.readouterr().out
        assert "4 of 4 meters answered" in told
        assert "conflicts" in told

    def test_fails_when_a_meter_does(self, served, concentrator, capsys):
        served.faults.set(FaultKind.REFUSE_ASSOCIATION, meter=101)

        with pytest.raises(CommandError, match="Not every meter"):
            call_command("collect", "--meter", "SIM000101")

        assert "SIM000101: AssociationRefused" in capsys.readouterr().out

    def test_takes_a_stretch_in_local_time(self, concentrator, capsys):
        call_command(
            "collect", "--meter=SIM000101", "--from=2026-06-01T03:00", "--to=2026-06-01T04:00"
        )

        assert "5 readings" in capsys.readouterr().out

    def test_knows_no_other_concentrator(self, db):
        with pytest.raises(CommandError, match="no such"):
            call_command("collect", "--concentrator=DC1")


class TestTasks:
    def test_every_concentrator_in_use_gets_its_own(self, monkeypatch):
        used = ConcentratorFactory.create()
        ConcentratorFactory.create(is_enabled=False)
        ConcentratorFactory.create(deleted_at=NOW)
        started = []
        monkeypatch.setattr(collect, "delay", lambda **told: started.append(told))

        collect_all()

        assert started == [{"concentrator_id": str(used.pk)}]

    def test_news_are_billed_at_once(self, concentrator, monkeypatch):
        sent = []
        monkeypatch.setattr("meters.tasks.current_app.send_task", sent.append)

        collect(concentrator_id=str(concentrator.pk))
        collect(concentrator_id=str(concentrator.pk))

        assert sent == ["wallets.tasks.bill"]

    def test_the_others_run(self, db):
        make_partitions()
        raise_alerts()
