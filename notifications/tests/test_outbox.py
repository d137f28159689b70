from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import UserFactory
from notifications import first_templates, outbox, recipients
from notifications.models import Delivery, Device, Notification, Template
from notifications.outbox import Message
from notifications.recipients import MustBeTold, Recipient
from notifications.tests.factories import NOON
from quantify.ids import uuid7

Event = Notification.Event
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _templates(db):
    """Tests that commit empty the table behind them."""
    first_templates.write(Template)


THANDI = Recipient(
    key="resident:thandi", name="Thandi", email="thandi@example.com", phone="+27831234567"
)


def message(**more: object) -> Message:
    return Message(**{
        "event": Event.PAYMENT_RECEIVED, "subject_key": "wallet:x", "once_key": "once",
        "text": "R200 was received.", "recipients": [THANDI],
        "values": {"unit_number": "A-1", "estate": "Willow Creek", "amount": "R200.00",
                   "balance": "R250.00", "reference": "EFT"},
        **more,
    })  # fmt: skip


def ways() -> list[tuple[str, str]]:
    return sorted(Delivery.objects.values_list("channel", "address"))


class TestEnqueue:
    def test_writes_one_delivery_for_each_way_to_a_recipient(self):
        outbox.enqueue([message()], now=NOON)

        assert ways() == [("email", "thandi@example.com"), ("sms", "+27831234567")]
        mail = Delivery.objects.get(channel="email")
        assert mail.subject == "We received R200.00 for A-1"
        assert mail.body == (
            "Dear Thandi\n\nThank you: R200.00 was received for unit A-1 at Willow Creek "
            "(reference: EFT). The balance is R250.00."
        )
        short = Delivery.objects.get(channel="sms")
        assert short.body == (
            "Willow Creek A-1: R200.00 received, thank you. The balance is R250.00."
        )

    def test_writes_an_occasion_once(self):
        assert outbox.enqueue([message()], now=NOON) == 1
        assert outbox.enqueue([message()], now=NOON) == 0

        assert Notification.objects.count() == 1
        assert Delivery.objects.count() == 2

    def test_is_undone_with_its_cause(self):
        with transaction.atomic():
            outbox.enqueue([message()], now=NOON)
            transaction.set_rollback(True)

        assert Notification.objects.count() == 0
        assert Delivery.objects.count() == 0

    def test_speaks_the_language_of_the_recipient(self):
        recipients.choose(key=THANDI.key, language="af", off={})

        outbox.enqueue([message()], now=NOON)

        assert Delivery.objects.get(channel="email").subject == "Ons het R200.00 vir A-1 ontvang"

    def test_falls_back_to_english(self):
        recipients.choose(key=THANDI.key, language="xh", off={})

        outbox.enqueue([message()], now=NOON)

        assert Delivery.objects.get(channel="email").subject == "We received R200.00 for A-1"

    def test_prefers_the_words_of_the_estate(self):
        scope = uuid7()
        Template.objects.create(
            scope=scope, event=Event.PAYMENT_RECEIVED, subject="Ta, {name}", body="{amount}",
            short="{amount}",
        )  # fmt: skip
        Template.objects.create(
            scope=uuid7(), event=Event.PAYMENT_RECEIVED, subject="Other", body="x", short="x"
        )

        outbox.enqueue([message(scope=scope)], now=NOON)

        assert Delivery.objects.get(channel="email").subject == "Ta, Thandi"

    def test_says_what_it_can_without_a_template(self):
        Template.objects.all().delete()

        outbox.enqueue([message()], now=NOON)

        mail = Delivery.objects.get(channel="email")
        assert (mail.subject, mail.body) == ("Payment received", "R200 was received.")

    def test_reaches_who_signs_in_in_the_app_and_on_devices(self):
        user = UserFactory.create()
        Device.objects.create(user=user, platform="fcm", token="token-1")
        Device.objects.create(user=UserFactory.create(), platform="fcm", token="token-2")
        person = Recipient(key="resident:x", name="X", user_id=user.pk)

        outbox.enqueue([message(recipients=[person])], now=NOON)

        assert ways() == [("in_app", ""), ("push", "fcm:token-1")]
        assert Delivery.objects.get(channel="in_app").state == Delivery.State.DELIVERED

    def test_leaves_out_what_the_recipient_does_not_want(self):
        recipients.choose(key=THANDI.key, language="en", off={Event.PAYMENT_RECEIVED: ["sms"]})

        outbox.enqueue([message()], now=NOON)
        outbox.enqueue([message(event=Event.LEAK, once_key="other")], now=NOON)

        assert ways() == [
            ("email", "thandi@example.com"), ("email", "thandi@example.com"),
            ("sms", "+27831234567"),
        ]  # fmt: skip

    def test_costs_the_same_for_one_and_for_many(self):
        def statements(count: int) -> int:
            many = [
                message(once_key=f"{count}-{n}", recipients=[
                    Recipient(key=f"r:{count}-{n}", name="R", email=f"r{n}@example.com")
                ]) for n in range(count)
            ]  # fmt: skip
            with CaptureQueriesContext(connection) as done:
                outbox.enqueue(many, now=NOON)
            return len(done)

        assert statements(1) == statements(50)


class TestChoose:
    def test_keeps_a_way_out_for_legal_notices(self):
        with pytest.raises(MustBeTold):
            recipients.choose(
                key="x", language="en", off={Event.DISCONNECTION_WARNING: ["email", "sms", "push"]}
            )

        assert recipients.settings_of("x").off == []

    def test_lets_everything_else_be_switched_off(self):
        off = {Event.PAYMENT_RECEIVED: ["email", "sms", "push"]}

        recipients.choose(key=THANDI.key, language="en", off=off)
        outbox.enqueue([message()], now=NOON + timedelta(days=1))

        assert ways() == []
        assert Notification.objects.count() == 1
