"""Orders over LoRaWAN, against a ChirpStack on a socket that posts to our webhook."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.db import connections

from estates.tests.factories import EstateFactory
from meters.control import downlinks, sending
from meters.control.alone import Busy, alone_at
from meters.control.lorawan import LoraChannel
from meters.control.requests import CommandOpen, NoRelay
from meters.control.sending import Verdict
from meters.lorawan.simulator.chirpstack import Chirpstack, running
from meters.models import Command, Downlink, DownlinkEvent, LoraDevice, Meter, MeterAlert
from meters.radio import servers
from meters.tests.factories import MeterFactory
from meters.tests.lorawan.relayed import EUI, Relay, steps
from quantify import sealing
from quantify.sealing import NoSecret

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
OPEN, CLOSE = "0700ff", "0701ff"
DISCONNECT, RECONNECT, READ = "disconnect", "reconnect", "read"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _begin(monkeypatch):
    """Nobody has tried a wrong secret, and no conversation takes time."""
    cache.clear()
    monkeypatch.setattr(sending, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.fixture
def chirpstack() -> Iterator[Chirpstack]:
    with running() as made:
        yield made


@pytest.fixture
def relay(chirpstack) -> Relay:
    return Relay(chirpstack, NOW)


def refused(words):
    return lambda command, now: Verdict(words)


class TestOrder:
    def test_waits_in_the_queue_with_its_end(self, relay, chirpstack):
        command = relay.order(DISCONNECT)

        (item,) = chirpstack.queues[EUI]
        downlink = Downlink.objects.get()
        assert relay.queue == [OPEN]
        assert item.expires == int((NOW + timedelta(minutes=30)).timestamp())
        assert (downlink.queue_item, downlink.command) == (item.id, command)
        assert command.state == "sent"
        assert command.outcome == "It waits in the device's queue at the network server."
        assert (command.sent_at, command.due_at) == (NOW, NOW + timedelta(seconds=30))
        assert chirpstack.asked == ["FlushQueue", "Enqueue"]

    def test_is_sent_acknowledged_and_verified_by_the_device(self, relay):
        command = relay.order(DISCONNECT)
        relay.passes(5)
        item = relay.transmit()
        relay.passes(1)
        relay.acknowledges(item)
        relay.passes(60)
        relay.says()

        assert steps(command) == [
            ("queued", ""),
            ("sent", ""),
            ("sent", "A gateway sent it over the air."),
            ("acknowledged",
             "The device acknowledged it; what it says of its relay will prove it."),
            ("verified", "Read back from the meter."),
        ]  # fmt: skip
        relay.meter.refresh_from_db()
        assert relay.meter.relay_state == "disconnected"
        assert MeterAlert.objects.unresolved().get().kind == "disconnection"

    def test_is_not_proved_by_what_the_device_said_before(self, relay):
        relay.is_closed = False
        relay.says()
        relay.passes(10)
        command = relay.order(DISCONNECT)
        relay.transmit()

        command.refresh_from_db()
        assert command.state == "sent"

    def test_is_not_proved_while_it_waits_in_the_queue(self, relay):
        command = relay.order(RECONNECT)
        relay.passes(10)
        relay.says()

        command.refresh_from_db()
        assert command.state == "sent"

    def test_is_held_back_at_the_last_moment(self, relay):
        command = relay.ask(DISCONNECT)
        answers = iter([Verdict(), Verdict("Paid.")])

        command = relay.send(command, permit=lambda command, now: next(answers))

        assert (command.state, command.outcome, command.sent_at) == ("blocked", "Paid.", None)
        assert relay.queue == []
        assert Downlink.objects.get().taken_out_at is not None

    def test_never_closes_water(self, relay):
        Meter.objects.filter(pk=relay.meter.pk).update(kind="water")
        relay.meter.refresh_from_db()
        with pytest.raises(NoRelay, match="water"):
            relay.ask(DISCONNECT)

        Meter.objects.filter(pk=relay.meter.pk).update(kind="electricity")
        command = relay.ask(DISCONNECT)
        Meter.objects.filter(pk=relay.meter.pk).update(kind="water")

        command = relay.send(command)

        assert (command.state, command.outcome) == ("blocked", "Water is never closed.")
        assert (relay.queue, relay.chirpstack.asked) == ([], [])

    def test_to_a_device_without_relay_goes_nowhere(self, relay):
        LoraDevice.objects.update(model="em300_di")

        command = relay.order(DISCONNECT)

        assert (command.state, command.outcome) == ("dead", "Nothing carries orders to this meter.")
        assert LoraChannel.to(MeterFactory.create()) is None


class TestEvents:
    def test_acknowledged_before_sent(self, relay):
        command = relay.order(DISCONNECT)
        relay.passes(5)
        item = relay.transmit(is_told=False)
        relay.acknowledges(item)
        command.refresh_from_db()
        assert command.state == "acknowledged"

        relay.passes(5)
        relay.tells_sent(item)

        command.refresh_from_db()
        assert command.state == "acknowledged"
        relay.passes(30)
        relay.says()
        command.refresh_from_db()
        assert command.state == "verified"

    def test_that_come_twice_move_nothing(self, relay):
        command = relay.order(DISCONNECT)
        relay.passes(5)
        item = relay.transmit()
        relay.acknowledges(item)
        before = steps(command)

        for _ in range(2):
            relay.tells_sent(item)
            relay.tells_acknowledged(item)

        assert steps(command) == before
        assert DownlinkEvent.objects.count() == 2

    def test_that_come_before_the_item_is_known_are_kept(self, relay, monkeypatch):
        identify = downlinks.identify

        def late(downlink, queue_item):
            relay.transmit()
            identify(downlink, queue_item)

        monkeypatch.setattr(downlinks, "identify", late)

        command = relay.order(DISCONNECT)

        assert (command.state, command.outcome) == ("sent", "A gateway sent it over the air.")

    def test_of_what_somebody_else_put_in_move_nothing(self, relay):
        command = relay.order(DISCONNECT)
        before = steps(command)
        (item,) = relay.chirpstack.queues[EUI]
        item.id = "0197e3c4-4401-7b8d-9386-a5c902f9202d"

        relay.transmit()

        assert steps(command) == before

    def test_not_acknowledged_is_looked_after_at_once(self, relay):
        command = relay.order(RECONNECT)
        relay.passes(5)
        item = relay.transmit()
        relay.acknowledges(item, acknowledged=False)
        command.refresh_from_db()
        assert (command.state, command.due_at) == ("unknown", relay.now)

        command = relay.send(command)
        assert command.state == "retrying"
        relay.now = command.due_at
        relay.send(command)
        assert relay.queue == [CLOSE]

    def test_a_cut_that_was_not_acknowledged_is_not_repeated_unheard(self, relay):
        command = relay.order(DISCONNECT)
        relay.passes(5)
        item = relay.transmit()
        relay.acknowledges(item, acknowledged=False)

        command = relay.send(command)

        assert (command.state, relay.queue) == ("unknown", [])

    def test_late_ones_change_no_command_that_has_ended(self, relay):
        command = relay.order(DISCONNECT)
        relay.passes(60)
        item = relay.transmit()
        relay.passes(1800)
        command = relay.send(command)
        assert command.state == "expired"

        relay.acknowledges(item)
        relay.says()

        command.refresh_from_db()
        relay.meter.refresh_from_db()
        assert command.state == "expired"
        assert relay.meter.relay_state == "disconnected"


class TestNoAnswer:
    def test_of_a_device_lets_the_order_expire(self, relay):
        command = relay.order(DISCONNECT)
        looks = 0
        while command.state == "sent":
            relay.now, looks = command.due_at, looks + 1
            command = relay.send(command)

        assert (command.state, relay.queue) == ("expired", [])
        assert command.outcome == "It waited in the queue until its time was over."
        assert (relay.now, looks) == (NOW + timedelta(minutes=30), 60)

    def test_after_an_order_that_did_nothing_gives_it_again(self, relay):
        relay.obeys = False
        command = relay.order(DISCONNECT)
        relay.passes(5)
        relay.acknowledges(relay.transmit())
        relay.passes(60)
        relay.says()

        command.refresh_from_db()
        command = relay.send(command)
        assert (command.state, command.outcome) == (
            "retrying",
            "The relay does not stand as ordered.",
        )
        relay.now, relay.obeys = command.due_at, True
        relay.send(command)
        assert relay.queue == [OPEN]
        relay.passes(20)
        relay.transmit()
        relay.passes(20)
        relay.says()
        command.refresh_from_db()
        assert command.state == "verified"

    def test_of_the_network_server_is_tried_again(self, relay, chirpstack):
        chirpstack.faults = ["lost before"]
        command = relay.order(RECONNECT)
        assert (command.state, command.sent_at) == ("retrying", None)
        assert command.due_at == NOW + timedelta(seconds=10)

        relay.passes(10)
        assert relay.send(command).state == "sent"
        assert relay.queue == [CLOSE]

    def test_to_the_order_itself_is_looked_into_before_it_is_repeated(self, relay, chirpstack):
        chirpstack.faults = ["", "lost after"]
        command = relay.order(DISCONNECT)
        assert (command.state, Downlink.objects.get().queue_item) == ("unknown", "")

        relay.passes(10)
        command = relay.send(command)

        assert command.state == "sent"
        assert relay.queue == [OPEN]
        assert chirpstack.asked == ["FlushQueue", "Enqueue", "GetQueue"]
        assert Downlink.objects.get().queue_item == chirpstack.queues[EUI][0].id

    def test_of_nobody_listening(self, relay, chirpstack):
        with running() as gone:
            servers.give_access(server=relay.server, address=gone.address, api_key="a-key")
        command = relay.order(RECONNECT)

        assert (command.state, relay.queue) == ("retrying", [])
        assert "ChirpStack is not reached" in command.outcome

    def test_because_of_a_wrong_key(self, relay, chirpstack):
        chirpstack.api_key = "another"
        command, waits = relay.order(RECONNECT), []
        while command.state == "retrying":
            waits.append((command.due_at - relay.now).total_seconds())
            relay.now = command.due_at
            command = relay.send(command)

        assert (command.state, command.outcome) == ("dead", "ChirpStack refuses the API key.")
        assert waits == [10, 30, 120, 600, 1800]
        assert relay.queue == []

    def test_because_there_is_no_key(self, relay):
        servers.give_access(server=relay.server, address="")
        command = relay.order(RECONNECT)

        assert command.state == "retrying"
        assert command.outcome == "The network server has no API key for orders."


class TestQueuedCut:
    """A cut that waits in the queue gives way."""

    def test_to_a_reconnection(self, relay):
        cut = relay.order(DISCONNECT)
        relay.passes(60)

        reconnection = relay.order(RECONNECT)

        cut.refresh_from_db()
        assert (cut.state, reconnection.state) == ("superseded", "sent")
        assert relay.queue == [CLOSE]
        assert [bool(one.taken_out_at) for one in Downlink.objects.order_by("pk")] == [True, False]

    def test_to_a_reconnection_after_it_was_sent(self, relay):
        relay.order(DISCONNECT)
        relay.passes(5)
        item = relay.transmit()
        relay.passes(60)
        reconnection = relay.order(RECONNECT)
        assert relay.queue == [CLOSE]

        relay.tells_acknowledged(item)
        relay.passes(5)
        relay.says()
        reconnection.refresh_from_db()
        assert reconnection.state == "sent"

        relay.transmit()
        relay.passes(20)
        relay.says()
        reconnection.refresh_from_db()
        assert (reconnection.state, relay.is_closed) == ("verified", True)

    def test_to_a_guard(self, relay):
        cut = relay.order(DISCONNECT)
        relay.now = cut.due_at

        cut = relay.send(cut, permit=refused("The supply is protected."))

        assert (cut.state, cut.outcome) == ("blocked", "The supply is protected.")
        assert relay.queue == []

    def test_but_a_reconnection_does_not_give_way_to_a_cut(self, relay):
        relay.order(RECONNECT)
        with pytest.raises(CommandOpen):
            relay.ask(DISCONNECT)


class TestRead:
    def test_waits_for_what_the_device_says_next(self, relay):
        command = relay.order(READ)
        assert command.state == "sent"
        relay.passes(60)
        relay.says()

        command.refresh_from_db()
        assert (command.state, command.outcome) == ("verified", "The relay reads connected.")
        assert relay.chirpstack.asked == []

    def test_ends_with_a_device_that_says_nothing(self, relay):
        command = relay.order(READ)
        while command.state == "sent":
            relay.now = command.due_at
            command = relay.send(command)

        assert (command.state, relay.now) == ("expired", NOW + timedelta(minutes=10))


class Died(BaseException):
    """The worker was killed."""


class TestCrash:
    """A worker dies; the queue is looked into before anything is given again."""

    def die_at(self, monkeypatch, place):
        def die(*_, **__):
            raise Died

        monkeypatch.setattr(place, die)

    def test_between_the_order_and_its_commit(self, relay, monkeypatch):
        with monkeypatch.context() as patched:
            self.die_at(patched, "meters.control.lorawan.downlinks.identify")
            with pytest.raises(Died):
                relay.order(DISCONNECT)
        assert relay.queue == [OPEN]
        command = Command.objects.get()
        assert (command.state, Downlink.objects.get().queue_item) == ("sent", "")

        relay.passes(120)
        command = relay.send(command)

        assert (command.state, relay.queue) == ("sent", [OPEN])
        assert Downlink.objects.get().queue_item == relay.chirpstack.queues[EUI][0].id

    def test_then_the_order_leaves_at_once(self, relay, monkeypatch):
        with monkeypatch.context() as patched:
            self.die_at(patched, "meters.control.lorawan.downlinks.identify")
            with pytest.raises(Died):
                relay.order(DISCONNECT)
        relay.passes(2)
        relay.acknowledges(relay.transmit())
        command = Command.objects.get()
        assert command.state == "sent"

        relay.passes(120)
        command = relay.send(command)
        assert (command.state, relay.queue) == ("acknowledged", [])
        relay.says()
        command.refresh_from_db()
        assert command.state == "verified"

    def test_then_nothing_is_heard_a_cut_is_not_repeated(self, relay, monkeypatch):
        with monkeypatch.context() as patched:
            self.die_at(patched, "meters.control.lorawan.downlinks.identify")
            with pytest.raises(Died):
                relay.order(DISCONNECT)
        relay.chirpstack.queues.clear()
        command = Command.objects.get()
        while command.state == "sent":
            relay.passes(120)
            command = relay.send(command)

        assert (command.state, relay.queue) == ("expired", [])
        assert relay.chirpstack.asked.count("Enqueue") == 1

    def test_before_the_order_leaves_it_to_be_given_again(self, relay, monkeypatch):
        with monkeypatch.context() as patched:
            self.die_at(patched, "meters.control.lorawan.downlinks.write")
            with pytest.raises(Died):
                relay.order(RECONNECT)
        assert relay.queue == []
        relay.passes(120)
        command = relay.send(Command.objects.get())
        assert (command.state, command.outcome) == ("retrying", "It was not put into the queue.")

        relay.now = command.due_at
        assert relay.send(command).state == "sent"
        assert relay.queue == [CLOSE]


class TestPlantedFault:
    """The tests see what they are there to see."""

    def test_of_a_blind_repetition_is_seen(self, relay, monkeypatch):
        monkeypatch.setattr(
            Command, "NOT_LEFT", (*Command.NOT_LEFT, Command.State.SENT, Command.State.UNKNOWN)
        )
        monkeypatch.setattr(LoraChannel, "_find", lambda *_: None)
        command = relay.order(DISCONNECT)
        relay.now = command.due_at
        relay.send(command)

        assert relay.chirpstack.asked.count("Enqueue") == 2


class TestAccess:
    def test_is_kept_encrypted_and_only_good_for_its_server(self, relay):
        server = relay.server
        assert "an-api-key" not in server.api_sealed
        assert servers.network(server).api_key == "an-api-key"
        other, _ = servers.register(estate=EstateFactory.create(), name="Another")
        other.api_address, other.api_sealed = server.api_address, server.api_sealed

        with pytest.raises(NoSecret, match="something else"):
            servers.network(other)

    @pytest.mark.parametrize(
        ("address", "key"),
        [
            ("chirpstack.example", "key"), ("ftp://chirpstack.example", "key"),
            ("https://user:word@chirpstack.example", "key"), ("https://a.example/api", "key"),
            ("https://a.example:99999", "key"), ("", "key"), ("https://a.example", "two\nlines"),
        ],
    )  # fmt: skip
    def test_of_nonsense_is_refused(self, relay, address, key):
        before = relay.server.api_sealed
        with pytest.raises(servers.BadAccess):
            servers.give_access(server=relay.server, address=address, api_key=key)
        relay.server.refresh_from_db()
        assert relay.server.api_sealed == before

    def test_of_another_address_needs_its_own_key(self, relay):
        with pytest.raises(servers.BadAccess, match="new address"):
            servers.give_access(server=relay.server, address="https://elsewhere.example")

    def test_is_encrypted_anew(self, relay, settings):
        new = "dEo3ZGJmbGRoZWJ0dWVmcWhzY2xwbXRrd3h2eXphYmM="
        settings.SEALING_SECRETS = [new, *settings.SEALING_SECRETS]

        assert sealing.reseal()["network server"] == 1

        settings.SEALING_SECRETS = [new]
        relay.server.refresh_from_db()
        assert servers.network(relay.server).api_key == "an-api-key"


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_the_last_order_to_a_device_wins(self, chirpstack):
        """A cut is being put in while a reconnection comes: whoever is second empties the queue."""
        relay = Relay(chirpstack, NOW)
        cut, barrier = relay.ask(DISCONNECT), Barrier(2)
        asked = iter([False, True])

        def permit(command, now):
            if next(asked):  # under the lock, right before it is put in
                barrier.wait()
            return Verdict()

        def cuts():
            relay.send(cut, permit=permit)
            connections.close_all()

        def reconnects():
            barrier.wait()
            relay.order(RECONNECT)
            connections.close_all()

        run_together(cuts, reconnects)

        cut.refresh_from_db()
        assert (cut.state, relay.queue) == ("superseded", [CLOSE])

    def test_an_overtaken_order_is_not_put_in(self, chirpstack):
        relay = Relay(chirpstack, NOW)
        cut = relay.ask(DISCONNECT)
        with alone_at(relay.row.pk):
            worker = Thread(target=lambda: (relay.send(cut), connections.close_all()))
            worker.start()
            while Command.objects.get(pk=cut.pk).state != "sent":
                pass
            relay.ask(RECONNECT)
        worker.join()

        cut.refresh_from_db()
        assert (cut.state, relay.queue, chirpstack.asked) == ("superseded", [], [])

    def test_a_device_is_held_by_one(self, chirpstack):
        relay = Relay(chirpstack, NOW)
        tried = []

        def other():
            try:
                with alone_at(relay.row.pk, patience=0.1):
                    tried.append("held")
            except Busy:
                tried.append("busy")
            connections.close_all()

        with alone_at(relay.row.pk):
            run_together(other)
        run_together(other)

        assert tried == ["busy", "held"]

    def test_two_workers_put_an_order_in_once(self, chirpstack):
        relay = Relay(chirpstack, NOW)
        command, barrier = relay.ask(DISCONNECT), Barrier(3)

        def work():
            barrier.wait()
            relay.send(command)
            connections.close_all()

        run_together(work, work, work)

        assert (relay.queue, chirpstack.asked.count("Enqueue")) == ([OPEN], 1)


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
