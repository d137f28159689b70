"""Taking an estate on, deleting and restoring it, in the portal."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts import roles
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory

pytestmark = pytest.mark.django_db

NEW = {
    "code": "WC009",
    "name": "Kelp Bay",
    "is_active": "on",
    "total_units": "10",
    "time_zone": "Africa/Johannesburg",
    "solar_free_allocation_kwh": "50.000",
    "memberships-TOTAL_FORMS": "0",
    "memberships-INITIAL_FORMS": "0",
}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")
    return client


class TestAdd:
    def test_makes_the_settings_too(self, client: Client):
        answer = client.post(reverse("admin:estates_estate_add"), NEW)

        assert answer.status_code == 302
        assert Estate.objects.get(code="WC009").settings.activation_minimum == 20

    def test_refuses_a_code_that_exists(self, client: Client):
        EstateFactory.create(code="wc009")

        answer = client.post(reverse("admin:estates_estate_add"), NEW)

        assert "An estate with this code exists." in answer.content.decode()
        assert Estate.objects.count() == 1


class TestDelete:
    def test_hides_and_restores(self, client: Client):
        estate = EstateFactory.create(name="Kelp Bay")
        listed = reverse("admin:estates_estate_changelist")

        client.post(reverse("admin:estates_estate_delete", args=[estate.pk]), {"post": "yes"})

        estate.refresh_from_db()
        assert estate.deleted_at is not None
        assert "Kelp Bay" not in client.get(listed).context["cl"].result_list
        assert estate not in client.get(listed).context["cl"].result_list
        assert estate in client.get(f"{listed}?deleted=only").context["cl"].result_list

        client.post(reverse("admin:estates_estate_restore", args=[estate.pk]))
        estate.refresh_from_db()
        assert estate.deleted_at is None

    def test_hides_many_at_once(self, client: Client):
        estates = EstateFactory.create_batch(2)
        sent = {
            "action": "delete_selected",
            "_selected_action": [str(estate.pk) for estate in estates],
            "post": "yes",
        }

        client.post(reverse("admin:estates_estate_changelist"), sent)

        assert Estate.objects.count() == 2
        assert not Estate.objects.alive().exists()

    def test_is_refused_to_managers(self):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        estate = EstateFactory.create(members=[manager])
        client = Client()
        client.force_login(manager, backend="accounts.backends.RoleBackend")

        for name in ("delete", "restore"):
            url = reverse(f"admin:estates_estate_{name}", args=[estate.pk])
            assert client.post(url, {"post": "yes"}).status_code == 403


class TestPeople:
    def test_are_added_with_a_strong_password_that_is_stored_hashed(self, client: Client):
        role = UserFactory.create(role=roles.VIEWER).role
        sent = {"username": "thabo", "full_name": "Thabo", "email": "", "role": role.pk}
        url = reverse("admin:accounts_user_add")

        weak = client.post(url, sent | {"password1": "12345678", "password2": "12345678"})
        assert weak.status_code == 200

        client.post(url, sent | {"password1": PASSWORD, "password2": PASSWORD})
        person = User.objects.get(username="thabo")
        assert person.check_password(PASSWORD)
        assert PASSWORD not in person.password

    def test_get_a_new_password_on_a_page_of_its_own(self, client: Client):
        person = UserFactory.create(role=roles.VIEWER)
        url = reverse("admin:auth_user_password_change", args=[person.pk])
        new = "another correct horse battery"

        client.post(url, {"password1": new, "password2": new})

        person.refresh_from_db()
        assert person.check_password(new)
