"""Announcing in the portal."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from notifications import first_templates
from notifications.models import Delivery, Notification, Template
from notifications.tests.factories import DeliveryFactory
from quantify.periods import local_day
from units.models import Unit
from units.tests.factories import OccupancyFactory, ResidentFactory, UnitFactory

pytestmark = pytest.mark.django_db
URL = "admin:units_resident_announce"


@pytest.fixture(autouse=True)
def _templates(db):
    """Tests that commit empty the table behind them."""
    first_templates.write(Template)


@pytest.fixture
def estate() -> Estate:
    return EstateFactory.create(code="WC001")


def client_of(role: str, *estates: Estate) -> Client:
    user = UserFactory.create(role=role)
    for estate in estates:
        estate.memberships.create(user=user)
    client = Client()
    client.force_login(user)
    return client


def home(estate: Estate, name: str) -> Unit:
    unit = UnitFactory.create(estate=estate)
    resident = ResidentFactory.create(estate=estate, first_name=name, email="x@example.com")
    day = local_day(timezone.now()) - timedelta(days=1)
    OccupancyFactory.create(unit=unit, resident=resident, starts_on=day)
    return unit


def form(estate: Estate, **more: str) -> dict[str, str]:
    return {"estate": str(estate.pk), "title": "Water off", "text": "From 09:00.", **more}


class TestAnnouncing:
    def test_shows_who_would_be_told_then_tells_them(self, estate):
        home(estate, "Thandi")
        client = client_of(roles.PROPERTY_MANAGER, estate)

        shown = client.post(reverse(URL), form(estate))
        assert "Thandi" in shown.content.decode()
        assert Notification.objects.count() == 0

        sent = client.post(reverse(URL), form(estate, reached=shown.context["mark"]))
        assert sent.status_code == 302
        assert Delivery.objects.get(channel="email").subject == "Water off"

    def test_asks_again_when_somebody_moved_in_meanwhile(self, estate):
        home(estate, "Thandi")
        client = client_of(roles.PROPERTY_MANAGER, estate)
        mark = client.post(reverse(URL), form(estate)).context["mark"]
        home(estate, "Pieter")

        shown = client.post(reverse(URL), form(estate, reached=mark))

        assert "Pieter" in shown.content.decode()
        assert Notification.objects.count() == 0

    def test_knows_estates_of_ones_own_alone(self, estate):
        foreign = EstateFactory.create(code="OG001")
        home(foreign, "Canary")
        client = client_of(roles.PROPERTY_MANAGER, estate)

        page = client.post(reverse(URL), form(foreign))

        assert "Canary" not in page.content.decode()
        assert "OG001" not in page.content.decode()
        assert Notification.objects.count() == 0

    def test_is_not_for_viewers(self, estate):
        assert client_of(roles.VIEWER, estate).get(reverse(URL)).status_code == 403


class TestDeliveriesPage:
    def test_sends_again_what_was_given_up(self, estate):
        dead = DeliveryFactory.create(notification__scope=estate.pk, state="dead", attempts=7)
        page = reverse("admin:notifications_delivery_changelist")
        asked = {"action": "retry", "_selected_action": [str(dead.pk)]}

        client_of(roles.VIEWER, estate).post(page, asked)
        dead.refresh_from_db()
        assert dead.state == "dead"

        client_of(roles.PROPERTY_MANAGER, estate).post(page, asked)
        dead.refresh_from_db()
        assert (dead.state, dead.attempts) == ("due", 0)
