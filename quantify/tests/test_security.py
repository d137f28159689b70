"""What the settings promise about passwords and sessions."""

import re
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client as Browser

from accounts.models import User
from accounts.tests.factories import UserFactory
from quantify.stack.instance import CHECKOUT
from quantify.tests.client import Client, basic

pytestmark = pytest.mark.django_db
ROOMS = ("accounts", "estates", "units", "meters", "rates", "wallets", "payments", "reports",
         "notifications", "quantify")  # fmt: skip


class TestPasswords:
    @pytest.mark.parametrize("password", ["short7!", "password", "12345678", "thandi.mokoena"])
    def test_that_are_easy_to_guess_are_refused(self, password):
        user = UserFactory.build(username="thandi.mokoena", role=UserFactory.create().role)

        with pytest.raises(ValidationError):
            validate_password(password, user)

    @pytest.mark.parametrize(
        "password",
        ["ostrichplumage", "7391846205173946", "Ω" * 64, "a long sentence of words " * 5],
    )
    def test_of_any_composition_and_length_are_taken(self, password):
        validate_password(password)


class TestWhereTheyAreChecked:
    def test_is_one_place_that_counts_and_bounds_it(self):
        """Forms of Django's that ask for a password check it by themselves, without end."""
        checks = re.compile(r"check_password\(|\b(?:Admin(?:Own)?)?PasswordChangeForm\b")
        found = {
            str(module.relative_to(CHECKOUT))
            for room in ROOMS
            for module in (CHECKOUT / room).rglob("*.py")
            if "tests" not in module.parts and checks.search(module.read_text())
        }

        # The admin's form sets the password of others and asks for none.
        assert found == {"accounts/backends.py", "accounts/admin.py"}


class TestUnknownNames:
    def test_cost_a_hash_and_answer_as_known_ones(self):
        UserFactory.create(username="known")
        with patch.object(User, "set_password", autospec=True) as hashed:
            unknown = Client().get("/auth/me", HTTP_AUTHORIZATION=basic("unknown", "wrong"))
            known = Client().get("/auth/me", HTTP_AUTHORIZATION=basic("known", "wrong"))

        assert hashed.call_count == 1
        for answer in (unknown, known):
            assert answer.status_code == 401
        assert unknown.json()["detail"] == known.json()["detail"]


class TestSessionAge:
    def test_is_fifteen_minutes_without_a_request(self):
        browser = Browser()
        browser.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")

        answer = browser.get("/admin/")

        assert answer.cookies["sessionid"]["max-age"] == 900


class TestHashes:
    def test_of_passwords_are_slow(self):
        assert PBKDF2PasswordHasher.iterations >= 1_000_000

    def test_that_are_broken_are_not_used(self):
        broken = re.compile(r"hashlib\.(?:md5|sha1)|\bMODE_ECB\b|modes\.ECB")
        for room in ROOMS:
            for module in (CHECKOUT / room).rglob("*.py"):
                if "tests" not in module.parts:
                    assert not broken.search(module.read_text()), module
