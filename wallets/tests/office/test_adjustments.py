from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory
from estates.models import Estate
from quantify.tests.crowd import at_once
from wallets import amounts, ledger, topups
from wallets.ledger import Posted
from wallets.models import Account, AdjustmentProposal, Transaction, Wallet
from wallets.office import adjustments
from wallets.pockets import InsufficientBalance
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up
from wallets.tests.office.test_refunds import use

pytestmark = pytest.mark.django_db


def adjust(
    wallet: Wallet, amount: str, actor: User | None = None, **fields: object
) -> Posted | AdjustmentProposal:
    asked = {"reason": "Wrong meter", "occurred_at": NOON, **fields}
    return adjustments.adjust(
        wallet_id=wallet.pk, amount=Decimal(amount), actor=actor or UserFactory.create(), **asked
    )


def propose(wallet: Wallet, amount: str, actor: User | None = None) -> AdjustmentProposal:
    made = adjust(wallet, amount, actor)
    assert isinstance(made, AdjustmentProposal)
    return made


def approve(proposal: AdjustmentProposal, actor: User | None = None) -> AdjustmentProposal:
    return adjustments.approve(
        proposal_id=proposal.pk, decided_at=NOON, actor=actor or UserFactory.create()
    )


class TestAdjust:
    def test_gives_like_a_top_up(self):
        wallet = WalletFactory.create()
        use(wallet, "water", "20.00")
        use(wallet, "electricity", "30.00")

        posted = adjust(wallet, "100.00")

        assert isinstance(posted, Posted)
        wallet.refresh_from_db()
        assert (wallet.water, wallet.arrears) == (Decimal("0.00"), Decimal("0.00"))
        assert wallet.available == Decimal("50.00")
        lines = posted.transaction.postings.order_by("line")
        assert list(lines.values_list("debit", "credit", "amount")) == [
            (Account.ADJUSTMENTS, Account.WATER, Decimal("20.00")),
            (Account.ADJUSTMENTS, Account.ARREARS, Decimal("30.00")),
            (Account.ADJUSTMENTS, Account.AVAILABLE, Decimal("50.00")),
        ]

    def test_takes_from_what_is_available_alone(self):
        wallet = WalletFactory.create()
        top_up(wallet, "40.00")
        top_up(wallet, "60.00", utility="electricity")

        posted = adjust(wallet, "-40.00")

        assert isinstance(posted, Posted)
        assert posted.transaction.amount == Decimal("-40.00")
        with pytest.raises(InsufficientBalance):
            adjust(wallet, "-0.01")
        wallet.refresh_from_db()
        assert (wallet.available, wallet.electricity) == (Decimal("0.00"), Decimal("60.00"))

    @pytest.mark.parametrize("amount", ["0", "1.001", "NaN", "sNaN", "Infinity", "1e30", "-1e30"])
    def test_refuses_what_is_no_amount(self, amount: str):
        wallet = WalletFactory.create()

        with pytest.raises(amounts.InvalidAmount):
            adjust(wallet, amount)

        assert not Transaction.objects.exists()
        assert not AdjustmentProposal.objects.exists()

    def test_needs_a_reason(self):
        with pytest.raises(amounts.InvalidReason):
            adjust(WalletFactory.create(), "10.00", reason=" ")

    @pytest.mark.parametrize("amount", ["10.00", "900.00"])
    def test_refuses_suspended_wallets_and_deleted_estates(self, amount: str):
        wallet = WalletFactory.create(is_suspended=True)
        with pytest.raises(ledger.WalletSuspended):
            adjust(wallet, amount)

        Wallet.objects.update(is_suspended=False)
        Estate.objects.update(deleted_at=timezone.now())
        with pytest.raises(ledger.EstateClosed):
            adjust(wallet, amount)

        assert not Transaction.objects.exists()
        assert not AdjustmentProposal.objects.exists()

    def test_the_same_key_answers_the_same(self):
        wallet, actor = WalletFactory.create(), UserFactory.create()
        key = {"idempotency_key": "k", "request_digest": "a"}
        first = adjust(wallet, "900.00", actor, **key)

        assert adjust(wallet, "900.00", actor, **key) == first
        with pytest.raises(ledger.IdempotencyKeyReused):
            adjust(wallet, "10.00", actor, idempotency_key="k", request_digest="b")
        adjust(wallet, "10.00", actor, idempotency_key="l", request_digest="a")
        with pytest.raises(ledger.IdempotencyKeyReused):
            adjust(wallet, "900.00", actor, idempotency_key="l", request_digest="b")
        assert (AdjustmentProposal.objects.count(), Transaction.objects.count()) == (1, 1)


class TestLimit:
    @pytest.mark.parametrize("amount", ["500.01", "-500.01"])
    def test_is_what_one_person_may_adjust(self, amount: str):
        wallet = WalletFactory.create()
        top_up(wallet, "1000.00")

        assert isinstance(adjust(wallet, amount), AdjustmentProposal)
        assert isinstance(adjust(wallet, "-500.00"), Posted)

        wallet.refresh_from_db()
        assert wallet.available == Decimal("500.00")

    def test_is_the_estates(self):
        wallet = WalletFactory.create()
        wallet.unit.estate.settings.adjustment_limit = Decimal(0)
        wallet.unit.estate.settings.save()

        assert isinstance(adjust(wallet, "0.01"), AdjustmentProposal)

    def test_is_not_passed_by_a_top_up(self):
        wallet = WalletFactory.create()

        with pytest.raises(topups.AboveLimit):
            top_up(wallet, "500.01", payment_method="adjustment")

        assert not Transaction.objects.exists()


class TestApprove:
    def test_posts_what_was_proposed(self):
        wallet = WalletFactory.create()
        proposer, second = UserFactory.create(), UserFactory.create()
        proposal = propose(wallet, "900.00", proposer)

        approved = approve(proposal, second)

        wallet.refresh_from_db()
        assert wallet.available == Decimal("900.00")
        made = approved.transaction
        assert made is not None
        assert (approved.state, approved.decided_by, made.actor) == ("approved", second, second)
        assert made.metadata == {"proposal": str(proposal.pk), "proposed_by": proposer.username}
        assert made.reason == "Wrong meter"

    def test_is_for_another_person(self):
        wallet, proposer = WalletFactory.create(), UserFactory.create()
        proposal = propose(wallet, "900.00", proposer)

        for decide in (adjustments.approve, adjustments.reject):
            with pytest.raises(adjustments.OwnProposal):
                decide(proposal_id=proposal.pk, decided_at=NOON, actor=proposer)

        assert not Transaction.objects.exists()

    def test_by_the_same_person_is_refused_by_the_database(self):
        proposal = propose(WalletFactory.create(), "900.00")

        with pytest.raises(IntegrityError, match="proposal_decided_by_another_person"):
            AdjustmentProposal.objects.filter(pk=proposal.pk).update(
                state="rejected", decided_by=proposal.proposed_by_id, decided_at=NOON
            )

    def test_happens_once(self):
        wallet = WalletFactory.create()
        proposal = propose(wallet, "900.00")
        approve(proposal)

        for decide in (adjustments.approve, adjustments.reject):
            with pytest.raises(adjustments.ProposalDecided):
                decide(proposal_id=proposal.pk, decided_at=NOON, actor=UserFactory.create())

        assert Transaction.objects.count() == 1

    def test_leaves_the_proposal_open_if_the_money_is_gone(self):
        proposal = propose(WalletFactory.create(), "-900.00")

        with pytest.raises(InsufficientBalance):
            approve(proposal)

        proposal.refresh_from_db()
        assert (proposal.state, proposal.decided_by) == ("proposed", None)

    def test_refuses_a_wallet_suspended_since(self):
        proposal = propose(WalletFactory.create(), "900.00")
        Wallet.objects.update(is_suspended=True)

        with pytest.raises(ledger.WalletSuspended):
            approve(proposal)

        proposal.refresh_from_db()
        assert proposal.state == "proposed"


class TestReject:
    def test_moves_nothing(self):
        proposal = propose(WalletFactory.create(), "900.00")

        rejected = adjustments.reject(
            proposal_id=proposal.pk, note="No proof", decided_at=NOON, actor=UserFactory.create()
        )

        assert (rejected.state, rejected.note) == ("rejected", "No proof")
        assert not Transaction.objects.exists()


class TestWithdraw:
    def test_is_for_who_proposed(self):
        proposer = UserFactory.create()
        proposal = propose(WalletFactory.create(), "900.00", proposer)

        with pytest.raises(adjustments.NotOwnProposal):
            adjustments.withdraw(
                proposal_id=proposal.pk, decided_at=NOON, actor=UserFactory.create()
            )
        taken_back = adjustments.withdraw(proposal_id=proposal.pk, decided_at=NOON, actor=proposer)

        assert (taken_back.state, taken_back.decided_by) == ("withdrawn", None)
        with pytest.raises(adjustments.ProposalDecided):
            approve(proposal)


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_approvals_at_once_post_once(self):
        wallet = WalletFactory.create()
        proposal = propose(wallet, "900.00")
        people = [UserFactory.create() for _ in range(8)]

        answers = at_once(lambda n: approve(proposal, people[n]), times=8, threads=8)

        wallet.refresh_from_db()
        assert sum(isinstance(answer, AdjustmentProposal) for answer in answers) == 1
        assert sum(isinstance(answer, adjustments.ProposalDecided) for answer in answers) == 7
        assert wallet.available == Decimal("900.00")
        assert Transaction.objects.count() == 1

    def test_the_same_key_at_once_proposes_once(self):
        wallet, actor = WalletFactory.create(), UserFactory.create()

        answers = at_once(
            lambda _: adjust(wallet, "900.00", actor, idempotency_key="k"), times=8, threads=8
        )

        assert not [answer for answer in answers if isinstance(answer, Exception)]
        assert AdjustmentProposal.objects.count() == 1
