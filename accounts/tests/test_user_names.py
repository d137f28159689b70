"""User names: one person, one spelling to everything that counts failures."""

from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client as Browser

from accounts import callers, people, roles
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory, role
from quantify import user_names
from quantify.tests.client import Client, basic

pytestmark = pytest.mark.django_db

ELSEWHERE_THE_SAME = ["thandİ", "THANDİ", "tHaNdİ"]
"""Names that the database may take for `thandi`."""


def sign_in(username: str, password: str = PASSWORD) -> int:
    form = {"username": username, "password": password}
    return Browser(raise_request_exception=False).post("/admin/login/", form).status_code


def basic_answer(username: str, password: str = PASSWORD) -> int:
    asked = {"Authorization": basic(username, password)}
    return Browser().get("/api/v1/auth/me", headers=asked).status_code


class TestSpellings:
    @pytest.mark.parametrize("name", ["thandi", "THANDI", "Thandi", " thandi "])
    def test_of_a_name_are_one(self, name: str):
        UserFactory.create(username="thandi")

        assert sign_in(name) == 302
        assert basic_answer(name) == 200

    @pytest.mark.parametrize("name", ELSEWHERE_THE_SAME)
    def test_that_are_folded_otherwise_are_nobodys(self, name: str):
        UserFactory.create(username="thandi")

        assert callers.by_name(name) is None
        assert sign_in(name) == 200
        assert basic_answer(name) == 401

    def test_that_the_database_folds_otherwise_are_nobodys(self):
        user = UserFactory.create(username="thandi")
        with patch("accounts.callers._by_name", return_value=_whoever_is_asked_for()):
            assert callers.by_name("Thandi") == user
            assert callers.by_name("sipho") is None

    def test_cost_the_same_as_an_unknown_name(self):
        UserFactory.create(username="thandi")
        with (
            patch.object(User, "check_password") as checked,
            patch.object(User, "set_password", autospec=True) as hashed,
        ):
            assert sign_in("thandİ") == 200

        assert (checked.call_count, hashed.call_count) == (0, 1)

    def test_are_no_way_around_the_lockout(self):
        UserFactory.create(username="thandi")
        for name in ("thandi", "Thandi", "THANDI", "thandI", " thandi"):
            sign_in(name, "wrong")

        for name in ("thandi", "THANDI", *ELSEWHERE_THE_SAME):
            assert sign_in(name) != 302
            assert basic_answer(name) != 200


def _whoever_is_asked_for() -> str:
    """The statement of a database to which every name is the same."""
    statement = callers._by_name()
    return statement.partition("WHERE")[0] + "WHERE %s::text IS NOT NULL"


class TestNew:
    @pytest.mark.parametrize("name", ["İsmail", "ΣΟΦΟΣ", "α𝚺"])
    def test_names_have_one_spelling(self, name: str):
        with pytest.raises(ValidationError) as refused:
            people.add(username=name, role=role(roles.VIEWER), password=None)

        assert list(refused.value.error_dict) == ["username"]
        assert not User.objects.exists()

    @pytest.mark.parametrize(
        "name", ["Ismail", "\u0131\u015f\u0131k", "Zoë", "Ωmega", "σοφός", "Дмитрий", "ẞ"]
    )
    def test_names_may_be_of_any_language(self, name: str):
        people.add(username=name, role=role(roles.VIEWER), password=PASSWORD)

        for spelling in (name, name.lower()):
            assert sign_in(spelling) == 302
            assert basic_answer(spelling) == 200

    def test_names_are_refused_by_the_api_and_the_portal_alike(self):
        chief = UserFactory.create()
        browser = Browser()
        browser.force_login(chief, backend="accounts.backends.RoleBackend")
        person = {"username": "İsmail", "role": roles.VIEWER}
        answer = Client(chief).post("/users", person)
        form = {"username": "İsmail", "role": str(role(roles.VIEWER).pk),
                "password1": PASSWORD, "password2": PASSWORD}  # fmt: skip
        page = browser.post("/admin/accounts/user/add/", form)

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "username"
        assert page.status_code == 200
        assert "not İ" in page.content.decode()
        assert User.objects.count() == 1


class TestImpossible:
    @pytest.mark.parametrize("name", ["x" * 151, "x" * 256, "x" * 5000, "thandi\0"])
    def test_names_are_wrong_and_cost_nothing(self, name: str):
        with (
            patch.object(User, "check_password") as checked,
            patch.object(User, "set_password", autospec=True) as hashed,
        ):
            page, answer = (
                sign_in(name),
                Client().get("/auth/me", HTTP_AUTHORIZATION=basic(name, PASSWORD)),
            )

        assert page == 200
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Basic")
        assert (checked.call_count, hashed.call_count) == (0, 0)

    def test_names_are_counted_too(self):
        answers = [sign_in("x" * 300) for _ in range(6)]

        assert answers == [200, 200, 200, 200, 429, 429]


def test_plain_letters_are_folded_by_the_database_alike():
    # Newer scripts than these may be known to one of the two alone: `callers.by_name` asks both.
    letters = [chr(code) for code in range(0x41, 0x1000) if user_names.is_plain(chr(code))]
    statement = "SELECT lower(one) FROM unnest(%s::text[]) WITH ORDINALITY AS of(one, place)"
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} ORDER BY place", [letters])
        folded = [row[0] for row in cursor.fetchall()]

    assert folded == [letter.lower() for letter in letters]
