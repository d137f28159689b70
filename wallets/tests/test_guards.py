"""The database itself refuses money that does not move by postings."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from quantify.ids import uuid7
from units.tests.factories import UnitFactory
from wallets import ledger, purchases
from wallets.models import Account, Posting, Transaction, Wallet
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up

pytestmark = pytest.mark.django_db

FIFTY = Decimal("50.00")


def make_transaction(wallet: Wallet, **fields: object) -> Transaction:
    """A top-up of R50 written past the ledger, the first of its wallet unless told otherwise."""
    usual = {
        "sequence": 1,
        "balance_before": Decimal("0.00"),
        "balance_after": FIFTY,
        "arrears_after": Decimal("0.00"),
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


def make_posting(made: Transaction, amount: Decimal = FIFTY, **fields: object) -> Posting:
    usual = {"line": 1, "debit": Account.CLEARING_CASH, "credit": Account.AVAILABLE}
    return Posting.objects.create(transaction=made, amount=amount, **usual | fields)


def carry_forward(wallet: Wallet, **pockets: Decimal) -> None:
    Wallet.objects.filter(pk=wallet.pk).update(sequence=F("sequence") + 1, **pockets)


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
            pytest.raises(IntegrityError, match="does not change as its postings do"),
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
    def test_without_postings_is_refused(self):
        wallet = WalletFactory.create()
        make_transaction(wallet, balance_after=Decimal("0.00"))

        with pytest.raises(IntegrityError, match="has no postings"):
            carry_forward(wallet)

    @pytest.mark.parametrize(
        "wrong",
        [
            pytest.param({"balance_after": Decimal("50.01")}, id="balance after"),
            pytest.param(
                {"balance_before": Decimal("1.00"), "balance_after": Decimal("51.00")},
                id="balance before",
            ),
            pytest.param({"arrears_after": Decimal("1.00")}, id="arrears after"),
        ],
    )
    def test_must_move_as_its_postings_do(self, wrong: dict[str, Decimal]):
        wallet = WalletFactory.create()
        make_posting(make_transaction(wallet, **wrong))

        with pytest.raises(IntegrityError, match="does not move its wallet as its postings do"):
            carry_forward(wallet, available=FIFTY)

    def test_that_its_wallet_does_not_count_is_refused_at_commit(self):
        wallet = WalletFactory.create()
        make_posting(make_transaction(wallet))

        with pytest.raises(IntegrityError, match="is not counted by its wallet"):
            connection.check_constraints()

    def test_leaves_no_number_out(self):
        wallet = WalletFactory.create()
        make_posting(make_transaction(wallet, sequence=2))

        with pytest.raises(IntegrityError, match="does not change as its postings do"):
            Wallet.objects.filter(pk=wallet.pk).update(sequence=2, available=FIFTY)

    def test_behind_its_wallet_is_refused(self):
        wallet = WalletFactory.create()
        top_up(wallet, "50.00")

        with pytest.raises(IntegrityError, match="comes after its wallet was carried forward"):
            make_transaction(wallet, sequence=0)


class TestPosting:
    def test_into_another_pocket_than_the_wallets_is_refused(self):
        wallet = WalletFactory.create()
        make_posting(make_transaction(wallet), credit=Account.SOLAR)

        with pytest.raises(IntegrityError, match="does not change as its postings do"):
            carry_forward(wallet, available=FIFTY)

    def test_added_later_is_refused(self):
        wallet = WalletFactory.create()
        made = top_up(wallet, "50.00")

        with pytest.raises(IntegrityError, match="comes after its wallet was carried forward"):
            make_posting(made, line=2)


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

        connection.check_constraints()

        wallet.refresh_from_db()
        assert (wallet.available, wallet.water) == (Decimal("30.00"), Decimal("20.00"))
