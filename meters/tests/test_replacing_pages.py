"""Replacing a meter over the API and in the portal."""

from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from meters import readings
from meters.batches import RawReading
from meters.models import Installation
from meters.tests.factories import InstallationFactory, MeterFactory
from quantify.periods import floor_to_interval
from quantify.tests.client import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def old():
    meter = MeterFactory.create(serial="OLD1", with_register=True)
    start = floor_to_interval(timezone.now()) - timedelta(days=2)
    InstallationFactory.create(meter=meter, starts_at=start, opening_value=1000)
    rows = [RawReading(meter.pk, 1, start + timedelta(hours=n), 1000 + n) for n in range(25)]
    readings.record(rows, received_at=timezone.now())
    return meter


@pytest.fixture
def new(old):
    return MeterFactory.create(serial="NEW1", estate=old.estate, with_register=True)


def moment():
    return floor_to_interval(timezone.now()) - timedelta(hours=2)


def manager_of(meter):
    user = UserFactory.create(role=roles.PROPERTY_MANAGER)
    meter.estate.memberships.create(user=user)
    return user


def asked(new, **changes):
    return {
        "new_meter": str(new.pk),
        "at": moment().isoformat(),
        "closing_value": "1.030",
        "opening_value": "0.005",
        "reason": "Display broken.",
    } | changes


class TestApi:
    def test_previews_then_replaces_then_undoes(self, old, new):
        client = Client(manager_of(old))
        address = f"/meters/{old.pk}/replace"

        seen = client.post(address, asked(new, preview=True))
        assert seen.status_code == 200
        assert (seen.json()["data"]["used_since_last_reading"], Installation.objects.count()) == (
            "0.006",
            1,
        )
        assert client.post(address, asked(new)).status_code == 201
        again = client.post(address, asked(new))
        assert (again.status_code, again.json()["data"]["replayed"]) == (200, True)

        undone = client.post(f"/meters/{new.pk}/undo-replacement")
        assert undone.json()["data"]["meter"] == str(old.pk)
        assert Installation.objects.get().ends_at is None

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"closing_value": "1.001"}, 400, "impossible_closing"),
            ({"closing_value": "-1"}, 422, "invalid"),
            ({"reason": ""}, 422, "invalid"),
            ({"at": "2099-01-01T00:00:00+02:00"}, 400, "not_a_quarter_hour"),
            ({"closing_export": "1"}, 400, "not_replaceable"),
        ],
    )
    def test_refuses_nonsense(self, old, new, change, status, code):
        answer = Client(manager_of(old)).post(f"/meters/{old.pk}/replace", asked(new, **change))

        assert (answer.status_code, answer.json()["code"]) == (status, code)
        if code == "impossible_closing":
            assert "cannot have shown 1.001 kWh" in answer.json()["detail"]
        assert Installation.objects.get().ends_at is None

    def test_finds_no_foreign_meter(self, old):
        foreign = MeterFactory.create(with_register=True)

        answer = Client(manager_of(old)).post(f"/meters/{old.pk}/replace", asked(foreign))

        assert answer.status_code == 422


class TestPortal:
    def browser(self, old, role=roles.PROPERTY_MANAGER):
        user = UserFactory.create(role=role)
        old.estate.memberships.create(user=user)
        browser = Browser()
        browser.force_login(user, backend="accounts.backends.RoleBackend")
        return browser

    def filled(self, new, **changes):
        local = timezone.localtime(moment())
        return {
            "new_meter": str(new.pk),
            "at_0": f"{local:%Y-%m-%d}",
            "at_1": f"{local:%H:%M}",
            "closing_value": "1.030",
            "opening_value": "0.005",
            "reason": "Display broken.",
        } | changes

    def test_is_asked_shown_and_done_once(self, old, new):
        browser = self.browser(old)
        url = reverse("admin:meters_meter_replace", args=[old.pk])

        assert "NEW1" in browser.get(url).content.decode()
        shown = browser.post(url, self.filled(new) | {"_preview": ""}).content.decode()
        assert "0.006" in shown
        assert Installation.objects.count() == 1
        for _ in range(2):
            assert browser.post(url, self.filled(new) | {"_confirm": ""}).status_code == 302
        assert Installation.objects.count() == 2

        undo = reverse("admin:meters_meter_undo_replacement", args=[new.pk])
        assert browser.get(undo).status_code == 200
        assert browser.post(undo).status_code == 302
        assert Installation.objects.get().meter == old

    def test_says_what_is_wrong_beside_the_field(self, old, new):
        url = reverse("admin:meters_meter_replace", args=[old.pk])

        answer = self.browser(old).post(url, self.filled(new, closing_value="1.001"))

        assert "cannot have shown" in answer.content.decode()
        assert answer.context["form"].errors.keys() == {"closing_value"}

    def test_is_closed_to_viewers_and_hidden_from_others(self, old, new):
        url = reverse("admin:meters_meter_replace", args=[old.pk])

        assert self.browser(old, roles.VIEWER).get(url).status_code == 403
        elsewhere = self.browser(MeterFactory.create())
        assert elsewhere.post(url, self.filled(new) | {"_confirm": ""}).status_code == 404
        assert Installation.objects.count() == 1
