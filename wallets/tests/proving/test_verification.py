"""Every check is shown a fault of its own, planted past the triggers that would refuse it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.tests.factories import UserFactory
from notifications.models import Notification
from wallets import ledger, purchases, tasks
from wallets.billing import runs
from wallets.models import Transaction, Wallet
from wallets.proving import verification
from wallets.tests.billing.test_billing import metered_unit, wallet_of
from wallets.tests.factories import WalletFactory
from wallets.tests.metering import use
from wallets.tests.moments import NOON, top_up

pytestmark = pytest.mark.django_db

# What constraints would refuse stands on the ledger's tables; the test's rollback restores it.
UNGUARDED = """
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE wallets_wallet DISABLE TRIGGER USER;
ALTER TABLE wallets_transaction DISABLE TRIGGER USER;
ALTER TABLE wallets_charge DISABLE TRIGGER USER;
"""

# The transaction that a fault is planted in: the newest, or the charge.
NAMED = """
CREATE TEMPORARY TABLE last ON COMMIT DROP AS
    SELECT id FROM wallets_transaction ORDER BY number DESC LIMIT 1;
CREATE TEMPORARY TABLE charged ON COMMIT DROP AS
    SELECT id FROM wallets_transaction WHERE kind = 'consumption_electricity';
"""

POCKETS = "pockets and arrears are the sums of the postings"
EFFECT = "balances move as the postings do"
CHAIN = "each transaction begins where the one before it ended"
SEQUENCE = "transactions are numbered without holes"

FAULTS = [
    pytest.param(
        """
        INSERT INTO wallets_monthclosing (estate_id, month, closed_at, sealed_at)
        SELECT one.estate_id, bill.month, one.recorded_at, one.recorded_at - interval '1 hour'
        FROM wallets_charge AS charge JOIN wallets_bill AS bill ON bill.id = charge.bill_id
        JOIN wallets_transaction AS one ON one.id = charge.transaction_id LIMIT 1
        """,
        {"only persons charge closed months"},
        id="charge of a closed month",
    ),
    pytest.param(
        """
        INSERT INTO wallets_billdifference (wallet_id, estate_id, utility, month, bill_id, amount,
            charged, consumption_before, consumption_after, cause, found_at, state, decided_by_id,
            decided_at, reason, transaction_id)
        SELECT one.wallet_id, one.estate_id, bill.utility, bill.month, bill.id, one.amount + 1, 0,
            0, 0, 'readings', now(), 'posted', (SELECT id FROM accounts_user LIMIT 1),
            now(), 'Late', one.id
        FROM wallets_charge AS charge JOIN wallets_bill AS bill ON bill.id = charge.bill_id
        JOIN wallets_transaction AS one ON one.id = charge.transaction_id LIMIT 1
        """,
        {"posted differences are charges of their bills"},
        id="difference of another amount",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET credits[2] = debits[2] WHERE id = (TABLE charged)",
        {"postings are balanced", "charges are what their postings say"},
        id="one account on both sides",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET debits = '{}', credits = '{}', amounts = '{}'"
        " WHERE id = (TABLE last)",
        {"every transaction has postings", POCKETS, EFFECT, "reversals are equal and opposite"},
        id="postings gone",
    ),
    pytest.param("UPDATE wallets_wallet SET available = available + 1", {POCKETS}, id="pocket"),
    pytest.param("UPDATE wallets_wallet SET arrears = arrears + 1", {POCKETS}, id="arrears"),
    pytest.param(
        "UPDATE wallets_transaction SET balance_after = balance_after + 1 WHERE id = (TABLE last)",
        {EFFECT},
        id="balance after",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET balance_before = balance_before + 1,"
        " balance_after = balance_after + 1 WHERE id = (TABLE last)",
        {CHAIN},
        id="balance before",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET arrears_after = 1 WHERE id = (TABLE last)",
        {CHAIN},
        id="arrears after",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET sequence = sequence + 1 WHERE id = (TABLE last)",
        {SEQUENCE},
        id="hole",
    ),
    pytest.param("UPDATE wallets_wallet SET sequence = sequence + 1", {SEQUENCE}, id="count"),
    pytest.param(
        "UPDATE wallets_transaction SET amount = amount - 1 WHERE id = (TABLE last)",
        {"reversals are equal and opposite"},
        id="reversal of another amount",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET debits[1] = 2 WHERE id = (TABLE last)",
        {"reversals are equal and opposite", POCKETS},
        id="reversal from another pocket",
    ),
    pytest.param(
        """
        UPDATE wallets_transaction SET metadata = '{"override": true}' WHERE id = (TABLE last);
        UPDATE wallets_transaction SET debits[1] = 2 WHERE id = (TABLE last)
        """,
        {POCKETS},
        id="reversal from another pocket by override",
    ),
    pytest.param(
        "UPDATE wallets_bill SET charged = charged + 1",
        {"bills are the sums of their charges"},
        id="bill",
    ),
    pytest.param(
        "UPDATE wallets_bill SET vat = vat + 1",
        {"bills are the sums of their charges"},
        id="bill's VAT",
    ),
    pytest.param(
        "UPDATE wallets_charge SET total_after = total_after + 1",
        {"charges are what their postings say"},
        id="charge",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET amounts[2] = amounts[2] - 1 WHERE id = (TABLE charged)",
        {"charges are what their postings say"},
        id="VAT posted",
    ),
    pytest.param(
        """
        INSERT INTO wallets_suspensereceipt (amount, payment_method, reference, external_key,
            received_at) VALUES (10, 'eft', '', 'bank line', now());
        INSERT INTO wallets_suspenserelease (receipt_id, amount, reason, request_digest,
            transaction_id, released_at)
        SELECT receipt.id, 5, '', '', (TABLE charged), now()
        FROM wallets_suspensereceipt AS receipt
        """,
        {"what left suspense is what the postings took from it"},
        id="allocation that took nothing from suspense",
    ),
    pytest.param(
        """
        INSERT INTO wallets_suspensereceipt (amount, payment_method, reference, external_key,
            received_at) VALUES (10, 'eft', '', 'bank line', now());
        ALTER TABLE wallets_suspenserelease DISABLE TRIGGER USER;
        INSERT INTO wallets_suspenserelease (receipt_id, amount, reason, request_digest,
            released_at)
        SELECT receipt.id, 11, 'too much', '', now() FROM wallets_suspensereceipt AS receipt
        """,
        {"no more left suspense than was received"},
        id="more given back than received",
    ),
    pytest.param(
        """
        INSERT INTO wallets_accountbook (estate_id, closed_to, time_zone)
        SELECT estate_id, '9999-01-01', 'UTC' FROM wallets_transaction LIMIT 1
        """,
        {"closed days are the sums of what was recorded"},
        id="closed days that were never summed",
    ),
    pytest.param(
        """
        WITH home AS (
            SELECT wallet.id, wallet.unit_id, unit.estate_id FROM wallets_wallet AS wallet
            JOIN units_unit AS unit ON unit.id = wallet.unit_id
        ), person AS (
            INSERT INTO units_resident (estate_id, first_name, last_name, email, phone,
                identity_kind, identity_country, identity_ending, identity_length, identity_sealed)
            SELECT estate_id, 'Thandi', 'Mokoena', '', '', '', '', '', 0, ''
            FROM home RETURNING id
        ), occupancy AS (
            INSERT INTO units_occupancy (unit_id, resident_id, kind, is_primary, starts_on)
            SELECT unit_id, person.id, 'tenant', true, '2026-01-01' FROM home, person RETURNING id
        )
        INSERT INTO wallets_settlement (occupancy_id, wallet_id, estate_id, resident, starts_on,
            ends_on, readings, charged, held, owed, refunded, kept, debt, payment_method,
            reference, transaction_id, settled_at)
        SELECT occupancy.id, home.id, estate_id, '', '2026-01-01', '2026-06-01', '[]', 0, 0, 5,
            0, 0, 5, '', '', (TABLE charged), now() FROM home, occupancy
        """,
        {"former residents owe what their settlements say"},
        id="debt that was never taken over",
    ),
    pytest.param(
        "UPDATE meters_dailyconsumption SET revision = revision + 1",
        {"months count the changes of their days"},
        id="day changed behind its month",
    ),
]


@pytest.fixture
def charged() -> Wallet:
    """A wallet with a charge, a purchase, and a top-up that was reversed."""
    meter = metered_unit([{"kind": "energy", "price": "2.00"}])
    wallet = wallet_of(meter)
    top_up(wallet, "100.00")
    use(meter, date(2026, 7, 3), "10")
    runs.bill(now=datetime(2026, 7, 3, 10, tzinfo=UTC), since=date(2026, 7, 1))
    purchases.purchase(
        wallet_id=wallet.pk,
        utility="water",
        amount=Decimal("20.00"),
        occurred_at=NOON,
        actor=None,
    )
    typo = top_up(wallet, "50.00")
    ledger.reverse(transaction_id=typo.pk, reason="typo", occurred_at=NOON, actor=None)
    return wallet


@pytest.fixture
def plant() -> Callable[[str], None]:
    UserFactory.create()

    def run(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(UNGUARDED + NAMED)
            cursor.execute(statement)

    return run


@pytest.mark.usefixtures("charged")
class TestVerify:
    def test_agrees_with_what_the_ledger_wrote(self):
        WalletFactory.create()

        outcome = verification.verify()

        assert outcome.differences == []
        assert (outcome.wallets, outcome.transactions, outcome.postings) == (2, 5, 6)

    @pytest.mark.parametrize(("fault", "caught"), FAULTS)
    def test_finds(self, fault: str, caught: set[str], plant: Callable[[str], None]):
        plant(fault)

        outcome = verification.verify()

        assert {one.check for one in outcome.differences} == caught

    def test_every_check_has_a_fault_that_it_catches(self):
        caught = set().union(*(fault.values[1] for fault in FAULTS))

        assert caught == set(verification.CHECKS)

    def test_names_what_differs(self, plant: Callable[[str], None]):
        plant("UPDATE wallets_transaction SET balance_after = 1 WHERE id = (TABLE last)")

        (found,) = verification.verify().differences

        number = Transaction.objects.latest_first()[0]
        assert found.words == f"{number} goes from R127.00 to R1.00, its postings move R-50.00"

    def test_shows_the_first_differences_of_each_check(self, plant: Callable[[str], None]):
        plant("UPDATE wallets_transaction SET balance_after = balance_after + 1")

        found = verification.verify(shown=2).differences

        assert [one.check for one in found] == [EFFECT, EFFECT, CHAIN, CHAIN]


@pytest.mark.usefixtures("charged")
class TestCommand:
    def test_says_what_was_checked(self):
        out = StringIO()

        call_command("verify_ledger", stdout=out)

        assert out.getvalue().startswith(
            "The ledger agrees: 1 wallets, 5 transactions, 6 postings in "
        )

    def test_fails_with_the_first_difference(self, plant: Callable[[str], None]):
        plant("UPDATE wallets_wallet SET sequence = 9")

        with pytest.raises(CommandError, match=r"The ledger differs\. Not so: transactions are"):
            call_command("verify_ledger")


@pytest.mark.usefixtures("charged")
class TestTask:
    def test_owes_nothing_while_the_ledger_agrees(self, caplog: pytest.LogCaptureFixture):
        tasks.verify_ledger()

        assert [record.levelname for record in caplog.records] == ["INFO"]
        assert not Notification.objects.filter(event="ledger_difference").exists()

    def test_tells_those_who_see_everything_once_a_day(
        self, plant: Callable[[str], None], caplog: pytest.LogCaptureFixture
    ):
        plant("UPDATE wallets_wallet SET sequence = 9")

        tasks.verify_ledger()
        tasks.verify_ledger()

        owed = Notification.objects.get(event="ledger_difference")
        assert owed.scope is None
        assert "counts 9 transactions and has 5" in owed.text
        assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
