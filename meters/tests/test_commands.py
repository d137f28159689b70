from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from time import sleep
from uuid import uuid4

import pytest
from django.db import connections

from accounts.tests.factories import UserFactory
from meters import commands
from meters.commands import CommandOpen, NoRelay
from meters.dlms.values import ControlState, RelayState
from meters.exchange import Exchange
from meters.models import Command, MeterAlert
from meters.tests.factories import CommandFactory, MeterFactory

NOW = datetime(2026, 7, 1, 10, tzinfo=UTC)
CUT = RelayState(output=False, control_state=ControlState.DISCONNECTED, control_mode=4)
ON = RelayState(output=True, control_state=ControlState.CONNECTED, control_mode=4)
READY = RelayState(output=False, control_state=ControlState.READY_FOR_RECONNECTION, control_mode=6)
DISCONNECT, RECONNECT = Command.Action.DISCONNECT, Command.Action.RECONNECT

pytestmark = pytest.mark.django_db


@pytest.fixture
def meter():
    return MeterFactory.create(behind_concentrator=True)


class Wire:
    """A transport that answers from a list and remembers what it was told to say."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.orders = []

    def __call__(self, order):
        self.orders.append(order)
        self.state_when_leaving = Command.objects.open().get().state
        return self.answers.pop(0)

    @property
    def said(self):
        return [order.action if order.act else "read" for order in self.orders]


def request(meter, action=DISCONNECT, now=NOW, **changes):
    asked = {"reason": "Credit is used up.", "cause": "credit", "trace": ["a"]} | changes
    return commands.request(meter_id=meter.pk, action=action, requested_by=None, now=now, **asked)


def permitted(command, now):
    return None


def send(command, wire, now=NOW, permit=permitted):
    return commands.send(command.pk, permit=permit, now=now, transport=wire)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


class TestRequest:
    def test_queues_a_command(self, meter):
        command = request(meter)

        assert (command.state, command.due_at) == ("queued", NOW)
        assert command.trace == ["a"]
        assert command.expires_at == NOW + timedelta(minutes=30)

    def test_a_reconnection_lives_for_a_day(self, meter):
        assert request(meter, RECONNECT).expires_at == NOW + timedelta(hours=24)

    def test_remembers_who_asked(self, meter):
        user = UserFactory.create()

        command = commands.request(
            meter_id=meter.pk,
            action="disconnect",
            reason="Fire.",
            cause=Command.Cause.PERSON,
            trace=[],
            requested_by=user,
            now=NOW,
        )

        assert (command.requested_by, command.cause) == (user, "person")

    @pytest.mark.parametrize("lack", [{"has_relay": False}, {"control_mode": 0}])
    def test_needs_a_relay_that_can_be_switched(self, lack):
        with pytest.raises(NoRelay):
            request(MeterFactory.create(**lack))

        assert not Command.objects.exists()

    def test_asking_again_returns_what_is_under_way(self, meter):
        assert request(meter) == request(meter)

    @pytest.mark.parametrize("state", ["queued", "retrying"])
    def test_a_reconnection_supersedes_a_cut_that_has_not_left(self, meter, state):
        cut = CommandFactory.create(meter=meter, state=state)

        request(meter, RECONNECT)

        cut.refresh_from_db()
        assert cut.state == "superseded"
        assert Command.objects.open().get().action == "reconnect"

    @pytest.mark.parametrize("state", ["sent", "acknowledged", "unknown"])
    def test_a_cut_that_may_have_left_runs_its_course(self, meter, state):
        CommandFactory.create(meter=meter, state=state)

        with pytest.raises(CommandOpen):
            request(meter, RECONNECT)

        assert Command.objects.count() == 1

    def test_a_cut_does_not_supersede_a_reconnection(self, meter):
        request(meter, RECONNECT)

        with pytest.raises(CommandOpen):
            request(meter, DISCONNECT)


class TestBlock:
    def block(self, meter, reason, **changes):
        return commands.block(
            meter_id=meter.pk, action="disconnect", reason=reason, trace=[], now=NOW, **changes
        )

    def test_is_recorded_once_for_the_same_reason(self, meter):
        assert self.block(meter, "At night.") == self.block(meter, "At night.")

        assert Command.objects.get().state == "blocked"

    def test_is_recorded_again_when_the_reason_changes(self, meter):
        self.block(meter, "At night.")
        self.block(meter, "The supply is protected.")

        assert Command.objects.count() == 2


class TestDue:
    def test_reconnections_go_first(self):
        cut, restore, late = (
            CommandFactory.create(action=action, due_at=after(seconds))
            for action, seconds in ((DISCONNECT, -60), (RECONNECT, 0), (RECONNECT, 1))
        )

        assert commands.due(NOW) == [restore.pk, cut.pk]
        assert commands.due(after(1)) == [restore.pk, late.pk, cut.pk]

    def test_leaves_out_what_is_closed(self):
        CommandFactory.create(state="verified")

        assert commands.due(NOW) == []


class TestSend:
    def test_is_on_record_before_it_leaves(self, meter):
        wire = Wire(Exchange(left=True, answered=True, relay=CUT))

        send(request(meter), wire)

        assert wire.state_when_leaving == "sent"

    def test_is_verified_by_reading_the_relay_back(self, meter):
        command = send(request(meter), Wire(Exchange(left=True, answered=True, relay=CUT)))

        meter.refresh_from_db()
        assert (command.state, command.verified_at) == ("verified", NOW)
        assert (command.sent_at, command.acknowledged_at) == (NOW, NOW)
        assert (meter.relay_state, meter.relay_read_at) == ("disconnected", NOW)
        assert (meter.control_mode, meter.communication_status) == (4, "online")

    def test_an_acknowledged_cut_that_did_nothing_is_not_done(self, meter):
        command = send(request(meter), Wire(Exchange(left=True, answered=True, relay=ON)))

        assert (command.state, command.due_at) == ("retrying", after(10))

    def test_waits_for_the_button_where_the_meter_wants_it(self, meter):
        command = send(
            request(meter, RECONNECT), Wire(Exchange(left=True, answered=True, relay=READY))
        )

        meter.refresh_from_db()
        assert command.state == "verified"
        assert "press the button" in command.outcome
        assert meter.relay_state == "ready"

    def test_ready_is_not_enough_where_the_meter_needs_no_button(self, meter):
        relay = RelayState(
            output=False, control_state=ControlState.READY_FOR_RECONNECTION, control_mode=4
        )

        command = send(
            request(meter, RECONNECT), Wire(Exchange(left=True, answered=True, relay=relay))
        )

        assert command.state == "retrying"

    def test_is_asked_for_permission_at_the_last_moment(self, meter):
        wire = Wire()

        command = send(request(meter), wire, permit=lambda command, now: "A payment came in.")

        assert (command.state, command.outcome) == ("blocked", "A payment came in.")
        assert wire.orders == []

    def test_nothing_leaves_after_its_time(self, meter):
        wire = Wire()

        command = send(request(meter), wire, now=NOW + timedelta(minutes=30))

        assert (command.state, wire.orders) == ("expired", [])

    def test_nothing_happens_before_it_is_due(self, meter):
        wire = Wire()
        command = CommandFactory.create(meter=meter, state="retrying", due_at=after(1))

        assert send(command, wire).state == "retrying"
        assert wire.orders == []

    def test_what_is_closed_stays_closed(self, meter):
        wire = Wire()
        command = CommandFactory.create(meter=meter, state="verified", due_at=NOW)

        assert send(command, wire).state == "verified"
        assert wire.orders == []

    def test_an_unknown_command_is_an_error(self):
        with pytest.raises(Command.DoesNotExist):
            commands.send(uuid4(), permit=permitted, now=NOW, transport=Wire())

    def test_a_meter_behind_no_concentrator_cannot_be_sent_to(self):
        command = send(request(MeterFactory.create()), Wire())

        assert (command.state, command.outcome) == (
            "dead",
            "No concentrator reaches this meter.",
        )

    def test_tells_of_the_cut_until_the_supply_is_back(self, meter):
        send(request(meter), Wire(Exchange(left=True, answered=True, relay=CUT)))
        assert MeterAlert.objects.unresolved().get().kind == "disconnection"

        send(request(meter, RECONNECT), Wire(Exchange(left=True, answered=True, relay=ON)))

        alert = MeterAlert.objects.unresolved().get()
        assert (alert.kind, alert.severity) == ("reconnection", "info")


class TestSilence:
    """A cut that may have left is never repeated before the relay was read."""

    def test_is_no_failure(self, meter):
        wire = Wire(Exchange(left=True, error="ReplyTimeout: 10 s"))

        command = send(request(meter), wire)

        assert (command.state, command.due_at) == ("unknown", after(10))

    def test_is_followed_by_a_question(self, meter):
        wire = Wire(Exchange(left=True, error="ReplyTimeout"), Exchange(relay=CUT))
        command = send(request(meter), wire)

        command = send(command, wire, now=after(10))

        assert wire.said == ["disconnect", "read"]
        assert command.state == "verified"

    def test_then_by_a_new_cut_if_there_was_none_and_it_is_still_called_for(self, meter):
        wire = Wire(
            Exchange(left=True, error="ReplyTimeout"),
            Exchange(relay=ON),
            Exchange(left=True, answered=True, relay=CUT),
        )
        command = send(request(meter), wire)
        command = send(command, wire, now=after(10))
        assert command.state == "retrying"

        command = send(command, wire, now=after(40))

        assert wire.said == ["disconnect", "read", "disconnect"]
        assert wire.orders[2].read_first
        assert command.state == "verified"

    def test_or_by_none_if_it_is_not(self, meter):
        wire = Wire(Exchange(left=True, error="ReplyTimeout"), Exchange(relay=ON))
        command = send(request(meter), wire)
        command = send(command, wire, now=after(10))

        command = send(command, wire, now=after(40), permit=lambda command, now: "Paid.")

        assert (command.state, wire.said) == ("blocked", ["disconnect", "read"])

    def test_lasts_until_the_meter_answers(self, meter):
        silence = Exchange(left=True, error="ReplyTimeout")
        wire = Wire(silence, Exchange(error="ConnectionLost"), Exchange(relay=CUT))
        command = send(request(meter), wire)
        command = send(command, wire, now=after(10))
        assert (command.state, command.due_at) == ("unknown", after(40))

        assert send(command, wire, now=after(40)).state == "verified"

    def test_after_an_acknowledgement_is_asked_about(self, meter):
        wire = Wire(Exchange(left=True, answered=True, error="ReplyTimeout"), Exchange(relay=CUT))
        command = send(request(meter), wire)
        assert command.state == "acknowledged"

        assert send(command, wire, now=after(10)).state == "verified"

    def test_before_anything_left_is_tried_again(self, meter):
        wire = Wire(Exchange(error="ConnectionLost"), Exchange(left=True, answered=True, relay=CUT))
        command = send(request(meter), wire)
        assert command.state == "retrying"

        assert send(command, wire, now=after(10)).state == "verified"

    def test_comes_to_an_end(self, meter):
        wire = Wire(*(Exchange(error="ConnectionLost") for _ in range(6)))
        command, now, waits = request(meter, RECONNECT), NOW, []
        for _ in range(6):
            command = send(command, wire, now=now)
            waits.append((command.due_at - now).total_seconds())
            now = command.due_at

        assert waits[:5] == [10, 30, 120, 600, 1800]
        assert (command.state, command.outcome) == ("dead", "ConnectionLost")

    def test_of_a_cut_whose_time_is_over_ends_it_once_it_was_read(self, meter):
        wire = Wire(Exchange(left=True, error="ReplyTimeout"), Exchange(relay=ON))
        command = send(request(meter), wire)

        command = send(command, wire, now=NOW + timedelta(hours=1))

        assert (command.state, wire.said) == ("expired", ["disconnect", "read"])


class TestCrash:
    def test_before_the_answer_leaves_the_command_to_be_asked_about(self, meter):
        command = request(meter)

        def die(order):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            send(command, die)
        command.refresh_from_db()
        assert command.state == "sent"
        assert commands.due(after(60)) == []
        assert commands.due(after(120)) == [command.pk]

        wire = Wire(Exchange(relay=CUT))
        assert send(command, wire, now=after(120)).state == "verified"
        assert wire.said == ["read"]

    def test_of_the_permit_leaves_it_as_it_was(self, meter):
        command = request(meter)

        def die(command, now):
            raise RuntimeError

        with pytest.raises(RuntimeError):
            send(command, Wire(), permit=die)
        command.refresh_from_db()
        assert (command.state, command.attempts) == ("queued", 0)

    def test_an_answer_that_comes_after_the_lease_changes_nothing(self, meter):
        command = request(meter)
        late = Wire(Exchange(relay=CUT))

        def slow(order):
            send(command, late, now=after(120))
            return Exchange(left=True, error="ReplyTimeout")

        found = send(command, slow)

        assert found.state == "verified"
        command.refresh_from_db()
        assert command.state == "verified"


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_a_command_leaves_once(self):
        meter = MeterFactory.create(behind_concentrator=True)
        command = request(meter)
        barrier, left = Barrier(4), []

        def transport(order):
            left.append(order)
            sleep(0.1)
            return Exchange(left=True, answered=True, relay=CUT)

        def work():
            barrier.wait()
            send(command, transport)
            connections.close_all()

        run_together(work, work, work, work)

        command.refresh_from_db()
        assert len(left) == 1
        assert (command.state, command.attempts) == ("verified", 1)

    def test_a_meter_has_one_open_command(self):
        meter = MeterFactory.create(behind_concentrator=True)
        barrier, refused = Barrier(6), []

        def ask(action):
            def work():
                barrier.wait()
                try:
                    request(meter, action)
                except CommandOpen:
                    refused.append(action)
                connections.close_all()

            return work

        run_together(*(ask(action) for action in [DISCONNECT, RECONNECT] * 3))

        assert Command.objects.open().count() == 1
        assert set(refused) <= {"disconnect"}

    @pytest.mark.parametrize("_", range(10))
    def test_asking_while_an_answer_comes_in_ends_well(self, _):
        meter = MeterFactory.create(behind_concentrator=True)
        command, barrier = request(meter), Barrier(2)

        def transport(order):
            barrier.wait()
            return Exchange(left=True, answered=True, relay=CUT)

        def answer():
            send(command, transport)
            connections.close_all()

        def ask():
            barrier.wait()
            with suppress(CommandOpen):
                request(meter, RECONNECT)
            connections.close_all()

        run_together(answer, ask)

        command.refresh_from_db()
        assert command.state == "verified"


def run_together(*works):
    errors = []

    def run(work):
        try:
            work()
        except Exception as error:
            errors.append(error)

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
