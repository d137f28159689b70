from decimal import Decimal

import pytest
from django.utils import timezone

from estates.models import Estate
from quantify.tests.crowd import at_once
from units.models import Unit
from wallets import amounts, ledger
from wallets.billing import charges
from wallets.ledger import Entry
from wallets.models import Account, Posting, Transaction, Wallet
from wallets.office import refunds
from wallets.pockets import InsufficientBalance
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up

pytestmark = pytest.mark.django_db

NO_AMOUNTS = ["0", "-1", "1.001", "NaN", "Infinity", "-Infinity", "1e30"]


def refund(wallet: Wallet, amount: str, **fields: object) -> Transaction:
    asked = {"payment_method": "eft", "reason": "Moves out", "occurred_at": NOON, "actor": None}
    posted = refunds.refund(wallet_id=wallet.pk, amount=Decimal(amount), **{**asked, **fields})
    return posted.transaction


def use(wallet: Wallet, utility: str, amount: str) -> None:
    """Let electricity or water worth an amount be consumed."""
    flow = charges.consumption_flow(charges.Utility(utility), Decimal(amount), Decimal(0))
    ledger.post(
        Entry(
            wallet_id=wallet.pk,
            kind=Transaction.Kind(f"consumption_{utility}"),
            amount=Decimal(amount),
            flow=flow,
            occurred_at=NOON,
        )
    )


class TestRefund:
    def test_leaves_by_the_clearing_account_of_the_method(self):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")

        made = refund(wallet, "60.00", payment_method="cash", reference="R-1")

        wallet.refresh_from_db()
        assert wallet.available == Decimal("40.00")
        assert (made.kind, made.amount, made.reason) == ("refund", Decimal("60.00"), "Moves out")
        assert list(made.postings.order_by("line").values_list("debit", "credit", "amount")) == [
            (Account.AVAILABLE, Account.REFUNDS, Decimal("60.00")),
            (Account.REFUNDS, Account.CLEARING_CASH, Decimal("60.00")),
        ]

    def test_is_undone_by_a_reversal(self):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")
        made = refund(wallet, "60.00")

        ledger.reverse(transaction_id=made.pk, reason="Came back", occurred_at=NOON, actor=None)

        wallet.refresh_from_db()
        assert wallet.available == Decimal("100.00")

    def test_leaves_what_is_bound_to_a_utility(self):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00", utility="electricity")

        with pytest.raises(InsufficientBalance):
            refund(wallet, "0.01")

        assert Transaction.objects.count() == 1

    def test_leaves_what_is_owed(self):
        wallet = WalletFactory.create()
        use(wallet, "electricity", "30.00")
        wallet.unit.estate.settings.debt_recovery_percent = Decimal(0)
        wallet.unit.estate.settings.save()
        top_up(wallet, "100.00")

        with pytest.raises(InsufficientBalance, match=r"R70\.00 can be refunded"):
            refund(wallet, "70.01")
        refund(wallet, "70.00")

        wallet.refresh_from_db()
        assert (wallet.available, wallet.arrears) == (Decimal("30.00"), Decimal("30.00"))

    def test_leaves_the_debt_of_water(self):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")
        ledger.reverse(
            transaction_id=top_up(wallet, "40.00", utility="water").pk,
            reason="Bounced", occurred_at=NOON, actor=None,
        )  # fmt: skip

        refund(wallet, "100.00")

        wallet.refresh_from_db()
        assert wallet.balance == Decimal("0.00")

    @pytest.mark.parametrize("amount", NO_AMOUNTS)
    def test_refuses_what_is_no_amount(self, amount: str):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")

        with pytest.raises(amounts.InvalidAmount):
            refund(wallet, amount)

        assert Transaction.objects.count() == 1

    @pytest.mark.parametrize("method", ["adjustment", "system", "cheque", ""])
    def test_refuses_other_methods(self, method: str):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")

        with pytest.raises(refunds.UnknownMethod):
            refund(wallet, "10.00", payment_method=method)

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_needs_a_reason(self, reason: str):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")

        with pytest.raises(amounts.InvalidReason):
            refund(wallet, "10.00", reason=reason)

    def test_refuses_a_suspended_wallet(self):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")
        Wallet.objects.update(is_suspended=True)

        with pytest.raises(ledger.WalletSuspended):
            refund(wallet, "10.00")

        wallet.refresh_from_db()
        assert wallet.available == Decimal("100.00")

    def test_gives_money_back_after_the_unit_was_deleted(self):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")
        Unit.objects.update(deleted_at=timezone.now())
        Estate.objects.update(deleted_at=timezone.now())

        with pytest.raises(ledger.EstateClosed):
            top_up(wallet, "10.00")
        refund(wallet, "100.00")

        wallet.refresh_from_db()
        assert wallet.balance == Decimal("0.00")

    def test_the_same_key_pays_once(self):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")

        first = refund(wallet, "60.00", idempotency_key="k", request_digest="a")
        again = refund(wallet, "60.00", idempotency_key="k", request_digest="a")

        assert first.pk == again.pk
        with pytest.raises(ledger.IdempotencyKeyReused):
            refund(wallet, "10.00", idempotency_key="k", request_digest="b")


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_parallel_refunds_pay_back_exactly_what_is_there(self):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")

        answers = at_once(lambda _: refund(wallet, "7.00"), times=40, threads=20)

        wallet.refresh_from_db()
        assert sum(isinstance(answer, Transaction) for answer in answers) == 14
        assert wallet.available == Decimal("2.00")
        assert Posting.objects.filter(credit=Account.REFUNDS).count() == 14
