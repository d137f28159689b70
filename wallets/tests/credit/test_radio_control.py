"""
Credit control over LoRaWAN: guards at the moment an order is put into a device's queue.

What is put in is measured at the network server's socket, what is switched at the device.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.tests.factories import UserFactory
from meters import partitions
from meters.control import downlinks, requests, sending
from meters.control.lorawan import LoraChannel
from meters.lorawan.downlinks import Network
from meters.lorawan.simulator.chirpstack import Chirpstack, Item, running
from meters.models import Command, Downlink, Meter
from meters.tests.lorawan.relayed import Relay
from notifications import outbox
from units.models import Unit
from wallets.credit import control
from wallets.office import adjustments
from wallets.tests.moments import top_up
from wallets.tests.supplied import supply, wallet_of, warn

OPEN, CLOSE = "0700ff", "0701ff"
BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
DEATHS = ("none", "written", "put in")
FAULTS = ("none", "lost before", "lost after", "16")


class Died(BaseException):
    """A worker was killed."""


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.fixture
def chirpstack() -> Iterator[Chirpstack]:
    cache.clear()
    with running() as made:
        yield made


def on_radio(meter: Meter, chirpstack: Chirpstack, now: datetime) -> Relay:
    """The meter, switched by radio from now on."""
    Meter.objects.filter(pk=meter.pk).update(concentrator=None, logical_device=None)
    meter.refresh_from_db()
    relay = Relay(chirpstack, now, meter)
    is_read(relay)
    return relay


def is_read(relay: Relay) -> None:
    Meter.objects.filter(pk=relay.meter.pk).update(last_reading_at=relay.now)


def send_all(relay: Relay) -> None:
    for command_id in requests.due(relay.now):
        control.send(command_id, now=relay.now)


def work(relay: Relay) -> None:
    control.run(now=relay.now)
    send_all(relay)


@pytest.mark.django_db
class TestQueuedCut:
    @pytest.fixture
    def relay(self, chirpstack: Chirpstack) -> Relay:
        relay = on_radio(supply(BEGIN), chirpstack, BEGIN)
        warn(relay.now)
        work(relay)
        assert relay.queue == [OPEN]
        return relay

    def test_is_overtaken_by_a_top_up(self, relay: Relay):
        wallet = wallet_of(relay.meter)
        relay.passes(5)
        top_up(wallet, "20.00", occurred_at=relay.now)

        (command,) = control.run(now=relay.now, wallet_ids=[wallet.pk]).requested
        control.send(command.pk, now=relay.now)

        assert relay.queue == [CLOSE]
        states = dict(Command.objects.values_list("action", "state"))
        assert states == {"disconnect": "superseded", "reconnect": "sent"}

    def test_is_taken_back_when_a_small_top_up_leaves_it_without_reason(self, relay: Relay):
        relay.passes(5)
        top_up(wallet_of(relay.meter), "10.00", occurred_at=relay.now)
        relay.passes(25)

        work(relay)

        assert (relay.queue, relay.is_closed) == ([], True)
        assert Command.objects.get().state == "blocked"

    def test_is_taken_back_from_a_supply_that_was_protected(self, relay: Relay):
        Unit.objects.update(protected_supply=True)
        relay.passes(30)

        work(relay)

        assert (relay.queue, Command.objects.get().state) == ([], "blocked")

    def test_that_was_carried_out_is_undone_after_a_top_up(self, relay: Relay):
        relay.passes(5)
        relay.acknowledges(relay.transmit())
        relay.passes(20)
        relay.says()
        top_up(wallet_of(relay.meter), "20.00", occurred_at=relay.now)
        work(relay)
        relay.passes(5)
        relay.acknowledges(relay.transmit())
        relay.passes(20)
        relay.says()

        assert relay.is_closed
        assert [one.state for one in Command.objects.order_by("pk")] == ["verified", "verified"]


class RadioMachine(RuleBasedStateMachine):
    """Money, guards, the air, faults of the network server and deaths in any order."""

    chirpstack: Chirpstack

    def __init__(self) -> None:
        super().__init__()
        cache.clear()
        self.chirpstack.queues.clear()
        self.chirpstack.faults.clear()
        self.relay = on_radio(supply(BEGIN), self.chirpstack, BEGIN)
        self.wallet = wallet_of(self.relay.meter)
        self.actor = UserFactory.create()
        self.credit, self.protected = Decimal(0), False
        self.on_air: Item | None = None
        self.relay_told: bool | None = True
        self.unheard: set[object] = set()
        """The commands whose cut went over the air since the device spoke last."""

    # --- What happens ---------------------------------------------------------------------------

    @rule(rand=st.sampled_from(["10.00", "19.99", "20.00", "50.00"]))
    def pays(self, rand: str) -> None:
        top_up(self.wallet, rand, occurred_at=self.relay.now)
        self.credit += Decimal(rand)

    @rule()
    def spends_all(self) -> None:
        if self.credit > 0:
            adjustments.adjust(
                wallet_id=self.wallet.pk, amount=-self.credit, reason="Used",
                occurred_at=self.relay.now, actor=self.actor,
            )  # fmt: skip
            self.credit = Decimal(0)

    @rule()
    def is_warned(self) -> None:
        control.run(now=self.relay.now)
        outbox.deliver_due(now=self.relay.now)

    @rule(flag=st.booleans())
    def is_protected(self, flag: bool) -> None:
        self.protected = flag
        Unit.objects.filter(pk=self.wallet.unit_id).update(protected_supply=flag)

    @rule(seconds=st.sampled_from([5, 35, 180, 1900]))
    def time_passes(self, seconds: int) -> None:
        self.relay.passes(seconds)
        partitions.ensure(self.relay.now.date(), self.relay.now.date())
        is_read(self.relay)

    @rule(is_told=st.booleans(), obeys=st.booleans())
    def an_order_goes_over_the_air(self, is_told: bool, obeys: bool) -> None:
        if not self.relay.queue or self.chirpstack.queues[self.relay.device.eui][0].is_pending:
            return
        if self.chirpstack.queues[self.relay.device.eui][0].expires <= self.relay.clock():
            return
        self.relay.obeys = obeys
        self.on_air = self.relay.transmit(is_told=is_told)
        if self.on_air.data.hex() == OPEN:
            self.unheard |= set(Downlink.objects.values_list("command", flat=True))

    @rule(is_heard=st.booleans(), times=st.integers(0, 2))
    def it_is_acknowledged(self, is_heard: bool, times: int) -> None:
        if self.on_air is not None:
            self.chirpstack.conclude(self.relay.device.eui, self.on_air)
            for _ in range(times):
                self.relay.tells_acknowledged(self.on_air, acknowledged=is_heard)
            self.on_air = None

    @rule()
    def the_device_speaks(self) -> None:
        self.relay.passes(1)
        self.relay.says()
        self.relay_told = self.relay.is_closed
        self.unheard.clear()

    @rule(
        fault=st.sampled_from(FAULTS),
        death=st.sampled_from(DEATHS),
        event=st.sampled_from(["nothing", "pays", "protected"]),
    )
    def a_worker_works(self, fault: str, death: str, event: str) -> None:
        """Decide and send all that is due; the faults strike its requests one after another."""
        self.chirpstack.faults[:] = [] if fault == "none" else ["", fault]
        with self._meanwhile(event), dying(death), suppress(Died):
            work(self.relay)
        self.chirpstack.faults.clear()

    @contextmanager
    def _meanwhile(self, event: str) -> Iterator[None]:
        """Money or a flag comes in while the queue is emptied; what is put in then is noted."""
        happens = {"pays": lambda: self.pays("20.00"), "protected": lambda: self.is_protected(True)}
        flush, enqueue = Network.flush, Network.enqueue

        def flushing(network: Network, eui: str) -> None:
            flush(network, eui)
            happens.pop(event, lambda: None)()

        def enqueuing(network: Network, eui: str, **asked: Any) -> str:
            self.is_put_in(asked["data"].hex())
            return enqueue(network, eui, **asked)

        with patch.object(Network, "flush", flushing), patch.object(Network, "enqueue", enqueuing):
            yield

    # --- What must hold -------------------------------------------------------------------------

    def is_put_in(self, order: str) -> None:
        """Asked when an order is put in."""
        if order == OPEN:
            assert self.credit <= 0, "a cut with credit"
            assert not self.protected, "a protected supply was cut"
            assert self.relay_told, "a cut of what is known to be off"
            command = Downlink.objects.order_by("pk").last().command_id
            assert command not in self.unheard, "a cut was repeated blindly"

    @invariant()
    def one_order_waits(self) -> None:
        assert len(self.relay.queue) <= 1
        assert Command.objects.open().count() <= 1

    @invariant()
    def what_is_proved_is_what_the_device_said(self) -> None:
        newest = Command.objects.order_by("-moved_at", "-pk").first()
        if newest and newest.state == "verified" and newest.action != "read":
            assert (newest.action == "reconnect") == self.relay_told, "proved without a word"

    def teardown(self) -> None:
        """Money comes in, all is well again: the supply ends connected, and that is proved."""
        self.relay.obeys = True
        self.pays("50.00")
        for _ in range(40):
            self.relay.passes(400)
            work(self.relay)
            if self.on_air is None and self.relay.queue:
                self.an_order_goes_over_the_air(is_told=True, obeys=True)
            self.it_is_acknowledged(is_heard=True, times=1)
            self.relay.passes(20)
            self.the_device_speaks()
            if self.relay.is_closed and not Command.objects.open().exists():
                break
        assert self.relay.is_closed, "paid, and left in the dark"
        assert not Command.objects.open().exists()


class Undone(RadioMachine):
    """Each history in a database transaction that is undone."""

    def __init__(self) -> None:
        self.history = transaction.atomic()
        # As the test's own transaction: what must be outermost may begin in it.
        self.history._from_testcase = True
        self.history.__enter__()
        super().__init__()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            transaction.set_rollback(True)
            self.history.__exit__(None, None, None)


@contextmanager
def dying(death: str) -> Iterator[None]:
    """The worker dies before it has put an order in, or before it knows the item."""
    place = {"written": "write", "put in": "identify"}.get(death)
    if place is None:
        yield
        return

    def die(*_: object, **__: object) -> None:
        raise Died

    with patch.object(downlinks, place, die):
        yield


def explore(
    chirpstack: Chirpstack, *, examples: int, steps: int, phases: tuple[Phase, ...] = tuple(Phase)
) -> None:
    machine = type("Machine", (Undone,), {"chirpstack": chirpstack})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), print_blob=True, phases=phases,
        ),
    )  # fmt: skip


@pytest.mark.django_db
class TestControl:
    def test_keeps_its_promises_whatever_happens(self, chirpstack: Chirpstack):
        explore(chirpstack, examples=6, steps=20)

    @pytest.mark.soak
    def test_keeps_its_promises_for_long(self, chirpstack: Chirpstack):
        explore(chirpstack, examples=500, steps=50)


@contextmanager
def guards_asked_never() -> Iterator[None]:
    """A fault: what was decided is put in, whatever has happened since."""
    with patch.object(control, "permit", lambda command, now: sending.Verdict()):
        yield


@contextmanager
def queue_not_emptied() -> Iterator[None]:
    """A fault: an order is put in behind the one before it."""
    with patch.object(Network, "flush", lambda *_: None):
        yield


@contextmanager
def repeated_blindly() -> Iterator[None]:
    """A fault: an order without an answer is put in again without a look at queue or device."""
    states = (*Command.NOT_LEFT, Command.State.UNKNOWN, Command.State.SENT)
    with (
        patch.object(Command, "NOT_LEFT", states),
        patch.object(LoraChannel, "_find", lambda *_: None),
    ):
        yield


@pytest.mark.django_db
class TestPlantedFault:
    """The machine sees what it is there to see."""

    @pytest.fixture
    def machine(self, chirpstack: Chirpstack) -> Iterator[RadioMachine]:
        made: RadioMachine = type("Machine", (RadioMachine,), {"chirpstack": chirpstack})()
        made.is_warned()
        return made

    def test_of_guards_that_are_not_asked_again_is_seen(self, machine: RadioMachine):
        with guards_asked_never(), pytest.raises(AssertionError, match="a cut with credit"):
            machine.a_worker_works("none", "none", "pays")

    def test_of_an_order_that_is_repeated_blindly_is_seen(self, machine: RadioMachine):
        machine.a_worker_works("none", "none", "nothing")
        machine.an_order_goes_over_the_air(is_told=False, obeys=True)
        machine.time_passes(180)

        with repeated_blindly(), pytest.raises(AssertionError, match="repeated blindly"):
            machine.a_worker_works("none", "none", "nothing")

    def test_of_a_queue_that_is_not_emptied_is_seen(self, machine: RadioMachine):
        machine.a_worker_works("none", "none", "nothing")
        machine.pays("20.00")
        with queue_not_emptied():
            work(machine.relay)

        with pytest.raises(AssertionError):
            machine.one_order_waits()

    @pytest.mark.soak
    @pytest.mark.parametrize("fault", [guards_asked_never, queue_not_emptied, repeated_blindly])
    def test_is_found_by_chance(
        self, chirpstack: Chirpstack, fault: Callable[[], AbstractContextManager[None]]
    ):
        with fault(), pytest.raises(AssertionError):
            explore(chirpstack, examples=500, steps=30, phases=(Phase.generate,))
