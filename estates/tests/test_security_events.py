"""Every change of access is a line of the security log: by id, once it is committed."""

from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts import keys, open_sessions, people, second_factor
from accounts.models import ApiKey, User
from accounts.tests.factories import PASSWORD, RoleFactory, UserFactory
from accounts.tests.test_second_factor import NOW, code_at
from estates.tests.factories import EstateFactory
from quantify.tests.client import Client
from quantify.tests.log_lines import Keeper

pytestmark = pytest.mark.django_db

ANOTHER = "another horse battery staple"


@pytest.fixture
def chief() -> User:
    return UserFactory.create(username="qzxchief", full_name="Qzx Chief")


@pytest.fixture
def person() -> User:
    return UserFactory.create(username="qzxperson", role="viewer")


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """A context after which what happened in it is committed."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def browser(chief: User) -> Browser:
    browser = Browser()
    browser.force_login(chief, backend="accounts.backends.RoleBackend")
    return browser


def only(kept: Keeper, name: str) -> dict:
    """The one line of an event, which names nobody."""
    assert "qzx" not in "\n".join(kept.lines).lower()
    (told,) = kept.events(name)
    return told


class TestOfPeople:
    def test_taken_on_and_let_go_over_the_api(self, kept, chief, committed):
        UserFactory.create(role="viewer")
        api, estate = Client(chief), EstateFactory.create()
        with committed():
            made = api.post("/users", {"username": "qzxnew", "role": "viewer",
                                       "estates": [str(estate.pk)]}).json()["data"]  # fmt: skip
        with committed():
            api.delete(f"/users/{made['id']}")

        told = only(kept, "role_changed")
        assert (told["person"], told["before"], told["after"]) == (made["id"], None, "viewer")
        assert (told["user"], told["route"]) == (str(chief.pk), "api/v1/users")
        began = only(kept, "membership_began")
        assert (began["person"], began["estate"]) == (made["id"], str(estate.pk))
        assert only(kept, "person_removed")["person"] == made["id"]

    def test_with_another_role_and_switched_off_in_the_portal(
        self, kept, browser, person, committed
    ):
        manager = UserFactory.create(role="property_manager").role
        form = {"username": person.username, "role": str(manager.pk), "is_active": "",
                "memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}  # fmt: skip

        with committed():
            browser.post(reverse("admin:accounts_user_change", args=[person.pk]), form)

        told = only(kept, "role_changed")
        assert (told["before"], told["after"]) == ("viewer", "property_manager")
        assert only(kept, "person_switched_off")["person"] == str(person.pk)

    def test_whose_memberships_change_in_the_portal(self, kept, browser, person, committed):
        membership = EstateFactory.create().memberships.create(user=person)
        with committed():
            browser.post(
                reverse("admin:estates_membership_delete", args=[membership.pk]), {"post": "yes"}
            )

        assert only(kept, "membership_ended")["estate"] == str(membership.estate_id)

    @pytest.mark.parametrize("how", ["own", "chief", "operation"])
    def test_with_another_password(self, kept, chief, browser, person, committed, how):
        new = {"new_password1": ANOTHER, "new_password2": ANOTHER}
        whose = chief if how == "own" else person
        with committed():
            if how == "own":
                path = reverse("admin:password_change")
                browser.post(path, new | {"old_password": PASSWORD})
            elif how == "chief":
                path = reverse("admin:auth_user_password_change", args=[person.pk])
                browser.post(path, {"password1": ANOTHER, "password2": ANOTHER})
            else:
                people.set_password(user=person, password=ANOTHER)

        assert only(kept, "password_changed")["person"] == str(whose.pk)
        assert ANOTHER not in "\n".join(kept.lines)

    def test_who_ended_their_sessions(self, kept, person, committed):
        with committed():
            people.end_sessions(user=person)

        assert only(kept, "sessions_ended")["person"] == str(person.pk)

    def test_who_ended_one_session(self, kept, person, committed):
        Browser().force_login(person, backend="accounts.backends.RoleBackend")
        (session,) = open_sessions.of(person, at=timezone.now())
        with committed():
            open_sessions.end(user=person, name=session.name)

        assert only(kept, "session_ended")["person"] == str(person.pk)

    def test_whose_sessions_a_super_admin_ended(self, kept, chief, browser, person, committed):
        with committed():
            browser.post(reverse("admin:accounts_user_end_sessions", args=[person.pk]))

        told = only(kept, "sessions_ended")
        assert (told["person"], told["user"]) == (str(person.pk), str(chief.pk))

    def test_not_of_what_was_rolled_back(self, kept, person, committed):
        with committed(), pytest.raises(people.LastSuperAdmin):
            people.change(user=UserFactory.create(), by=person, is_active=False)

        assert not kept.events("person_switched_off")


class TestOfRoles:
    def test_that_allow_something_else(self, kept, chief, committed):
        role, api = RoleFactory.create(code="desk"), Client(chief)
        with committed():
            api.patch(f"/roles/{role.pk}", {"permissions": ["units.view_unit"]})
        with committed():
            api.delete(f"/roles/{role.pk}")

        told = only(kept, "permissions_changed")
        assert (told["role"], told["permissions"]) == ("desk", 1)
        assert only(kept, "role_removed")["role"] == "desk"


class TestOfKeys:
    def test_made_changed_rotated_and_revoked(self, kept, chief, committed):
        api = Client(chief)
        with committed():
            made = api.post("/api-keys", {"name": "Qzx", "scopes": ["read"]}).json()["data"]
        with committed():
            api.patch(f"/api-keys/{made['id']}", {"scopes": ["units:read"]})
        with committed():
            rotated = api.post(f"/api-keys/{made['id']}/rotate", {}).json()["data"]
        with committed():
            api.delete(f"/api-keys/{rotated['id']}")

        for name, key in (("key_changed", made), ("key_rotated", made), ("key_revoked", rotated)):
            told = only(kept, name)
            assert (told["key"], told["person"]) == (key["id"], str(chief.pk)), name
        assert [told["key"] for told in kept.events("key_made")] == [made["id"], rotated["id"]]
        assert made["key"] not in "\n".join(kept.lines)

    def test_revoked_once(self, kept, chief, committed):
        key = keys.make(user=chief, name="Qzx", scopes=["read"], estates=None, expires_at=None,
                        at=NOW).key  # fmt: skip
        with committed():
            for _ in range(2):
                keys.revoke(key=ApiKey.objects.get(pk=key.pk), at=NOW)

        assert only(kept, "key_revoked")["key"] == str(key.pk)


class TestOfSecondFactors:
    def test_set_up_refused_locked_and_removed(self, kept, person, committed, settings):
        secret = second_factor.new_secret()
        with committed():
            second_factor.enrol(user=person, secret=secret, code=code_at(secret, NOW), at=NOW)
        for _ in range(settings.AXES_FAILURE_LIMIT):
            with committed(), pytest.raises(second_factor.WrongCode):
                second_factor.check(user=person, code="000000", at=NOW + timedelta(hours=1))
        with committed():
            second_factor.renew_recovery_codes(user=person)
        with committed():
            second_factor.remove(user=person)

        for name in ("set_up", "locked", "renewed", "removed"):
            assert only(kept, f"second_factor_{name}")["person"] == str(person.pk)
        assert len(kept.events("second_factor_refused")) == settings.AXES_FAILURE_LIMIT
        assert secret not in "\n".join(kept.lines)


class TestManyAtOnce:
    def test_spares_oneself_and_says_so(self, browser, chief, person):
        sent = {"action": "delete_selected", "_selected_action": [chief.pk, person.pk],
                "post": "yes"}  # fmt: skip

        answer = browser.post(reverse("admin:accounts_user_changelist"), sent)

        assert "Nothing was deleted" in answer.content.decode()
        assert not User.objects.exclude(deleted_at=None).exists()

    def test_switches_people_off(self, kept, browser, person, committed):
        sent = {"action": "delete_selected", "_selected_action": [person.pk], "post": "yes"}

        with committed():
            browser.post(reverse("admin:accounts_user_changelist"), sent)

        person.refresh_from_db()
        assert (person.is_active, person.deleted_at is None) == (False, False)
        assert only(kept, "person_removed")["person"] == str(person.pk)

    def test_spares_built_in_roles(self, browser, chief, person):
        sent = {"action": "delete_selected", "_selected_action": [person.role_id], "post": "yes"}

        browser.post(reverse("admin:accounts_role_changelist"), sent)

        person.role.refresh_from_db()
        assert person.role.deleted_at is None
