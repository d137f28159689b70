"""A resident's login: invited with a link, ended at once, never more than a resident's."""

import pytest
from django.test import Client as Browser

from accounts import roles
from accounts.models import AuditEntry, User
from accounts.tests.factories import UserFactory
from quantify.tests.client import Client
from units.models import Resident
from units.tests.factories import ResidentFactory

pytestmark = pytest.mark.django_db
NEW = "three small green frogs"


@pytest.fixture
def resident() -> Resident:
    return ResidentFactory.create(first_name="Lerato", email="lerato@example.com")


@pytest.fixture
def api(resident: Resident) -> Client:
    manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
    resident.estate.memberships.create(user=manager)
    return Client(manager)


def set_password(link: str, password: str) -> int:
    browser = Browser()
    page = browser.get(link, follow=True)
    last = page.redirect_chain[-1][0] if page.redirect_chain else link
    fields = {"new_password1": password, "new_password2": password}
    return browser.post(last, fields).status_code


class TestInvite:
    def test_gives_a_login_that_the_resident_opens(self, api: Client, resident: Resident):
        answer = api.post(f"/residents/{resident.pk}/sign-in", {})

        assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
        made = answer.json()["data"]
        assert made["username"] == "lerato@example.com"
        user = User.objects.get(pk=made["user"])
        assert (user.role.code, user.has_usable_password()) == ("resident", False)
        assert set_password(made["link"], "short") == 200
        assert set_password(made["link"], NEW) == 302
        assert Client(user, NEW).get("/residents").json()["data"][0]["id"] == str(resident.pk)
        assert set_password(made["link"], "another good password") == 200
        assert User.objects.get(pk=user.pk).check_password(NEW)

    def test_again_makes_another_link_for_the_same_login(self, api: Client, resident: Resident):
        first = api.post(f"/residents/{resident.pk}/sign-in", {}).json()["data"]

        second = api.post(f"/residents/{resident.pk}/sign-in", {"username": "x"}).json()["data"]

        assert (second["user"], second["username"]) == (first["user"], first["username"])
        assert User.objects.filter(role__code="resident").count() == 1

    def test_is_for_those_who_look_after_the_estate(self, resident: Resident):
        for role, expected in ((roles.PROPERTY_MANAGER, 404), (roles.VIEWER, 403)):
            stranger = Client(UserFactory.create(role=role))
            answer = stranger.post(f"/residents/{resident.pk}/sign-in", {})
            assert answer.status_code == expected
        assert not User.objects.filter(role__code="resident").exists()

    def test_refuses_a_name_that_is_taken(self, api: Client, resident: Resident):
        UserFactory.create(username="Lerato@example.com")

        assert api.post(f"/residents/{resident.pk}/sign-in", {}).status_code == 409
        resident.refresh_from_db()
        assert resident.user is None

    def test_needs_a_name(self, api: Client, resident: Resident):
        Resident.objects.filter(pk=resident.pk).update(email="")

        answer = api.post(f"/residents/{resident.pk}/sign-in", {})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "username"

    def test_opens_no_login_that_became_more(self, api: Client, resident: Resident):
        api.post(f"/residents/{resident.pk}/sign-in", {})
        promoted = UserFactory.create(role=roles.VIEWER)
        Resident.objects.filter(pk=resident.pk).update(user=promoted)

        answer = api.post(f"/residents/{resident.pk}/sign-in", {})

        assert (answer.status_code, answer.json()["code"]) == (400, "no_residents_login")
        ended = api.delete(f"/residents/{resident.pk}/sign-in")
        assert (ended.status_code, ended.json()["code"]) == (400, "no_residents_login")
        assert User.objects.get(pk=promoted.pk).is_active

    def test_is_no_part_of_a_batch(self, api: Client, resident: Resident):
        path = f"/residents/{resident.pk}/sign-in"

        answer = api.post("/batch", {"operations": [{"method": "POST", "path": path, "body": {}}]})

        assert answer.status_code == 400
        assert not User.objects.filter(role__code="resident").exists()


class TestWithdraw:
    def test_ends_the_login_at_once(self, api: Client, resident: Resident):
        made = api.post(f"/residents/{resident.pk}/sign-in", {}).json()["data"]
        set_password(made["link"], NEW)
        person = Client(User.objects.get(pk=made["user"]), NEW)
        assert person.get("/auth/me").status_code == 200

        assert api.delete(f"/residents/{resident.pk}/sign-in").status_code == 204

        assert person.get("/auth/me").status_code == 401
        assert AuditEntry.objects.filter(table="accounts_user", action="update").exists()
        again = api.delete(f"/residents/{resident.pk}/sign-in")
        assert (again.status_code, again.json()["code"]) == (400, "no_sign_in")


class TestLink:
    def test_of_nobody_is_over(self):
        assert b"This link is over" in Browser().get("/set-password/abc/def-123").content

    def test_of_who_was_switched_off_is_over(self, api: Client, resident: Resident):
        made = api.post(f"/residents/{resident.pk}/sign-in", {}).json()["data"]
        User.objects.filter(pk=made["user"]).update(is_active=False)

        assert b"This link is over" in Browser().get(made["link"], follow=True).content
