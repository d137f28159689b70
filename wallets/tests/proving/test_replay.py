"""A wallet that lived through everything is replayed; each planted fault is found and named."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.tests.factories import UserFactory
from estates.models import EstateSettings
from meters import readings
from meters.models import Meter
from meters.readings import RawReading
from meters.tests.factories import MeterFactory
from rates.models import RateTableVersion
from rates.tests.factories import AssignmentFactory, flat
from units.tests.factories import UnitFactory
from wallets import ledger, purchases
from wallets.billing import runs
from wallets.models import Transaction, Wallet
from wallets.office import adjustments, refunds, service_charges
from wallets.proving.replay import replay
from wallets.tests.billing.test_billing import BLOCKS
from wallets.tests.metering import use
from wallets.tests.moments import top_up

pytestmark = pytest.mark.django_db

QUARTER = timedelta(minutes=15)
JULY = date(2026, 7, 1)
START = datetime(2026, 7, 3, 8, tzinfo=UTC)

UNGUARDED = """
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE wallets_wallet DISABLE TRIGGER USER;
ALTER TABLE wallets_transaction DISABLE TRIGGER USER;
ALTER TABLE wallets_charge DISABLE TRIGGER USER;
"""
# The first charge, of R11.50 with R1.50 of VAT, and the newest transaction.
NAMED = """
CREATE TEMPORARY TABLE charged ON COMMIT DROP AS
    SELECT id FROM wallets_transaction WHERE kind LIKE 'consumption%' ORDER BY number LIMIT 1;
CREATE TEMPORARY TABLE last ON COMMIT DROP AS
    SELECT id FROM wallets_transaction ORDER BY number DESC LIMIT 1;
"""
FAULTS = [
    pytest.param(
        "UPDATE wallets_transaction SET amounts[1] = amounts[1] + 1 WHERE id = (TABLE charged)",
        r"T\d+: the replay moves .*R2\.00 from Wallet: elec.* says .*R3\.00 from Wallet: elec",
        id="amount of a posting",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET credits[1] = 31 WHERE id = (TABLE charged)",
        r"the ledger says .*R2\.00 from Wallet: electricity to Revenue: water",
        id="account of a posting",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET debits = trim_array(debits, 1),"
        " credits = trim_array(credits, 1), amounts = trim_array(amounts, 1)"
        " WHERE id = (TABLE charged)",
        "R1.50 from Revenue: electricity to VAT output",
        id="VAT not posted",
    ),
    pytest.param(
        "UPDATE wallets_charge SET total_after = total_after + 1"
        " WHERE transaction_id = (TABLE charged)",
        r"T\d+: the replay charges up to R11\.50, the ledger says 12\.50",
        id="total of a charge",
    ),
    pytest.param(
        "UPDATE wallets_charge SET vat = vat + 1 WHERE transaction_id = (TABLE charged)",
        r"T\d+: the replay charges VAT of R1\.50, the ledger says 2\.50",
        id="VAT of a charge",
    ),
    pytest.param(
        "DELETE FROM wallets_charge WHERE transaction_id = (TABLE charged)",
        "is consumption, and no charge explains it",
        id="charge gone",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET amount = amount + 1 WHERE id = (TABLE charged)",
        r"T\d+: the replay charges up to R12\.50, the ledger says 11\.50",
        id="amount of a charge",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET amount = 90 WHERE kind = 'topup' AND amount = 100",
        r"T\d+: the replay moves R90\.00 .* the ledger says R100\.00",
        id="amount of a payment",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET balance_after = 1 WHERE kind = 'refund'",
        r"T\d+: the replay ends at R.*, the ledger says 1\.00",
        id="balance",
    ),
    pytest.param(
        "UPDATE wallets_transaction SET arrears_after = 1 WHERE kind = 'refund'",
        r"T\d+: the replay leaves arrears of R0\.00, the ledger says 1\.00",
        id="arrears",
    ),
    pytest.param(
        "DELETE FROM wallets_transaction WHERE kind = 'refund'",
        r"Transaction 4 of the wallet is missing: T\d+ is number 5",
        id="transaction gone",
    ),
    pytest.param(
        "DELETE FROM wallets_transaction WHERE id = (TABLE last)",
        "of the wallet is missing: it counts 11 and has 10",
        id="last transaction gone",
    ),
    pytest.param(
        "UPDATE wallets_wallet SET water = water + 1",
        r"The wallet: the replay Wallet: water R0\.00, the ledger says 1\.00",
        id="pocket",
    ),
    pytest.param(
        "UPDATE meters_reading SET value = value + 5 WHERE value = 8000",
        r"the readings of 2026-07-03 08:15 .* differ by 3005, the intervals .* add up to 3000",
        id="reading after the bill",
    ),
    pytest.param(
        "UPDATE meters_interval SET quantity = quantity + 5 WHERE quantity = 5000;"
        "UPDATE meters_reading SET value = value + 5 WHERE value > 0",
        r"the intervals of 2026-07-03 add up to 8005, the day says 8000",
        id="interval after the bill",
    ),
    pytest.param(
        "UPDATE meters_interval SET quantity = quantity + 5 WHERE quantity = 5000;"
        "UPDATE meters_dailyconsumption SET quantity = quantity + 5 WHERE quantity = 8000;"
        "UPDATE meters_reading SET value = value + 5 WHERE value > 0",
        r"Bill electricity 2026-07: the replay counts 8005, the ledger says 8000",
        id="all facts after the bill",
    ),
    pytest.param(
        "UPDATE rates_assignment SET markup_percentage = 10",
        r"Bill electricity 2026-07: the replay adds up to R20\.24, the ledger says 18\.40",
        id="rate after the bill",
    ),
]


@pytest.fixture
def meter() -> Meter:
    unit = UnitFactory.create()
    made: Meter = MeterFactory.create(
        estate=unit.estate, with_register=True, installed=True, installation__unit=unit
    )
    AssignmentFactory.create(estate=unit.estate, rate_table__version__components=flat("2.00"))
    return made


def read(meter: Meter, *values: int, first: datetime = START) -> datetime:
    rows = [
        RawReading(meter.pk, 1, first + number * QUARTER, value)
        for number, value in enumerate(values)
    ]
    readings.record(rows, received_at=rows[-1].taken_at)
    return rows[-1].taken_at


def bill(at: datetime) -> None:
    runs.bill(now=at + timedelta(minutes=1), since=JULY)


@pytest.fixture
def wallet(meter: Meter) -> Wallet:
    """A wallet to which everything happened that happens to wallets."""
    wallet = Wallet.objects.get(unit__installations__meter=meter)
    who = UserFactory.create()
    moved = {"wallet_id": wallet.pk, "occurred_at": START, "actor": who}
    top_up(wallet, "100.00")
    purchases.purchase(utility="electricity", amount=Decimal("2.00"), **moved)
    bill(read(meter, 0, 5_000))
    refunds.refund(amount=Decimal("20.00"), payment_method="eft", reason="Left", **moved)
    bill(read(meter, 8_000, first=START + 2 * QUARTER))
    adjustments.adjust(amount=Decimal("-5.00"), reason="Counted twice", **moved)
    service_charges.charge(amount=Decimal("90.00"), reason="New lock", **moved)
    adjustments.adjust(amount=Decimal("7.00"), reason="Goodwill", **moved)
    typo = top_up(wallet, "60.00", utility="solar", payment_method="card")
    top_up(wallet, "30.00", utility="electricity")
    ledger.reverse(
        transaction_id=typo.pk, reason="Typo", occurred_at=START, actor=who, override=True
    )
    wallet.refresh_from_db()
    return wallet


@pytest.fixture
def plant() -> Callable[[str], None]:
    def run(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(UNGUARDED + NAMED)
            cursor.execute(statement)

    return run


class TestReplay:
    def test_finds_what_the_ledger_wrote(self, wallet: Wallet):
        outcome = replay(wallet.pk)

        assert outcome.difference == ""
        assert (outcome.transactions, outcome.bills, outcome.not_up_to_date) == (11, 1, [])
        assert (outcome.balance, outcome.arrears) == (wallet.balance, wallet.arrears)

    @pytest.mark.parametrize(("fault", "words"), FAULTS)
    def test_names(self, fault: str, words: str, wallet: Wallet, plant: Callable[[str], None]):
        plant(fault)

        with pytest.raises(CommandError, match=words):
            call_command("replay_wallet", str(wallet.pk))

    def test_of_water_and_solar_with_blocks(self, meter: Meter):
        unit = meter.installations.get().unit
        wallet = Wallet.objects.get(unit=unit)
        for kind in ("water", "solar"):
            other = MeterFactory.create(
                estate=meter.estate,
                kind=kind,
                with_register=True,
                installed=True,
                installation__unit=unit,
            )
            AssignmentFactory.create(
                estate=meter.estate,
                rate_table__utility=kind,
                rate_table__version__components=BLOCKS,
                markup_percentage=Decimal("5.00"),
            )
            use(other, date(2026, 7, 3), "75.333")
        top_up(wallet, "20.00")
        bill(START)
        top_up(wallet, "30.00")
        use(other, date(2026, 7, 3), "60.007")
        bill(START + QUARTER)

        outcome = replay(wallet.pk)

        assert str(outcome).startswith("identical: 5 transactions, 3 bills, balance R-")

    def test_of_a_time_of_use_table(self, meter: Meter):
        wallet = Wallet.objects.get(unit__installations__meter=meter)
        prices = {"peak": "7.00", "standard": "2.00", "off_peak": "1.00"}
        AssignmentFactory.create(
            estate=meter.estate,
            unit=wallet.unit,
            rate_table__name="By time",
            rate_table__version__components=[
                {"kind": "time_of_use", "calendar": "eskom", "season": season, "prices": prices}
                for season in ("high", "low")
            ],
        )
        bill(read(meter, *range(0, 80_000, 1_000)))

        outcome = replay(wallet.pk)

        assert (outcome.difference, outcome.bills) == ("", 1)

    def test_of_a_month_with_two_versions(self, meter: Meter):
        wallet = Wallet.objects.get(unit__installations__meter=meter)
        first = RateTableVersion.objects.get()
        RateTableVersion.objects.update(effective_to=date(2026, 7, 4))
        RateTableVersion.objects.create(
            rate_table=first.rate_table,
            number=2,
            effective_from=date(2026, 7, 4),
            components=flat("3.00"),
        )
        bill(read(meter, 0, 1_000))
        bill(read(meter, 1_000, 2_500, first=START + timedelta(days=1)))

        outcome = replay(wallet.pk)

        assert (outcome.difference, outcome.transactions, outcome.bills) == ("", 2, 1)

    def test_leaves_out_a_bill_that_is_not_up_to_date(self, meter: Meter, wallet: Wallet):
        read(meter, 9_000, first=START + 3 * QUARTER)

        outcome = replay(wallet.pk)

        assert outcome.difference == ""
        assert outcome.bills == 0
        assert outcome.not_up_to_date == [
            "electricity 2026-07: its days changed since it was charged."
        ]

    def test_splits_by_the_settings_of_the_moment(self, meter: Meter):
        wallet = Wallet.objects.get(unit__installations__meter=meter)
        EstateSettings.objects.update(debt_recovery_percent=50)
        bill(read(meter, 0, 5_000))
        top_up(wallet, "10.00")
        EstateSettings.objects.update(debt_recovery_percent=100)
        unknown = replay(wallet.pk)
        AuditEntry.objects.create(
            at=timezone.now() + timedelta(minutes=1),
            actor=UserFactory.create().pk,
            actor_name="thandi",
            action="update",
            table="estates_estatesettings",
            object_id=wallet.unit.estate.settings.pk,
            before={"debt_recovery_percent": 50.0},
            after={"debt_recovery_percent": 100.0},
        )

        told = replay(wallet.pk)

        assert "the replay moves R10.00 from Clearing: cash to Wallet: arrears" in str(unknown)
        assert (told.difference, told.arrears) == ("", Decimal("6.50"))


class TestCommand:
    def test_takes_the_number_of_a_unit(self, wallet: Wallet):
        told = StringIO()

        call_command(
            "replay_wallet",
            wallet.unit.unit_number,
            "--estate",
            wallet.unit.estate.code,
            stdout=told,
        )

        assert told.getvalue() == (
            f"identical: 11 transactions, 1 bills, balance R{wallet.balance},"
            f" arrears R{wallet.arrears}\n"
        )

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            pytest.param(["A1"], "Give a wallet's id", id="no id"),
            pytest.param(["A1", "--estate", "NONE"], "Estate NONE has no unit A1", id="no unit"),
            pytest.param(
                ["00000000-0000-7000-8000-000000000000"], "There is no wallet", id="no wallet"
            ),
        ],
    )
    def test_says_what_it_cannot_find(self, arguments: list[str], words: str):
        with pytest.raises(CommandError, match=words):
            call_command("replay_wallet", *arguments)

        assert not Transaction.objects.exists()
