from decimal import Decimal

import pytest
from django.utils import timezone

from units.models import Unit
from wallets import amounts, ledger
from wallets.models import Account, Transaction, Wallet
from wallets.office import service_charges
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up
from wallets.tests.office.test_refunds import NO_AMOUNTS

pytestmark = pytest.mark.django_db


def charge(wallet: Wallet, amount: str, **fields: object) -> Transaction:
    asked = {"reason": "Reconnection", "occurred_at": NOON, "actor": None}
    posted = service_charges.charge(
        wallet_id=wallet.pk, amount=Decimal(amount), **{**asked, **fields}
    )
    return posted.transaction


def postings(made: Transaction) -> list[tuple[int, int, Decimal]]:
    return list(made.postings.order_by("line").values_list("debit", "credit", "amount"))


class TestCharge:
    def test_takes_what_is_available_and_hands_the_vat_within_on(self):
        wallet = WalletFactory.create()
        top_up(wallet, "200.00")

        made = charge(wallet, "115.00")

        wallet.refresh_from_db()
        assert wallet.available == Decimal("85.00")
        assert postings(made) == [
            (Account.AVAILABLE, Account.SERVICE_CHARGES, Decimal("115.00")),
            (Account.SERVICE_CHARGES, Account.VAT_OUTPUT, Decimal("15.00")),
        ]

    def test_has_no_vat_where_the_estate_is_not_registered(self):
        wallet = WalletFactory.create()
        wallet.unit.estate.settings.vat_registered = False
        wallet.unit.estate.settings.save()
        top_up(wallet, "200.00")

        assert postings(charge(wallet, "115.00")) == [
            (Account.AVAILABLE, Account.SERVICE_CHARGES, Decimal("115.00"))
        ]

    def test_makes_arrears_of_what_is_not_there(self):
        wallet = WalletFactory.create()
        top_up(wallet, "30.00")
        top_up(wallet, "20.00", utility="water")

        charge(wallet, "46.00")

        wallet.refresh_from_db()
        assert (wallet.available, wallet.arrears) == (Decimal("0.00"), Decimal("16.00"))
        assert wallet.water == Decimal("20.00")

    def test_is_undone_by_a_reversal(self):
        wallet = WalletFactory.create()
        top_up(wallet, "30.00")
        made = charge(wallet, "46.00")

        ledger.reverse(transaction_id=made.pk, reason="Waived", occurred_at=NOON, actor=None)

        wallet.refresh_from_db()
        assert (wallet.available, wallet.arrears) == (Decimal("30.00"), Decimal("0.00"))

    @pytest.mark.parametrize("amount", NO_AMOUNTS)
    def test_refuses_what_is_no_amount(self, amount: str):
        wallet = WalletFactory.create()

        with pytest.raises(amounts.InvalidAmount):
            charge(wallet, amount)

        assert not Transaction.objects.exists()

    def test_needs_a_reason(self):
        with pytest.raises(amounts.InvalidReason):
            charge(WalletFactory.create(), "10.00", reason=" ")

    def test_refuses_suspended_wallets_and_deleted_units(self):
        wallet = WalletFactory.create(is_suspended=True)
        with pytest.raises(ledger.WalletSuspended):
            charge(wallet, "10.00")

        Wallet.objects.update(is_suspended=False)
        Unit.objects.update(deleted_at=timezone.now())
        with pytest.raises(ledger.EstateClosed):
            charge(wallet, "10.00")

        assert not Transaction.objects.exists()
