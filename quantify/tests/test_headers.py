"""Headers and refusals that hold for every address: each one of the URL configuration is asked."""

import importlib
import re
from unittest.mock import patch

import pytest
from django.test import Client as Browser
from django.urls import get_resolver, reverse
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from accounts.tests.factories import PASSWORD, UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from quantify.tests.access.routes import patterns
from quantify.tests.client import basic

pytestmark = pytest.mark.django_db
NOWHERE = "00000000-0000-7000-8000-000000000000"
STATIC = ("/static/quantify/favicon.svg", "/static/quantify/portal.css")


def every_address() -> list[str]:
    """Each address of the URL configuration once, with ids of nothing; static files; errors."""
    found = {"/nothing", "/api/v1/nothing", "/admin/nothing/", *STATIC}
    for written, _ in patterns(get_resolver()):
        address = re.sub(r"<uuid:\w+>|<path:\w+>", NOWHERE, written)
        address = re.sub(r"<slug:\w+>", "duplicate", address)
        address = re.sub(r"\^?\(\?P<app_label>.*\)/\$", "units/", address)
        if not re.search(r"[<(^]", address):
            found.add(f"/{address}")
    return sorted(found)


@pytest.fixture
def browser():
    client = Browser(raise_request_exception=False)
    client.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")
    return client


class TestEveryAddress:
    def test_is_many(self):
        assert len(every_address()) > 300

    @pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "nobody"])
    def test_carries_the_headers(self, browser, signed_in):
        client = browser if signed_in else Browser(raise_request_exception=False)
        for address in every_address():
            if address == "/admin/logout/":
                continue
            answer = client.get(address)
            assert answer.status_code < 500, address
            self.check(answer, address)

    @staticmethod
    def check(answer, address):
        headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff", address
        assert headers["X-Frame-Options"] == "DENY", address
        assert headers["Referrer-Policy"] == "same-origin", address
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", address
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin", address
        assert "geolocation=()" in headers["Permissions-Policy"], address
        assert "frame-ancestors 'none'" in policy, address
        assert "default-src 'self'" in policy or "default-src 'none'" in policy, address
        scripts = re.search(r"script-src ([^;]*)", policy)
        assert scripts is None or "unsafe-inline" not in scripts[1], address
        if headers.get("Content-Type", "").startswith(("text/", "application/json")):
            stated = headers["Content-Type"].replace('"', "")
            assert "charset=utf-8" in stated or "json" in stated, address
        if address.startswith("/admin/"):
            assert "no-store" in headers["Cache-Control"], address

    def test_changes_nothing_when_it_is_read(self, browser):
        EstateFactory.create()
        with patch("django.db.models.sql.compiler.SQLInsertCompiler.execute_sql") as insert:
            insert.side_effect = AssertionError("A GET wrote.")
            for address in every_address():
                if address in ("/admin/logout/", "/admin/login/"):
                    continue
                assert browser.get(address).status_code < 500, address

    def test_refuses_to_trace(self, browser):
        for address in every_address():
            assert browser.generic("TRACE", address).status_code == 405, address


class TestAnswersToPeople:
    def test_are_kept_in_no_cache(self):
        user = UserFactory.create()

        answer = Browser().get("/api/v1/estates", HTTP_AUTHORIZATION=basic(user.username))

        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]

    def test_leave_our_own_files_to_the_caches(self, browser):
        answer = browser.get(STATIC[0])

        assert answer.status_code == 200
        assert "no-store" not in answer.headers.get("Cache-Control", "")

    def test_give_the_page_size_a_limit(self):
        user = UserFactory.create()
        browser = Browser(headers={"Authorization": basic(user.username)})

        assert browser.get("/api/v1/estates?per_page=100").status_code == 200
        assert browser.get("/api/v1/estates?per_page=101").status_code == 422


class TestForms:
    @pytest.fixture
    def strict(self):
        client = Browser(enforce_csrf_checks=True)
        client.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")
        return client

    def test_need_a_token(self, strict):
        answer = strict.post(reverse("admin:estates_estate_add"), {"code": "EVIL1", "name": "x"})

        assert answer.status_code == 403
        assert not Estate.objects.exists()

    def test_refuse_a_foreign_origin(self, strict):
        page = strict.get(reverse("admin:estates_estate_add"))
        token = page.context["csrf_token"]

        answer = strict.post(
            reverse("admin:estates_estate_add"),
            {"code": "EVIL1", "name": "x", "csrfmiddlewaretoken": str(token)},
            headers={"Origin": "https://evil.example"},
        )

        assert answer.status_code == 403
        assert not Estate.objects.exists()

    def test_a_session_is_no_credential_of_the_api(self, browser):
        answer = browser.post("/api/v1/estates", {"code": "EVIL1"}, content_type="application/json")

        assert answer.status_code == 401
        assert not Estate.objects.exists()


class TestForeignPages:
    """The browser adds by itself what it was once asked for by HTTP Basic."""

    FORM = "application/x-www-form-urlencoded"

    @pytest.fixture
    def key(self):
        return keys.make(
            user=UserFactory.create(), name="old", scopes=["write"], estates=None,
            expires_at=None, at=timezone.now(),
        ).key  # fmt: skip

    @pytest.fixture
    def person(self):
        return Browser(headers={"Authorization": basic(UserFactory.create().username)})

    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another site"),
            pytest.param({"Sec-Fetch-Site": "same-site"}, id="a neighbour of the site"),
            pytest.param({"Origin": "https://evil.example"}, id="an older browser"),
            pytest.param({"Origin": "null"}, id="a sandboxed page"),
            pytest.param({"Origin": "http://testserver:81"}, id="another port"),
        ],
    )
    def test_change_nothing(self, person, key, sent):
        rotated = f"/api/v1/api-keys/{key.pk}/rotate"

        answer = person.post(rotated, b"", content_type=self.FORM, headers=sent)

        assert answer.status_code == 403
        assert answer.json()["code"] == "foreign_page"
        assert ApiKey.objects.count() == 1

    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param({}, id="a program"),
            pytest.param(
                {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, id="our own page"
            ),
            pytest.param({"Origin": "http://testserver"}, id="our own page, an older browser"),
            pytest.param({"Origin": "https://shown.example"}, id="what a proxy is known as"),
        ],
    )
    def test_are_no_others(self, person, key, sent, settings):
        settings.CSRF_TRUSTED_ORIGINS = ["https://shown.example"]

        answer = person.post(
            f"/api/v1/api-keys/{key.pk}/rotate", content_type="application/json", headers=sent
        )

        assert answer.status_code == 201

    def test_may_be_read_from_by_a_link(self, person):
        answer = person.get("/api/v1/estates", headers={"Sec-Fetch-Site": "cross-site"})

        assert answer.status_code == 200


class TestBodies:
    def test_too_large_are_refused_before_they_are_read(self):
        user = UserFactory.create()
        browser = Browser(headers={"Authorization": basic(user.username)})
        with patch("quantify.api.authentication.authenticate") as authenticate:
            answer = browser.post(
                "/api/v1/estates", b" " * (1024 * 1024 + 1), content_type="application/json"
            )

        assert answer.status_code == 413
        assert answer.json()["code"] == "too_large"
        assert not authenticate.called

    def test_may_be_larger_where_a_file_is_brought(self, settings):
        user = UserFactory.create()
        browser = Browser(headers={"Authorization": basic(user.username)})
        settings.MAX_IMPORT_BYTES = 2 * 1024 * 1024

        larger = browser.post(
            "/api/v1/readings/import", b"x" * (1024 * 1024 + 1), content_type="text/csv"
        )
        too_large = browser.post(
            "/api/v1/readings/import", b"x" * (2 * 1024 * 1024 + 1), content_type="text/csv"
        )

        assert larger.status_code not in (413, 500)
        assert too_large.status_code == 413

    def test_of_the_portal_are_bounded_too(self, browser):
        answer = browser.post(
            reverse("admin:estates_estate_add"), b"a=" + b"b" * (1024 * 1024),
            content_type="application/x-www-form-urlencoded",
        )  # fmt: skip

        assert answer.status_code == 413


class TestHosts:
    @pytest.mark.parametrize("address", ["/admin/login/", "/api/v1/estates", "/"])
    def test_unknown_are_refused(self, address):
        answer = Browser(raise_request_exception=False).get(address, HTTP_HOST="evil.example")

        assert answer.status_code == 400
        assert "evil.example" not in answer.content.decode()

    def test_forwarded_are_not_believed(self):
        answer = Browser().get(
            "/", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
        )

        assert "evil.example" not in answer["Location"]
        assert not answer.wsgi_request.is_secure()


class TestProduction:
    """What `quantify.settings.prod` sets, on the middleware that reads it."""

    @pytest.fixture
    def prod(self, settings, monkeypatch):
        monkeypatch.setenv("SECRET_KEY", "only-for-tests-" + "y" * 50)
        monkeypatch.setenv("ALLOWED_HOSTS", "testserver")
        monkeypatch.setenv("DATABASE_URL", "postgres:///unused")
        module = importlib.import_module("quantify.settings.prod")
        names = [name for name in vars(module) if name.startswith(("SECURE_", "SESSION_", "CSRF_"))]
        for name in names:
            setattr(settings, name, getattr(module, name))
        return module

    def test_the_api_refuses_plain_http_and_leads_nobody_on(self, prod):
        user = UserFactory.create()

        answer = Browser().get("/api/v1/estates", HTTP_AUTHORIZATION=basic(user.username))

        assert answer.status_code == 403
        assert answer.json()["code"] == "https_needed"
        assert "Location" not in answer.headers

    def test_health_is_asked_over_plain_http_and_the_portal_leads_to_https(self, prod):
        assert Browser().get("/api/v1/health/live").status_code == 200
        answer = Browser().get("/admin/login/")
        assert answer.status_code == 301
        assert answer["Location"] == "https://testserver/admin/login/"

    def test_insists_on_https(self, prod):
        answer = Browser().get("/api/v1/health/live", secure=True)

        assert answer["Strict-Transport-Security"] == (
            "max-age=31536000; includeSubDomains; preload"
        )

    def test_cookies_stay_with_the_host(self, prod):
        user = UserFactory.create()
        browser = Browser()
        browser.get("/admin/login/", secure=True)

        browser.post(
            "/admin/login/", {"username": user.username, "password": PASSWORD}, secure=True
        )

        assert set(browser.cookies) == {"__Host-session", "__Host-csrf"}
        for cookie in browser.cookies.values():
            assert cookie["secure"]
            assert cookie["httponly"]
            assert cookie["samesite"] in ("Lax", "Strict")
            assert cookie["path"] == "/"
            assert not cookie["domain"]

    def test_has_no_page_of_details(self, prod):
        assert prod.DEBUG is False


class TestSessions:
    def test_get_a_new_id_at_sign_in_and_end_at_sign_out(self):
        user = UserFactory.create()
        browser = Browser()
        browser.cookies["sessionid"] = "planted-by-somebody-else-0000000"
        browser.post("/admin/login/", {"username": user.username, "password": PASSWORD})
        session = browser.cookies["sessionid"].value
        assert session != "planted-by-somebody-else-0000000"
        assert browser.get("/admin/").status_code == 200

        browser.post("/admin/logout/")
        browser.cookies["sessionid"] = session

        assert browser.get("/admin/").status_code == 302

    @pytest.mark.parametrize("what", ["deactivated", "new password"])
    def test_end_with_what_they_stand_on(self, what):
        user = UserFactory.create()
        browser = Browser()
        browser.post("/admin/login/", {"username": user.username, "password": PASSWORD})
        assert browser.get("/admin/").status_code == 200
        if what == "deactivated":
            user.is_active = False
        else:
            user.set_password("quite another one")
        user.save()

        assert browser.get("/admin/").status_code == 302
