"""Moving in and out in the portal: the rules of the operations, shown in the form."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from quantify.periods import local_day
from units.models import Occupancy, Resident, Unit
from units.tests.factories import OccupancyFactory, ResidentFactory, UnitFactory

pytestmark = pytest.mark.django_db

ADD = "/admin/units/occupancy/add/"


@pytest.fixture
def estate() -> Estate:
    return EstateFactory.create(code="WC001")


@pytest.fixture
def client(estate: Estate) -> Client:
    manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
    estate.memberships.create(user=manager)
    client = Client()
    client.force_login(manager, backend="accounts.backends.RoleBackend")
    return client


@pytest.fixture
def empty(estate: Estate) -> Unit:
    return UnitFactory.create(estate=estate, unit_number="A-1", status="vacant")


def tenancy(unit: Unit, resident: object, **changes: object) -> dict[str, object]:
    return {
        "unit": unit.pk,
        "resident": resident.pk,  # type: ignore[attr-defined]
        "kind": "tenant",
        "is_primary": "on",
        "starts_on": "2026-02-01",
    } | changes


class TestDeleting:
    def test_a_resident_who_lives_there_is_refused(self, client, empty):
        resident = OccupancyFactory.create(unit=empty).resident
        url = reverse("admin:units_resident_delete", args=[resident.pk])

        answer = client.post(url, {"post": "yes"}, follow=True)

        told = f"{resident} lives in a unit or owns one, or is going to: end the occupancy first."
        assert told in answer.content.decode()
        resident.refresh_from_db()
        assert resident.deleted_at is None


class TestMovingIn:
    def test_occupies_the_unit(self, client, empty, estate):
        answer = client.post(ADD, tenancy(empty, ResidentFactory.create(estate=estate)))

        assert answer.status_code == 302
        empty.refresh_from_db()
        assert empty.status == Unit.Status.OCCUPIED

    def test_is_a_button_of_the_units_page(self, client, empty):
        page = client.get(reverse("admin:units_unit_change", args=[empty.pk])).content.decode()
        move_in = reverse("admin:units_unit_move_in", args=[empty.pk])

        assert f'href="{move_in}"' in page
        assert client.get(move_in)["Location"] == f"{ADD}?unit={empty.pk}"

    def test_refuses_a_resident_of_another_estate_beside_the_field(self, client, empty, estate):
        other = EstateFactory.create()
        other.memberships.create(user=estate.memberships.get().user)
        stranger = ResidentFactory.create(estate=other)

        answer = client.post(ADD, tenancy(empty, stranger, starts_on="2026-02-03"))

        form = answer.context["adminform"].form
        assert form.errors["resident"] == ["The resident belongs to another estate."]
        assert 'value="2026-02-03"' in answer.content.decode()
        assert not Occupancy.objects.exists()

    def test_refuses_a_second_primary_tenant(self, client, empty, estate):
        OccupancyFactory.create(unit=empty)

        answer = client.post(ADD, tenancy(empty, ResidentFactory.create(estate=estate)))

        errors = answer.context["adminform"].form.non_field_errors()
        assert "The unit has a primary tenant in that time." in errors
        assert Occupancy.objects.count() == 1


class TestAmending:
    def change(self, client: Client, occupancy: Occupancy, **changes: object):
        url = reverse("admin:units_occupancy_change", args=[occupancy.pk])
        sent = {"kind": "tenant", "is_primary": "on", "starts_on": "2026-01-01", "ends_on": ""}
        return client.post(url, sent | changes)

    def test_ends_it_and_empties_the_unit(self, client, estate):
        occupancy = OccupancyFactory.create(unit__estate=estate)

        answer = self.change(client, occupancy, ends_on="2026-03-01")

        assert answer.status_code == 302
        occupancy.refresh_from_db()
        occupancy.unit.refresh_from_db()
        assert occupancy.ends_on == date(2026, 3, 1)
        assert occupancy.unit.status == Unit.Status.VACANT

    def test_leaves_who_lives_where(self, client, estate, empty):
        occupancy = OccupancyFactory.create(unit__estate=estate)
        resident = occupancy.resident_id

        self.change(client, occupancy, unit=empty.pk, resident=ResidentFactory.create().pk)

        occupancy.refresh_from_db()
        assert (occupancy.resident_id, occupancy.unit_id == empty.pk) == (resident, False)

    def test_refuses_an_end_before_the_start(self, client, estate):
        occupancy = OccupancyFactory.create(unit__estate=estate)

        answer = self.change(client, occupancy, ends_on="2025-12-31")

        assert "ends after the day it starts" in answer.content.decode()
        occupancy.refresh_from_db()
        assert occupancy.ends_on is None


class TestMovingOut:
    def test_ends_every_tenancy(self, client, estate):
        occupancy = OccupancyFactory.create(unit__estate=estate)
        url = reverse("admin:units_unit_move_out", args=[occupancy.unit_id])

        answer = client.post(url, {"ends_on": "2026-03-01"})

        assert answer.status_code == 302
        occupancy.unit.refresh_from_db()
        assert occupancy.unit.status == Unit.Status.VACANT

    def test_of_an_empty_unit_is_refused_and_keeps_the_day(self, client, empty):
        tomorrow = local_day(timezone.now()) + timedelta(days=1)
        url = reverse("admin:units_unit_move_out", args=[empty.pk])

        answer = client.post(url, {"ends_on": tomorrow.isoformat()})

        assert "no tenant" in answer.context["form"].non_field_errors()[0]
        assert tomorrow.isoformat() in answer.content.decode()

    @pytest.mark.parametrize("name", ["move_in", "move_out"])
    def test_is_not_for_viewers_or_other_estates(self, name, client, empty):
        viewer, stranger = Client(), Client()
        user = UserFactory.create(role=roles.VIEWER)
        empty.estate.memberships.create(user=user)
        viewer.force_login(user, backend="accounts.backends.RoleBackend")
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        stranger.force_login(manager, backend="accounts.backends.RoleBackend")
        url = reverse(f"admin:units_unit_{name}", args=[empty.pk])

        assert viewer.get(url).status_code == 403
        assert stranger.get(url).status_code == 404


class TestChoosing:
    def test_a_unit_is_offered_with_its_estate(self, client, empty):
        asked = {"app_label": "units", "model_name": "occupancy", "field_name": "unit", "term": "A"}

        offered = client.get(reverse("admin:autocomplete"), asked).json()["results"]

        assert [one["text"] for one in offered] == ["WC001 A-1"]

    def test_a_chosen_unit_is_shown_with_its_estate(self, client, empty):
        assert "WC001 A-1" in client.get(f"{ADD}?unit={empty.pk}").content.decode()


class TestInvite:
    def test_shows_the_link_once(self):
        resident = ResidentFactory.create(email="lerato@example.com")
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        resident.estate.memberships.create(user=manager)
        browser = Client()
        browser.force_login(manager, backend="accounts.backends.RoleBackend")
        asked = reverse("admin:units_resident_invite", args=[resident.pk])

        answer = browser.post(asked, {"username": "lerato"})

        assert "/set-password/" in answer.content.decode()
        resident.refresh_from_db()
        assert (resident.user.username, resident.user.role.code) == ("lerato", "resident")
        browser.post(reverse("admin:units_resident_end_sign_in", args=[resident.pk]))
        resident.refresh_from_db()
        assert resident.user is None

    def test_is_not_for_viewers(self):
        resident = ResidentFactory.create()
        viewer = UserFactory.create(role=roles.VIEWER)
        resident.estate.memberships.create(user=viewer)
        browser = Client()
        browser.force_login(viewer, backend="accounts.backends.RoleBackend")

        answer = browser.post(
            reverse("admin:units_resident_invite", args=[resident.pk]), {"username": "x"}
        )

        assert answer.status_code == 403
        assert not Resident.objects.exclude(user=None).exists()
