"""The counter in a browser: buttons, preview, a double click, an error beside its field."""

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts import roles
from accounts.tests.factories import UserFactory
from quantify.tests.browser import page, sign_in  # noqa: F401  (a fixture)
from units.tests.factories import UnitFactory
from wallets.models import AdjustmentProposal, Transaction, Wallet
from wallets.tests.test_admin_counter import topped_up

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def wallet() -> Wallet:
    """A wallet with R100 available."""
    wallet = Wallet.objects.select_related("unit__estate").get(unit=UnitFactory.create())
    topped_up(wallet)
    return wallet


@pytest.fixture
def at_wallet(page: Page, live_server: Any, wallet: Wallet) -> Page:  # noqa: F811
    """The wallet's page, seen by who keeps the books."""
    user = UserFactory.create(role=roles.BILLING_ADMIN)
    wallet.unit.estate.memberships.create(user=user)
    sign_in(page, live_server.url, user.username)
    page.goto(live_server.url + reverse("admin:wallets_wallet_change", args=[wallet.pk]))
    return page


def fill_in(tab: Page, amount: str, reason: str = "Moved out") -> None:
    tab.fill("[name=amount]", amount)
    tab.fill("[name=reason]", reason)
    tab.get_by_role("button", name="Preview").click()


class TestCounter:
    def test_pays_back_once_on_a_double_click(self, at_wallet: Page, wallet: Wallet):
        at_wallet.get_by_role("link", name="Refund").click()
        fill_in(at_wallet, "30")
        expect(at_wallet.get_by_role("row", name="Balance")).to_contain_text("70.00")
        assert Transaction.objects.count() == 1

        at_wallet.get_by_role("button", name="Refund").dblclick()
        at_wallet.wait_for_url("**/transaction/**")

        expect(at_wallet.get_by_text("was taken from available.")).to_be_visible()
        assert Transaction.objects.filter(kind="refund").count() == 1
        wallet.refresh_from_db()
        assert wallet.available == Decimal("70.00")

    def test_shows_an_error_beside_its_field_and_keeps_the_rest(self, at_wallet: Page):
        at_wallet.get_by_role("link", name="Refund").click()
        fill_in(at_wallet, "130", "Left the estate")

        field = at_wallet.locator(".form-field", has=at_wallet.locator("[name=amount]"))
        expect(field).to_contain_text("can be refunded")
        expect(at_wallet.locator("[name=reason]")).to_have_value("Left the estate")
        expect(at_wallet.locator("[name=amount]")).to_have_value("130")

    def test_says_before_it_proposes(self, at_wallet: Page):
        at_wallet.get_by_role("link", name="Adjust").click()
        at_wallet.select_option("[name=direction]", "give")
        fill_in(at_wallet, "600")
        expect(at_wallet.get_by_text("This needs a second person.")).to_be_visible()

        at_wallet.get_by_role("button", name="Propose").click()

        expect(at_wallet.get_by_text("a second person approves")).to_be_visible()
        assert AdjustmentProposal.objects.get().amount == Decimal("600.00")

    def test_reverses_from_the_transactions_page(self, at_wallet: Page, wallet: Wallet):
        made = Transaction.objects.get()
        at_wallet.get_by_role("link", name=str(made)).click()
        at_wallet.get_by_role("link", name="Reverse").click()
        at_wallet.fill("[name=reason]", "Bank refused it")
        at_wallet.get_by_role("button", name="Preview").click()
        expect(at_wallet.get_by_role("row", name="Balance")).to_contain_text("-R")

        at_wallet.get_by_role("button", name="Reverse").click()

        expect(at_wallet.get_by_text("was reversed.")).to_be_visible()
        wallet.refresh_from_db()
        assert wallet.balance == Decimal("0.00")
