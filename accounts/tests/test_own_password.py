"""Changing one's own password: with the old one, which cannot be guessed there either."""

from unittest.mock import patch

import pytest
from django.test import Client as Browser

from accounts import roles
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from quantify.api import hashing

pytestmark = pytest.mark.django_db

PAGE, HOME = "/admin/password_change/", "/admin/"
NEW = "another long enough one"


@pytest.fixture
def thandi() -> User:
    return UserFactory.create(username="thandi", role=roles.VIEWER)


def signed_in(user: User) -> Browser:
    browser = Browser()
    browser.post("/admin/login/", {"username": user.username, "password": PASSWORD})
    return browser


def change(browser: Browser, old: str = PASSWORD, new: str = NEW) -> int:
    fields = {"old_password": old, "new_password1": new, "new_password2": new}
    return browser.post(PAGE, fields).status_code


def has_password(user: User, password: str) -> bool:
    return User.objects.get(pk=user.pk).check_password(password)


class TestChangePassword:
    def test_takes_a_new_one_for_the_old_one_and_ends_other_sessions(self, thandi: User):
        here, there = signed_in(thandi), signed_in(thandi)

        assert change(here) == 302

        assert has_password(thandi, NEW)
        assert here.get(HOME).status_code == 200
        assert there.get(HOME).status_code == 302

    @pytest.mark.parametrize("old", ["wrong", "", f" {PASSWORD}", "\0"])
    def test_takes_none_without_the_old_one(self, thandi: User, old: str):
        assert change(signed_in(thandi), old) == 200

        assert has_password(thandi, PASSWORD)

    @pytest.mark.parametrize("new", ["short", "password123", "x" * 257])
    def test_takes_none_that_is_refused_elsewhere(self, thandi: User, new: str):
        assert change(signed_in(thandi), new=new) == 200

        assert has_password(thandi, PASSWORD)

    def test_counts_wrong_ones_as_the_sign_in_does(self, thandi: User):
        browser = signed_in(thandi)
        answers = [change(browser, "wrong") for _ in range(5)]

        assert answers == [200, 200, 200, 200, 429]
        assert change(browser) == 429
        assert has_password(thandi, PASSWORD)
        again = {"username": "thandi", "password": PASSWORD}
        assert Browser().post("/admin/login/", again).status_code == 429

    def test_tells_the_security_log_of_wrong_ones(self, thandi: User, kept):
        change(signed_in(thandi), "wrong")

        (told,) = kept.events("sign_in_failed")
        assert told["user"] == str(thandi.pk)

    def test_hashes_nothing_past_the_limit_of_attempts(self, thandi: User, settings):
        browser = signed_in(thandi)
        settings.THROTTLES = settings.THROTTLES | {"sign-in": "2/3600"}
        with patch.object(User, "check_password", return_value=False) as check:
            answers = [change(browser, "wrong") for _ in range(4)]

        assert answers == [200, 200, 429, 429]
        assert check.call_count == 2

    def test_waits_for_its_turn_to_hash(self, thandi: User, settings):
        browser = signed_in(thandi)
        settings.PASSWORD_HASHES_AT_ONCE, settings.PASSWORD_HASH_PATIENCE = 1, 0.05
        hashing._turns.cache_clear()
        with hashing.one_hash():
            assert change(browser) == 503

        assert has_password(thandi, PASSWORD)
