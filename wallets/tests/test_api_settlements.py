"""Moving out over the API and in the portal."""

from decimal import Decimal

import pytest
from django.test import Client as DjangoClient
from django.urls import reverse

from accounts import roles
from accounts.models import User
from accounts.tests.factories import UserFactory
from quantify.tests.client import Client
from units.models import Occupancy
from units.tests.factories import UnitFactory
from wallets.billing import runs
from wallets.models import Settlement, Wallet
from wallets.tests.billing.test_billing import noon
from wallets.tests.moments import top_up
from wallets.tests.office.test_settlement import END, JULY, moved_out, settle, wallet_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def occupancy() -> Occupancy:
    made = moved_out()
    top_up(wallet_at(made), "100.00", occurred_at=noon(JULY))
    runs.bill(now=noon(END), since=JULY)
    return made


def member(occupancy: Occupancy, role: str = roles.BILLING_ADMIN) -> User:
    user: User = UserFactory.create(role=role)
    occupancy.unit.estate.memberships.create(user=user)
    return user


class TestApi:
    @pytest.fixture
    def client(self, occupancy: Occupancy) -> Client:
        return Client(member(occupancy))

    def path(self, occupancy: Occupancy) -> str:
        return f"/units/{occupancy.unit_id}/settle"

    def test_settles_once_after_a_preview(self, client, occupancy):
        seen = client.post(f"{self.path(occupancy)}?preview=true", {"payment_method": "eft"})
        assert seen.status_code == 200
        data = seen.json()["data"]
        assert (data["id"], data["transaction"], data["refunded"]) == (None, None, "77.00")
        assert not Settlement.objects.exists()

        first = client.post(self.path(occupancy), {"payment_method": "eft"})
        again = client.post(self.path(occupancy), {"payment_method": "eft"})

        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["data"] == again.json()["data"]
        assert first.json()["data"]["readings"][0]["value"] == "1010.000"
        assert first.json()["data"]["readings"][0]["taken_at"] == "2026-07-15T00:00:00+02:00"
        assert Settlement.objects.count() == 1

    def test_says_what_is_missing(self, client, occupancy):
        Occupancy.objects.update(ends_on=None)
        answer = client.post(self.path(occupancy), {})
        assert (answer.status_code, answer.json()["code"]) == (400, "nothing_to_settle")
        named = client.post(self.path(occupancy), {"occupancy": str(occupancy.pk)})
        assert (named.status_code, named.json()["code"]) == (400, "occupancy_not_ended")
        Occupancy.objects.update(ends_on="2026-07-20")
        answer = client.post(self.path(occupancy), {})
        assert (answer.status_code, answer.json()["code"]) == (400, "reading_missing")
        assert not Settlement.objects.exists()

    def test_lists_and_collects(self, client, occupancy, django_assert_max_num_queries):
        made = settle(occupancy)
        client.get("/settlements")
        with django_assert_max_num_queries(5):
            listed = client.get(f"/settlements?unit={occupancy.unit_id}").json()["data"]
        assert [one["kept"] for one in listed] == ["77.00"]
        assert client.get(f"/settlements/{made.pk}").json()["data"]["outstanding"] == "-77.00"

        answer = client.post(
            f"/settlements/{made.pk}/collect", {"amount": "1.00", "payment_method": "eft"}
        )

        assert (answer.status_code, answer.json()["code"]) == (400, "not_owed")

    def test_collects_what_is_owed(self):
        owed = settle(moved_out())
        client = Client(member(owed.occupancy))
        body = {"amount": "20.00", "payment_method": "cash"}

        answer = client.post(f"/settlements/{owed.pk}/collect", body)

        assert answer.status_code == 201
        shown = client.get(f"/settlements/{owed.pk}").json()["data"]
        assert shown["outstanding"] == "3.00"

    def test_its_occupancy_is_not_ended_on_another_day(self, occupancy):
        settle(occupancy)
        manager = Client(member(occupancy, roles.PROPERTY_MANAGER))

        answer = manager.post(f"/units/{occupancy.unit_id}/vacate", {"ends_on": "2026-07-10"})

        assert 400 <= answer.status_code < 500
        occupancy.refresh_from_db()
        assert occupancy.ends_on == END

    @pytest.mark.parametrize("role", [roles.PROPERTY_MANAGER, roles.VIEWER])
    def test_depends_on_the_role(self, role, occupancy):
        client = Client(member(occupancy, role))

        assert client.post(self.path(occupancy), {}).status_code == 403
        assert client.get("/settlements").status_code == 200
        assert not Settlement.objects.exists()

    def test_hides_other_estates(self, occupancy):
        stranger = Client(UserFactory.create(role=roles.BILLING_ADMIN))
        made = settle(occupancy)

        assert stranger.post(self.path(occupancy), {}).status_code == 404
        assert stranger.get(f"/settlements/{made.pk}").status_code == 404
        assert stranger.get("/settlements").json()["data"] == []


class TestPortal:
    def url(self, occupancy: Occupancy) -> str:
        return reverse("admin:wallets_wallet_settle", args=[wallet_at(occupancy).pk])

    def browser(self, occupancy: Occupancy, role: str = roles.BILLING_ADMIN) -> DjangoClient:
        browser = DjangoClient()
        browser.force_login(member(occupancy, role), backend="accounts.backends.RoleBackend")
        return browser

    def test_settles_after_it_was_shown(self, occupancy):
        browser, url = self.browser(occupancy), self.url(occupancy)
        sent = {"payment_method": "eft", "reference": "", "accept_estimates": ""}

        assert str(occupancy.resident) in browser.get(url).content.decode()
        shown = browser.post(url, sent).content.decode()
        assert "R\u00a077.00" in shown
        assert "1\u00a0010.000" in shown
        assert not Settlement.objects.exists()
        first, again = (browser.post(url, {**sent, "_confirm": ""}) for _ in range(2))

        assert (first.status_code, again.status_code) == (302, 302)
        assert Settlement.objects.get().refunded == Decimal("77.00")
        page = browser.get(first["Location"]).content.decode()
        assert "1\u00a0010.000" in page

    def test_says_what_is_missing(self, occupancy):
        Occupancy.objects.update(ends_on="2026-07-20")

        answer = self.browser(occupancy).post(self.url(occupancy), {"_confirm": ""})

        assert "was not read" in answer.content.decode()
        assert not Settlement.objects.exists()

    def test_says_that_nobody_moved_out(self, occupancy):
        Occupancy.objects.update(ends_on=None)

        answer = self.browser(occupancy).get(self.url(occupancy), follow=True)

        assert "Nobody has moved out" in answer.content.decode()

    def test_takes_a_payment(self):
        owed = settle(moved_out())
        browser = self.browser(owed.occupancy)
        url = reverse("admin:wallets_settlement_collect", args=[owed.pk])
        sent = {
            "amount": "23.00",
            "payment_method": "cash",
            "reference": "",
            "key": "0198b1c4-0000-7000-8000-000000000001",
        }

        assert "23.00" in browser.get(url).content.decode()
        assert browser.post(url, {**sent, "amount": "23.01"}).status_code == 200
        assert browser.post(url, sent).status_code == 302

        assert browser.get(url).status_code == 403
        assert Wallet.objects.get(pk=owed.wallet_id).balance == 0

    @pytest.mark.parametrize("role", [roles.PROPERTY_MANAGER, roles.VIEWER])
    def test_depends_on_the_role(self, role, occupancy):
        assert self.browser(occupancy, role).get(self.url(occupancy)).status_code == 403

    def test_hides_other_estates(self, occupancy):
        stranger = DjangoClient()
        user = UserFactory.create(role=roles.BILLING_ADMIN)
        stranger.force_login(user, backend="accounts.backends.RoleBackend")

        assert stranger.get(self.url(occupancy)).status_code == 404


def test_a_unit_of_another_estate_lends_no_occupancy(occupancy):
    other = UnitFactory.create(estate=occupancy.unit.estate)
    read_only = Client(member(occupancy))

    answer = read_only.post(f"/units/{other.pk}/settle", {"occupancy": str(occupancy.pk)})

    assert (answer.status_code, answer.json()["code"]) == (400, "nothing_to_settle")
