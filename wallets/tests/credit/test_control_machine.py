"""
Credit control under everything at once: money, flags, faults of the line, deaths and two workers.

What leaves is measured at the meter, and set against a second, plain statement of the rules. The
money, the flags and the past of the model are its own; nothing is asked of the product's policy.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.tests.factories import UserFactory
from estates.models import EstateSettings
from meters import partitions
from meters.control import requests, sending
from meters.control.exchange import Exchange, LastWord, Order
from meters.models import Command, Meter
from notifications import outbox
from units.models import Unit
from wallets.credit import control
from wallets.models import CreditSwitch
from wallets.office import adjustments
from wallets.tests.moments import top_up
from wallets.tests.supplied import CONNECTED, CUT, supply, wallet_of

BEGIN = datetime(2026, 7, 13, 8, tzinfo=UTC)
SAST = ZoneInfo("Africa/Johannesburg")
FAULTS = ("none", "no line", "lost", "silent", "deaf")
DEATHS = ("none", "claimed", "leaving", "answered")


class Died(BaseException):
    """A worker was killed."""


class Supply:
    """The meter as it really is, behind a line with faults, worked on by mortals."""

    reads_first = True

    def __init__(self, machine: "ControlMachine") -> None:
        self.machine = machine
        self.is_on = True
        self.fault = self.death = "none"
        self.meanwhile = None

    def __call__(self, meter: Meter) -> "Supply":
        return self

    def converse(self, order: Order, may_leave: LastWord) -> Exchange:
        self._die("claimed")
        if self.fault == "no line":
            return Exchange(error="ConnectionLost")
        if self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        exchange = Exchange()
        if (order.read_first and self.reads_first) or not order.act:
            exchange.relay = self._relay()
            if not order.act or (exchange.relay == CUT) == (order.action == "disconnect"):
                return exchange
            exchange.relay = None
        if refusal := may_leave():
            return Exchange(refused=refusal)
        self._die("leaving")
        exchange.left = True
        if self.fault == "lost":
            exchange.error = "ReplyTimeout"
            return exchange
        self._obey(order)
        self._die("answered")
        if self.fault == "silent":
            exchange.error = "ReplyTimeout"
            return exchange
        exchange.answered, exchange.relay = True, self._relay()
        return exchange

    def _obey(self, order: Order) -> None:
        if order.action == "disconnect":
            self.machine.a_cut_leaves()
        if self.fault != "deaf":
            self.is_on = order.action == "reconnect"

    def _relay(self):
        return CONNECTED if self.is_on else CUT

    def _die(self, point: str) -> None:
        if self.death == point:
            self.death = "none"
            raise Died


class ControlMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.meter = supply(BEGIN)
        self.wallet = wallet_of(self.meter)
        self.actor = UserFactory.create()
        self.supply = Supply(self)
        self.credit = Decimal(0)
        self.protected = self.inhibited = False
        self.office_hours = False
        self.warned_at: datetime | None = None
        self.read_at = BEGIN - timedelta(minutes=1)
        self.restored_at: datetime | None = None
        self.cuts: list[datetime] = []

    # --- What happens ---------------------------------------------------------------------------

    @rule(rand=st.sampled_from(["10.00", "19.99", "20.00", "50.00"]))
    def pays(self, rand: str) -> None:
        top_up(self.wallet, rand, occurred_at=self.now)
        self.credit += Decimal(rand)

    @rule(share=st.sampled_from(["0.5", "1"]))
    def spends(self, share: str) -> None:
        amount = (self.credit * Decimal(share)).quantize(Decimal("0.01"))
        if amount > 0:
            adjustments.adjust(
                wallet_id=self.wallet.pk, amount=-amount, reason="Used", occurred_at=self.now,
                actor=self.actor,
            )  # fmt: skip
            self.credit -= amount

    @rule(minutes=st.sampled_from([1, 3, 11, 31, 70, 300]), is_read=st.booleans())
    def time_passes(self, minutes: int, is_read: bool) -> None:
        self.now += timedelta(minutes=minutes)
        partitions.ensure(self.now.date(), self.now.date())
        if is_read and self.supply.fault in {"none", "deaf"}:
            self._is_collected()

    def _is_collected(self) -> None:
        self.read_at = self.now
        Meter.objects.filter(pk=self.meter.pk).update(
            last_reading_at=self.now,
            relay_read_at=self.now,
            relay_state="connected" if self.supply.is_on else "disconnected",
        )

    @rule()
    def is_warned(self) -> None:
        control.run(now=self.now)
        if outbox.deliver_due(now=self.now):
            self.warned_at = self.now

    @rule(flag=st.booleans())
    def is_protected(self, flag: bool) -> None:
        self.protected = flag
        Unit.objects.filter(pk=self.wallet.unit_id).update(protected_supply=flag)

    @rule(flag=st.booleans())
    def is_inhibited(self, flag: bool) -> None:
        self.inhibited = flag
        CreditSwitch.objects.update_or_create(defaults={"is_inhibited": flag})

    @rule(flag=st.booleans())
    def keeps_office_hours(self, flag: bool) -> None:
        self.office_hours = flag
        EstateSettings.objects.filter(estate=self.meter.estate_id).update(
            disconnect_window="office_hours" if flag else "any"
        )

    @rule(fault=st.sampled_from(FAULTS))
    def the_line_changes(self, fault: str) -> None:
        self.supply.fault = fault

    @rule(
        death=st.sampled_from(DEATHS),
        event=st.sampled_from(["nothing", "pays", "protected", "inhibited", "another worker"]),
    )
    def a_worker_works(self, death: str, event: str) -> None:
        """Decide and send all that is due; something else happens while the line is opened."""
        self.supply.death = death
        self.supply.meanwhile = {
            "nothing": None,
            "pays": lambda: self.pays("20.00"),
            "protected": lambda: self.is_protected(True),
            "inhibited": lambda: self.is_inhibited(True),
            "another worker": self._send_all,
        }[event]
        try:
            control.run(now=self.now)
            self._send_all()
        except Died:
            pass
        self.supply.death, self.supply.meanwhile = "none", None

    @rule()
    def a_message_comes_twice(self) -> None:
        for _ in range(2):
            control.run(now=self.now, wallet_ids=[self.wallet.pk])

    def _send_all(self) -> None:
        for command_id in requests.due(self.now):
            control.send(command_id, now=self.now, finding=self.supply)
        self._note_restoration()

    def _note_restoration(self) -> None:
        done = Command.objects.filter(action="reconnect", state="verified")
        self.restored_at = max(done.values_list("verified_at", flat=True), default=None)

    # --- What must hold -------------------------------------------------------------------------

    def a_cut_leaves(self) -> None:
        """Asked by the meter, when the order to cut arrives."""
        local = self.now.astimezone(SAST)
        assert self.credit <= 0, "a cut with credit"
        assert not self.protected, "a protected supply was cut"
        assert not self.inhibited, "cuts are inhibited"
        assert self.warned_at is not None, "never warned"
        assert self.now - self.warned_at <= timedelta(hours=72), "warned long ago"
        assert self.now - self.read_at <= timedelta(minutes=60), "an old reading"
        if self.office_hours:
            assert local.weekday() <= 3, "a cut on a Friday or at a weekend"
            assert 9 <= local.hour < 15, "a cut outside of office hours"
        if self.restored_at:
            assert self.now - self.restored_at >= timedelta(minutes=30), "just restored"
        assert self.supply.is_on, "a cut was repeated blindly"
        if self.supply.fault != "deaf":
            self.cuts.append(self.now)
        within = [at for at in self.cuts if at > self.now - timedelta(hours=24)]
        assert len(within) <= 2, "more than two cuts in a day"

    @invariant()
    def one_command_is_open(self) -> None:
        assert Command.objects.open().filter(meter=self.meter).count() <= 1

    @invariant()
    def the_log_is_complete(self) -> None:
        for command in Command.objects.prefetch_related("steps"):
            steps = sorted(command.steps.all(), key=lambda step: step.pk)
            assert steps[0].state == "queued"
            assert (steps[-1].state, steps[-1].attempt) == (command.state, command.attempts)

    def teardown(self) -> None:
        """Money comes in, the line is well again: the supply ends connected, and that is proved."""
        self.supply.fault = self.supply.death = "none"
        self.pays("50.00")
        for _ in range(12):
            self.now += timedelta(minutes=31)
            self._is_collected()
            control.run(now=self.now)
            self._send_all()
        assert self.supply.is_on, "paid, and left in the dark"
        assert not Command.objects.open().exists()
        self.meter.refresh_from_db()
        assert self.meter.relay_state == "connected"


class Undone(ControlMachine):
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


def explore(examples: int, steps: int, phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    run_state_machine_as_test(
        Undone,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), print_blob=True, phases=phases,
        ),
    )  # fmt: skip


@pytest.mark.django_db
class TestControl:
    def test_keeps_its_promises_whatever_happens(self):
        explore(examples=12, steps=25)

    @pytest.mark.soak
    def test_keeps_its_promises_for_long(self):
        explore(examples=1000, steps=60)


@contextmanager
def guards_asked_never() -> Iterator[None]:
    """A fault: what was decided is sent, whatever has happened since."""
    with patch.object(control, "permit", lambda command, now: sending.Verdict()):
        yield


@contextmanager
def repeated_blindly() -> Iterator[None]:
    """A fault: an order without an answer is sent again before the relay was read."""
    states = (*Command.NOT_LEFT, Command.State.UNKNOWN, Command.State.SENT)
    with patch.object(Command, "NOT_LEFT", states), patch.object(Supply, "reads_first", False):
        yield


@pytest.mark.django_db
class TestPlantedFault:
    """The machine sees what it is there to see."""

    @pytest.fixture
    def machine(self) -> ControlMachine:
        machine = ControlMachine()
        machine.is_warned()
        return machine

    def test_of_guards_that_are_not_asked_again_is_seen(self, machine: ControlMachine):
        with guards_asked_never(), pytest.raises(AssertionError, match="a cut with credit"):
            machine.a_worker_works(death="none", event="pays")

    @pytest.mark.parametrize(("fault", "death"), [("silent", "none"), ("none", "answered")])
    def test_of_an_order_that_is_repeated_blindly_is_seen(
        self, machine: ControlMachine, fault: str, death: str
    ):
        machine.the_line_changes(fault)
        with repeated_blindly():
            machine.a_worker_works(death=death, event="nothing")
            machine.time_passes(minutes=3, is_read=False)

            with pytest.raises(AssertionError, match="repeated blindly"):
                machine.a_worker_works(death="none", event="nothing")

    @pytest.mark.soak
    @pytest.mark.parametrize("fault", [guards_asked_never, repeated_blindly])
    def test_is_found_by_chance(self, fault: Callable[[], AbstractContextManager[None]]):
        with fault(), pytest.raises(AssertionError):
            explore(examples=1000, steps=30, phases=(Phase.generate,))
