import re
from datetime import datetime

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts import roles
from accounts.tests.factories import UserFactory
from meters.models import Command, Meter
from meters.tests.factories import RelayDriftFactory
from quantify.tests.browser import page, sign_in  # noqa: F401  (a fixture)
from wallets.models import CreditSwitch
from wallets.tests.supplied import Relays, cut, supply, wallet_of, warn

pytestmark = pytest.mark.django_db

PAGE = "admin:credit_control"
ALL_CHECKS = re.compile(r"All \d+ checks")


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def meter(now: datetime) -> Meter:
    return supply(now)


def staff(meter: Meter | None = None, role: str = roles.PROPERTY_MANAGER):
    user = UserFactory.create(role=role)
    if meter:
        meter.estate.memberships.create(user=user)
    return user


class TestCreditControl:
    def test_says_who_is_spared_and_why(self, client, meter: Meter):
        client.force_login(staff(meter))

        shown = client.get(reverse(PAGE)).content.decode()

        assert meter.serial in shown
        assert "Spared" in shown
        assert "No warning reached the resident yet." in shown
        assert not Command.objects.exists()

    def test_says_who_would_be_cut(self, client, meter: Meter, now: datetime):
        warn(now)
        client.force_login(staff(meter))

        shown = client.get(reverse(PAGE)).content.decode()

        assert "1 would be switched" in shown
        assert ALL_CHECKS.search(shown)
        assert not Command.objects.exists()

    def test_shows_nothing_of_other_estates(self, client, meter: Meter, now: datetime):
        client.force_login(staff(supply(now)))

        assert meter.serial not in client.get(reverse(PAGE)).content.decode()

    def test_is_refused_to_residents(self, client):
        client.force_login(UserFactory.create(role=roles.RESIDENT))

        assert client.get(reverse(PAGE)).status_code in {302, 403}


@pytest.mark.chromium
@pytest.mark.django_db(transaction=True)
class TestInABrowser:
    def test_opens_the_whole_trace(self, page: Page, live_server, meter: Meter):  # noqa: F811
        CreditSwitch.objects.create(is_inhibited=True, reason="Restored from a backup.")
        sign_in(page, live_server.url, staff(meter).username)

        page.goto(live_server.url + reverse(PAGE))
        page.set_default_timeout(10_000)
        page.get_by_text(ALL_CHECKS).click()

        expect(page.get_by_text("Protected supply: passed.")).to_be_visible()
        expect(page.get_by_text("Restored from a backup.")).to_be_visible()

    def test_shows_what_stands_wrong_and_the_log_of_a_command(
        self,
        page: Page,  # noqa: F811
        live_server,
        meter: Meter,
        now: datetime,
    ):
        RelayDriftFactory.create(meter=meter)
        cut(meter, now, Relays())
        sign_in(page, live_server.url, staff(meter).username)

        page.goto(live_server.url + reverse("admin:meters_relaydrift_changelist"))
        expect(
            page.get_by_role("cell", name="Nothing by itself: a person decides.")
        ).to_be_visible()
        page.goto(
            live_server.url
            + reverse("admin:meters_command_change", args=[Command.objects.get().pk])
        )
        expect(page.get_by_role("cell", name="Read back from the meter.").last).to_be_visible()
        assert wallet_of(meter).balance == 0
