"""The keys of meters in the portal: given, changed, never shown, and to whom."""

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts import roles
from accounts.models import AuditEntry
from accounts.tests.factories import RoleFactory, UserFactory
from meters import keys
from meters.keys import Secrets
from meters.models import MeterKeys
from meters.tests.factories import MeterFactory

GUEK, GAK, PASSWORD = "0123456789abcdef" * 2, "fedcba9876543210" * 2, "Sesame-open-7"
GIVEN = {"encryption_key": GUEK, "authentication_key": GAK}
LIST = reverse("admin:meters_meterkeys_changelist")
ADD = reverse("admin:meters_meterkeys_add")

pytestmark = pytest.mark.django_db


@pytest.fixture
def meter():
    return MeterFactory.create(serial="E1")


@pytest.fixture
def browser():
    return browser_of(UserFactory.create())


def browser_of(user):
    browser = Browser()
    browser.force_login(user, backend="accounts.backends.RoleBackend")
    return browser


def member(meter, role):
    user = UserFactory.create(role=role)
    meter.estate.memberships.create(user=user)
    return user


def page(name, kept):
    return reverse(f"admin:meters_meterkeys_{name}", args=[kept.pk])


def opened(meter):
    return keys.issue(meter.pk)


class TestNothingIsShown:
    def secrets(self):
        return [GUEK, GAK, PASSWORD, *MeterKeys.objects.values_list("sealed", flat=True)]

    def assert_silent(self, *answers):
        for answer in answers:
            body = answer.content.decode()
            assert not [secret for secret in self.secrets() if secret in body]

    def test_when_keys_are_given(self, meter, browser):
        answer = browser.post(ADD, {"meter": meter.pk, **GIVEN}, follow=True)

        self.assert_silent(answer)
        assert "E1" in answer.content.decode()
        assert opened(meter).keys.encryption.hex() == GUEK

    def test_when_they_are_refused(self, meter, browser):
        answer = browser.post(ADD, {"meter": meter.pk, "encryption_key": GUEK, "password": "x"})

        assert "either a password or two keys" in answer.content.decode()
        self.assert_silent(answer)
        assert not MeterKeys.objects.exists()

    def test_when_they_are_changed(self, meter, browser):
        kept = keys.give(meter=meter, given=Secrets("", GUEK, GAK))

        answer = browser.post(page("change", kept), {"password": PASSWORD}, follow=True)

        self.assert_silent(answer)
        assert opened(meter).password == PASSWORD.encode()

    def test_on_any_page_about_them(self, meter, browser):
        browser.post(ADD, {"meter": meter.pk, **GIVEN})
        kept = MeterKeys.objects.get()
        browser.post(page("change", kept), {"password": PASSWORD})
        trail = AuditEntry.objects.filter(table="meters_meterkeys").order_by("at")
        urls = [LIST, page("change", kept), page("history", kept)]
        urls += [reverse("admin:accounts_auditentry_changelist")]
        urls += [reverse("admin:accounts_auditentry_change", args=[one.pk]) for one in trail]

        answers = [browser.get(url) for url in urls]

        assert [answer.status_code for answer in answers] == [200] * len(urls)
        assert trail.count() == 2
        assert "Password (LLS)" in answers[0].content.decode()
        self.assert_silent(*answers)
        assert not [one for one in self.secrets() if one in str(list(trail.values()))]


class TestWhoMaySee:
    def urls(self, meter):
        kept = keys.give(meter=meter, given=Secrets("", GUEK, GAK))
        return [LIST, ADD, *(page(name, kept) for name in ("change", "history"))]

    @pytest.mark.parametrize("role", [roles.PROPERTY_MANAGER, roles.BILLING_ADMIN, roles.VIEWER])
    def test_no_role_that_is_not_given_it(self, meter, role):
        browser = browser_of(member(meter, role))

        assert [browser.get(url).status_code for url in self.urls(meter)] == [403] * 4
        assert "Meter keys" not in browser.get(reverse("admin:index")).content.decode()
        assert browser.post(ADD, {"meter": meter.pk, "password": PASSWORD}).status_code == 403
        assert opened(meter).keys.encryption.hex() == GUEK

    def test_a_super_admin_who_cannot_delete_them(self, meter, browser):
        assert [browser.get(url).status_code for url in self.urls(meter)] == [200] * 4
        kept = MeterKeys.objects.get()
        assert browser.post(page("delete", kept), {"post": "yes"}).status_code == 403
        assert MeterKeys.objects.get() == kept

    def test_a_role_of_ones_own_within_its_estates(self, meter):
        may = [f"meters.{verb}_meterkeys" for verb in ("view", "change", "add")]
        role = RoleFactory.create(permissions=[*may, "meters.view_meter"])
        browser = browser_of(member(meter, role))
        foreign = MeterFactory.create(serial="CANARY")
        theirs = keys.give(meter=foreign, given=Secrets("", GUEK, GAK))
        ours = self.urls(meter)

        assert [browser.get(url).status_code for url in ours] == [200] * 4
        assert "CANARY" not in browser.get(LIST).content.decode()
        changed = browser.post(page("change", theirs), {"password": PASSWORD})
        added = browser.post(ADD, {"meter": foreign.pk, "password": PASSWORD})
        assert (browser.get(page("change", theirs)).status_code, changed.status_code) == (404, 404)
        assert "meter" in added.context["adminform"].form.errors
        assert opened(foreign).keys.encryption.hex() == GUEK
