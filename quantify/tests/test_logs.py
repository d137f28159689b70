"""Log lines: JSON that names people by id and requests by route, and holds nothing personal."""

import json
import logging
from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.test import Client as Browser
from django.urls import reverse

from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from quantify import celery as celery_app
from quantify.api import logs
from quantify.api.logs import JsonFormatter
from quantify.tests.client import Client, basic
from units.tests.factories import ResidentFactory, UnitFactory

NAME, PASSWORD, PHONE, MAIL, ID_NUMBER = (
    "QzxNomvula", "qzx-secret-password", "+27821234567", "qzx@example.com", "8001015009087",
)  # fmt: skip
CANARIES = (NAME, PASSWORD, PHONE, MAIL, ID_NUMBER, "QZXBODY")


def line(message: str, *args: object, **extra: object) -> dict:
    record = logging.LogRecord("house", logging.INFO, __file__, 1, message, args, None)
    vars(record).update(extra)
    return json.loads(JsonFormatter().format(record))


class TestFormatter:
    def test_is_one_object_on_one_line(self):
        text = 'first\nsecond\r\n{"level": "forged"}\x00'
        record = logging.LogRecord("house", logging.INFO, __file__, 1, text, (), None)

        written = JsonFormatter().format(record)

        assert "\n" not in written
        assert json.loads(written)["level"] == "INFO"

    def test_states_the_instant_with_its_offset(self):
        assert line("x")["time"].endswith("+00:00")

    def test_carries_what_was_added(self):
        told = line("request", status=200, milliseconds=1.5)

        assert (told["status"], told["milliseconds"]) == (200, 1.5)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (f"Key (email)=({MAIL}) exists", "Key (email)=([e-mail]) exists"),
            (f"sent to {PHONE}", "sent to [phone]"),
            ("sent to 0821234567", "sent to [phone]"),
            (f"id {ID_NUMBER}", "id [number]"),
            ("Authorization: Basic cXp4OnF6eA==", "Authorization: [secret] [credential]"),
            ("{'password': 'hunter2', 'a': 1}", "{'password': '[secret]', 'a': 1}"),
            ("token=abc&x=1", "token=[secret]&x=1"),
            ("Meter 12345678 read 1234567 Wh", "Meter 12345678 read 1234567 Wh"),
            ("019820a0-5f6e-7c3a-9d0b-6f2a4b1c8d7e", "019820a0-5f6e-7c3a-9d0b-6f2a4b1c8d7e"),
        ],
    )
    def test_takes_out_what_is_personal_or_secret(self, text, expected):
        told = logs.scrubbed(text)

        if text.startswith("Authorization"):
            assert "cXp4" not in told
        else:
            assert told == expected

    def test_scrubs_tracebacks(self):
        try:
            raise ValueError(f"no such person: {MAIL}")  # noqa: TRY301
        except ValueError as error:
            trace = (type(error), error, error.__traceback__)
        record = logging.LogRecord("house", logging.ERROR, __file__, 1, "failed", (), trace)

        written = json.loads(JsonFormatter().format(record))

        assert MAIL not in written["exception"]
        assert "ValueError" in written["exception"]


@pytest.mark.django_db
class TestNothingPersonal:
    def test_is_in_any_line_of_signing_in_and_of_forms(self, kept):
        estate = EstateFactory.create()
        manager = UserFactory.create(username=NAME.lower(), full_name=NAME, email=MAIL)
        browser = Browser(raise_request_exception=False)
        for password in ("wrong " + PASSWORD, PASSWORD):
            browser.post(reverse("admin:login"), {"username": NAME, "password": password})
            Client().get("/estates", HTTP_AUTHORIZATION=basic(MAIL, password))
        browser.force_login(manager, backend="accounts.backends.RoleBackend")
        person = {
            "estate": str(estate.pk), "first_name": NAME, "last_name": "QZXBODY", "phone": PHONE,
            "email": MAIL, "id_number": ID_NUMBER, "password": PASSWORD,
        }  # fmt: skip
        browser.post(reverse("admin:units_resident_add"), person)
        browser.get(reverse("admin:search"), {"s": NAME})
        browser.get(f"/admin/units/resident/{MAIL}/change/")
        client = Client(manager)
        client.post("/residents", person)
        client.get("/residents", {"q": MAIL})
        client.get(f"/{NAME}/{PHONE}")
        client.post("/residents", f'{{"QZXBODY {MAIL}', content_type="application/json")
        with patch(
            "units.api.residents.ResidentViewSet.list",
            side_effect=RuntimeError(f"{MAIL} {PHONE} {ID_NUMBER}"),
        ):
            assert client.get("/residents").status_code == 500

        text = "\n".join(kept.lines)
        assert len(kept.events("sign_in_failed")) >= 3
        assert '"status": 500' in text
        for canary in CANARIES:
            assert canary.lower() not in text.lower(), canary

    def test_every_request_is_one_line_by_its_route(self, kept):
        user = UserFactory.create()
        estate = EstateFactory.create()

        answer = Client(user).get(f"/estates/{estate.pk}")

        (told,) = [one for one in map(json.loads, kept.lines) if one["message"] == "request"]
        assert told["route"] == "api/v1/estates/<uuid:pk>"
        assert (told["method"], told["status"]) == ("GET", 200)
        assert told["user"] == str(user.pk)
        assert told["request_id"] == answer["X-Request-ID"]
        assert told["milliseconds"] > 0
        assert str(estate.pk) not in json.dumps(told)

    def test_a_forged_header_forges_no_line(self, kept):
        Browser().get("/api/v1/estates", headers={"X-Request-ID": 'x"}\n{"level": "forged'})

        assert all(json.loads(one)["level"] != "forged" for one in kept.lines)


@pytest.mark.django_db
class TestSecurityEvents:
    def test_of_a_refusal(self, kept):
        viewer = UserFactory.create(role="viewer")

        Client(viewer).post("/estates", {})

        (told,) = kept.events("permission_denied")
        assert told["user"] == str(viewer.pk)
        assert told["route"] == "api/v1/estates"

    def test_of_a_lockout(self, kept):
        user = UserFactory.create()
        for _ in range(5):
            Client(user, "wrong").get("/auth/me")

        (told,) = kept.events("locked_out")
        assert told["address"] == "127.0.0.1"
        assert len(kept.events("sign_in_failed")) == 5

    def test_of_wrong_keys_without_them(self, kept):
        guessed = "qk_live_QZXguessedQZX"
        asked = {"Authorization": f"Bearer {guessed}"}
        answers = [Browser().get("/api/v1/auth/me", headers=asked).status_code for _ in range(7)]

        assert answers == [401] * 5 + [429] * 2
        failed, locked = kept.events("sign_in_failed"), kept.events("locked_out")
        assert (len(failed), len(locked)) == (5, 2)
        assert (failed[0]["way"], failed[0]["address"]) == ("key", "127.0.0.1")
        assert failed[0]["route"] == "api/v1/auth/me"
        assert "QZX" not in "\n".join(kept.lines)

    def test_of_a_right_password_that_lacks_the_code(self, kept, settings):
        settings.REQUIRE_TOTP = True
        user = UserFactory.create(role="viewer")
        for _ in range(2):
            assert Client(user).get("/auth/me").status_code == 401

        first, remembered = kept.events("code_missing")
        assert first["person"] == remembered["person"] == str(user.pk)
        assert (first["way"], first["address"]) == ("basic", "127.0.0.1")

    def test_of_names_that_nobody_can_have(self, kept):
        Client().get("/auth/me", HTTP_AUTHORIZATION=basic("QZX" * 100, "QZX"))

        (told,) = kept.events("sign_in_failed")
        assert told["address"] == "127.0.0.1"
        assert "QZX" not in "\n".join(kept.lines)

    def test_of_signing_in(self, kept):
        user = UserFactory.create(username="thandi")

        Browser().post(
            reverse("admin:login"),
            {"username": "thandi", "password": "correct horse battery staple"},
        )

        (told,) = kept.events("signed_in")
        assert told["user"] == str(user.pk)

    def test_of_a_throttle(self, kept, settings):
        settings.THROTTLES = settings.THROTTLES | {"read": "1/3600"}
        client = Client(UserFactory.create())
        for _ in range(2):
            client.get("/estates")

        (told,) = kept.events("throttled")
        assert told["kind"] == "read"


class TestCelery:
    def test_writes_the_same_lines(self, settings):
        with patch("quantify.celery.dictConfig") as configured:
            celery_app._log_as_the_web_does()

        configured.assert_called_once_with(settings.LOGGING)

    def test_names_the_task(self):
        class Running:
            name = "wallets.tasks.bill"
            request = type("Request", (), {"id": "17"})

        with patch("quantify.api.logs.current_task", Running()):
            told = line("charged")

        assert (told["task"], told["task_id"]) == ("wallets.tasks.bill", "17")


@pytest.mark.django_db
def test_unit_pages_are_logged_by_route(kept):
    unit = UnitFactory.create()
    ResidentFactory.create(estate=unit.estate, first_name=NAME)
    browser = Browser()
    browser.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")

    browser.get(reverse("admin:units_unit_change", args=[unit.pk]))

    assert any("<path:object_id>" in one for one in kept.lines)
    assert str(unit.pk) not in "\n".join(kept.lines)
    cache.clear()
