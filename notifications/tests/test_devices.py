"""Devices: one person's at a time, and no message for whoever had it before."""

import pytest

from accounts.tests.factories import UserFactory
from notifications import delivering, devices
from notifications.channels.recording import Recording
from notifications.models import Delivery, Device
from notifications.tests.factories import NOON, DeliveryFactory
from quantify.tests.crowd import at_once


@pytest.fixture
def recording(settings):
    settings.NOTIFICATION_CHANNELS = {"push": "notifications.channels.recording.Recording"}
    Recording.reset()
    yield Recording
    Recording.reset()


class TestRegister:
    @pytest.mark.django_db
    def test_takes_the_device_over_and_no_other(self):
        before, now = UserFactory.create(), UserFactory.create()
        for token in ("phone", "tablet"):
            devices.register(user=before, platform="fcm", token=token)

        devices.register(user=now, platform="fcm", token="phone")
        devices.register(user=now, platform="apns", token="tablet")

        assert set(Device.objects.values_list("user", "platform", "token")) == {
            (now.pk, "fcm", "phone"),
            (now.pk, "apns", "tablet"),
            (before.pk, "fcm", "tablet"),
        }

    @pytest.mark.django_db(transaction=True)
    def test_leaves_one_row_when_many_register_at_once(self):
        people = [UserFactory.create() for _ in range(8)]

        made = at_once(
            lambda number: devices.register(user=people[number], platform="fcm", token="phone"),
            times=8,
            threads=4,
        )

        assert [type(one) for one in made] == [Device] * 8
        assert Device.objects.get().user in people


@pytest.mark.django_db
class TestDelivering:
    def test_brings_nothing_to_a_device_that_was_taken_over(self, recording):
        before, now = UserFactory.create(), UserFactory.create()
        devices.register(user=before, platform="fcm", token="a:phone")
        push = {"channel": Delivery.Channel.PUSH, "address": "fcm:a:phone"}
        late = DeliveryFactory.create(user=before, recipient_key="user:before", **push)
        devices.register(user=now, platform="fcm", token="a:phone")
        own = DeliveryFactory.create(user=now, recipient_key="user:now", **push)

        delivering.deliver_due(now=NOON)

        for delivery in (late, own):
            delivery.refresh_from_db()
        assert (late.state, own.state) == (Delivery.State.DEAD, Delivery.State.DELIVERED)
        assert [parcel.id for parcel in recording.sent] == [str(own.pk)]
        delivering.retry(delivery_ids=[late.pk], now=NOON)
        delivering.deliver_due(now=NOON)
        assert len(recording.sent) == 1
