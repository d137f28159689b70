"""Tables of the portal in a narrow browser: names with hyphens stay whole."""

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from accounts.tests.factories import UserFactory
from meters.tests.factories import InstallationFactory, MeterFactory
from quantify.tests.browser import page, sign_in  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

LINES = """cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return new Set([...range.getClientRects()].map(one => Math.round(one.top))).size;
}"""


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        pytest.param("meters_installation", ".field-meter_serial", id="installations"),
        pytest.param("meters_meter", ".field-serial", id="meters"),
    ],
)
def test_a_serial_stands_on_one_line(page: Page, live_server: Any, name: str, cell: str):  # noqa: F811
    meter = MeterFactory.create(serial="LGZ-2024-0001-7788-AB")
    InstallationFactory.create(meter=meter)
    page.set_viewport_size({"width": 700, "height": 900})
    sign_in(page, live_server.url, UserFactory.create().username)

    page.goto(live_server.url + reverse(f"admin:{name}_changelist"))

    shown = page.locator(f"#result_list {cell}").first
    assert shown.inner_text().strip() == "LGZ-2024-0001-7788-AB"
    assert shown.evaluate(LINES) == 1
