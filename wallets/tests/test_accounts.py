"""The accounts of an estate: kept days and open days together are what was recorded."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from threading import Event, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F, Sum
from django.test import Client as DjangoClient
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.models import Estate
from quantify.periods import SOUTH_AFRICA, local_day, midnight
from quantify.tests.client import Client
from wallets import accounts, ledger
from wallets.models import Account, AccountBook, AccountDay, Posting, Transaction, Wallet
from wallets.office import refunds, suspense
from wallets.proving import verification
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up
from wallets.tests.office.test_suspense import received

pytestmark = pytest.mark.django_db

JULY = date(2026, 7, 1)


def recorded(at: datetime, made: Transaction) -> None:
    """Let a transaction have been recorded at another time: the tests' clock, not the office's."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE wallets_transaction DISABLE TRIGGER append_only")
        cursor.execute(
            "UPDATE wallets_transaction SET recorded_at = %s WHERE id = %s", [at, made.pk]
        )
        cursor.execute("ALTER TABLE wallets_transaction ENABLE TRIGGER append_only")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.fixture
def wallet() -> Wallet:
    """A wallet with a top-up on each of three days, the last at the end of the second hour."""
    wallet: Wallet = WalletFactory.create()
    for day, amount in ((1, "100.00"), (2, "30.00"), (3, "17.00")):
        recorded(midnight(date(2026, 7, day)) + timedelta(hours=2), top_up(wallet, amount))
    return wallet


@pytest.fixture
def estate(wallet: Wallet) -> Estate:
    found: Estate = wallet.unit.estate
    return found


def close(day: int) -> None:
    """Close as the night run of a day in July does."""
    accounts.close(now=midnight(date(2026, 7, day)) + timedelta(hours=2, minutes=30))


def from_scratch(estate: Estate) -> dict[int, tuple[Decimal, Decimal]]:
    """Every account's sums straight from the postings."""
    postings = Posting.objects.filter(transaction__estate=estate)
    sums: dict[int, list[Decimal]] = {}
    for place, side in enumerate(("debit", "credit")):
        for account, amount in postings.values_list(side).annotate(Sum("amount")):
            sums.setdefault(account, [Decimal(0), Decimal(0)])[place] += amount
    return {account: (debit, credit) for account, (debit, credit) in sums.items()}


class TestClose:
    def test_sums_each_day_that_is_over_once(self, estate: Estate):
        close(3)
        close(3)

        kept = AccountDay.objects.filter(estate=estate, account=Account.AVAILABLE)
        assert list(kept.order_by("day").values_list("day", "debit", "credit")) == [
            (date(2026, 7, 1), 0, Decimal("100.00")),
            (date(2026, 7, 2), 0, Decimal("30.00")),
        ]
        assert AccountBook.objects.get(estate=estate).closed_to == date(2026, 7, 3)

    def test_leaves_a_day_open_until_its_margin_has_passed(self, estate: Estate):
        accounts.close(now=midnight(date(2026, 7, 3)) + timedelta(minutes=59))
        assert AccountBook.objects.get(estate=estate).closed_to == date(2026, 7, 2)

        accounts.close(now=midnight(date(2026, 7, 3)) + timedelta(minutes=60))
        assert AccountBook.objects.get(estate=estate).closed_to == date(2026, 7, 3)

    @pytest.mark.parametrize("closed", [None, 1, 2, 3, 4, 9])
    def test_kept_and_open_days_are_what_was_recorded(self, closed: int | None, estate: Estate):
        if closed:
            close(closed)
            close(closed)

        made = accounts.trial_balance(estate, JULY, date(2026, 7, 31))

        assert {row.account: (row.debit, row.credit) for row in made.rows} == from_scratch(estate)
        assert verification.verify().differences == []

    def test_counts_what_a_later_day_adds(self, estate: Estate, wallet: Wallet):
        close(3)
        recorded(midnight(date(2026, 7, 5)), top_up(wallet, "11.00"))
        close(6)

        made = accounts.trial_balance(estate, JULY, date(2026, 7, 31))

        assert {row.account: (row.debit, row.credit) for row in made.rows} == from_scratch(estate)
        assert verification.verify().differences == []

    def test_sums_again_for_an_estate_that_moved_to_another_zone(self, estate: Estate):
        close(9)
        Estate.objects.filter(pk=estate.pk).update(time_zone="Pacific/Auckland")
        estate.refresh_from_db()
        before = accounts.balance(estate, Account.AVAILABLE, midnight(date(2026, 7, 8)))

        close(9)

        assert before == Decimal("147.00")
        assert accounts.balance(estate, Account.AVAILABLE, midnight(date(2026, 7, 8))) == before
        assert verification.verify().differences == []


class TestBalance:
    @pytest.mark.parametrize("closed", [None, 2, 9])
    @pytest.mark.parametrize(
        ("at", "held"),
        [
            (midnight(date(2026, 7, 1)), "0.00"),
            (midnight(date(2026, 7, 1)) + timedelta(hours=3), "100.00"),
            (midnight(date(2026, 7, 2)) + timedelta(hours=2), "100.00"),
            (midnight(date(2026, 7, 3)), "130.00"),
            (midnight(date(2026, 7, 30)), "147.00"),
        ],
    )
    def test_is_that_of_the_instant(self, closed, at, held, estate: Estate):
        if closed:
            close(closed)

        assert accounts.balance(estate, Account.AVAILABLE, at) == Decimal(held)
        assert accounts.balance(estate, Account.CLEARING_CASH, at) == -Decimal(held)


class TestTrialBalance:
    def test_has_equal_sides_and_wallets_against_the_rest(self, estate: Estate, wallet: Wallet):
        refunds.refund(
            wallet_id=wallet.pk,
            amount=Decimal(20),
            payment_method="eft",
            reason="moves",
            occurred_at=NOON,
            actor=None,
        )
        receipt = received("50.00", estate=estate)
        suspense.allocate(
            receipt_id=receipt.pk,
            wallet_id=wallet.pk,
            amount=Decimal(15),
            occurred_at=NOON,
            actor=None,
        )
        suspense.return_money(receipt_id=receipt.pk, reason="theirs", returned_at=NOON, actor=None)
        today = local_day(timezone.now(), SOUTH_AFRICA)

        made = accounts.trial_balance(estate, date(2026, 7, 2), today)

        assert made.debit == made.credit
        held = Wallet.objects.aggregate(sum=Sum(F("balance") - F("arrears")))["sum"]
        assert made.in_wallets == held == Decimal("142.00")
        assert sum(row.closing for row in made.rows) == 0
        rows = {row.account: row for row in made.rows}
        assert rows[Account.AVAILABLE].opening == Decimal("100.00")
        assert (rows[Account.SUSPENSE].debit, rows[Account.SUSPENSE].credit) == (50, 50)
        # 50 came in; 35 of them and the refund of 20 went out.
        assert rows[Account.CLEARING_EFT].closing == Decimal("5.00")

    def test_knows_one_estate_from_another(self, estate: Estate):
        other = WalletFactory.create()
        top_up(other, "15.00")

        made = accounts.trial_balance(other.unit.estate, JULY, local_day(timezone.now()))

        assert made.debit == Decimal("15.00")


@pytest.mark.django_db(transaction=True)
class TestLateCommit:
    @pytest.fixture
    def held_open(self) -> Iterator[tuple[Wallet, Event, Thread]]:
        """A top-up that was posted and is not committed yet."""
        wallet, posted, go = WalletFactory.create(), Event(), Event()

        def pay() -> None:
            with transaction.atomic():
                top_up(wallet, "19.00")
                posted.set()
                go.wait(30)
            connection.close()

        thread = Thread(target=pay)
        thread.start()
        assert posted.wait(30)
        yield wallet, go, thread
        go.set()
        thread.join()

    def test_around_midnight_is_not_lost(self, held_open: tuple[Wallet, Event, Thread]):
        wallet, go, thread = held_open
        estate = wallet.unit.estate
        today = local_day(timezone.now(), estate.zone)
        tomorrow = midnight(today + timedelta(days=1), estate.zone) + timedelta(hours=3)

        accounts.close(now=tomorrow)
        assert AccountBook.objects.get(estate=estate).closed_to == today
        go.set()
        thread.join()
        assert accounts.balance(estate, Account.AVAILABLE, tomorrow) == Decimal("19.00")
        accounts.close(now=tomorrow)

        assert AccountBook.objects.get(estate=estate).closed_to == today + timedelta(days=1)
        assert accounts.balance(estate, Account.AVAILABLE, tomorrow) == Decimal("19.00")
        assert verification.verify().differences == []


class TestCommand:
    def test_prints_every_account(self, estate: Estate):
        out = StringIO()

        call_command(
            "trial_balance", "--estate", estate.code, "--from", "2026-07-01", "--to",
            "2026-07-31", stdout=out,
        )  # fmt: skip

        assert "Clearing: cash" in out.getvalue()
        assert out.getvalue().count("147.00") == 7

    def test_says_what_it_does_not_know(self):
        with pytest.raises(CommandError, match="no estate"):
            call_command("trial_balance", "--estate", "NONE")


class TestPages:
    def test_answer_the_same_over_the_api_and_in_the_portal(self, estate: Estate):
        close(3)
        viewer = UserFactory.create(role=roles.VIEWER)
        estate.memberships.create(user=viewer)
        data = (
            Client(viewer)
            .get(f"/estates/{estate.pk}/accounts?from=2026-07-02&to=2026-07-03")
            .json()["data"]
        )
        assert (data["debit"], data["credit"], data["in_wallets"]) == ("47.00", "47.00", "147.00")
        assert {row["account"]: row["opening"] for row in data["rows"]} == {
            "available": "100.00", "clearing_cash": "-100.00",
        }  # fmt: skip

        browser = DjangoClient()
        browser.force_login(viewer, backend="accounts.backends.RoleBackend")
        book = AccountBook.objects.get(estate=estate)
        url = reverse("admin:wallets_accountbook_change", args=[book.pk])
        page = browser.get(f"{url}?first=2026-07-02&last=2026-07-03").content.decode()

        assert "Clearing: cash" in page
        assert page.count("R\u00a047.00") == 4
        assert browser.get(f"{url}?first=2026-07-04&last=2026-07-03").status_code == 200

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("?from=2026-07-03&to=2026-07-01", "invalid"),
            ("?from=x", "invalid"),
            ("?from=1899-12-31", "out_of_range"),
            ("?day=1", "unknown"),
        ],
    )
    def test_refuse_days_that_are_none(self, query: str, code: str, estate: Estate):
        client = Client(UserFactory.create())

        response = client.get(f"/estates/{estate.pk}/accounts{query}")

        assert response.status_code == 422
        assert [one["code"] for one in response.json()["errors"]] == [code]

    def test_hide_other_estates(self, estate: Estate):
        stranger = Client(UserFactory.create(role=roles.BILLING_ADMIN))

        assert stranger.get(f"/estates/{estate.pk}/accounts").status_code == 404


def test_a_reversal_is_counted_on_its_own_day(wallet: Wallet, estate: Estate):
    first = wallet.transactions.order_by("sequence").first()
    close(4)
    made = ledger.reverse(
        transaction_id=first.pk, reason="bounced", occurred_at=NOON, actor=None
    ).transaction
    recorded(midnight(date(2026, 7, 6)), made)
    close(9)

    assert accounts.balance(estate, Account.AVAILABLE, midnight(date(2026, 7, 5))) == 147
    assert accounts.balance(estate, Account.AVAILABLE, midnight(date(2026, 7, 8))) == 47
