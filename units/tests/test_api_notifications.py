from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from notifications import delivering, first_templates
from notifications.models import Delivery, Device, Notification, Template
from notifications.tests.factories import NOON, DeliveryFactory, NotificationFactory
from quantify.periods import local_day
from quantify.tests.client import Client
from units.tests.factories import OccupancyFactory, ResidentFactory, UnitFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _templates(db):
    """Tests that commit empty the table behind them."""
    first_templates.write(Template)


@pytest.fixture
def manager():
    return UserFactory.create(role=roles.PROPERTY_MANAGER, email="manager@example.com")


@pytest.fixture
def estate(manager):
    return EstateFactory.create(name="Willow Creek", members=[manager])


@pytest.fixture
def resident():
    return UserFactory.create(role=roles.RESIDENT)


class TestNotifications:
    def test_lists_those_of_ones_estates(self, manager, estate):
        ours = NotificationFactory.create(scope=estate.pk)
        NotificationFactory.create(scope=EstateFactory.create().pk)

        data = Client(manager).get("/notifications").json()["data"]

        assert [one["id"] for one in data] == [str(ours.pk)]

    def test_shows_residents_their_own_in_their_words(self, resident):
        own = DeliveryFactory.create(
            user=resident, channel="in_app", subject="Dankie", body="R200 ontvang"
        )
        DeliveryFactory.create(user=UserFactory.create(role=roles.RESIDENT), channel="in_app")

        data = Client(resident).get("/notifications").json()["data"]

        assert [(one["id"], one["subject"], one["text"]) for one in data] == [
            (str(own.notification_id), "Dankie", "R200 ontvang")
        ]

    def test_are_marked_as_read_by_each_reader(self, manager, estate):
        one = NotificationFactory.create(scope=estate.pk)
        NotificationFactory.create(scope=estate.pk)
        client = Client(manager)

        first = client.post(f"/notifications/{one.pk}/read").json()["data"]["read_at"]
        again = client.post(f"/notifications/{one.pk}/read").json()["data"]["read_at"]

        assert first == again is not None
        assert client.get("/notifications?read=true").json()["total"] == 1
        assert client.get("/notifications?read=false").json()["total"] == 1
        other = Client(UserFactory.create())
        assert other.get("/notifications?read=true").json()["total"] == 0

    def test_of_another_estate_are_not_there(self, manager, estate):
        foreign = NotificationFactory.create(scope=EstateFactory.create().pk)
        client = Client(manager)

        assert client.get(f"/notifications/{foreign.pk}").status_code == 404
        assert client.post(f"/notifications/{foreign.pk}/read").status_code == 404
        assert client.get(f"/notifications?estate={foreign.scope}").status_code == 404

    def test_cost_few_statements(self, manager, estate, django_assert_max_num_queries):
        for _ in range(20):
            NotificationFactory.create(scope=estate.pk)
        client = Client(manager)
        client.get("/notifications")

        with django_assert_max_num_queries(5):
            client.get("/notifications")


class TestAnnouncements:
    def announce(self, user, estate, query="", **more):
        body = {"estate": str(estate.pk), "title": "Water off", "text": "From 09:00.", **more}
        return Client(user).post(f"/notifications{query}", body)

    def home(self, estate, number="A-1", building="", **person):
        unit = UnitFactory.create(estate=estate, unit_number=number, building=building)
        resident = ResidentFactory.create(estate=estate, **person)
        OccupancyFactory.create(
            unit=unit, resident=resident, starts_on=local_day(timezone.now()) - timedelta(days=9)
        )
        return unit

    def test_go_to_everybody_who_lives_there(self, manager, estate):
        self.home(estate, "A-1", first_name="Thandi", last_name="N", email="t@example.com")
        self.home(estate, "A-2", first_name="Pieter", last_name="B", email="p@example.com")
        self.home(EstateFactory.create(), email="foreign@example.com")

        response = self.announce(manager, estate)

        assert response.status_code == 201
        assert response.json()["data"]["count"] == 2
        delivering.deliver_due(now=timezone.now())
        assert sorted(sent.to[0] for sent in mail.outbox) == [
            "Pieter B <p@example.com>", "Thandi N <t@example.com>"
        ]  # fmt: skip
        assert mail.outbox[0].subject == "Water off"
        assert "From 09:00." in mail.outbox[0].body

    def test_show_who_is_meant_before(self, manager, estate):
        self.home(estate, first_name="Thandi", last_name="N", email="t@example.com", phone="")

        response = self.announce(manager, estate, "?preview=true")

        assert response.status_code == 200
        assert response.json()["data"] == {
            "count": 1, "notification": None,
            "recipients": [{"name": "Thandi N", "email": "t@example.com", "phone": ""}],
        }  # fmt: skip
        assert Notification.objects.count() == 0

    def test_go_to_a_building_or_a_unit_alone(self, manager, estate):
        unit = self.home(estate, "A-1", building="North")
        self.home(estate, "A-2", building="North")
        self.home(estate, "B-1", building="South")

        to_building = self.announce(manager, estate, building="north")
        to_unit = self.announce(manager, estate, unit=str(unit.pk))

        assert to_building.json()["data"]["count"] == 2
        assert to_unit.json()["data"]["count"] == 1

    def test_to_nobody_are_refused(self, manager, estate):
        response = self.announce(manager, estate)

        assert response.json()["code"] == "nobody_there"
        assert Notification.objects.count() == 0

    def test_are_for_property_managers_of_the_estate(self, manager, estate):
        self.home(estate)
        foreign = EstateFactory.create()
        self.home(foreign, "Z-1")
        viewer = UserFactory.create(role=roles.VIEWER)
        estate.memberships.create(user=viewer)

        assert self.announce(viewer, estate).status_code == 403
        assert self.announce(manager, foreign).status_code == 422
        assert Notification.objects.count() == 0


class TestTemplates:
    BODY = {
        "event": "low_balance", "language": "zu", "subject": "S {name}", "body": "B {balance}",
        "short": "{balance}",
    }  # fmt: skip

    def test_of_ones_estate_are_made_changed_and_deleted(self, manager, estate):
        client = Client(manager)

        made = client.post("/notification-templates", {**self.BODY, "estate": str(estate.pk)})
        path = f"/notification-templates/{made.json()['data']['id']}"
        changed = client.patch(path, {"subject": "New {name}"})

        assert (made.status_code, changed.status_code) == (201, 200)
        assert client.delete(path).status_code == 204
        assert not Template.objects.filter(scope=estate.pk).exists()

    def test_of_every_estate_are_for_super_admins(self, manager, estate):
        shared = Template.objects.filter(scope=None).first()
        client = Client(manager)

        assert client.get(f"/notification-templates/{shared.pk}").status_code == 200
        assert (
            client.patch(f"/notification-templates/{shared.pk}", {"short": "x"}).status_code == 403
        )
        assert client.delete(f"/notification-templates/{shared.pk}").status_code == 403
        assert client.post("/notification-templates", self.BODY).status_code == 403
        admin = Client(UserFactory.create())
        assert (
            admin.patch(f"/notification-templates/{shared.pk}", {"short": "x"}).status_code == 200
        )

    def test_of_another_estate_are_not_there(self, manager, estate):
        foreign = EstateFactory.create().pk
        theirs = Template.objects.create(scope=foreign, **self.BODY)
        client = Client(manager)

        assert client.get(f"/notification-templates/{theirs.pk}").status_code == 404
        response = client.post("/notification-templates", {**self.BODY, "estate": str(foreign)})
        assert response.status_code == 422

    def test_of_no_estate_that_exists_are_refused_to_super_admins_too(self, estate):
        estate.deleted_at = timezone.now()
        estate.save()
        admin = Client(UserFactory.create())

        for nowhere in ("00000000-0000-7000-8000-000000000000", str(estate.pk)):
            response = admin.post("/notification-templates", {**self.BODY, "estate": nowhere})
            assert response.status_code == 422
            assert response.json()["errors"][0]["field"] == "estate"
        assert not Template.objects.exclude(scope=None).exists()

    def test_stay_with_their_estate(self, manager, estate):
        client = Client(manager)
        made = client.post("/notification-templates", {**self.BODY, "estate": str(estate.pk)})
        other = EstateFactory.create(members=[manager])

        moved = client.patch(
            f"/notification-templates/{made.json()['data']['id']}", {"estate": str(other.pk)}
        )

        assert moved.status_code == 422
        assert moved.json()["errors"][0]["field"] == "estate"

    def test_refuse_unknown_placeholders(self, manager, estate):
        body = {**self.BODY, "estate": str(estate.pk), "body": "{password}"}

        response = Client(manager).post("/notification-templates", body)

        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "body"
        assert response.json()["errors"][0]["code"] == "unknown_placeholder"

    def test_are_made_once(self, manager, estate):
        body = {**self.BODY, "estate": str(estate.pk)}
        Client(manager).post("/notification-templates", body)

        assert Client(manager).post("/notification-templates", body).status_code == 409

    def test_are_shown_and_sent_with_samples_to_oneself(self, manager, estate):
        template = Template.objects.create(scope=estate.pk, **self.BODY)
        client = Client(manager)

        shown = client.post(f"/notification-templates/{template.pk}/preview").json()["data"]
        sent = client.post(f"/notification-templates/{template.pk}/test", {}).json()["data"]

        assert shown == {"subject": "S Thandi Nkosi", "body": "B R12.40", "short": "R12.40"}
        assert sent["address"] == "manager@example.com"
        assert mail.outbox[0].subject == "Test: S Thandi Nkosi"
        assert [one.to for one in mail.outbox] == [[f"{manager} <manager@example.com>"]]

    def test_say_that_push_has_no_provider(self, manager, estate):
        template = Template.objects.create(scope=estate.pk, **self.BODY)
        Device.objects.create(user=manager, platform="fcm", token="t")

        response = Client(manager).post(
            f"/notification-templates/{template.pk}/test", {"channel": "push"}
        )

        assert response.json()["code"] == "not_sent"


class TestDevices:
    BODY = {"platform": "fcm", "token": "token-1", "name": "Phone"}

    def test_are_ones_own(self, resident):
        made = Client(resident).post("/devices", self.BODY).json()["data"]
        other = Client(UserFactory.create())

        assert [one["id"] for one in Client(resident).get("/devices").json()["data"]] == [
            made["id"]
        ]
        assert other.get("/devices").json()["total"] == 0
        assert other.delete(f"/devices/{made['id']}").status_code == 404
        assert Device.objects.get().user == resident

    def test_are_registered_once(self, resident):
        Client(resident).post("/devices", self.BODY)

        assert Client(resident).post("/devices", self.BODY).status_code == 409
        assert Device.objects.count() == 1

    def test_are_taken_over_by_who_holds_them_now(self, resident):
        before = Client(resident).post("/devices", self.BODY).json()["data"]
        other = UserFactory.create(role=roles.RESIDENT)
        answer = Client(other).post("/devices", self.BODY | {"name": "Mine"})

        assert answer.status_code == 201
        made = answer.json()["data"]
        assert made["id"] != before["id"]
        assert (made["name"], made["created_at"] > before["created_at"]) == ("Mine", True)
        assert Device.objects.get().user == other
        assert Client(resident).get("/devices").json()["total"] == 0
        assert Client(resident).get(f"/devices/{before['id']}").status_code == 404

    def test_stay_where_they_are_when_a_registration_is_refused(self, resident):
        Client(resident).post("/devices", self.BODY)
        other = Client(UserFactory.create(role=roles.RESIDENT))

        assert other.post("/devices", self.BODY | {"name": "x" * 81}).status_code == 422
        assert Device.objects.get().user == resident

    def test_are_removed(self, resident):
        made = Client(resident).post("/devices", self.BODY).json()["data"]

        assert Client(resident).delete(f"/devices/{made['id']}").status_code == 204
        assert Device.objects.count() == 0


class TestSettings:
    def test_begin_with_everything(self, resident):
        data = Client(resident).get("/notification-settings").json()["data"]

        assert data["language"] == "en"
        assert {tuple(one["channels"]) for one in data["events"]} == {("email", "sms", "push")}
        assert [one["event"] for one in data["events"] if one["mandatory"]] == [
            "low_balance", "critical_balance", "disconnection_warning", "disconnected"
        ]  # fmt: skip

    def test_are_chosen(self, resident):
        events = [{"event": "payment_received", "channels": []}]

        Client(resident).put("/notification-settings", {"language": "af", "events": events})

        data = Client(resident).get("/notification-settings").json()["data"]
        assert data["language"] == "af"
        assert [
            one["channels"] for one in data["events"] if one["event"] == "payment_received"
        ] == [[]]

    def test_are_sent_back_as_they_were_read(self, resident):
        client = Client(resident)
        shown = client.get("/notification-settings").json()["data"]

        assert client.put("/notification-settings", shown).json()["data"] == shown
        shown["events"][0]["mandatory"] = not shown["events"][0]["mandatory"]
        refused = client.put("/notification-settings", shown)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "events[0].mandatory"

    def test_keep_legal_notices(self, resident):
        events = [{"event": "disconnection_warning", "channels": []}]

        response = Client(resident).put("/notification-settings", {"events": events})

        assert response.json()["code"] == "must_be_told"


class TestDeliveries:
    def test_are_sent_again_by_those_who_may(self, manager, estate):
        dead = DeliveryFactory.create(notification__scope=estate.pk, state="dead", attempts=7)
        viewer = UserFactory.create(role=roles.VIEWER)
        estate.memberships.create(user=viewer)

        assert Client(viewer).post(f"/deliveries/{dead.pk}/retry").status_code == 403
        assert Client(manager).post(f"/deliveries/{dead.pk}/retry").json()["data"]["state"] == "due"
        again = Client(manager).post(f"/deliveries/{dead.pk}/retry")
        assert again.json()["code"] == "not_retryable"

    def test_of_another_estate_are_not_there(self, manager, estate):
        foreign = DeliveryFactory.create(notification__scope=EstateFactory.create().pk)

        assert Client(manager).get("/deliveries").json()["total"] == 0
        assert Client(manager).get(f"/deliveries/{foreign.pk}").status_code == 404
        assert Client(manager).post(f"/deliveries/{foreign.pk}/retry").status_code == 404
        assert Delivery.objects.get().due_at == NOON
