"""People, roles, keys and residents' sign-ins in the portal."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts import callers, keys, roles, second_factor
from accounts.models import ApiKey, Role, User
from accounts.tests.factories import PASSWORD, RoleFactory, UserFactory
from accounts.tests.test_second_factor import NOW, code_at
from estates.tests.factories import EstateFactory
from quantify.tests.client import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return UserFactory.create(username="admin")


@pytest.fixture
def browser(admin: User) -> Browser:
    browser = Browser()
    browser.force_login(admin, backend="accounts.backends.RoleBackend")
    return browser


def page(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


def person(user: User, **fields: object) -> dict[str, object]:
    return {
        "username": user.username, "full_name": user.full_name, "email": user.email,
        "role": user.role_id, "is_active": "on", "memberships-TOTAL_FORMS": 0,
        "memberships-INITIAL_FORMS": 0, **fields,
    }  # fmt: skip


class TestPeople:
    def test_are_taken_on(self, browser: Browser):
        UserFactory.create(role=roles.VIEWER)
        role = Role.objects.get(code="viewer")
        fields = {"username": "sipho", "role": role.pk, "password1": PASSWORD,
                  "password2": PASSWORD}  # fmt: skip

        answer = browser.post(page("accounts_user_add"), fields)

        assert answer.status_code == 302
        assert User.objects.get(username="sipho").check_password(PASSWORD)

    def test_do_not_switch_themselves_off(self, browser: Browser, admin: User):
        UserFactory.create()
        change = page("accounts_user_change", admin.pk)

        answer = browser.post(change, person(admin) | {"is_active": ""})

        assert "Let another super admin" in answer.content.decode()
        assert User.objects.get(pk=admin.pk).is_active
        assert browser.get(page("accounts_user_delete", admin.pk)).status_code == 403

    def test_are_deleted_and_restored(self, browser: Browser):
        user = UserFactory.create(role=roles.VIEWER)

        browser.post(page("accounts_user_delete", user.pk), {"post": "yes"})

        gone = User.objects.get(pk=user.pk)
        assert (gone.is_active, gone.deleted_at is None) == (False, False)
        browser.post(page("accounts_user_restore", user.pk))
        assert User.objects.get(pk=user.pk).deleted_at is None

    def test_get_a_link_that_is_shown_once(self, browser: Browser):
        user = UserFactory.create(role=roles.VIEWER)
        asked = page("accounts_user_password_link", user.pk)
        assert "set-password/" not in browser.get(asked).content.decode()

        answer = browser.post(asked)

        assert "no-store" in answer["Cache-Control"]
        link = re.search(r"http://testserver(/set-password/\S+?)<", answer.content.decode())
        assert link is not None
        form = Browser().get(link[1], follow=True).content.decode()
        assert "Set your password" in form

    def test_who_lost_their_phone_sign_in_without_a_code(self, browser: Browser):
        user, secret = UserFactory.create(role=roles.VIEWER), second_factor.new_secret()
        second_factor.enrol(user=user, secret=secret, code=code_at(secret, NOW), at=NOW)

        browser.post(page("accounts_user_take_app_away", user.pk))

        assert User.objects.get(pk=user.pk).second_factor_at is None

    def test_are_reached_by_super_admins_alone(self, admin: User):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        other = Browser()
        other.force_login(manager, backend="accounts.backends.RoleBackend")
        for path in (
            page("accounts_user_changelist"),
            page("accounts_user_password_link", admin.pk),
            page("accounts_role_changelist"),
            page("accounts_apikey_add"),
        ):
            assert other.get(path).status_code == 403, path


class TestRoles:
    def test_are_defined_and_deleted(self, browser: Browser):
        fields = {"code": "clerk", "name": "Clerk", "permissions": ["units.view_unit"]}

        assert browser.post(page("accounts_role_add"), fields).status_code == 302

        made = Role.objects.get(code="clerk")
        assert made.permissions == ["units.view_unit"]
        browser.post(page("accounts_role_delete", made.pk), {"post": "yes"})
        assert Role.objects.get(pk=made.pk).deleted_at is not None

    def test_take_no_permission_of_super_admins(self, browser: Browser):
        fields = {"code": "clerk", "name": "Clerk", "permissions": ["accounts.add_user"]}

        assert browser.post(page("accounts_role_add"), fields).status_code == 200
        assert not Role.objects.filter(code="clerk").exists()

    def test_that_people_have_are_kept(self, browser: Browser):
        role = RoleFactory.create()
        UserFactory.create(role=role)

        assert browser.post(page("accounts_role_delete", role.pk)).status_code == 403


class TestKeys:
    def made(self, browser: Browser, user: User, **fields: object) -> str:
        asked = {"user": user.pk, "name": "Program", "scopes": ["read"], **fields}
        answer = browser.post(page("accounts_apikey_add"), asked)
        assert "no-store" in answer["Cache-Control"]
        shown = re.search(r"qk_live_[\w-]{43}", answer.content.decode())
        assert shown is not None
        return shown[0]

    def test_are_shown_once(self, browser: Browser, admin: User):
        estate = EstateFactory.create()

        text = self.made(browser, admin, estates=[estate.pk])

        key = ApiKey.objects.get()
        assert (key.digest, key.estates) == (keys.digest_of(text), [estate.pk])
        for path in (page("accounts_apikey_changelist"), page("accounts_apikey_change", key.pk)):
            assert text not in browser.get(path).content.decode()

    def test_are_rotated_and_revoked(self, browser: Browser, admin: User):
        text = self.made(browser, admin)
        key = ApiKey.objects.get()

        answer = browser.post(page("accounts_apikey_rotate", key.pk), {"overlap_hours": 1})
        browser.post(page("accounts_apikey_delete", key.pk), {"post": "yes"})

        assert "qk_live_" in answer.content.decode()
        assert ApiKey.objects.count() == 2
        assert callers.by_key(text, at=datetime.now(UTC)) is None

    def test_have_scopes(self, browser: Browser, admin: User):
        asked = {"user": admin.pk, "name": "Program"}

        assert browser.post(page("accounts_apikey_add"), asked).status_code == 200
        assert not ApiKey.objects.exists()


class TestOwnAccount:
    def test_changes_the_password_and_notes_it(self, browser: Browser, admin: User):
        fields = {"old_password": PASSWORD, "new_password1": "another long enough one",
                  "new_password2": "another long enough one"}  # fmt: skip

        assert browser.post(page("password_change"), fields).status_code == 302

        changed = User.objects.get(pk=admin.pk)
        assert (admin.password_changed_at, changed.password_changed_at is None) == (None, False)
        assert browser.get(page("index")).status_code == 200
        assert Client(admin).get("/auth/me").status_code == 401
