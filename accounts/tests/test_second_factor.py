"""Codes of an authenticator app: taken once, counted when wrong, asked before every page."""

import hashlib
import hmac
import re
import struct
from base64 import b32decode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from accounts import roles, second_factor
from accounts.models import AuditEntry, SecondFactor, User
from accounts.second_factor import TooManyWrongCodes, WrongCode
from accounts.tests.factories import PASSWORD, UserFactory
from quantify.tests.client import Client

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 7, 1, 10, 0, 15, tzinfo=UTC)
LATER = timedelta(seconds=30)


def code_at(secret: str, at: datetime) -> str:
    """RFC 6238 written out, so that the app is not the library under test."""
    mac = hmac.new(
        b32decode(secret), struct.pack(">Q", int(at.timestamp()) // 30), hashlib.sha1
    ).digest()
    place = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[place : place + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


@pytest.fixture
def secret() -> str:
    return second_factor.new_secret()


def enrolled(secret: str, at: datetime = NOW, role: str = roles.VIEWER) -> User:
    user = UserFactory.create(username="thandi", role=role)
    second_factor.enrol(user=user, secret=secret, code=code_at(secret, at), at=at)
    return user


def wrong(secret: str, at: datetime) -> str:
    near = {code_at(secret, at + LATER * step) for step in (-1, 0, 1)}
    return next(f"{number:06}" for number in range(9) if f"{number:06}" not in near)


class TestEnrol:
    def test_needs_the_code_of_the_secret(self, secret: str):
        user = UserFactory.create()

        with pytest.raises(WrongCode):
            second_factor.enrol(user=user, secret=secret, code=wrong(secret, NOW), at=NOW)

        assert User.objects.get(pk=user.pk).second_factor_at is None
        assert not SecondFactor.objects.exists()

    def test_keeps_neither_secret_nor_recovery_codes_in_clear(self, secret: str):
        user = UserFactory.create()

        codes = second_factor.enrol(user=user, secret=secret, code=code_at(secret, NOW), at=NOW)

        assert len(set(codes)) == 10
        factor = SecondFactor.objects.get()
        assert secret not in factor.secret
        stored = set(factor.codes.values_list("digest", flat=True))
        assert not stored & {hashlib.sha256(code.encode()).hexdigest() for code in codes}
        with pytest.raises(ValueError, match="another person"):
            second_factor.unseal(factor.secret, UserFactory.create())


class TestCheck:
    @pytest.mark.parametrize("drift", [-1, 0, 1])
    def test_bears_a_clock_half_a_minute_off(self, secret: str, drift: int):
        user, at = enrolled(secret), NOW + timedelta(minutes=5)

        second_factor.check(user=user, code=code_at(secret, at + LATER * drift), at=at)

    @pytest.mark.parametrize("drift", [-2, 2])
    def test_bears_no_more(self, secret: str, drift: int):
        user, at = enrolled(secret), NOW + timedelta(minutes=5)

        with pytest.raises(WrongCode):
            second_factor.check(user=user, code=code_at(secret, at + LATER * drift), at=at)

    def test_takes_a_code_once(self, secret: str):
        user, at = enrolled(secret), NOW + LATER
        with pytest.raises(WrongCode):
            second_factor.check(user=user, code=code_at(secret, NOW), at=NOW)
        second_factor.check(user=user, code=code_at(secret, at), at=at)

        with pytest.raises(WrongCode):
            second_factor.check(user=user, code=code_at(secret, at), at=at)

    def test_takes_a_code_once_when_two_send_it_together(self, secret: str, transactional_db: None):
        user, at, together = enrolled(secret), NOW + LATER, Barrier(2)

        def check() -> str:
            together.wait()
            try:
                second_factor.check(user=user, code=code_at(secret, at), at=at)
            except WrongCode:
                return "refused"
            finally:
                connection.close()
            return "taken"

        with ThreadPoolExecutor(2) as pool:
            tried = [pool.submit(check) for _ in range(2)]

        assert sorted(one.result() for one in tried) == ["refused", "taken"]

    def test_takes_a_recovery_code_once_however_it_is_spelled(self, secret: str):
        user = UserFactory.create()
        code, *_ = second_factor.enrol(user=user, secret=secret, code=code_at(secret, NOW), at=NOW)

        second_factor.check(user=user, code=code.upper().replace("-", " "), at=NOW)

        with pytest.raises(WrongCode):
            second_factor.check(user=user, code=code, at=NOW)
        assert SecondFactor.objects.get().codes.filter(used_at=None).count() == 9

    @pytest.mark.parametrize("guess", ["code", "recovery code"])
    def test_looks_at_no_code_after_five_wrong_ones(self, secret: str, guess: str):
        user, at = enrolled(secret), NOW + timedelta(minutes=5)
        tried = wrong(secret, at) if guess == "code" else "aaaa-bbbb-cccc-dddd"
        for _ in range(5):
            with pytest.raises(WrongCode):
                second_factor.check(user=user, code=tried, at=at)

        with pytest.raises(TooManyWrongCodes):
            second_factor.check(user=user, code=code_at(secret, at), at=at)

        after = at + timedelta(minutes=15)
        second_factor.check(user=user, code=code_at(secret, after), at=after)

    def test_forgives_with_a_right_one(self, secret: str):
        user, at = enrolled(secret), NOW + timedelta(minutes=5)
        for minute in range(3):
            now = at + timedelta(minutes=minute)
            for _ in range(4):
                with pytest.raises(WrongCode):
                    second_factor.check(user=user, code=wrong(secret, now), at=now)
            second_factor.check(user=user, code=code_at(secret, now), at=now)


def sign_in(browser: Browser, password: str = PASSWORD) -> int:
    fields = {"username": "thandi", "password": password}
    return browser.post("/admin/login/?next=/admin/", fields).status_code


class TestPortal:
    def test_asks_for_the_code_before_every_page(self, secret: str):
        user, browser = enrolled(secret, timezone.now() - timedelta(minutes=5)), Browser()
        sign_in(browser)
        waiting = browser.session.session_key

        for path in ("/admin/", "/admin/units/unit/", "/admin/account", "/admin/password_change/"):
            answer = browser.get(path)
            assert (answer.status_code, answer["Location"].split("?")[0]) == (
                302,
                "/admin/sign-in/code",
            )
        page = "/admin/sign-in/code?next=/admin/account"
        assert browser.post(page, {"code": wrong(secret, timezone.now())}).status_code == 200
        assert browser.get("/admin/account").status_code == 302
        right = browser.post(page, {"code": code_at(secret, timezone.now())})

        assert (right.status_code, right["Location"]) == (302, "/admin/account")
        assert browser.get("/admin/account").status_code == 200
        assert browser.session.session_key != waiting
        assert user.username in browser.get("/admin/account").content.decode()

    @pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
    def test_leads_nowhere_else(self, secret: str, target: str):
        enrolled(secret, timezone.now() - timedelta(minutes=5))
        browser = Browser()
        sign_in(browser)

        right = browser.post(
            f"/admin/sign-in/code?next={target}", {"code": code_at(secret, timezone.now())}
        )

        assert right["Location"] == "/admin/"

    def test_counts_wrong_codes_across_sessions(self, secret: str):
        enrolled(secret, timezone.now() - timedelta(minutes=5))
        for _ in range(5):
            browser = Browser()
            sign_in(browser)
            browser.post("/admin/sign-in/code", {"code": wrong(secret, timezone.now())})

        browser = Browser()
        sign_in(browser)
        locked = browser.post("/admin/sign-in/code", {"code": code_at(secret, timezone.now())})

        assert locked.status_code == 429
        assert browser.get("/admin/").status_code == 302

    def test_enrols_with_a_picture_and_shows_the_codes_once(self):
        user, browser = UserFactory.create(username="thandi", role=roles.VIEWER), Browser()
        sign_in(browser)

        page = browser.get("/admin/account/second-factor").content.decode()
        shown = re.search(r'<code class="q-code">([A-Z2-7 ]+)</code>', page)
        assert shown is not None
        assert "<svg" in page
        key = shown[1].replace(" ", "")
        done = browser.post(
            "/admin/account/second-factor", {"code": code_at(key, timezone.now())}
        ).content.decode()

        assert len(re.findall(r'<code class="q-code">[a-z2-7-]{19}</code>', done)) == 10
        assert browser.get("/admin/").status_code == 200
        assert User.objects.get(pk=user.pk).second_factor_at is not None
        entry = AuditEntry.objects.get(table="accounts_user")
        assert list(entry.after) == ["second_factor_at"]
        assert key not in str(AuditEntry.objects.values())

    def test_must_be_enrolled_where_it_is_required(self, settings):
        settings.REQUIRE_TOTP = True
        UserFactory.create(username="thandi", role=roles.VIEWER)
        browser = Browser()
        sign_in(browser)

        answer = browser.get("/admin/units/unit/")

        assert answer["Location"].startswith("/admin/account/second-factor?")
        assert browser.get("/admin/account/second-factor").status_code == 200

    def test_takes_the_app_away_with_a_code_alone(self, secret: str):
        user = enrolled(secret, timezone.now() - timedelta(minutes=5))
        browser = Browser()
        sign_in(browser)
        browser.post("/admin/sign-in/code", {"code": code_at(secret, timezone.now() - LATER)})

        browser.post("/admin/account", {"do": "remove", "code": wrong(secret, timezone.now())})
        assert User.objects.get(pk=user.pk).second_factor_at is not None
        browser.post("/admin/account", {"do": "remove", "code": code_at(secret, timezone.now())})

        assert User.objects.get(pk=user.pk).second_factor_at is None
        assert browser.get("/admin/").status_code == 200


class TestBasic:
    def test_is_no_way_around_the_code(self, secret: str, settings):
        api = Client(enrolled(secret))

        refused = api.get("/auth/me")

        assert refused.status_code == 401
        assert "API key" in refused.json()["detail"]
        settings.BASIC_AUTH_WITHOUT_CODE = True
        assert api.get("/auth/me").status_code == 200

    def test_is_none_for_staff_who_have_to_enrol(self, settings):
        settings.REQUIRE_TOTP = True

        assert Client(UserFactory.create(role=roles.VIEWER)).get("/auth/me").status_code == 401
        assert Client(UserFactory.create(role=roles.RESIDENT)).get("/auth/me").status_code == 200

    def test_tells_nothing_to_who_does_not_know_the_password(self, secret: str):
        known = Client(enrolled(secret), "wrong password").get("/auth/me").json()
        nobody = Client(User(username="nobody"), "wrong password").get("/auth/me").json()

        assert known["detail"] == nobody["detail"]


class TestSession:
    def test_gets_a_new_id_when_somebody_signs_in(self):
        UserFactory.create(username="thandi", role=roles.VIEWER)
        browser = Browser()
        session = browser.session
        session["planted"] = 1
        session.save()
        before = session.session_key
        browser.cookies["sessionid"] = before

        sign_in(browser)

        assert browser.session.session_key != before

    def test_ends_after_twelve_hours_however_busy(self):
        UserFactory.create(username="thandi", role=roles.VIEWER)
        browser = Browser()
        sign_in(browser)
        assert browser.get("/admin/").status_code == 200
        session = browser.session
        session["began_at"] -= 12 * 3600
        session.save()

        assert browser.get("/admin/").status_code == 302
        assert browser.get("/admin/").status_code == 302

    @pytest.mark.parametrize("change", ["password", "off", "deleted", "epoch"])
    def test_ends_when_the_person_changes(self, change: str):
        from accounts import people

        by = UserFactory.create()
        user = UserFactory.create(username="thandi", role=roles.VIEWER)
        browser = Browser()
        sign_in(browser)
        assert browser.get("/admin/").status_code == 200

        match change:
            case "password":
                people.set_password(user=user, password="another long enough one")
            case "off":
                people.change(user=user, by=by, is_active=False)
            case "deleted":
                people.remove(user=user, by=by, at=NOW)
            case "epoch":
                people.end_sessions(user=user)

        assert browser.get("/admin/").status_code == 302


class TestGuessingNames:
    def test_costs_a_hash_for_a_known_and_an_unknown_name(self):
        from unittest.mock import patch

        from django.contrib.auth import hashers

        UserFactory.create(username="thandi", role=roles.VIEWER)
        UserFactory.create(username="sleeper", role=roles.VIEWER, is_active=False)
        made = []
        for name in ("thandi", "sleeper", "nobody"):
            with patch.object(
                hashers.MD5PasswordHasher, "encode", autospec=True,
                side_effect=hashers.MD5PasswordHasher.encode,
            ) as encode:  # fmt: skip
                answer = Client(User(username=name), "wrong password").get("/auth/me")
            made.append((answer.status_code, answer.json()["detail"], encode.call_count))

        assert set(made) == {(401, "The user name or password is wrong.", 1)}
