import smtplib
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core import mail
from django.core.management import call_command

from notifications import channels, delivering
from notifications.channels import Refused, Unavailable
from notifications.channels.email import Email
from notifications.channels.recording import Recording
from notifications.models import Delivery, Notification
from notifications.tests.factories import NOON, DeliveryFactory, NotificationFactory
from quantify.tests.crowd import at_once

State = Delivery.State
pytestmark = pytest.mark.django_db


@pytest.fixture
def recording(settings):
    recorder = "notifications.channels.recording.Recording"
    settings.NOTIFICATION_CHANNELS = dict.fromkeys(("email", "sms", "push"), recorder)
    Recording.reset()
    yield Recording
    Recording.reset()


class TestDeliverDue:
    def test_delivers_a_mail_as_text_and_as_escaped_html(self):
        delivery = DeliveryFactory.create(body="Dear <b>Thandi</b>\n\nR200 & thanks")

        assert delivering.deliver_due(now=NOON) == 1

        [sent] = mail.outbox
        assert sent.to == ["Thandi Nkosi <thandi@example.com>"]
        assert sent.body == "Dear <b>Thandi</b>\n\nR200 & thanks"
        assert sent.alternatives[0][0] == (
            "<p>Dear &lt;b&gt;Thandi&lt;/b&gt;</p><p>R200 &amp; thanks</p>"
        )
        assert sent.extra_headers["Message-ID"] == f"<{delivery.pk}@localhost>"
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == (State.DELIVERED, 1)
        assert delivery.delivered_at == NOON
        assert delivery.provider_id == f"<{delivery.pk}@localhost>"

    def test_lets_no_value_into_the_headers(self):
        DeliveryFactory.create(subject="Hello\r\nBcc: all@example.com", name="A\nB")

        delivering.deliver_due(now=NOON)

        assert mail.outbox[0].subject == "Hello Bcc: all@example.com"
        assert mail.outbox[0].bcc == []

    def test_delivers_once(self):
        DeliveryFactory.create()

        for _ in range(3):
            delivering.deliver_due(now=NOON)

        assert len(mail.outbox) == 1

    @pytest.mark.django_db(transaction=True)
    def test_delivers_once_however_many_workers_there_are(self, recording):
        made = {str(DeliveryFactory.create().pk) for _ in range(30)}

        at_once(lambda _: delivering.deliver_due(now=NOON), times=6, threads=6)

        assert sorted(parcel.id for parcel in recording.sent) == sorted(made)
        assert set(Delivery.objects.values_list("state", "attempts")) == {(State.DELIVERED, 1)}

    def test_waits_until_it_is_due(self):
        DeliveryFactory.create(due_at=NOON + timedelta(seconds=1))

        delivering.deliver_due(now=NOON)

        assert mail.outbox == []

    def test_finishes_a_message_without_ways_at_once(self):
        message = NotificationFactory.create()

        assert delivering.deliver_due(now=NOON) == 1

        message.refresh_from_db()
        assert (message.state, message.delivered_at) == (Notification.State.DELIVERED, NOON)

    def test_says_that_a_channel_has_no_provider(self):
        delivery = DeliveryFactory.create(channel="sms", address="+27831234567")

        assert delivering.deliver_due(now=NOON) == 1

        delivery.refresh_from_db()
        assert delivery.state == State.NOT_CONFIGURED
        assert delivery.delivered_at is None

    def test_tries_again_ever_later_and_gives_up(self, recording):
        delivery = DeliveryFactory.create()
        recording.failures[:] = [Unavailable("Down.")] * 7
        now, pauses = NOON, []
        for _ in range(7):
            delivering.deliver_due(now=now)
            delivery.refresh_from_db()
            pauses.append((delivery.due_at - now).total_seconds())
            now = delivery.due_at

        assert delivery.state == State.DEAD
        assert delivery.error == "Down."
        for paused, wanted in zip(pauses, [30, 120, 480, 1920, 7680, 30720], strict=False):
            assert wanted <= paused <= wanted * 1.2
        assert recording.sent == []

    def test_is_not_delivered_as_long_as_one_way_is_open(self, recording):
        delivery = DeliveryFactory.create()
        recording.failures[:] = [Unavailable("Down.")]

        assert delivering.deliver_due(now=NOON) == 0
        delivery.notification.refresh_from_db()
        assert delivery.notification.delivered_at is None

        later = NOON + timedelta(minutes=1)
        assert delivering.deliver_due(now=later) == 1
        delivery.notification.refresh_from_db()
        assert delivery.notification.delivered_at == later

    def test_gives_up_at_once_what_is_refused(self, recording):
        delivery = DeliveryFactory.create()
        recording.failures[:] = [Refused("No such address.")]

        delivering.deliver_due(now=NOON)

        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == (State.DEAD, 1)

    def test_goes_on_with_others_after_a_failure(self, recording):
        DeliveryFactory.create()
        DeliveryFactory.create(due_at=NOON + timedelta(seconds=1))
        recording.failures[:] = [Refused("No.")]

        delivering.deliver_due(now=NOON + timedelta(seconds=1))

        assert len(recording.sent) == 1


class TestLeftBehind:
    def test_is_unsure_about_what_may_have_left(self, recording):
        delivery = DeliveryFactory.create(state=State.SENDING, sending_at=NOON, attempts=1)

        delivering.deliver_due(now=NOON + timedelta(minutes=9))
        delivery.refresh_from_db()
        assert delivery.state == State.SENDING

        delivering.deliver_due(now=NOON + timedelta(minutes=11))
        delivery.refresh_from_db()
        assert delivery.state == State.UNCERTAIN
        assert recording.sent == []

    def test_repeats_a_legal_notice_under_the_same_id(self, recording):
        delivery = DeliveryFactory.create(
            notification__event="disconnection_warning", state=State.SENDING, sending_at=NOON,
            attempts=1,
        )  # fmt: skip

        delivering.deliver_due(now=NOON + timedelta(minutes=11))

        assert [parcel.id for parcel in recording.sent] == [str(delivery.pk)]


class TestRetry:
    @pytest.mark.parametrize("state", ["dead", "uncertain", "not_configured"])
    def test_sends_again_what_did_not_get_through(self, recording, state):
        delivery = DeliveryFactory.create(state=state, attempts=7)

        assert delivering.retry(delivery_ids=[delivery.pk], now=NOON) == 1
        delivering.deliver_due(now=NOON)

        assert len(recording.sent) == 1

    @pytest.mark.parametrize("state", ["due", "sending", "delivered"])
    def test_leaves_the_others_alone(self, state):
        delivery = DeliveryFactory.create(state=state)

        assert delivering.retry(delivery_ids=[delivery.pk], now=NOON) == 0

        delivery.refresh_from_db()
        assert delivery.state == state


class TestLag:
    def test_tells_how_far_delivering_is_behind(self):
        DeliveryFactory.create(due_at=NOON - timedelta(seconds=90))
        DeliveryFactory.create(due_at=NOON + timedelta(seconds=90))
        DeliveryFactory.create(state=State.DEAD)

        lag = delivering.lag(now=NOON)

        assert (lag.due, lag.oldest_seconds, lag.dead, lag.uncertain) == (1, 90, 1, 0)


class TestEmail:
    @pytest.mark.parametrize(
        ("raised", "expected"),
        [
            (smtplib.SMTPRecipientsRefused({"x": (550, b"No")}), Refused),
            (smtplib.SMTPRecipientsRefused({"x": (450, b"Later")}), Unavailable),
            (smtplib.SMTPDataError(554, b"Spam"), Refused),
            (smtplib.SMTPDataError(451, b"Later"), Unavailable),
            (smtplib.SMTPServerDisconnected("gone"), Unavailable),
            (ConnectionRefusedError(), Unavailable),
        ],
    )
    def test_tells_never_from_later(self, raised, expected):
        parcel = channels.Parcel(id="1", address="x@example.com", name="X", subject="s", body="b")
        send = "notifications.channels.email.EmailMultiAlternatives.send"

        with patch(send, side_effect=raised), pytest.raises(expected):
            Email().send(parcel)


class TestCommand:
    def test_prints_the_lag(self, capsys):
        DeliveryFactory.create(state=State.DEAD)

        call_command("message_lag")

        assert capsys.readouterr().out == (
            "Due: 0, the oldest for 0 s. Given up: 1. Perhaps delivered: 0.\n"
        )
