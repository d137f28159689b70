"""Rate tables in a browser: drawn, previewed while one types, without a word in the console."""

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.tests.factories import UserFactory
from quantify.tests.browser import page, sign_in  # noqa: F401  (a fixture)
from rates.apps import load_published_calendars
from rates.tests.factories import RateTableFactory
from rates.tests.test_pictures import BLOCKS

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]


def test_preview_tells_what_is_typed_and_what_is_wrong(page: Page, live_server: Any):  # noqa: F811
    load_published_calendars(using="default")
    version = RateTableFactory.create(version__components=BLOCKS).versions.get()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    sign_in(page, live_server.url, UserFactory.create().username)
    page.goto(live_server.url + reverse("admin:rates_ratetableversion_change", args=[version.pk]))
    expect(page.get_by_role("img", name="0 to 350 kWh at R2.0967")).to_be_visible()

    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#rate-preview")).to_contain_text("120.57")
    page.fill("#id_components", '[{"kind": "energy", "price": "2.00"}]')
    expect(page.locator("#rate-preview")).to_contain_text("115.00")
    page.fill("#id_components", '[{"kind": "energy"}]')
    expect(page.locator("#rate-preview")).to_contain_text("[0].price")

    assert said == []
