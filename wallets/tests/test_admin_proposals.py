from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory
from wallets.models import AdjustmentProposal, Transaction, Wallet
from wallets.office import adjustments
from wallets.tests.factories import WalletFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def proposer() -> User:
    return UserFactory.create(role="super_admin")


@pytest.fixture
def proposal(proposer: User) -> AdjustmentProposal:
    adjustments.adjust(
        wallet_id=WalletFactory.create().pk,
        amount=Decimal("600.00"),
        reason="read wrongly",
        occurred_at=timezone.now(),
        actor=proposer,
    )
    return AdjustmentProposal.objects.get()


def decide(client: Client, proposal: AdjustmentProposal, word: str) -> int:
    url = reverse(f"admin:wallets_adjustmentproposal_{word}", args=[proposal.pk])
    return client.post(url, {"reason": "checked the meter"}).status_code


class TestDecide:
    def test_another_person_approves_and_it_is_posted_once(
        self, client: Client, proposal: AdjustmentProposal
    ):
        client.force_login(UserFactory.create(role="super_admin"))

        first, again = decide(client, proposal, "approve"), decide(client, proposal, "approve")

        assert (first, again) == (302, 403)
        assert Transaction.objects.get().kind == "adjustment"
        assert Wallet.objects.get().available == Decimal("600.00")

    def test_rejecting_posts_nothing(self, client: Client, proposal: AdjustmentProposal):
        client.force_login(UserFactory.create(role="super_admin"))

        assert decide(client, proposal, "reject") == 302

        proposal.refresh_from_db()
        assert proposal.state == AdjustmentProposal.State.REJECTED
        assert not Transaction.objects.exists()

    def test_who_proposed_it_may_not_decide(
        self, client: Client, proposal: AdjustmentProposal, proposer: User
    ):
        client.force_login(proposer)

        assert decide(client, proposal, "approve") == 403

        assert not Transaction.objects.exists()

    def test_is_hidden_from_other_estates(self, client: Client, proposal: AdjustmentProposal):
        client.force_login(UserFactory.create(role="billing_admin"))

        assert decide(client, proposal, "approve") in {403, 404}

        assert not Transaction.objects.exists()
