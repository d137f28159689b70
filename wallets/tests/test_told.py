"""What residents are told of their money and supply, written with its cause."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from meters.models import Meter
from notifications import first_templates, outbox
from notifications.channels import Unavailable
from notifications.channels.recording import Recording
from notifications.models import Delivery, Notification, Template
from units.models import Unit
from units.tests.factories import OccupancyFactory
from wallets import debts, topups
from wallets.models import Wallet
from wallets.statements import ready
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up
from wallets.tests.supplied import Relays, control_and_send, cut, supply, wallet_of
from wallets.tests.test_topups import owe

Event = Notification.Event
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _templates(db):
    """Tests that commit empty the table behind them."""
    first_templates.write(Template)


@pytest.fixture
def relays() -> Relays:
    return Relays()


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def meter(now: datetime) -> Meter:
    return supply(now)


@pytest.fixture
def wallet() -> Wallet:
    wallet = WalletFactory.create(unit__unit_number="A-1", unit__estate__name="Willow Creek")
    live_in(wallet.unit)
    return wallet


def live_in(unit: Unit) -> None:
    OccupancyFactory.create(
        unit=unit, resident__first_name="Thandi", resident__last_name="Nkosi",
        resident__email="thandi@example.com", resident__phone="",
    )  # fmt: skip


def mails(event: str) -> list[Delivery]:
    return list(Delivery.objects.filter(notification__event=event, channel="email"))


class TestPayments:
    def test_are_thanked_for(self, wallet):
        top_up(wallet, "200.00", reference="FNB 1")

        [mail] = mails(Event.PAYMENT_RECEIVED)
        assert mail.address == "thandi@example.com"
        assert mail.body == (
            "Dear Thandi Nkosi\n\nThank you: R200.00 was received for unit A-1 at Willow Creek "
            "(reference: FNB 1). The balance is R200.00."
        )

    def test_are_thanked_for_once(self, wallet):
        for _ in range(2):
            top_up(wallet, "200.00", idempotency_key="k", request_digest="d")

        assert len(mails(Event.PAYMENT_RECEIVED)) == 1

    def test_that_are_refused_are_not_thanked_for(self, wallet):
        with pytest.raises(topups.BelowMinimum):
            top_up(wallet, "1.00")

        assert Notification.objects.count() == 0

    def test_that_nobody_made_are_not_thanked_for(self, wallet):
        top_up(wallet, "200.00", payment_method="adjustment")

        assert Notification.objects.count() == 0


class TestDebts:
    def test_are_told_of_once_a_week(self, wallet):
        owe(wallet, water="35.10", arrears="1.00")

        assert debts.tell(now=NOON) == 1
        assert debts.tell(now=NOON + timedelta(days=1)) == 0
        assert debts.tell(now=NOON + timedelta(days=7)) == 1

        [mail, _] = mails(Event.WATER_IN_DEBT)
        assert mail.subject == "R35.10 is owed for water: A-1"

    def test_are_no_warning_of_a_cut(self, wallet):
        owe(wallet, water="35.10", arrears="1.00")
        debts.tell(now=NOON)

        assert {message.event for message in Notification.objects.all()} == {Event.WATER_IN_DEBT}

    def test_are_not_told_of_where_nothing_is_owed(self, wallet):
        assert debts.tell(now=NOON) == 0


class TestStatements:
    FIRST = datetime(2026, 7, 1, 6, 0, tzinfo=UTC)

    def test_are_told_of_once_a_month(self, wallet):
        assert ready.tell(now=self.FIRST) == 1
        assert ready.tell(now=self.FIRST + timedelta(days=2)) == 0

        [mail] = mails(Event.STATEMENT_READY)
        assert mail.subject == "Your statement of June 2026: A-1"

    def test_are_not_told_of_late_or_to_nobody(self, wallet):
        WalletFactory.create()

        assert ready.tell(now=self.FIRST + timedelta(days=7)) == 0
        assert ready.tell(now=self.FIRST + timedelta(days=6)) == 1


class TestSupply:
    def test_is_told_of_with_each_cut_and_return(
        self,
        meter: Meter,
        now: datetime,
        relays: Relays,
    ):
        live_in(wallet_of(meter).unit)
        cut(meter, now, relays)
        top_up(wallet_of(meter), "100.00", occurred_at=now)
        control_and_send(now + timedelta(hours=1), relays)

        assert relays.orders == ["disconnect", "reconnect"]
        [told] = mails(Event.DISCONNECTED)
        assert "comes back by itself once the credit reaches R20.00" in told.body
        assert len(mails(Event.RECONNECTED)) == 1
        assert len(mails(Event.CRITICAL_BALANCE)) == 1

    def test_is_not_cut_while_the_warning_is_on_its_way(
        self,
        meter: Meter,
        now: datetime,
        relays: Relays,
        settings,
    ):
        """The mail server is down: nobody knows whether the resident was told."""
        recorder = "notifications.channels.recording.Recording"
        settings.NOTIFICATION_CHANNELS = {"email": recorder}
        live_in(wallet_of(meter).unit)
        control_and_send(now, relays)
        Recording.reset()
        Recording.failures[:] = [Unavailable("Down.")]
        outbox.deliver_due(now=now)

        control_and_send(now + timedelta(seconds=10), relays)
        assert relays.orders == []

        outbox.deliver_due(now=now + timedelta(minutes=1))
        control_and_send(now + timedelta(minutes=2), relays)
        assert relays.orders == ["disconnect"]
        Recording.reset()
