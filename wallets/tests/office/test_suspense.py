"""Money in suspense: recorded once, released once, never more than came in."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from quantify.tests.crowd import at_once
from wallets import amounts, ledger
from wallets.models import Account, Posting, SuspenseReceipt, SuspenseRelease, Transaction, Wallet
from wallets.office import suspense
from wallets.office.suspense import AnotherEstate, InvalidReceipt, NotEnoughLeft, ReceiptDiffers
from wallets.pockets import Flow, Movement
from wallets.proving import verification
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON
from wallets.tests.test_topups import owe

pytestmark = pytest.mark.django_db


def received(amount: str = "100.00", **fields: object) -> SuspenseReceipt:
    """Money that came in by EFT at noon."""
    fields = {
        "payment_method": "eft",
        "reference": "unit 7?",
        "external_key": "FNB-2026-07-15-0001",
        "received_at": NOON,
        "recorded_at": NOON,
        "actor": None,
        **fields,
    }
    return suspense.record(amount=Decimal(amount), **fields).receipt


def allocate(receipt: SuspenseReceipt, wallet: Wallet, amount: str, **fields: object) -> object:
    return suspense.allocate(
        receipt_id=receipt.pk,
        wallet_id=wallet.pk,
        amount=Decimal(amount),
        occurred_at=NOON,
        actor=None,
        **fields,
    )


def fresh(wallet: Wallet) -> Wallet:
    return Wallet.objects.select_related("unit").get(pk=wallet.pk)


def give_back(receipt: SuspenseReceipt, **fields: object) -> SuspenseRelease:
    return suspense.return_money(
        receipt_id=receipt.pk, reason="wrong account", returned_at=NOON, actor=None, **fields
    )


class TestRecord:
    def test_the_same_payment_twice_is_one(self):
        first, again = received(), received()

        assert again.pk == first.pk
        assert SuspenseReceipt.objects.count() == 1

    def test_each_estate_names_its_own_payments(self):
        """Nobody learns what another estate has recorded, or is kept from recording theirs."""
        ours, theirs = EstateFactory.create(), EstateFactory.create()

        receipts = {
            received(estate=ours).pk, received("70.00", estate=theirs).pk, received("80.00").pk
        }  # fmt: skip

        assert len(receipts) == 3
        assert received(estate=ours).pk in receipts
        with pytest.raises(suspense.ReceiptDiffers):
            received("99.00", estate=theirs)

    def test_another_payment_under_its_key_is_refused(self):
        received()

        with pytest.raises(ReceiptDiffers):
            received("200.00")

        assert SuspenseReceipt.objects.get().amount == Decimal("100.00")

    @pytest.mark.parametrize("amount", ["0", "-1", "1.001", "NaN"])
    def test_refuses_what_is_no_amount(self, amount: str):
        with pytest.raises(amounts.InvalidAmount):
            received(amount)

        assert not SuspenseReceipt.objects.exists()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"external_key": " "},
            {"payment_method": "adjustment"},
            {"received_at": NOON + timedelta(seconds=1)},
        ],
    )
    def test_refuses_what_cannot_be(self, wrong: dict[str, object]):
        with pytest.raises(InvalidReceipt):
            received(**wrong)

    @pytest.mark.parametrize("statement", ["UPDATE {} SET amount = 1", "DELETE FROM {}"])
    @pytest.mark.parametrize("table", ["suspensereceipt", "suspenserelease"])
    def test_is_append_only(self, statement: str, table: str):
        allocate(received(), WalletFactory.create(), "10.00")

        with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
            cursor.execute(statement.format(f"wallets_{table}"))


class TestAllocate:
    def test_divides_like_a_topup_from_suspense(self):
        wallet, receipt = WalletFactory.create(), received()
        owe(wallet, water="30.00", arrears="20.00")

        made = allocate(receipt, wallet, "80.00").transaction

        wallet.refresh_from_db()
        assert (wallet.water, wallet.arrears, wallet.available) == (0, 0, Decimal("30.00"))
        assert (made.kind, made.payment_method, made.reference) == ("topup", "eft", "unit 7?")
        assert {one.debit for one in made.postings.all()} == {Account.SUSPENSE}
        assert suspense.left(receipt) == Decimal("20.00")

    def test_previews_what_it_would_do(self):
        wallet, receipt = WalletFactory.create(), received()
        owe(wallet, water="30.00", arrears="0.01")

        parts = suspense.preview(receipt=receipt, wallet=fresh(wallet), amount=Decimal(60))

        assert [(one.account, one.amount) for one in parts] == [
            (Account.WATER, Decimal("30.00")),
            (Account.ARREARS, Decimal("0.01")),
            (Account.AVAILABLE, Decimal("29.99")),
        ]
        assert suspense.left(receipt) == Decimal("100.00")

    def test_the_same_key_allocates_once_even_when_nothing_is_left(self):
        wallet, receipt = WalletFactory.create(), received()

        first = allocate(receipt, wallet, "100.00", idempotency_key="k", request_digest="a")
        again = allocate(receipt, wallet, "100.00", idempotency_key="k", request_digest="a")

        assert (again.transaction, again.replayed) == (first.transaction, True)
        assert SuspenseRelease.objects.count() == 1
        with pytest.raises(ledger.IdempotencyKeyReused):
            allocate(receipt, wallet, "50.00", idempotency_key="k", request_digest="b")

    def test_refuses_more_than_is_left(self):
        wallet, receipt = WalletFactory.create(), received()
        allocate(receipt, wallet, "60.00")

        with pytest.raises(NotEnoughLeft, match=r"R40\.00 is left"):
            allocate(receipt, wallet, "40.01")

        assert Transaction.objects.count() == 1

    def test_takes_amounts_below_the_smallest_topup(self):
        wallet = WalletFactory.create()

        allocate(received("3.00"), wallet, "3.00")

        assert fresh(wallet).available == Decimal("3.00")

    def test_refuses_a_wallet_of_another_estate(self):
        wallet, other = WalletFactory.create(), WalletFactory.create()

        with pytest.raises(AnotherEstate):
            allocate(received(estate=other.unit.estate), wallet, "10.00")

        assert not Transaction.objects.exists()

    def test_a_suspended_wallet_takes_nothing(self):
        wallet, receipt = WalletFactory.create(is_suspended=True), received()

        with pytest.raises(ledger.WalletSuspended):
            allocate(receipt, wallet, "10.00")

        assert suspense.left(receipt) == Decimal("100.00")

    def test_a_reversal_puts_the_money_back(self):
        wallet, receipt = WalletFactory.create(), received()
        made = allocate(receipt, wallet, "100.00").transaction

        ledger.reverse(transaction_id=made.pk, reason="wrong unit", occurred_at=NOON, actor=None)

        assert suspense.left(receipt) == Decimal("100.00")
        right = WalletFactory.create(unit__estate=wallet.unit.estate)
        allocate(receipt, right, "100.00")
        assert (suspense.left(receipt), fresh(right).available) == (0, Decimal("100.00"))
        assert verification.verify().differences == []

    def test_a_reversal_of_spent_money_puts_it_back_by_override(self):
        wallet, receipt = WalletFactory.create(), received()
        made = allocate(receipt, wallet, "100.00").transaction
        ledger.post(
            ledger.Entry(
                wallet_id=wallet.pk,
                kind=Transaction.Kind.ADJUSTMENT,
                amount=Decimal("-70.00"),
                flow=Flow(
                    onward=(Movement(Account.AVAILABLE, Account.ADJUSTMENTS, Decimal("70.00")),)
                ),
                occurred_at=NOON,
            )
        )

        ledger.reverse(
            transaction_id=made.pk, reason="bounced", occurred_at=NOON, actor=None, override=True
        )

        assert suspense.left(receipt) == Decimal("100.00")
        assert fresh(wallet).arrears == Decimal("70.00")
        assert verification.verify().differences == []


class TestReturn:
    def test_gives_back_what_is_left_once(self):
        receipt = received()
        allocate(receipt, WalletFactory.create(), "25.00")

        first = give_back(receipt, idempotency_key="k", request_digest="a")
        again = give_back(receipt, idempotency_key="k", request_digest="a")

        assert (first.amount, again.pk) == (Decimal("75.00"), first.pk)
        assert suspense.left(receipt) == 0
        with pytest.raises(NotEnoughLeft):
            give_back(receipt)

    def test_needs_a_reason(self):
        with pytest.raises(amounts.InvalidReason):
            suspense.return_money(
                receipt_id=received().pk, reason=" ", returned_at=NOON, actor=None
            )


class TestDatabase:
    def test_refuses_to_release_more_than_was_received(self):
        receipt = received()
        give_back(receipt)

        with pytest.raises(IntegrityError, match=r"R0\.00 is left"), transaction.atomic():
            SuspenseRelease.objects.create(
                receipt=receipt, amount=1, reason="more", released_at=NOON
            )

    def test_refuses_a_release_to_nobody_without_a_reason(self):
        with pytest.raises(IntegrityError), transaction.atomic():
            SuspenseRelease.objects.create(receipt=received(), amount=1, released_at=NOON)


class TestScope:
    def test_money_of_no_estate_is_for_those_who_see_all(self):
        receipt = received()
        ours = received(estate=(wallet := WalletFactory.create()).unit.estate, external_key="b")
        clerk = UserFactory.create(role="billing_admin")
        wallet.unit.estate.memberships.create(user=clerk)
        stranger = UserFactory.create(role="billing_admin")

        assert list(SuspenseReceipt.objects.visible_to(clerk)) == [ours]
        assert not SuspenseReceipt.objects.visible_to(stranger).exists()
        everything = SuspenseReceipt.objects.visible_to(UserFactory.create())
        assert set(everything) == {receipt, ours}


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_no_more_is_allocated_than_was_received(self):
        receipt = received()
        wallets = [WalletFactory.create() for _ in range(4)]

        answers = at_once(
            lambda number: allocate(receipt, wallets[number % 4], "30.00"), times=12, threads=6
        )

        done = [answer for answer in answers if isinstance(answer, ledger.Posted)]
        refused = [answer for answer in answers if isinstance(answer, NotEnoughLeft)]
        assert (len(done), len(refused)) == (3, 9)
        assert suspense.left(receipt) == Decimal("10.00")

    def test_one_key_allocates_once_from_many_threads(self):
        receipt, wallet = received(), WalletFactory.create()

        answers = at_once(
            lambda _: allocate(receipt, wallet, "30.00", idempotency_key="k", request_digest="d"),
            times=8,
            threads=8,
        )

        assert [one for one in answers if not isinstance(one, ledger.Posted)] == []
        assert sum(not one.replayed for one in answers) == 1
        assert Posting.objects.count() == 1
