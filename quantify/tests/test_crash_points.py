"""
Processes that are killed between two steps, and at any moment, and the work done again.

Each piece of work is done twice over: to one home by processes that are killed and started again,
to its twin by one that is left alone. Afterwards the two have the same history.
"""

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from meters import installations, keys, partitions
from meters.control import requests
from meters.dlms.simulator.plans import Kind, MeterPlan, seed_of
from meters.models import Command, Meter, MeterAlert, MeterKeys
from meters.tests.factories import ConcentratorFactory, MeterFactory
from meters.tests.simulated import plan, serving
from notifications import outbox
from notifications.models import Delivery, Notification
from notifications.recipients import Recipient
from quantify.crash_points import Point, reach
from quantify.periods import INTERVAL
from quantify.stack.instance import CHECKOUT
from quantify.tests import works
from quantify.tests.mortals import Mortals, mortals
from quantify.tests.proofs import faults
from rates.tests.factories import flat
from units.tests.factories import UnitFactory
from wallets.credit import control
from wallets.models import Bill, Transaction, Wallet
from wallets.office import suspense
from wallets.tests.billing.test_billing import metered_unit, wallet_of
from wallets.tests.metering import count, use
from wallets.tests.supplied import Relays, cut

KILLED = -9
DAY = date(2026, 7, 14)
NOON = datetime(2026, 7, 15, 10, tzinfo=UTC)
LONG = pytest.mark.soak
# One statement outside of a transaction commits by itself.
AFTER_COMMIT = {
    ("pay", Point.BEFORE_WAKEUP),
    ("buy", Point.AFTER_LEDGER_WRITE),
    ("adjust", Point.BEFORE_WAKEUP),
}
MONEY = [
    ("pay", Point.BEFORE_LEDGER_WRITE),
    ("pay", Point.AFTER_LEDGER_WRITE),
    ("pay", Point.BEFORE_WAKEUP),
    ("buy", Point.AFTER_LEDGER_WRITE),
    ("adjust", Point.BEFORE_LEDGER_WRITE),
    ("adjust", Point.AFTER_LEDGER_WRITE),
    ("adjust", Point.BEFORE_LEDGER_COMMIT),
    ("adjust", Point.BEFORE_WAKEUP),
    ("allocate", Point.AFTER_LEDGER_WRITE),
    ("allocate", Point.BEFORE_LEDGER_COMMIT),
    ("bill", Point.BEFORE_LEDGER_WRITE),
    ("bill", Point.AFTER_LEDGER_WRITE),
    ("bill", Point.CHARGES_POSTED),
    ("bill", Point.BILLS_STORED),
]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def processes(django_db_setup: None) -> Iterator[Mortals]:
    with mortals(connection.settings_dict["NAME"]) as started:
        yield started


def found(acknowledged: list[str]) -> list[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        return faults(cursor, acknowledged)


def history(wallet: Wallet) -> list[object]:
    """What happened to a wallet, without what differs between two of them."""
    transactions = Transaction.objects.filter(wallet=wallet).order_by("sequence")
    bills = Bill.objects.filter(wallet=wallet).order_by("utility", "month")
    return [
        *transactions.values_list(
            "sequence", "kind", "amount", "balance_before", "balance_after", "arrears_after",
            "debits", "credits", "amounts",
        ),
        *bills.values_list(
            "utility", "month", "priced_to", "consumption", "revision", "lines", "subtotal",
            "vat", "total", "charged", "charged_consumption",
        ),
    ]  # fmt: skip


class Home:
    """A metered home, and what each piece of work is told to do there the n-th time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.meter = metered_unit(flat("2.00"))
        self.wallet = wallet_of(self.meter)
        self.receipt = suspense.record(
            amount=Decimal(900), payment_method="eft", external_key=name, received_at=NOON,
            recorded_at=NOON, actor=None,
        ).receipt  # fmt: skip
        works.pay(str(self.wallet.pk), self.key("first"))

    def key(self, number: object) -> str:
        return f"{self.name}-{number}"

    def orders(self, work: str, number: int) -> list[object]:
        if work == "bill":
            # The second time it is corrected downwards: money is given back.
            use(self.meter, DAY, str(30 - 7 * (number % 3)))
            return [self.wallet.pk, NOON.isoformat()]
        more = [self.receipt.pk] if work == "allocate" else []
        return [self.wallet.pk, self.key(f"{work}-{number}"), *more]


class TestMoney:
    @pytest.mark.parametrize("times", [2, pytest.param(14, marks=LONG)])
    @pytest.mark.parametrize(("work", "point"), MONEY)
    def test_moves_once_whatever_is_killed(
        self, work: str, point: Point, times: int, processes: Mortals
    ):
        UserFactory.create(username="crash", role=roles.SUPER_ADMIN)
        home, twin = Home("home"), Home("twin")
        acknowledged = [home.key("first"), twin.key("first")]
        for number in range(times):
            orders = home.orders(work, number)
            before = history(home.wallet)

            assert processes.run(work, *orders, at=point) == KILLED

            # Committed as a whole or not at all; and a client that was not answered asks again.
            assert (history(home.wallet) == before) == ((work, point) not in AFTER_COMMIT)
            assert found(acknowledged) == []
            assert processes.run(work, *orders) == 0
            assert processes.run(work, *orders) == 0
            assert processes.run(work, *twin.orders(work, number)) == 0
            acknowledged += [home.key(f"pay-{number}")] if work == "pay" else []

        assert history(home.wallet) == history(twin.wallet)
        assert found(acknowledged) == []

    @pytest.mark.parametrize("times", [16, pytest.param(150, marks=LONG)])
    def test_is_there_once_when_killed_at_any_moment(
        self, times: int, processes: Mortals, tmp_path: Path
    ):
        UserFactory.create(username="crash", role=roles.SUPER_ADMIN)
        home, chance = Home("home"), random.Random(times)
        journal = tmp_path / "journal"
        journal.touch()
        for number in range(times):
            process = processes.start("trade", home.wallet.pk, journal, 1000 * number)
            time.sleep(chance.uniform(0.02, 0.25))
            assert processes.kill(process) == KILLED

            tried, done = told(journal)
            for key in tried - done:
                work = key.partition("-")[0]
                assert processes.run(work, home.wallet.pk, key) == 0
            with journal.open("a") as book:
                book.writelines(f"done {key}\n" for key in tried - done)
            assert found([key for key in tried if key.startswith("pay")]) == []

        keys = Transaction.objects.exclude(idempotency_key="home-first")
        assert set(keys.values_list("idempotency_key", flat=True)) == told(journal)[1]
        assert len(told(journal)[1]) > times


def told(journal: Path) -> tuple[set[str], set[str]]:
    """The keys that were tried, and those that were done."""
    lines = [line.split() for line in journal.read_text().splitlines()]
    tried, done = ({key for said, key in lines if said == word} for word in ("try", "done"))
    return tried, done


class TestLanes:
    @pytest.mark.parametrize(
        "point", [Point.AFTER_LEDGER_WRITE, Point.CHARGES_POSTED, Point.BILLS_STORED]
    )
    def test_charge_each_wallet_once_when_both_are_killed(self, point: Point, processes: Mortals):
        meters = [metered_unit(flat("2.00")) for _ in range(6)]
        for meter in meters:
            use(meter, DAY, "10")
        charges = Transaction.objects.filter(kind=Transaction.Kind.CONSUMPTION_ELECTRICITY)

        assert processes.run("bill_in_lanes", NOON.isoformat(), at=point) == KILLED

        assert not charges.exists()
        assert processes.run("bill_in_lanes", NOON.isoformat()) == 0
        assert processes.run("bill_in_lanes", NOON.isoformat()) == 0
        assert {str(one.amount) for one in charges} == {"23.00"}
        assert charges.values("wallet").distinct().count() == charges.count() == len(meters)
        assert found([]) == []

    @pytest.mark.parametrize(
        "point",
        [
            Point.BEFORE_LEDGER_WRITE,
            Point.AFTER_LEDGER_WRITE,
            Point.CHARGES_POSTED,
            Point.BILLS_STORED,
        ],
    )
    def test_charge_what_goes_on_once_when_killed(self, point: Point, processes: Mortals):
        meters = [metered_unit(flat("2.00")) for _ in range(6)]
        for meter in meters:
            count(meter, NOON - 2 * INTERVAL, "10")
        assert processes.run("bill_in_lanes", NOON.isoformat()) == 0
        for meter in meters:
            count(meter, NOON - INTERVAL, "5")
        charges = Transaction.objects.filter(kind=Transaction.Kind.CONSUMPTION_ELECTRICITY)

        assert processes.run("bill_in_lanes", NOON.isoformat(), at=point) == KILLED

        assert charges.count() == len(meters)
        assert processes.run("bill_in_lanes", NOON.isoformat()) == 0
        assert processes.run("bill_in_lanes", NOON.isoformat()) == 0
        assert sorted(str(one.amount) for one in charges) == ["11.50"] * 6 + ["23.00"] * 6
        assert found([]) == []


class TestWakeup:
    def test_that_was_never_sent_is_made_up_for(self, processes: Mortals):
        now = timezone.now()
        partitions.ensure(now.date(), now.date())
        unit = UnitFactory.create()
        meter = MeterFactory.create(
            estate=unit.estate, with_register=True, installed=True, installation__unit=unit,
            behind_concentrator=True, relay_state=Meter.RelayState.CONNECTED,
            last_reading_at=now - timedelta(minutes=1),
        )  # fmt: skip
        cut(meter, now, Relays())
        wallet = wallet_of(meter)

        assert processes.run("pay", wallet.pk, "light", at=Point.BEFORE_WAKEUP) == KILLED

        (command,) = control.run(now=timezone.now()).requested
        assert command.action == Command.Action.RECONNECT
        assert found(["light"]) == []


class TestCounters:
    @pytest.mark.parametrize("times", [3, pytest.param(20, marks=LONG)])
    def test_never_go_back(self, times: int, processes: Mortals, tmp_path: Path):
        meter = MeterFactory.create()
        keys.give(meter=meter, given=keys.Secrets("", "00" * 16, "11" * 16))
        journal = tmp_path / "counters"
        journal.touch()
        for _ in range(times):
            for point in (Point.COUNTERS_RESERVED, Point.COUNTERS_USED):
                assert processes.run("use_counters", meter.pk, journal, at=point) == KILLED
            assert processes.run("use_counters", meter.pk, journal) == 0

        used = [int(line) for line in journal.read_text().split()]
        assert len(used) == times * 6
        assert used == sorted(set(used))
        # What was reserved and not used is spent all the same.
        assert MeterKeys.objects.get().next_counter == 1 + times * 3 * keys.BLOCK


class TestCollection:
    def test_that_nobody_billed_is_billed_by_the_next_run(self, processes: Mortals):
        now = timezone.now()
        end = now.replace(minute=0, second=0, microsecond=0)
        meter = metered_unit(flat("2.00"))
        meter.installations.all().delete()
        concentrated = MeterFactory.create(
            estate=meter.estate, behind_concentrator=True, with_register=True,
            maximum_per_interval=20_000,
        )  # fmt: skip
        unit = UnitFactory.create(estate=meter.estate)
        start = end - timedelta(hours=8)
        installations.install(
            meter=concentrated, unit=unit, starts_at=start, opening_value=0, now=now
        )
        orders = [concentrated.concentrator_id, end.isoformat(), 8]
        wallet = Wallet.objects.get(unit=unit)

        killed = processes.run("collect_kilowatt_hours", *orders, at=Point.READINGS_STORED)

        assert killed == KILLED
        assert not Bill.objects.filter(wallet=wallet).exists()
        for _ in range(2):
            assert processes.run("bill", wallet.pk, now.isoformat()) == 0
            assert charged(wallet) == Decimal("73.60")
        assert processes.run("collect_kilowatt_hours", *orders) == 0
        assert processes.run("bill", wallet.pk, now.isoformat()) == 0
        assert charged(wallet) == Decimal("73.60")
        assert found([]) == []


def charged(wallet: Wallet) -> Decimal:
    return Bill.objects.filter(wallet=wallet).aggregate(sum=Sum("charged"))["sum"]


class TestCommand:
    @pytest.mark.parametrize(
        "point", [Point.COMMAND_CLAIMED, Point.COMMAND_LEAVING, Point.COMMAND_ANSWERED]
    )
    def test_switches_a_relay_once(self, point: Point, processes: Mortals, tmp_path: Path):
        meter = MeterFactory.create(behind_concentrator=True)
        relay = tmp_path / "relay"
        relay.write_text("reconnect")
        command = requests.ask(
            meter_id=meter.pk, action="disconnect", reason="Test", cause=Command.Cause.CREDIT,
            trace=[], requested_by=None, now=NOON,
        )  # fmt: skip

        assert processes.run("send", command.pk, relay, NOON.isoformat(), at=point) == KILLED

        for minutes in (1, 3, 6):
            now = NOON + timedelta(minutes=minutes)
            assert processes.run("send", command.pk, relay, now.isoformat()) == 0
        command.refresh_from_db()
        assert command.state == Command.State.VERIFIED
        assert relay.read_text() == "reconnect disconnect"


NOTHING_LEFT = (Point.COMMAND_CLAIMED, Point.COMMAND_LEAVING)
ORDERED = [
    *NOTHING_LEFT, Point.COMMAND_ANSWERED, Point.RELAY_NOTED, Point.CONCLUSION_WRITTEN,
    Point.COMMAND_CONCLUDED,
]  # fmt: skip
STANDS = {"disconnect": "disconnected", "reconnect": "connected"}


class TestCommandAtTheMeter:
    """Over TCP to a simulated meter, which counts the orders that reach it."""

    @pytest.fixture
    def orders(self) -> list[str]:
        return []

    @pytest.fixture
    def meter(self, tmp_path: Path, orders: list[str]) -> Iterator[Meter]:
        serial = "SIM000101"
        planned = MeterPlan(
            logical_device=101, serial=serial, kind=Kind.ELECTRICITY, seed=seed_of(serial)
        )
        with serving(plan([planned], NOON - timedelta(days=1)), tmp_path, NOON) as served:
            simulated = served.fleet[101]
            simulated.disconnect = counted(simulated.disconnect, "disconnect", orders)
            simulated.reconnect = counted(simulated.reconnect, "reconnect", orders)
            concentrator = ConcentratorFactory.create(port=served.port)
            yield MeterFactory.create(
                estate=concentrator.estate, concentrator=concentrator, serial=serial,
                logical_device=101, has_relay=True,
            )  # fmt: skip

    @pytest.mark.parametrize("action", ["disconnect", "reconnect"])
    @pytest.mark.parametrize("point", ORDERED)
    def test_obeys_once_and_is_believed_once(
        self, point: Point, action: str, meter: Meter, orders: list[str], processes: Mortals
    ):
        if action == "reconnect":
            obeyed(order(meter, "disconnect", NOON - timedelta(hours=1)), processes)
            orders.clear()
        before = said(meter)
        command = order(meter, action, NOON)

        killed = processes.run("send_over_the_line", command.pk, NOON.isoformat(), at=point)

        assert killed == KILLED
        assert orders == ([] if point in NOTHING_LEFT else [action])
        if point != Point.COMMAND_CONCLUDED:
            # Of a conclusion that was not committed nothing is left.
            assert said(meter) == before
            command.refresh_from_db()
            assert (command.state, command.verified_at) == ("sent", None)
        for minutes in (1, 3, 6):
            now = NOON + timedelta(minutes=minutes)
            assert processes.run("send_over_the_line", command.pk, now.isoformat()) == 0
        command.refresh_from_db()
        assert command.state == "verified"
        assert orders == [action]
        assert said(meter) == (STANDS[action], [f"{action}ion"])


def counted(switch: Callable[[], None], name: str, orders: list[str]) -> Callable[[], None]:
    def switched() -> None:
        orders.append(name)
        switch()

    return switched


def order(meter: Meter, action: str, now: datetime) -> Command:
    return requests.ask(
        meter_id=meter.pk, action=action, reason="Test", cause=Command.Cause.CREDIT, trace=[],
        requested_by=None, now=now,
    )  # fmt: skip


def obeyed(command: Command, processes: Mortals) -> None:
    assert processes.run("send_over_the_line", command.pk, command.due_at.isoformat()) == 0
    command.refresh_from_db()
    assert command.state == "verified"


def said(meter: Meter) -> tuple[str, list[str]]:
    """What the database says of a relay: how it stands, and the alerts that tell of it."""
    meter.refresh_from_db()
    alerts = MeterAlert.objects.unresolved().filter(meter=meter)
    return meter.relay_state, list(alerts.values_list("kind", flat=True))


class TestMessage:
    def test_is_delivered_once(self, processes: Mortals, tmp_path: Path):
        message = outbox.Message(
            event=Notification.Event.PAYMENT_RECEIVED, subject_key="x", once_key="x", text="Thanks",
            recipients=[Recipient(key="x", name="Thandi", email="resident@example.org")],
        )  # fmt: skip
        outbox.enqueue([message], now=NOON)

        assert processes.run("deliver", tmp_path, at=Point.MESSAGE_CLAIMED) == KILLED
        assert not list(tmp_path.iterdir())

        for _ in range(2):
            assert processes.run("deliver", tmp_path) == 0
        assert len(list(tmp_path.iterdir())) == 1

    @pytest.mark.parametrize(("at", "left"), [(Point.MESSAGE_LEAVING, 0), (Point.MESSAGE_SENT, 1)])
    def test_is_not_sent_again_when_it_may_have_left(
        self, processes: Mortals, tmp_path: Path, at: Point, left: int
    ):
        message = outbox.Message(
            event=Notification.Event.PAYMENT_RECEIVED, subject_key="x", once_key="x", text="Thanks",
            recipients=[Recipient(key="x", name="Thandi", email="resident@example.org")],
        )  # fmt: skip
        outbox.enqueue([message], now=NOON)
        assert processes.run("deliver", tmp_path, at=at) == KILLED

        assert processes.run("deliver", tmp_path) == 0

        assert len(list(tmp_path.iterdir())) == left
        assert Delivery.objects.get().state == Delivery.State.SENDING

        Delivery.objects.update(sending_at=NOON)
        assert processes.run("deliver", tmp_path) == 0
        assert len(list(tmp_path.iterdir())) == left
        assert Delivery.objects.get().state == Delivery.State.UNCERTAIN


@pytest.fixture
def unguarded() -> Iterator[str]:
    """A wallet in a database without the triggers that hold it to its transactions."""
    home = Home("home")
    guards = {"wallets_transaction": "carries_wallets", "wallets_wallet": "by_postings_alone"}

    def turn(word: str) -> None:
        with connection.cursor() as cursor:
            for table, guard in guards.items():
                cursor.execute(f"ALTER TABLE {table} {word} TRIGGER {guard}")

    turn("DISABLE")
    yield str(home.wallet.pk)
    turn("ENABLE")


class TestPlantedFaults:
    """The proof above, where it must fail."""

    def test_a_balance_that_is_read_without_a_lock_is_noticed(self, unguarded: str):
        assert found(["home-first"]) == []
        both_have_read = {reference: works.read(unguarded) for reference in ("one", "other")}

        for reference, held in both_have_read.items():
            with transaction.atomic():
                works.post_past_the_ledger(unguarded, reference, held)
                works.move_past_the_ledger(unguarded, held)

        assert any("its postings make" in words for words in found(["one", "other"]))

    def test_two_commits_for_one_payment_are_noticed(self, unguarded: str, processes: Mortals):
        assert processes.run("pay_in_two_commits", unguarded, "whole") == 0
        assert found(["whole"]) == []

        at = Point.AFTER_LEDGER_WRITE
        assert processes.run("pay_in_two_commits", unguarded, "half", at=at) == KILLED

        assert any("its postings make" in words for words in found(["whole"]))

    def test_an_acknowledged_payment_that_is_not_there_is_noticed(self):
        assert found(["never paid"]) == ["never paid is lost"]


class TestPoint:
    def test_is_passed_where_no_crash_was_asked_for(self):
        for point in Point:
            reach(point)

    def test_is_not_read_from_the_environment_of_production(self):
        production = (CHECKOUT / "quantify/settings/prod.py").read_text()
        shared = (CHECKOUT / "quantify/settings/base.py").read_text()

        assert "CRASH_AT" not in production
        assert 'CRASH_AT = ""' in shared
