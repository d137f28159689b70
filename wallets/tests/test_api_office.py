"""Refunds, adjustments, service charges and overridden reversals over the API."""

from decimal import Decimal

import pytest

from accounts import roles
from accounts.models import User
from accounts.tests.factories import RoleFactory, UserFactory
from quantify.tests.client import Client
from wallets.models import AdjustmentProposal, Transaction, Wallet
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import top_up

pytestmark = pytest.mark.django_db

BODIES = {
    "refund": {"amount": "40.00", "payment_method": "eft", "reason": "Moves out"},
    "adjust": {"amount": "40.00", "reason": "Wrong meter"},
    "service-charge": {"amount": "40.00", "reason": "Reconnection"},
}
KINDS = sorted(BODIES)


@pytest.fixture
def wallet() -> Wallet:
    wallet = WalletFactory.create()
    top_up(wallet, "100.00")
    return wallet


def member(wallet: Wallet, role: object = roles.BILLING_ADMIN) -> User:
    user: User = UserFactory.create(role=role)
    wallet.unit.estate.memberships.create(user=user)
    return user


@pytest.fixture
def client(wallet: Wallet) -> Client:
    return Client(member(wallet))


def path(wallet: Wallet, kind: str) -> str:
    return f"/wallets/{wallet.pk}/{kind}"


class TestMoney:
    @pytest.mark.parametrize(
        ("kind", "balance"),
        [("refund", "60.00"), ("adjust", "140.00"), ("service-charge", "60.00")],
    )
    def test_is_moved_with_a_reason(self, kind, balance, client, wallet):
        answer = client.post(path(wallet, kind), BODIES[kind])

        assert answer.status_code == 201
        data = answer.json()["data"]
        assert data["balance"] == balance
        assert data["transaction"]["reason"] == BODIES[kind]["reason"]

    @pytest.mark.parametrize("kind", KINDS)
    def test_is_moved_once_for_one_key(self, kind, client, wallet):
        first = client.post(path(wallet, kind), BODIES[kind], HTTP_IDEMPOTENCY_KEY="k")
        again = client.post(path(wallet, kind), BODIES[kind], HTTP_IDEMPOTENCY_KEY="k")
        other = client.post(
            path(wallet, kind), {**BODIES[kind], "amount": "41.00"}, HTTP_IDEMPOTENCY_KEY="k"
        )

        assert again.json() == first.json()
        assert again["Idempotent-Replayed"] == "true"
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
        assert Transaction.objects.count() == 2

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("role", [roles.PROPERTY_MANAGER, roles.VIEWER, roles.RESIDENT])
    def test_depends_on_the_role(self, kind, role, wallet):
        client = Client(member(wallet, role))

        assert client.post(path(wallet, kind), BODIES[kind]).status_code == 403
        assert Transaction.objects.count() == 1


class TestProposals:
    @pytest.fixture
    def proposer(self, wallet):
        return Client(member(wallet))

    @pytest.fixture
    def proposal(self, proposer, wallet):
        answer = proposer.post(path(wallet, "adjust"), {"amount": "900.00", "reason": "Fault"})
        assert answer.status_code == 202
        data = answer.json()["data"]["proposal"]
        assert answer["Location"] == f"/api/v1/adjustments/{data['id']}"
        return f"/adjustments/{data['id']}"

    def test_wait_for_a_second_person(self, proposal, proposer, client, wallet):
        assert Transaction.objects.count() == 1
        own = proposer.post(f"{proposal}/approve", {})
        assert (own.status_code, own.json()["code"]) == (403, "own_proposal")

        answer = client.post(f"{proposal}/approve", {"note": "Seen the invoice"})

        assert answer.status_code == 200
        data = answer.json()["data"]
        assert (data["state"], data["note"]) == ("approved", "Seen the invoice")
        wallet.refresh_from_db()
        assert wallet.balance == Decimal("1000.00")
        again = client.post(f"{proposal}/approve", {})
        assert (again.status_code, again.json()["code"]) == (409, "proposal_decided")

    def test_are_rejected(self, proposal, client):
        assert client.post(f"{proposal}/reject", {"note": "No"}).json()["data"]["state"] == (
            "rejected"
        )
        assert Transaction.objects.count() == 1

    def test_are_withdrawn_by_who_proposed(self, proposal, proposer, client):
        other = client.post(f"{proposal}/withdraw")
        assert (other.status_code, other.json()["code"]) == (403, "not_own_proposal")

        assert proposer.post(f"{proposal}/withdraw").json()["data"]["state"] == "withdrawn"

    def test_are_listed_within_the_estates_of_the_person(
        self, proposal, client, wallet, django_assert_max_num_queries
    ):
        viewer = Client(member(wallet, roles.VIEWER))
        viewer.get("/adjustments")
        with django_assert_max_num_queries(5):
            listed = viewer.get("/adjustments?state=proposed").json()["data"]

        assert [one["amount"] for one in listed] == ["900.00"]
        assert viewer.get("/adjustments?q=fault").json()["total"] == 1
        assert viewer.get("/adjustments?q=leak").json()["total"] == 0
        assert viewer.post(f"{proposal}/approve", {}).status_code == 403
        stranger = Client(UserFactory.create(role=roles.BILLING_ADMIN))
        assert stranger.get("/adjustments").json()["data"] == []
        for verb in ("approve", "reject", "withdraw"):
            assert stranger.post(f"{proposal}/{verb}", {}).status_code == 404
        assert AdjustmentProposal.objects.get().state == "proposed"


class TestOverride:
    def test_is_for_those_who_may(self, client, wallet):
        made = Transaction.objects.get()
        client.post(path(wallet, "service-charge"), BODIES["service-charge"])
        body = {"reason": "Bounced", "override": True}
        own = RoleFactory.create(
            permissions=["wallets.reverse_transaction", "wallets.override_reversal"]
        )

        refused = client.post(f"/transactions/{made.pk}/reverse", body)
        assert refused.status_code == 403
        plain = client.post(f"/transactions/{made.pk}/reverse", {"reason": "Bounced"})
        assert plain.json()["code"] == "not_reversible"
        answer = Client(member(wallet, own)).post(f"/transactions/{made.pk}/reverse", body)

        assert answer.status_code == 201
        wallet.refresh_from_db()
        assert (wallet.available, wallet.arrears) == (Decimal("0.00"), Decimal("40.00"))
