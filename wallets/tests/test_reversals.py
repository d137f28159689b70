"""Reversals of money that was spent, by those who may override."""

from decimal import Decimal

import pytest

from accounts import roles
from wallets import ledger, purchases
from wallets.models import Account, Transaction, Wallet
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up
from wallets.tests.office.test_refunds import use

pytestmark = pytest.mark.django_db


def override(made: Transaction) -> Transaction:
    return ledger.reverse(
        transaction_id=made.pk, reason="Bounced", occurred_at=NOON, actor=None, override=True
    ).transaction


def pockets(wallet: Wallet) -> dict[str, Decimal]:
    wallet.refresh_from_db()
    names = ("available", "electricity", "water", "solar", "arrears")
    return {name: value for name in names if (value := getattr(wallet, name))}


class TestOverride:
    def test_makes_arrears_of_what_was_spent(self):
        wallet = WalletFactory.create()
        made = top_up(wallet, "100.00", utility="electricity")
        use(wallet, "electricity", "80.00")

        with pytest.raises(ledger.NotReversible):
            ledger.reverse(transaction_id=made.pk, reason="x", occurred_at=NOON, actor=None)
        reversal = override(made)

        assert pockets(wallet) == {"arrears": Decimal("80.00")}
        assert reversal.reason == "Bounced"
        assert reversal.metadata == {"override": True}
        assert set(reversal.postings.values_list("debit", "credit", "amount")) == {
            (Account.ELECTRICITY, Account.CLEARING_CASH, Decimal("20.00")),
            (Account.ARREARS, Account.CLEARING_CASH, Decimal("80.00")),
        }

    def test_takes_what_is_available_before_it_makes_arrears(self):
        wallet = WalletFactory.create()
        made = top_up(wallet, "100.00", utility="electricity")
        use(wallet, "electricity", "80.00")
        top_up(wallet, "50.00")

        override(made)

        assert pockets(wallet) == {"arrears": Decimal("30.00")}

    def test_leaves_what_is_bound_to_another_utility(self):
        wallet = WalletFactory.create()
        made = top_up(wallet, "100.00")
        purchases.purchase(
            wallet_id=wallet.pk, utility="water", amount=Decimal(60), occurred_at=NOON, actor=None
        )

        override(made)

        assert pockets(wallet) == {"water": Decimal("60.00"), "arrears": Decimal("60.00")}

    def test_gives_back_arrears_that_were_paid_since(self):
        wallet = WalletFactory.create()
        use(wallet, "electricity", "30.00")
        charge = Transaction.objects.get()
        top_up(wallet, "20.00")

        override(charge)

        assert pockets(wallet) == {"available": Decimal("20.00")}

    def test_is_not_for_moves_between_pockets(self):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")
        made = purchases.purchase(
            wallet_id=wallet.pk,
            utility="electricity",
            amount=Decimal(60),
            occurred_at=NOON,
            actor=None,
        ).transaction
        use(wallet, "electricity", "50.00")

        with pytest.raises(ledger.NotReversible):
            override(made)

        assert Transaction.objects.filter(kind="reversal").count() == 0

    def test_is_once(self):
        made = top_up(WalletFactory.create(), "100.00")
        override(made)

        with pytest.raises(ledger.AlreadyReversed):
            override(made)

    def test_is_in_no_built_in_role(self):
        for name, (_, permissions) in roles.BUILT_IN.items():
            assert "wallets.override_reversal" not in permissions, name
