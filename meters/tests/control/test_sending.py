from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from time import sleep
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction

from meters.control import requests, sending
from meters.control.exchange import Exchange
from meters.control.requests import CommandOpen
from meters.control.sending import Verdict
from meters.dlms.values import ControlState, RelayState
from meters.models import Command, CommandStep, MeterAlert
from meters.tests.factories import CommandFactory, MeterFactory

NOW = datetime(2026, 7, 1, 10, tzinfo=UTC)
CUT = RelayState(output=False, control_state=ControlState.DISCONNECTED, control_mode=4)
ON = RelayState(output=True, control_state=ControlState.CONNECTED, control_mode=4)
READY = RelayState(output=False, control_state=ControlState.READY_FOR_RECONNECTION, control_mode=6)
DISCONNECT, RECONNECT, READ = (
    Command.Action.DISCONNECT,
    Command.Action.RECONNECT,
    Command.Action.READ,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def meter():
    return MeterFactory.create(behind_concentrator=True)


class Death:
    """A line on which whoever opens it dies."""

    def converse(self, order, may_leave):
        raise KeyboardInterrupt


class Watch:
    """The clock of conversations; it stands still unless it is told to go on."""

    def __init__(self):
        self.seconds = 0.0

    def monotonic(self):
        return self.seconds


@pytest.fixture(autouse=True)
def watch(monkeypatch):
    watch = Watch()
    monkeypatch.setattr(sending, "time", watch)
    return watch


class Wire:
    """A channel that answers from a list and remembers what it was told to say."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.orders = []

    def converse(self, order, may_leave):
        if order.act and (refusal := may_leave()):
            return Exchange(refused=refusal)
        self.orders.append(order)
        self.state_when_leaving = Command.objects.open().get().state
        return self.answers.pop(0)

    @property
    def said(self):
        return [order.action if order.act else "read" for order in self.orders]


def request(meter, action=DISCONNECT, now=NOW, **changes):
    asked = {"reason": "Credit is used up.", "cause": "credit", "trace": ["a"]} | changes
    return requests.ask(meter_id=meter.pk, action=action, requested_by=None, now=now, **asked)


def permitted(command, now):
    return Verdict()


def refused(why):
    return lambda command, now: Verdict(why)


def send(command, wire, now=NOW, permit=permitted):
    def finding(meter):
        return wire if meter.concentrator else None

    return sending.send(command.pk, permit=permit, now=now, finding=finding)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


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

        command = send(request(meter), wire, permit=refused("A payment came in."))

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
            sending.send(uuid4(), permit=permitted, now=NOW)

    def test_a_meter_behind_no_concentrator_cannot_be_sent_to(self):
        command = send(request(MeterFactory.create()), Wire())

        assert (command.state, command.outcome) == (
            "dead",
            "Nothing carries orders to this meter.",
        )

    def test_tells_of_the_cut_until_the_supply_is_back(self, meter):
        send(request(meter), Wire(Exchange(left=True, answered=True, relay=CUT)))
        assert MeterAlert.objects.unresolved().get().kind == "disconnection"

        send(request(meter, RECONNECT), Wire(Exchange(left=True, answered=True, relay=ON)))

        alert = MeterAlert.objects.unresolved().get()
        assert (alert.kind, alert.severity) == ("reconnection", "info")


class TestLastWord:
    """What changes while the line is opened is asked about before the order leaves."""

    def test_holds_back_an_order_that_is_no_longer_called_for(self, meter):
        answers = iter([Verdict(), Verdict("Paid.", [{"check": "credit"}])])
        wire = Wire()

        command = send(request(meter), wire, permit=lambda command, now: next(answers))

        assert (command.state, command.outcome, wire.orders) == ("blocked", "Paid.", [])
        assert (command.sent_at, command.checks) == (None, [{"check": "credit"}])

    def test_keeps_what_left_before(self, meter):
        wire = Wire(Exchange(left=True, error="ReplyTimeout"), Exchange(relay=ON))
        command = send(request(meter), wire)
        command = send(command, wire, now=after(10))
        answers = iter([Verdict(), Verdict("Paid.")])

        command = send(command, wire, now=after(40), permit=lambda command, now: next(answers))

        assert (command.state, command.sent_at) == ("blocked", NOW)

    def test_is_told_the_time_that_passed(self, meter, watch):
        asked = []

        def permit(command, now):
            asked.append(now)
            return Verdict()

        send(request(meter), SlowWire(watch, opening=7), permit=permit)

        assert asked == [NOW, after(7)]


class SlowWire:
    """A line that takes seconds to open and seconds to answer, and then says where it stands."""

    def __init__(self, watch, *, opening=0, answering=0, exchange=None):
        self.watch, self.opening, self.answering = watch, opening, answering
        self.exchange = exchange or Exchange(left=True, answered=True, relay=CUT)

    def converse(self, order, may_leave):
        self.watch.seconds += self.opening
        if order.act and (refusal := may_leave()):
            return Exchange(refused=refusal)
        self.watch.seconds += self.answering
        return self.exchange


class TestTime:
    """When an order left is not known to the second; it is bounded on the side that matters."""

    def test_of_a_cut_is_when_its_conversation_was_over(self, meter, watch):
        command = send(request(meter), SlowWire(watch, opening=20, answering=5))

        meter.refresh_from_db()
        assert (command.sent_at, command.verified_at) == (after(25), after(25))
        assert meter.relay_read_at == after(25)

    def test_of_a_reconnection_is_when_it_was_put_on_record(self, meter, watch):
        on = Exchange(left=True, answered=True, relay=ON)

        command = send(request(meter, RECONNECT), SlowWire(watch, opening=20, exchange=on))

        assert (command.sent_at, command.verified_at) == (NOW, after(20))

    def test_of_a_cut_whose_sender_died_is_the_end_of_its_lease(self, meter):
        command = request(meter)
        with pytest.raises(KeyboardInterrupt):
            send(command, Death())

        command = send(command, Wire(Exchange(relay=CUT)), now=after(600))

        assert (command.state, command.sent_at) == ("verified", after(120))

    def test_no_cut_leaves_after_its_lease(self, meter, watch):
        command = send(request(meter), SlowWire(watch, opening=120))

        assert (command.state, command.sent_at) == ("blocked", None)
        assert "took so long" in command.outcome

    def test_a_reconnection_leaves_however_long_it_takes(self, meter, watch):
        on = Exchange(left=True, answered=True, relay=ON)

        command = send(request(meter, RECONNECT), SlowWire(watch, opening=120, exchange=on))

        assert command.state == "verified"


class TestRead:
    def test_notes_how_the_relay_stands(self, meter):
        wire = Wire(Exchange(relay=CUT))

        command = send(request(meter, READ), wire, permit=refused("Nobody asks."))

        meter.refresh_from_db()
        assert (command.state, wire.said) == ("verified", ["read"])
        assert command.outcome == "The relay reads disconnected."
        assert meter.relay_state == "disconnected"
        assert not MeterAlert.objects.exists()

    def test_is_tried_again_until_its_time_is_over(self, meter):
        wire = Wire(*(Exchange(error="ConnectionLost") for _ in range(2)))
        command = send(request(meter, READ), wire)
        assert (command.state, command.due_at) == ("retrying", after(10))

        command = send(command, wire, now=after(10))
        assert command.state == "retrying"

        assert send(command, wire, now=after(600)).state == "expired"


class TestSteps:
    def test_tell_the_whole_life(self, meter):
        wire = Wire(Exchange(left=True, error="ReplyTimeout"), Exchange(relay=CUT))
        command = send(request(meter), wire)
        send(command, wire, now=after(10))

        told = [(step.state, step.attempt, step.at) for step in command.steps.order_by("pk")]

        assert told == [
            ("queued", 0, NOW),
            ("sent", 1, NOW),
            ("unknown", 1, NOW),
            ("unknown", 2, after(10)),
            ("verified", 2, after(10)),
        ]

    def test_keep_what_the_guards_saw(self, meter):
        saw = [{"check": "credit", "passed": True, "says": "R0.00 is left."}]
        wire = Wire(Exchange(left=True, answered=True, relay=CUT))

        command = send(request(meter), wire, permit=lambda command, now: Verdict("", saw))

        assert [step.checks for step in command.steps.order_by("pk")] == [[], saw, saw]

    def test_are_never_changed(self, meter):
        step = request(meter).steps.get()

        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            step.delete()
        with pytest.raises(IntegrityError, match="append-only"):
            CommandStep.objects.update(outcome="")

    def test_end_with_a_closed_command(self, meter):
        command = CommandFactory.create(meter=meter, state="verified")

        with pytest.raises(IntegrityError, match="closed"):
            Command.objects.filter(pk=command.pk).update(state="queued")


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

        command = send(command, wire, now=after(40), permit=refused("Paid."))

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

        with pytest.raises(KeyboardInterrupt):
            send(command, Death())
        command.refresh_from_db()
        assert command.state == "sent"
        assert requests.due(after(60)) == []
        assert requests.due(after(120)) == [command.pk]

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

        class Slow:
            def converse(self, order, may_leave):
                send(command, late, now=after(120))
                return Exchange(left=True, error="ReplyTimeout")

        found = send(command, Slow())

        assert found.state == "verified"
        command.refresh_from_db()
        assert command.state == "verified"


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_a_command_leaves_once(self):
        meter = MeterFactory.create(behind_concentrator=True)
        command = request(meter)
        barrier, left = Barrier(4), []

        class Slow:
            def converse(self, order, may_leave):
                left.append(order)
                sleep(0.1)
                return Exchange(left=True, answered=True, relay=CUT)

        def work():
            barrier.wait()
            send(command, Slow())
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

        class Meanwhile:
            def converse(self, order, may_leave):
                barrier.wait()
                return Exchange(left=True, answered=True, relay=CUT)

        def answer():
            send(command, Meanwhile())
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
