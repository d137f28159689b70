from datetime import datetime, timedelta
from decimal import Decimal
from threading import Thread
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db import connections
from django.utils import timezone

from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters.control import sending
from meters.models import Command, Meter, MeterAlert
from notifications import outbox
from notifications.models import Notification
from units.tests.factories import UnitFactory
from wallets.credit import control
from wallets.models import CreditSwitch, Wallet
from wallets.office import adjustments, suspense
from wallets.tests.moments import top_up
from wallets.tests.supplied import Relays, control_and_send, cut, supply, wallet_of, warn

pytestmark = pytest.mark.django_db


@pytest.fixture
def relays() -> Relays:
    return Relays()


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def meter(now: datetime) -> Meter:
    return supply(now)


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

        message, told = Notification.objects.order_by("created_at")
        assert message.event == Notification.Event.DISCONNECTION_WARNING
        assert "no credit is left for electricity" in message.text
        assert told.event == Notification.Event.DISCONNECTED
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
        control.run(now=now)
        outbox.deliver_due(now=now)
        (command,) = control.run(now=now).requested
        top_up(wallet_of(meter), "10.00")

        sent = control.send(command.pk, now=now, finding=relays)

        assert (sent.state, relays.orders) == (Command.State.BLOCKED, [])
        assert sent.outcome == "R10.00 is left."

    def test_never_cuts_a_protected_supply_on_a_persons_word(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        unit = wallet_of(meter).unit
        unit.protected_supply = True
        unit.save()
        user = UserFactory.create(role__code="property_manager")

        command = control.request_by_person(
            meter=meter, action="disconnect", reason="works", user=user, now=now
        )
        sent = control.send(command.pk, now=now, finding=relays)

        assert (sent.state, relays.orders) == (Command.State.BLOCKED, [])

    def test_a_persons_cut_is_not_undone_by_money(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        user = UserFactory.create(role__code="property_manager")
        command = control.request_by_person(
            meter=meter, action="disconnect", reason="works", user=user, now=now
        )
        control.send(command.pk, now=now, finding=relays)
        top_up(wallet_of(meter), "500.00")

        control_and_send(now, relays)

        assert relays.orders == ["disconnect"]
        assert wallet_of(meter).balance == Decimal("500.00")


class TestOvertaken:
    """Money that comes in while a cut is under way."""

    def test_holds_it_back_until_the_order_leaves(self, meter: Meter, now: datetime):
        relays = Relays()
        relays.meanwhile = lambda: top_up(wallet_of(meter), "50.00")

        cut(meter, now, relays)

        assert relays.orders == []
        assert Command.objects.get().state == Command.State.BLOCKED

    def test_undoes_it_at_once_when_it_had_left(self, meter: Meter, now: datetime):
        relays = Relays()

        def pay() -> None:
            if relays.orders == ["disconnect"]:
                top_up(wallet_of(meter), "50.00")

        relays.before_answering = pay

        cut(meter, now, relays)

        assert relays.orders == ["disconnect", "reconnect"]
        assert meter.relay_state == Meter.RelayState.CONNECTED


class TestSwinging:
    def swing(self, meter: Meter, now: datetime, relays: Relays) -> None:
        """Spend all there is, be cut, pay R20, be restored."""
        wallet = wallet_of(meter)
        spend(wallet, now)
        cut(meter, now, relays)
        top_up(wallet, "20.00", occurred_at=now)
        control_and_send(now, relays)

    def test_is_cut_twice_within_a_day_and_then_a_person_decides(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        for hours in range(12):
            at = now + timedelta(hours=hours)
            Meter.objects.update(last_reading_at=at)
            self.swing(meter, at, relays)

        assert relays.orders == ["disconnect", "reconnect"] * 2
        spend(wallet_of(meter), now)
        control_and_send(at, relays)
        alert = MeterAlert.objects.unresolved().get(kind="low_credit")
        assert "a person decides" in alert.message

    def test_is_cut_again_the_next_day_and_the_alert_is_over(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        for hours in (0, 1, 2, 25):
            at = now + timedelta(hours=hours)
            Meter.objects.update(last_reading_at=at)
            self.swing(meter, at, relays)

        assert relays.orders == ["disconnect", "reconnect"] * 3
        assert not MeterAlert.objects.unresolved().filter(kind="low_credit").exists()

    def test_stays_on_for_the_minimum_time(self, meter: Meter, now: datetime, relays: Relays):
        self.swing(meter, now, relays)
        spend(wallet_of(meter), now)

        cut(meter, now + timedelta(minutes=29), relays)
        assert relays.orders == ["disconnect", "reconnect"]
        cut(meter, now + timedelta(minutes=31), relays)

        assert relays.orders == ["disconnect", "reconnect", "disconnect"]


def spend(wallet: Wallet, now: datetime) -> None:
    wallet.refresh_from_db()
    if wallet.balance > 0:
        adjustments.adjust(
            wallet_id=wallet.pk, amount=-wallet.balance, reason="Test", occurred_at=now,
            actor=UserFactory.create(),
        )  # fmt: skip


class TestPaymentInFlight:
    def test_holds_a_cut_back_while_money_in_suspense_names_the_unit(
        self, meter: Meter, now: datetime, relays: Relays
    ):
        unit = wallet_of(meter).unit
        receipt = suspense.record(
            estate=unit.estate, amount=Decimal(70), payment_method="eft",
            reference=f"Rent and power {unit.unit_number.lower()}", external_key="BANK-1",
            received_at=now, recorded_at=now, actor=UserFactory.create(),
        ).receipt  # fmt: skip

        cut(meter, now, relays)
        assert relays.orders == []
        suspense.return_money(
            receipt_id=receipt.pk, reason="Not ours", returned_at=now, actor=UserFactory.create()
        )
        cut(meter, now, relays)

        assert relays.orders == ["disconnect"]

    def test_is_not_seen_in_a_longer_number(self, meter: Meter, now: datetime, relays: Relays):
        unit = wallet_of(meter).unit
        suspense.record(
            estate=unit.estate, amount=Decimal(70), payment_method="eft",
            reference=f"{unit.unit_number}7", external_key="BANK-1",
            received_at=now, recorded_at=now, actor=UserFactory.create(),
        )  # fmt: skip

        cut(meter, now, relays)

        assert relays.orders == ["disconnect"]


class TestBreakerWindow:
    """Cuts are 15 minutes apart at the meter, however long a line takes to open and to answer."""

    @pytest.fixture
    def cuts(self, now: datetime) -> list[UUID]:
        """Two cuts that were asked for in an estate that allows one in 15 minutes."""
        estate = EstateFactory.create(settings__breaker_cuts=1, settings__breaker_percent=100)
        for _ in range(2):
            supply(now, UnitFactory.create(estate=estate))
        warn(now)
        return [command.pk for command in control.run(now=now).requested]

    def later(self, now: datetime, seconds: int) -> datetime:
        at = now + timedelta(minutes=15, seconds=seconds)
        Meter.objects.update(last_reading_at=at)
        return at

    @pytest.mark.parametrize(("seconds", "state"), [(29, "blocked"), (31, "verified")])
    def test_begins_when_an_order_was_answered(
        self, seconds: int, state: str, cuts: list[UUID], now: datetime, relays: Relays, monkeypatch
    ):
        clock = SimpleNamespace(seconds=0.0, monotonic=lambda: clock.seconds)
        monkeypatch.setattr(sending, "time", clock)

        def takes_long() -> None:
            clock.seconds += 30

        relays.before_answering = takes_long
        control.send(cuts[0], now=now, finding=relays)

        sent = control.send(cuts[1], now=self.later(now, seconds), finding=relays)

        assert sent.state == state

    def test_lasts_as_long_as_nobody_knows_whether_an_order_left(
        self, cuts: list[UUID], now: datetime, relays: Relays
    ):
        def die() -> None:
            raise KeyboardInterrupt

        relays.before_answering = die
        with pytest.raises(KeyboardInterrupt):
            control.send(cuts[0], now=now, finding=relays)
        relays.before_answering = lambda: None

        sent = control.send(cuts[1], now=self.later(now, 60), finding=relays)

        assert (sent.state, relays.orders) == ("blocked", ["disconnect"])
        assert "1 cuts in the estate" in sent.outcome


@pytest.mark.django_db(transaction=True)
class TestBreaker:
    def test_lets_no_more_pass_than_its_number_however_many_send(self, now: datetime):
        """Eight workers, thirty wallets that ran empty at once."""
        estate = EstateFactory.create(settings__breaker_cuts=4, settings__breaker_percent=100)
        for _ in range(30):
            supply(now, UnitFactory.create(estate=estate))
        relays = Relays()
        warn(now)
        # What is asked for is not sent yet, so that the breaker is first met at the sending.
        waiting = [command.pk for command in control.run(now=now).requested]
        assert len(waiting) == 30

        def work(mine: list[UUID]) -> None:
            for command_id in mine:
                control.send(command_id, now=now, finding=relays)
            connections.close_all()

        threads = [Thread(target=work, args=(waiting[number::8],)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert relays.orders == ["disconnect"] * 4
        assert Command.objects.filter(state="blocked").count() == 26
        control_and_send(now, relays)
        assert relays.orders == ["disconnect"] * 4
        assert Notification.objects.filter(event=Notification.Event.CUTS_STOPPED).count() == 1
