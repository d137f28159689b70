"""The readers of the API's document in a browser: whole, from this server alone, and of use."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts import keys
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from quantify.api.documents import openapi
from quantify.tests.browser import page  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

PATIENCE = 90_000
"""Milliseconds after which a page that is not there is called broken, however busy the machine."""
WITHIN_THE_PAGE = ("blob", "data")


class Heard:
    """What a tab asked for, and what its console said that is wrong."""

    def __init__(self, tab: Page) -> None:
        self.asked: list[str] = []
        self.wrong: list[str] = []
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.on("console", lambda said: self._console(said.type, said.text))
        tab.on("pageerror", lambda error: self.wrong.append(str(error)))

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.wrong.append(text)

    def hosts(self) -> set[str]:
        places = [urlsplit(url) for url in self.asked]
        return {one.netloc for one in places if one.scheme not in WITHIN_THE_PAGE}


@pytest.fixture
def heard(page: Page) -> Heard:  # noqa: F811
    """A patient tab that is listened to; the document is made already."""
    openapi()
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    return Heard(page)


@pytest.fixture
def thandi() -> User:
    return UserFactory.create(username="thandi")


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        pytest.param("docs", ".opblock-summary-path", id="Swagger UI"),
        pytest.param("redoc", "[data-section-id]", id="Redoc"),
    ],
)
def test_is_drawn_from_this_server_alone(
    page: Page, heard: Heard, live_server: Any, name: str, drawn: str  # noqa: F811
) -> None:  # fmt: skip
    page.goto(f"{live_server.url}/api/v1/{name}")

    expect(page.locator(drawn).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert heard.hosts() == {urlsplit(live_server.url).netloc}
    assert heard.wrong == []


class TestTryItOut:
    def ask_who_am_i(self, tab: Page, address: str, credentials: dict[str, str]) -> None:
        """Sign in by the dialog, and ask `GET /auth/me`."""
        tab.goto(f"{address}/api/v1/docs#/auth/me")
        operation = tab.locator("#operations-auth-me")
        operation.locator(".try-out__btn").click()
        operation.locator(".authorization__btn").first.click()
        for name, value in credentials.items():
            tab.locator(f"#{name}").fill(value)
        way = tab.locator(".auth-container", has=tab.locator(f"#{next(iter(credentials))}"))
        way.locator("button[type=submit]").click()
        tab.locator(".close-modal").click()
        operation.locator("button.execute").click()
        answer = operation.locator(".live-responses-table .response").first
        expect(answer).to_contain_text("200")
        expect(answer).to_contain_text('"username": "thandi"')

    def test_by_user_name_and_password(self, page, heard, live_server, thandi):  # noqa: F811
        fields = {"auth-basic-username": "thandi", "auth-basic-password": PASSWORD}

        self.ask_who_am_i(page, live_server.url, fields)

        assert heard.wrong == []

    def test_by_key(self, page, heard, live_server, thandi):  # noqa: F811
        made = keys.make(
            user=thandi, name="Reader", scopes=["read"], estates=None, expires_at=None,
            at=timezone.now(),
        )  # fmt: skip

        self.ask_who_am_i(page, live_server.url, {"auth-bearer-value": made.text})

        assert heard.wrong == []
        assert heard.hosts() == {urlsplit(live_server.url).netloc}
