from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.tests.factories import UserFactory
from meters import partitions
from meters.control.exchange import Exchange, LastWord, Order
from meters.dlms.values import ControlState, RelayState
from meters.models import Command, Meter
from meters.tests.factories import MeterFactory
from notifications import outbox
from notifications.models import Notification
from units.tests.factories import UnitFactory
from wallets import credit
from wallets.models import CreditSwitch, Wallet
from wallets.tests.moments import top_up

pytestmark = pytest.mark.django_db

CUT = RelayState(output=False, control_state=ControlState.DISCONNECTED, control_mode=4)
CONNECTED = RelayState(output=True, control_state=ControlState.CONNECTED, control_mode=4)


class Relays:
    """Meters that obey; `orders` is what really was sent."""

    def __init__(self) -> None:
        self.orders: list[str] = []

    def __call__(self, meter: Meter) -> "Relays":
        return self

    def converse(self, order: Order, may_leave: LastWord) -> Exchange:
        if refusal := may_leave():
            return Exchange(refused=refusal)
        self.orders.append(order.action)
        relay = CUT if order.action == "disconnect" else CONNECTED
        return Exchange(left=True, answered=True, relay=relay)


@pytest.fixture
def relays() -> Relays:
    return Relays()


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def meter(now: datetime) -> Meter:
    """An electricity meter at a unit with an empty wallet, read a minute ago."""
    partitions.ensure(now.date(), now.date())
    unit = UnitFactory.create()
    return MeterFactory.create(
        estate=unit.estate,
        with_register=True,
        installed=True,
        installation__unit=unit,
        behind_concentrator=True,
        relay_state=Meter.RelayState.CONNECTED,
        last_reading_at=now - timedelta(minutes=1),
    )


def wallet_of(meter: Meter) -> Wallet:
    return Wallet.objects.get(unit__installations__meter=meter)


def control_and_send(now: datetime, relays: Relays) -> credit.Outcome:
    outcome = credit.control(now=now)
    for command in outcome.requested:
        credit.send(command.pk, now=now, finding=relays)
    return outcome


def cut(meter: Meter, now: datetime, relays: Relays) -> None:
    credit.control(now=now)
    outbox.deliver_due(now=now)
    control_and_send(now, relays)
    meter.refresh_from_db()


class TestControl:
    def test_warns_before_it_cuts(self, meter: Meter, now: datetime, relays: Relays):
        first = control_and_send(now, relays)

        assert (first.warned, relays.orders) == (1, [])
        assert [check.name for check in first.refused[0][1].refused_by] == ["warning"]
        assert Notification.objects.get().event == Notification.Event.CRITICAL_BALANCE

    def test_warns_whose_money_is_bound_to_water(self, meter: Meter, now: datetime, relays: Relays):
        """Such a wallet is not low; without a warning its electricity would stay on for ever."""
        top_up(wallet_of(meter), "100.00", utility="water", occurred_at=now)

        assert control_and_send(now, relays).warned == 1
        assert control_and_send(now, relays).warned == 0
        outbox.deliver_due(now=now)
        control_and_send(now + timedelta(minutes=1), relays)

        message = Notification.objects.get()
        assert message.event == Notification.Event.DISCONNECTION_WARNING
        assert "no credit is left for electricity" in message.text
        assert relays.orders == ["disconnect"]

    def test_does_not_warn_of_a_cut_that_is_ruled_out(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        top_up(wallet_of(meter), "100.00", utility="water", occurred_at=now)
        CreditSwitch.objects.update_or_create(defaults={"is_inhibited": True, "reason": "test"})

        assert control_and_send(now, relays).warned == 0

    def test_cuts_an_empty_wallet_and_reads_the_relay_back(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        cut(meter, now, relays)

        command = Command.objects.get()
        assert relays.orders == ["disconnect"]
        assert command.state == Command.State.VERIFIED
        assert meter.relay_state == Meter.RelayState.DISCONNECTED
        assert {entry["check"] for entry in command.trace} >= {"credit", "warning", "breaker"}

    def test_again_changes_nothing(self, meter: Meter, now: datetime, relays: Relays):
        cut(meter, now, relays)

        again = control_and_send(now, relays)

        assert (again.requested, again.warned, relays.orders) == ([], 0, ["disconnect"])

    def test_restores_what_was_paid_for(self, meter: Meter, now: datetime, relays: Relays):
        cut(meter, now, relays)
        top_up(wallet_of(meter), "50.00")

        control_and_send(now, relays)

        meter.refresh_from_db()
        assert relays.orders == ["disconnect", "reconnect"]
        assert meter.relay_state == Meter.RelayState.CONNECTED

    def test_leaves_a_small_top_up_below_the_activation_minimum(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        cut(meter, now, relays)
        top_up(wallet_of(meter), "19.99")

        control_and_send(now, relays)

        assert relays.orders == ["disconnect"]

    def test_the_inhibit_switch_stops_every_cut(self, meter: Meter, now: datetime, relays: Relays):
        CreditSwitch.objects.create(is_inhibited=True, reason="restored from a backup")

        cut(meter, now, relays)

        assert relays.orders == []


class TestSend:
    def test_asks_the_guards_again_at_the_moment_of_sending(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        credit.control(now=now)
        outbox.deliver_due(now=now)
        (command,) = credit.control(now=now).requested
        top_up(wallet_of(meter), "10.00")

        sent = credit.send(command.pk, now=now, finding=relays)

        assert (sent.state, relays.orders) == (Command.State.BLOCKED, [])
        assert sent.outcome == "R10.00 is left."

    def test_never_cuts_a_protected_supply_on_a_persons_word(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        unit = wallet_of(meter).unit
        unit.protected_supply = True
        unit.save()
        user = UserFactory.create(role__code="property_manager")

        command = credit.request_by_person(
            meter=meter, action="disconnect", reason="works", user=user, now=now
        )
        sent = credit.send(command.pk, now=now, finding=relays)

        assert (sent.state, relays.orders) == (Command.State.BLOCKED, [])

    def test_a_persons_cut_is_not_undone_by_money(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        user = UserFactory.create(role__code="property_manager")
        command = credit.request_by_person(
            meter=meter, action="disconnect", reason="works", user=user, now=now
        )
        credit.send(command.pk, now=now, finding=relays)
        top_up(wallet_of(meter), "500.00")

        control_and_send(now, relays)

        assert relays.orders == ["disconnect"]
        assert wallet_of(meter).balance == Decimal("500.00")
