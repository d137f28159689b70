"""Money in suspense over the API and in the portal."""

from decimal import Decimal

import pytest
from django.test import Client as DjangoClient
from django.urls import reverse

from accounts import roles
from accounts.models import User
from accounts.tests.factories import UserFactory
from quantify.tests.client import Client
from wallets.models import SuspenseReceipt, SuspenseRelease, Transaction, Wallet
from wallets.office import suspense
from wallets.tests.factories import WalletFactory
from wallets.tests.office.test_suspense import received

pytestmark = pytest.mark.django_db

BODY = {
    "amount": "100.00",
    "payment_method": "eft",
    "reference": "unit 7?",
    "external_key": "FNB-1",
    "received_at": "2026-07-15T12:00:00+02:00",
}


@pytest.fixture
def wallet() -> Wallet:
    return WalletFactory.create()


def member(wallet: Wallet, role: str = roles.BILLING_ADMIN) -> User:
    user: User = UserFactory.create(role=role)
    wallet.unit.estate.memberships.create(user=user)
    return user


@pytest.fixture
def client(wallet: Wallet) -> Client:
    return Client(member(wallet))


@pytest.fixture
def receipt(wallet: Wallet) -> SuspenseReceipt:
    return received(estate=wallet.unit.estate)


class TestApi:
    def test_records_a_payment_once(self, client, wallet):
        body = {**BODY, "estate": str(wallet.unit.estate_id)}

        first, again = client.post("/suspense", body), client.post("/suspense", body)

        assert (first.status_code, again.status_code) == (201, 201)
        assert first["Location"] == f"/api/v1/suspense/{first.json()['data']['id']}"
        assert again["Idempotent-Replayed"] == "true"
        assert again.json() == first.json()
        other = client.post("/suspense", {**body, "amount": "1.00"})
        assert (other.status_code, other.json()["code"]) == (409, "receipt_differs")

    def test_of_no_known_estate_is_for_super_admins(self, client):
        refused = client.post("/suspense", BODY)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "estate")

        made = Client(UserFactory.create()).post("/suspense", BODY)

        assert made.status_code == 201
        assert client.get(f"/suspense/{made.json()['data']['id']}").status_code == 404
        assert client.get("/suspense").json()["data"] == []

    def test_a_foreign_estate_cannot_be_named(self, client):
        foreign = WalletFactory.create()

        answer = client.post("/suspense", {**BODY, "estate": str(foreign.unit.estate_id)})

        assert answer.status_code == 422
        assert not SuspenseReceipt.objects.exists()

    def test_allocates_after_a_preview(self, client, receipt, wallet):
        body = {"wallet": str(wallet.pk), "amount": "60.00", "utility": "water"}

        seen = client.post(f"/suspense/{receipt.pk}/allocate?preview=true", body)
        assert (seen.status_code, seen.json()["data"]["transaction"]) == (200, None)
        assert not Transaction.objects.exists()
        made = client.post(f"/suspense/{receipt.pk}/allocate", body, HTTP_IDEMPOTENCY_KEY="k")
        again = client.post(f"/suspense/{receipt.pk}/allocate", body, HTTP_IDEMPOTENCY_KEY="k")

        assert (made.status_code, again["Idempotent-Replayed"]) == (201, "true")
        assert made.json()["data"]["split"] == [{"account": "water", "amount": "60.00"}]
        shown = client.get(f"/suspense/{receipt.pk}").json()["data"]
        assert shown["left"] == "40.00"
        assert [one["amount"] for one in shown["releases"]] == ["60.00"]

    def test_does_not_allocate_more_than_is_left_or_to_a_foreign_wallet(
        self, client, receipt, wallet
    ):
        path = f"/suspense/{receipt.pk}/allocate"

        more = client.post(path, {"wallet": str(wallet.pk), "amount": "100.01"})
        foreign = client.post(path, {"wallet": str(WalletFactory.create().pk), "amount": "1.00"})

        assert (more.status_code, more.json()["code"]) == (400, "not_enough_left")
        assert (foreign.status_code, foreign.json()["errors"][0]["field"]) == (422, "wallet")
        assert not Transaction.objects.exists()

    def test_gives_back_with_a_reason(self, client, receipt):
        path = f"/suspense/{receipt.pk}/return"

        assert client.post(path, {"reason": " "}).status_code == 422
        answer = client.post(path, {"reason": "Paid us by mistake"})

        assert (answer.status_code, answer.json()["data"]["left"]) == (200, "0.00")
        again = client.post(path, {"reason": "Paid us by mistake"})
        assert (again.status_code, again.json()["code"]) == (400, "not_enough_left")
        assert SuspenseRelease.objects.count() == 1

    def test_lists_what_is_open(self, client, receipt, wallet, django_assert_max_num_queries):
        settled = received("5.00", estate=wallet.unit.estate, external_key="b")
        suspense.return_money(
            receipt_id=settled.pk, reason="x", returned_at=settled.received_at, actor=None
        )
        client.get("/suspense")
        with django_assert_max_num_queries(5):
            found = client.get("/suspense?open=true&sort=left&order=desc").json()["data"]

        assert [one["id"] for one in found] == [str(receipt.pk)]

    @pytest.mark.parametrize("role", [roles.PROPERTY_MANAGER, roles.VIEWER])
    def test_depends_on_the_role(self, role, receipt, wallet):
        client = Client(member(wallet, role))

        assert client.get("/suspense").status_code == 200
        for path in ("/suspense", f"/suspense/{receipt.pk}/allocate"):
            assert client.post(path, {}).status_code == 403
        assert client.post(f"/suspense/{receipt.pk}/return", {"reason": "x"}).status_code == 403


class TestPortal:
    @pytest.fixture
    def browser(self, wallet: Wallet) -> DjangoClient:
        browser = DjangoClient()
        browser.force_login(member(wallet), backend="accounts.backends.RoleBackend")
        return browser

    def url(self, name: str, receipt: SuspenseReceipt) -> str:
        return reverse(f"admin:wallets_suspensereceipt_{name}", args=[receipt.pk])

    def test_allocates_after_the_split_was_shown(self, browser, receipt, wallet):
        sent = {
            "amount": "60.00",
            "unit": f"{wallet.unit.estate.code} {wallet.unit.unit_number}",
            "utility": "",
            "key": "0198b1c4-0000-7000-8000-000000000001",
        }
        url = self.url("allocate", receipt)

        asked, shown = browser.get(url), browser.post(url, sent)
        assert "100.00" in asked.content.decode()
        assert "For any utility" in shown.content.decode()
        assert not Transaction.objects.exists()
        first, again = (browser.post(url, {**sent, "_confirm": ""}) for _ in range(2))

        assert (first.status_code, again.status_code) == (302, 302)
        assert Transaction.objects.get().amount == Decimal("60.00")
        assert "40.00" in browser.get(self.url("change", receipt)).content.decode()

    @pytest.mark.parametrize("unit", ["X-1", "OTHER A-1", "  "])
    def test_says_what_home_it_does_not_know(self, unit, browser, receipt):
        sent = {"amount": "1.00", "unit": unit, "key": "0198b1c4-0000-7000-8000-000000000001"}

        answer = browser.post(self.url("allocate", receipt), {**sent, "_confirm": ""})

        assert answer.status_code == 200
        assert not Transaction.objects.exists()

    def test_gives_back(self, browser, receipt):
        assert browser.get(self.url("give_back", receipt)).status_code == 200
        answer = browser.post(self.url("give_back", receipt), {"reason": "By mistake"})

        assert answer.status_code == 302
        assert suspense.left(receipt) == 0
        assert browser.get(self.url("allocate", receipt)).status_code == 403

    def test_records(self, browser, wallet):
        url = reverse("admin:wallets_suspensereceipt_add")
        sent = {
            "amount": "12.00",
            "payment_method": "cash",
            "reference": "",
            "external_key": "till 9",
            "received_at_0": "2026-07-15",
            "received_at_1": "12:00",
        }

        assert browser.post(url, sent).status_code == 200
        assert not SuspenseReceipt.objects.exists()
        answer = browser.post(url, {**sent, "estate": wallet.unit.estate_id})

        assert answer.status_code == 302
        assert SuspenseReceipt.objects.get().recorded_by is not None

    def test_hides_the_money_of_others(self, receipt):
        stranger = DjangoClient()
        stranger.force_login(
            UserFactory.create(role=roles.BILLING_ADMIN), backend="accounts.backends.RoleBackend"
        )
        for name in ("change", "allocate", "give_back"):
            assert stranger.get(self.url(name, receipt)).status_code == 404
