"""The database itself refuses money that does not move by postings."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from quantify.ids import uuid7
from units.tests.factories import UnitFactory
from wallets import ledger, purchases
from wallets.models import Account, Transaction, Wallet
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up

pytestmark = pytest.mark.django_db

FIFTY = Decimal("50.00")


def write(wallet: Wallet, **fields: object) -> Transaction:
    """A top-up of R50 written past the ledger, the first of its wallet unless told otherwise."""
    usual = {
        "sequence": 1,
        "balance_before": Decimal("0.00"),
        "balance_after": FIFTY,
        "arrears_after": Decimal("0.00"),
        "debits": [Account.CLEARING_CASH],
        "credits": [Account.AVAILABLE],
        "amounts": [FIFTY],
    }
    return Transaction.objects.create(
        id=uuid7(),
        wallet=wallet,
        estate=wallet.unit.estate,
        kind="topup",
        amount=FIFTY,
        occurred_at=NOON,
        **usual | fields,
    )


class TestWallet:
    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"available": Decimal("60.00")}, id="more money"),
            pytest.param({"water": Decimal("-10.00")}, id="less money"),
            pytest.param({"arrears": Decimal("5.00")}, id="arrears"),
            pytest.param(
                {"available": Decimal("40.00"), "electricity": Decimal("10.00")},
                id="between pockets",
            ),
            pytest.param({"sequence": 2}, id="number"),
            pytest.param({"sequence": 0}, id="number back"),
        ],
    )
    def test_does_not_change_without_postings(self, change: dict[str, Decimal | int]):
        wallet = WalletFactory.create()
        top_up(wallet, "50.00")

        with (
            pytest.raises(IntegrityError, match="does not change but by its postings"),
            transaction.atomic(),
        ):
            Wallet.objects.filter(pk=wallet.pk).update(**change)

        wallet.refresh_from_db()
        assert (wallet.available, wallet.sequence) == (FIFTY, 1)

    def test_keeps_settings_apart_from_money(self):
        wallet = WalletFactory.create()

        Wallet.objects.filter(pk=wallet.pk).update(is_suspended=True)

        wallet.refresh_from_db()
        assert wallet.is_suspended

    def test_begins_empty(self):
        unit = UnitFactory.create()
        Wallet.objects.filter(unit=unit).delete()

        with pytest.raises(IntegrityError, match="does not begin empty"):
            Wallet.objects.create(unit=unit, available=FIFTY)


class TestTransaction:
    def test_moves_its_wallet(self):
        wallet = WalletFactory.create()

        write(wallet, credits=[Account.WATER])

        wallet.refresh_from_db()
        assert (wallet.sequence, wallet.available, wallet.water) == (1, 0, FIFTY)

    @pytest.mark.parametrize(
        "wrong",
        [
            pytest.param({"balance_after": Decimal("50.01")}, id="balance after"),
            pytest.param(
                {"balance_before": Decimal("1.00"), "balance_after": Decimal("51.00")},
                id="balance before",
            ),
            pytest.param({"arrears_after": Decimal("1.00")}, id="arrears after"),
            pytest.param({"sequence": 2}, id="a number left out"),
            pytest.param({"sequence": 0}, id="a number behind"),
            pytest.param(
                {"debits": [], "credits": [], "amounts": [], "balance_after": Decimal("0.00")},
                id="no postings",
            ),
            pytest.param({"amounts": [FIFTY, FIFTY]}, id="an amount without accounts"),
            pytest.param({"debits": [Account.AVAILABLE]}, id="one account on both sides"),
            pytest.param({"amounts": [-FIFTY], "balance_after": -FIFTY}, id="an amount below zero"),
        ],
    )
    def test_that_does_not_continue_its_wallet_is_refused(self, wrong: dict[str, object]):
        wallet = WalletFactory.create()

        with (
            pytest.raises(IntegrityError, match="does not continue its wallet"),
            transaction.atomic(),
        ):
            write(wallet, **wrong)

        wallet.refresh_from_db()
        assert (wallet.sequence, wallet.balance) == (0, 0)

    def test_of_a_wallet_that_is_not_there_is_refused(self):
        wallet = WalletFactory.build(unit=UnitFactory.create(), id=uuid7())

        with pytest.raises(IntegrityError, match="does not continue its wallet"):
            write(wallet)

    def test_two_of_a_wallet_in_one_statement_are_refused(self):
        wallet = WalletFactory.create()
        one = {
            "wallet": wallet, "estate": wallet.unit.estate, "kind": "topup", "amount": FIFTY,
            "occurred_at": NOON, "debits": [23], "credits": [1], "amounts": [FIFTY],
        }  # fmt: skip
        balances = ((1, Decimal(0), FIFTY), (2, FIFTY, FIFTY + FIFTY))

        with pytest.raises(IntegrityError, match="does not continue its wallet"):
            Transaction.objects.bulk_create(
                Transaction(sequence=number, balance_before=before, balance_after=after, **one)
                for number, before, after in balances
            )

    def test_keeps_its_wallet(self):
        wallet = WalletFactory.create()
        top_up(wallet, "50.00")

        with pytest.raises(IntegrityError, match="has transactions"):
            connection.cursor().execute("DELETE FROM wallets_wallet")


class TestLedger:
    def test_passes_with_several_entries_of_one_wallet_and_a_reversal(self):
        wallet = WalletFactory.create()
        made = [top_up(wallet, "50.00"), top_up(wallet, "30.00")]
        purchases.purchase(
            wallet_id=wallet.pk,
            utility="water",
            amount=Decimal("20.00"),
            occurred_at=NOON,
            actor=None,
        )
        ledger.reverse(transaction_id=made[1].pk, reason="typo", occurred_at=NOON, actor=None)

        wallet.refresh_from_db()
        assert (wallet.available, wallet.water) == (Decimal("30.00"), Decimal("20.00"))
