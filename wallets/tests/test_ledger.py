from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Sum

from quantify.tests.crowd import at_once
from wallets import ledger, purchases
from wallets.ledger import Entry
from wallets.models import Account, Posting, Transaction, Wallet
from wallets.pockets import POCKET_ACCOUNTS, Flow, InsufficientBalance, Movement, Tap
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up

pytestmark = pytest.mark.django_db


def adjust(wallet: Wallet, amount: str) -> Entry:
    return Entry(
        wallet_id=wallet.pk,
        kind=Transaction.Kind.ADJUSTMENT,
        amount=Decimal(amount),
        flow=Flow(
            amount=Decimal(amount),
            sources=(Tap(Account.ADJUSTMENTS),),
            sinks=(Tap(Account.AVAILABLE),),
        ),
        occurred_at=NOON,
    )


def pockets_from_postings(wallet: Wallet) -> dict[str, Decimal]:
    """A wallet's pockets as its postings add up, apart from the ledger's own arithmetic."""
    sums = {}
    for account, name in POCKET_ACCOUNTS.items():
        own = Posting.objects.filter(transaction__wallet=wallet)
        credited = own.filter(credit=account).aggregate(total=Sum("amount"))["total"] or 0
        debited = own.filter(debit=account).aggregate(total=Sum("amount"))["total"] or 0
        sums[name] = Decimal(credited - debited)
    return sums


class TestPost:
    def test_moves_money_and_numbers_the_transaction(self):
        wallet = WalletFactory.create()

        first = ledger.post(adjust(wallet, "50.00")).transaction
        second = ledger.post(adjust(wallet, "7.50")).transaction

        wallet.refresh_from_db()
        assert (first.sequence, second.sequence) == (1, 2)
        assert (second.balance_before, second.balance_after) == (Decimal("50.00"), Decimal("57.50"))
        assert wallet.balance == Decimal("57.50")

    def test_the_same_key_posts_once(self):
        wallet = WalletFactory.create()

        first = top_up(wallet, "50.00", idempotency_key="k1", request_digest="a")
        again = top_up(wallet, "50.00", idempotency_key="k1", request_digest="a")

        wallet.refresh_from_db()
        assert again.pk == first.pk
        assert wallet.balance == Decimal("50.00")

    def test_the_same_key_for_another_request_is_refused(self):
        wallet = WalletFactory.create()
        top_up(wallet, "50.00", idempotency_key="k1", request_digest="a")

        with pytest.raises(ledger.IdempotencyKeyReused):
            top_up(wallet, "60.00", idempotency_key="k1", request_digest="b")

        wallet.refresh_from_db()
        assert wallet.balance == Decimal("50.00")

    def test_missing_money_changes_nothing(self):
        wallet = WalletFactory.create()
        top_up(wallet, "30.00")

        with pytest.raises(InsufficientBalance):
            purchases.purchase(
                wallet_id=wallet.pk,
                utility="electricity",
                amount=Decimal("30.01"),
                occurred_at=NOON,
                actor=None,
            )

        wallet.refresh_from_db()
        assert (wallet.available, wallet.sequence) == (Decimal("30.00"), 1)

    def test_a_suspended_wallet_takes_no_money(self):
        wallet = WalletFactory.create(is_suspended=True)

        with pytest.raises(ledger.WalletSuspended):
            top_up(wallet, "50.00")

        assert not Transaction.objects.exists()


class TestPostMany:
    def test_posts_entries_of_one_wallet_in_their_order(self):
        wallet = WalletFactory.create()
        other = WalletFactory.create()

        posted = ledger.post_many(
            [adjust(wallet, "1.00"), adjust(other, "2.00"), adjust(wallet, "3.00")]
        )

        balances = [(one.transaction.sequence, one.transaction.balance_after) for one in posted]
        assert balances == [(1, Decimal("1.00")), (1, Decimal("2.00")), (2, Decimal("4.00"))]

    def test_one_refusal_keeps_nothing(self):
        wallet = WalletFactory.create()
        refused = Entry(
            wallet_id=wallet.pk,
            kind=Transaction.Kind.ADJUSTMENT,
            amount=Decimal("-1.00"),
            flow=Flow(onward=(Movement(Account.AVAILABLE, Account.ADJUSTMENTS, Decimal("9.00")),)),
            occurred_at=NOON,
        )

        with pytest.raises(InsufficientBalance):
            ledger.post_many([adjust(wallet, "5.00"), refused])

        wallet.refresh_from_db()
        assert wallet.balance == 0
        assert not Transaction.objects.exists()


class TestReverse:
    def test_restores_the_balance(self):
        wallet = WalletFactory.create()
        original = top_up(wallet, "50.00")

        ledger.reverse(transaction_id=original.pk, reason="typo", occurred_at=NOON, actor=None)

        wallet.refresh_from_db()
        assert wallet.balance == Decimal("0.00")
        assert pockets_from_postings(wallet)["available"] == Decimal("0.00")

    def test_happens_once(self):
        wallet = WalletFactory.create()
        original = top_up(wallet, "50.00")
        ledger.reverse(transaction_id=original.pk, reason="typo", occurred_at=NOON, actor=None)

        with pytest.raises(ledger.AlreadyReversed):
            ledger.reverse(transaction_id=original.pk, reason="typo", occurred_at=NOON, actor=None)

    def test_of_spent_money_is_refused(self):
        wallet = WalletFactory.create()
        original = top_up(wallet, "50.00")
        purchases.purchase(
            wallet_id=wallet.pk,
            utility="water",
            amount=Decimal("20.00"),
            occurred_at=NOON,
            actor=None,
        )

        with pytest.raises(ledger.NotReversible):
            ledger.reverse(transaction_id=original.pk, reason="typo", occurred_at=NOON, actor=None)

        wallet.refresh_from_db()
        assert wallet.balance == Decimal("50.00")


class TestDatabase:
    @pytest.mark.parametrize(
        "statement",
        [
            pytest.param("UPDATE wallets_transaction SET amount = 1", id="update transaction"),
            pytest.param("UPDATE wallets_transaction SET amounts = '{1}'", id="update posting"),
            pytest.param("DELETE FROM wallets_transaction", id="delete"),
            pytest.param("TRUNCATE wallets_transaction CASCADE", id="truncate"),
        ],
    )
    def test_refuses_to_change_what_was_posted(self, statement: str):
        wallet = WalletFactory.create()
        top_up(wallet, "50.00")

        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            connection.cursor().execute(statement)

        assert Transaction.objects.get().amount == Decimal("50.00")

    @pytest.mark.parametrize("pocket", ["available", "electricity", "solar", "arrears"])
    def test_refuses_a_protected_pocket_below_zero(self, pocket: str):
        wallet = WalletFactory.create()

        connection.cursor().execute(
            "SET CONSTRAINTS ALL IMMEDIATE;"
            "ALTER TABLE wallets_wallet DISABLE TRIGGER by_postings_alone"
        )
        with pytest.raises(IntegrityError, match=f"wallet_{pocket}_not_negative"):
            Wallet.objects.filter(pk=wallet.pk).update(**{pocket: Decimal("-0.01")})

    def test_lets_water_fall_below_zero(self):
        wallet = WalletFactory.create()

        ledger.post(
            Entry(
                wallet_id=wallet.pk,
                kind=Transaction.Kind.CONSUMPTION_WATER,
                amount=Decimal("10.00"),
                flow=Flow(
                    amount=Decimal("10.00"),
                    sources=(Tap(Account.WATER),),
                    sinks=(Tap(Account.REVENUE_WATER),),
                ),
                occurred_at=NOON,
            )
        )

        wallet.refresh_from_db()
        assert wallet.balance == Decimal("-10.00")


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_parallel_topups_lose_nothing(self):
        wallet = WalletFactory.create()

        answers = at_once(lambda _: top_up(wallet, "10.00"), times=200, threads=20)

        wallet.refresh_from_db()
        assert all(isinstance(answer, Transaction) for answer in answers)
        assert wallet.balance == Decimal("2000.00")
        assert wallet.sequence == 200

    def test_one_key_posts_once(self):
        wallet = WalletFactory.create()

        answers = at_once(
            lambda _: top_up(wallet, "10.00", idempotency_key="k"), times=200, threads=20
        )

        wallet.refresh_from_db()
        assert len({answer.pk for answer in answers}) == 1
        assert wallet.balance == Decimal("10.00")

    def test_parallel_purchases_spend_exactly_what_is_there(self):
        wallet = WalletFactory.create()
        top_up(wallet, "100.00")

        answers = at_once(
            lambda _: purchases.purchase(
                wallet_id=wallet.pk,
                utility="electricity",
                amount=Decimal("1.00"),
                occurred_at=NOON,
                actor=None,
            ),
            times=400,
            threads=50,
        )

        wallet.refresh_from_db()
        assert sum(isinstance(answer, ledger.Posted) for answer in answers) == 100
        assert (wallet.available, wallet.electricity) == (Decimal("0.00"), Decimal("100.00"))

    def test_bulk_posting_in_opposite_orders_does_not_deadlock(self):
        wallets = [WalletFactory.create() for _ in range(6)]

        def post(number: int) -> object:
            ordered = wallets if number % 2 else wallets[::-1]
            return ledger.post_many([adjust(wallet, "1.00") for wallet in ordered])

        answers = at_once(post, times=40, threads=10)

        assert not [answer for answer in answers if isinstance(answer, Exception)]
        assert {wallet.balance for wallet in Wallet.objects.annotate(b=F("balance"))} == {
            Decimal("40.00")
        }

    def test_a_wallet_locked_too_long_is_busy(self):
        wallet = WalletFactory.create()

        with transaction.atomic():
            Wallet.objects.locked().get(pk=wallet.pk)
            (answer,) = at_once(lambda _: top_up(wallet, "10.00"), times=1, threads=1)

        assert isinstance(answer, ledger.LedgerBusy)
