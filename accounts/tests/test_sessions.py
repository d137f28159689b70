"""Where people are signed in: seen by themselves, ended by themselves or a super admin."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts import browsers, open_sessions, people, roles
from accounts.models import AuditEntry, Session, User
from accounts.session_store import SessionStore
from accounts.tasks import forget_old_sessions
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

PAGE = "/admin/account/sessions"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/139.0.0.0 Mobile Safari/537.36"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def thandi() -> User:
    return UserFactory.create(username="thandi", role=roles.VIEWER)


def signed_in(user: User, user_agent: str = FIREFOX) -> Browser:
    browser = Browser(headers={"User-Agent": user_agent})
    browser.post("/admin/login/", {"username": user.username, "password": PASSWORD})
    return browser


def is_in(browser: Browser) -> bool:
    return browser.get("/admin/").status_code == 200


def name_of(browser: Browser) -> str:
    return open_sessions.name_of(browser.cookies["sessionid"].value)


def end(browser: Browser, what: str, password: str = PASSWORD) -> int:
    return browser.post(PAGE, {"session": what, "password": password}).status_code


class TestSeen:
    def test_each_with_its_browser_and_this_one_marked(self, thandi):
        here, there = signed_in(thandi, FIREFOX), signed_in(thandi, CHROME)

        page = here.get(PAGE).content.decode()

        assert page.index("Firefox on Windows") < page.index("This one")
        assert page.index("This one") < page.index("Chrome on Android")
        assert f'value="{name_of(there)}"' in page
        assert f'value="{name_of(here)}"' not in page

    def test_since_when_and_how_lately(self, thandi):
        before = timezone.now()
        browser = signed_in(thandi)
        (began,) = open_sessions.of(thandi, at=timezone.now())
        browser.get("/admin/account")

        (seen,) = open_sessions.of(thandi, at=timezone.now())

        assert before <= began.began_at == seen.began_at <= began.used_at < seen.used_at
        assert seen.browser == "Firefox on Windows"

    def test_without_a_key_that_opens_one(self, thandi):
        here, there = signed_in(thandi), signed_in(thandi)

        page = here.get(PAGE).content.decode()

        for browser in (here, there):
            assert browser.cookies["sessionid"].value not in page

    def test_of_nobody_else(self, thandi):
        other = signed_in(UserFactory.create(username="sipho", role=roles.VIEWER), CHROME)

        assert name_of(other) not in signed_in(thandi).get(PAGE).content.decode()

    def test_while_one_waits_for_its_code(self, thandi):
        here, there = signed_in(thandi), signed_in(thandi, CHROME)
        thandi.second_factor_at = timezone.now()
        thandi.save()
        session = here.session
        session["code_given"] = thandi.second_factor_at.isoformat()
        session.save()

        assert "Waits for its code" in here.get(PAGE).content.decode()
        assert there.get(PAGE).status_code == 302

    @pytest.mark.parametrize("how", ["idle", "old", "password", "epoch"])
    def test_no_longer_once_it_is_over(self, thandi, how):
        browser, later = signed_in(thandi), timezone.now()
        match how:
            case "idle":
                later += timedelta(minutes=15, seconds=1)
            case "old":
                session = browser.session
                session["began_at"] -= 12 * 3600
                session.save()
            case "password":
                people.set_password(user=thandi, password="another long enough one")
            case "epoch":
                people.end_sessions(user=thandi)

        assert open_sessions.of(User.objects.get(pk=thandi.pk), at=later) == []


class TestEnded:
    def test_one_with_the_password(self, thandi):
        here, there, elsewhere = signed_in(thandi), signed_in(thandi), signed_in(thandi)

        assert end(here, name_of(there)) == 302

        assert [is_in(one) for one in (here, there, elsewhere)] == [True, False, True]

    def test_all_others_with_the_password(self, thandi):
        here, there, elsewhere = signed_in(thandi), signed_in(thandi), signed_in(thandi)

        assert end(here, "others") == 302

        assert [is_in(one) for one in (here, there, elsewhere)] == [True, False, False]
        assert len(open_sessions.of(User.objects.get(pk=thandi.pk), at=timezone.now())) == 1

    @pytest.mark.parametrize("password", ["wrong", "", f" {PASSWORD}"])
    @pytest.mark.parametrize("what", ["one", "others"])
    def test_not_without_the_password(self, thandi, what, password):
        here, there = signed_in(thandi), signed_in(thandi)

        assert end(here, name_of(there) if what == "one" else "others", password) == 200

        assert [is_in(one) for one in (here, there)] == [True, True]

    def test_not_after_five_wrong_passwords(self, thandi):
        here, there = signed_in(thandi), signed_in(thandi)
        for _ in range(4):
            assert end(here, "others", "wrong") == 200
        assert end(here, "others", "wrong") == 429

        assert end(here, "others") == 429

        assert is_in(there)

    def test_not_of_somebody_else(self, thandi):
        other = signed_in(UserFactory.create(username="sipho", role=roles.VIEWER))
        here = signed_in(thandi)

        page = here.post(PAGE, {"session": name_of(other), "password": PASSWORD})
        open_sessions.end(user=thandi, name=name_of(other))

        assert page.status_code == 200
        assert is_in(other)

    def test_not_this_one(self, thandi):
        here = signed_in(thandi)

        assert end(here, name_of(here)) == 200

        assert is_in(here)

    def test_for_good_though_a_request_of_it_is_on_its_way(self, thandi):
        there = signed_in(thandi)
        on_its_way = SessionStore(there.cookies["sessionid"].value)
        assert on_its_way["_auth_user_id"] == str(thandi.pk)

        open_sessions.end(user=thandi, name=name_of(there))

        with pytest.raises(UpdateError):
            on_its_way.save()
        assert not is_in(there)


class TestBySuperAdmins:
    def test_all_of_a_person(self, thandi):
        chief = UserFactory.create()
        browser, there, elsewhere = signed_in(chief), signed_in(thandi), signed_in(thandi)
        path = reverse("admin:accounts_user_end_sessions", args=[thandi.pk])

        assert browser.get(path).status_code == 200
        assert is_in(there)
        assert browser.post(path).status_code == 302

        assert [is_in(one) for one in (browser, there, elsewhere)] == [True, False, False]
        assert AuditEntry.objects.filter(actor=chief.pk, object_id=thandi.pk).exists()

    def test_by_nobody_else(self, thandi):
        there = signed_in(thandi)
        manager = signed_in(UserFactory.create(role=roles.PROPERTY_MANAGER))

        path = reverse("admin:accounts_user_end_sessions", args=[thandi.pk])

        assert manager.post(path).status_code == 403
        assert is_in(there)


class TestKept:
    def test_with_whose_they_are(self, thandi):
        signed_in(thandi)

        assert Session.objects.get().user == thandi

    def test_no_longer_than_they_last(self, thandi):
        signed_in(thandi)
        signed_in(thandi)
        Session.objects.filter(pk=Session.objects.first().pk).update(expire_date=timezone.now())

        forget_old_sessions()

        assert Session.objects.count() == 1

    def test_by_no_request_of_the_api(self, thandi):
        known = signed_in(thandi)
        used_at = Session.objects.get().used_at
        known.get("/api/v1/health/live")
        unknown = Browser()
        unknown.cookies["sessionid"] = "a" * 32

        answer = unknown.get("/api/v1/health/live")

        assert "sessionid" not in answer.cookies
        assert Session.objects.get().used_at == used_at


class TestBrowsers:
    @pytest.mark.parametrize(
        ("user_agent", "kind"),
        [
            (FIREFOX, "Firefox on Windows"),
            (CHROME, "Chrome on Android"),
            (EDGE, "Edge on Windows"),
            (SAFARI, "Safari on iPhone"),
            ("curl/8.14.1", "Another program"),
            ("<script>alert(1)</script> Linux", "Another program on Linux"),
            ("", "Another program"),
        ],
    )
    def test_are_told_by_kind(self, user_agent, kind):
        assert browsers.kind_of(user_agent) == kind
        assert re.fullmatch(r"[A-Za-z ]+", kind)
