"""Moving out: bills cut at the end, the wallet at zero, what is owed with the person."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from meters import partitions
from meters.models import Meter
from quantify.periods import midnight
from quantify.quantities import kilo
from quantify.tests.crowd import at_once
from units.models import Occupancy
from units.tests.factories import OccupancyFactory
from wallets import accounts, amounts, ledger
from wallets.billing import runs
from wallets.models import Account, Bill, Settlement, Transaction, Wallet
from wallets.office import former_residents, settlement
from wallets.office.final_readings import ReadingMissing
from wallets.office.former_residents import NotOwed
from wallets.office.settlement import NotBilled, NotEnded, PaidSince, SettledBefore
from wallets.pockets import Movement
from wallets.proving import replay, verification
from wallets.statements import statement
from wallets.tests.billing.test_billing import BLOCKS, metered_unit, noon, wallet_of
from wallets.tests.metering import use
from wallets.tests.moments import top_up
from wallets.tests.test_topups import pockets

pytestmark = pytest.mark.django_db

JULY = date(2026, 7, 1)
END = date(2026, 7, 15)
AFTER = datetime(2026, 7, 16, 10, 0, tzinfo=UTC)
FLAT = [{"kind": "energy", "price": "2.00"}]
MONTHLY = [{"kind": "fixed_per_month", "name": "Service", "price": "310.00"}]


def read(meter: Meter, kwh: str, *, at: datetime | None = None, source: str = "automatic") -> None:
    """A register as it was read at the end of the occupancy, or another time."""
    at = at or midnight(END)
    partitions.ensure(at.astimezone(UTC).date(), at.date())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO meters_reading (meter_id, channel, taken_at, value, source)"
            " VALUES (%s, 1, %s, %s, %s)",
            [meter.pk, at, kilo(Decimal(kwh)), source],
        )


def moved_out(components: list[dict[str, object]] = FLAT, **fields: object) -> Occupancy:
    """Somebody who used 10 kWh on 3 July and moved out on 15 July, read and billed."""
    meter = metered_unit(components)
    unit = wallet_of(meter).unit
    occupancy: Occupancy = OccupancyFactory.create(
        unit=unit, starts_on=date(2026, 6, 1), ends_on=END, **fields
    )
    use(meter, date(2026, 7, 3), "10")
    read(meter, "1010")
    return occupancy


def wallet_at(occupancy: Occupancy) -> Wallet:
    found: Wallet = Wallet.objects.select_related("unit__estate").get(unit=occupancy.unit_id)
    return found


def meter_at(occupancy: Occupancy) -> Meter:
    return Meter.objects.get(installations__unit=occupancy.unit_id)


def bill(until: datetime = AFTER) -> None:
    runs.bill(now=until, since=JULY)


def assert_agrees(occupancy: Occupancy) -> None:
    """The ledger agrees with itself, and with the wallet lived through again."""
    assert verification.verify().differences == []
    assert replay.replay(wallet_at(occupancy).pk).difference == ""


def settle(occupancy: Occupancy, method: str = "", **fields: object) -> Settlement:
    return settlement.settle(
        occupancy_id=occupancy.pk,
        payment_method=method,
        **{"settled_at": AFTER, "actor": None, **fields},
    ).settlement


def charged(occupancy: Occupancy) -> dict[date | None, Decimal]:
    """What the bills of July charged, by the day on which they begin."""
    bills = Bill.objects.filter(wallet__unit=occupancy.unit_id, month=JULY)
    return dict(bills.values_list("since", "charged"))


class TestSettle:
    def test_pays_back_what_is_left_and_charges_later_days_to_who_comes_after(self):
        occupancy = moved_out()
        wallet = wallet_at(occupancy)
        top_up(wallet, "100.00", occurred_at=noon(date(2026, 7, 2)))
        use(meter_at(occupancy), date(2026, 7, 16), "5")
        bill()

        made = settle(occupancy, "eft")

        wallet.refresh_from_db()
        assert (made.refunded, made.kept, made.debt) == (Decimal("77.00"), 0, 0)
        assert made.transaction.kind == Transaction.Kind.REFUND
        assert made.readings[0]["value"] == 1_010_000
        assert (wallet.balance, wallet.arrears) == (0, Decimal("11.50"))
        assert charged(occupancy) == {None: Decimal("23.00"), END: Decimal("11.50")}
        assert_agrees(occupancy)

    def test_leaves_debts_with_the_person(self):
        occupancy = moved_out()
        bill()

        made = settle(occupancy)

        wallet = wallet_at(occupancy)
        assert (made.owed, made.debt, made.refunded) == (Decimal("23.00"), Decimal("23.00"), 0)
        assert made.transaction.kind == Transaction.Kind.ADJUSTMENT
        assert (wallet.balance, wallet.arrears) == (0, 0)
        estate = wallet.unit.estate
        owed = accounts.balance(estate, Account.FORMER_RESIDENTS, AFTER + timedelta(days=999))
        assert owed == Decimal("-23.00")
        assert_agrees(occupancy)

    def test_keeps_what_is_left_without_a_method(self):
        occupancy = moved_out()
        top_up(wallet_at(occupancy), "100.00", occurred_at=noon(date(2026, 7, 2)))

        made = settle(occupancy)

        assert (made.kept, former_residents.outstanding(made)) == (
            Decimal("77.00"),
            Decimal("-77.00"),
        )
        assert wallet_at(occupancy).balance == 0
        assert_agrees(occupancy)

    def test_prorates_what_is_fixed_per_month_for_both(self):
        occupancy = moved_out(MONTHLY)
        bill()
        assert charged(occupancy) == {None: Decimal("356.50")}

        made = settle(occupancy)

        # 14 of 31 days of R310.00 with VAT, and the 17 days after.
        assert charged(occupancy) == {None: Decimal("161.00"), END: Decimal("195.50")}
        assert made.debt >= Decimal("161.00")
        assert wallet_at(occupancy).arrears == Decimal("195.50")
        assert_agrees(occupancy)

    def test_the_next_person_goes_on_in_the_blocks_of_the_month(self):
        occupancy = moved_out(BLOCKS)
        meter = meter_at(occupancy)
        use(meter, date(2026, 7, 3), "40")
        use(meter, date(2026, 7, 16), "20")
        bill()

        settle(occupancy)

        # 40 at 1.50; then 10 at 1.50 and 10 at 2.00.
        assert charged(occupancy) == {None: Decimal("69.00"), END: Decimal("40.25")}
        use(meter, date(2026, 7, 17), "1")
        bill(noon(date(2026, 7, 17)))
        assert charged(occupancy)[END] == Decimal("42.55")
        assert_agrees(occupancy)

    def test_what_is_learned_of_settled_days_charges_nobody(self):
        occupancy = moved_out()
        bill()
        settle(occupancy)

        use(meter_at(occupancy), date(2026, 7, 3), "99")
        bill()
        bill(noon(date(2026, 7, 18)))

        assert charged(occupancy)[None] == Decimal("23.00")
        assert wallet_at(occupancy).arrears == 0

    def test_the_closing_statement_ends_at_zero_and_the_next_begins_there(self):
        occupancy = moved_out()
        wallet = wallet_at(occupancy)
        top_up(wallet, "100.00", occurred_at=noon(date(2026, 7, 2)))
        use(meter_at(occupancy), date(2026, 7, 15), "5")
        bill()
        settle(occupancy, "cash")

        closing = statement.of(wallet, first_day=date(2026, 6, 1), last_day=date(2026, 7, 14))
        following = statement.of(wallet, first_day=END, last_day=date(2026, 7, 31))

        assert (closing.closing.balance, closing.closing.arrears) == (0, 0)
        assert closing.shares.energy + closing.shares.vat == Decimal("23.00")
        assert (following.opening.balance, following.opening.arrears) == (0, 0)

    def test_over_the_end_of_a_month_gives_the_new_month_back(self):
        meter = metered_unit(MONTHLY)
        occupancy = OccupancyFactory.create(
            unit=wallet_of(meter).unit, starts_on=date(2026, 6, 1), ends_on=JULY
        )
        read(meter, "1000", at=midnight(JULY))
        runs.bill(now=AFTER, since=date(2026, 6, 1))
        assert wallet_at(occupancy).arrears == Decimal("713.00")

        made = settle(occupancy)

        assert made.debt == Decimal("356.50")
        assert wallet_at(occupancy).arrears == Decimal("356.50")
        assert charged(occupancy) == {None: Decimal("356.50")}
        assert_agrees(occupancy)

    def test_twice_is_once(self):
        occupancy = moved_out()
        top_up(wallet_at(occupancy), "100.00", occurred_at=noon(date(2026, 7, 2)))
        first = settle(occupancy, "eft")
        before = Transaction.objects.count()

        again = settlement.settle(occupancy_id=occupancy.pk, settled_at=AFTER, actor=None)

        assert (again.settlement.pk, again.replayed) == (first.pk, True)
        assert Transaction.objects.count() == before

    def test_a_preview_changes_nothing(self):
        occupancy = moved_out()
        bill()
        before = Transaction.objects.count()

        seen = settlement.preview(occupancy_id=occupancy.pk, settled_at=AFTER).settlement

        assert seen.debt == Decimal("23.00")
        assert (Transaction.objects.count(), Settlement.objects.count()) == (before, 0)
        assert wallet_at(occupancy).arrears == Decimal("23.00")

    def test_goes_on_from_one_person_to_the_next_within_a_month(self):
        occupancy = moved_out(BLOCKS)
        meter = meter_at(occupancy)
        following = OccupancyFactory.create(
            unit=occupancy.unit, starts_on=END, ends_on=date(2026, 7, 20)
        )
        use(meter, date(2026, 7, 16), "45")
        settle(occupancy)
        read(meter, "1010", at=midnight(date(2026, 7, 20)))
        use(meter, date(2026, 7, 21), "1")
        bill(noon(date(2026, 7, 21)))

        made = settle(following, settled_at=noon(date(2026, 7, 21)))

        # 10 at 1.50; 40 at 1.50 and 5 at 2.00; 1 at 2.00.
        assert charged(occupancy) == {
            None: Decimal("17.25"), END: Decimal("80.50"), date(2026, 7, 20): Decimal("2.30"),
        }  # fmt: skip
        assert made.debt == Decimal("80.50")
        with pytest.raises(SettledBefore):
            settle(OccupancyFactory.create(
                unit=occupancy.unit, is_primary=False, ends_on=date(2026, 7, 10)
            ))  # fmt: skip
        assert_agrees(occupancy)


class TestRefusals:
    def refused(self, occupancy: Occupancy, error: type[Exception], words: str = "", **fields):
        before = Transaction.objects.count()
        with pytest.raises(error, match=words), transaction.atomic():
            settle(occupancy, **fields)
        assert Transaction.objects.count() == before
        assert not Settlement.objects.exists()

    @pytest.mark.parametrize("ends_on", [None, date(2026, 7, 17)])
    def test_an_occupancy_that_has_not_ended(self, ends_on: date | None):
        occupancy = moved_out()
        Occupancy.objects.update(ends_on=ends_on)

        self.refused(occupancy, NotEnded)

    def test_a_meter_that_was_not_read(self):
        occupancy = moved_out()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM meters_reading")
        meter = meter_at(occupancy)
        read(meter, "1009", at=midnight(END) - timedelta(minutes=15))

        self.refused(occupancy, ReadingMissing, meter.serial)

    def test_a_meter_that_was_estimated_unless_asked_for(self):
        occupancy = moved_out()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE meters_reading SET source = 'estimated'")

        self.refused(occupancy, ReadingMissing, "only estimated")
        made = settle(occupancy, accept_estimates=True)

        assert made.readings[0]["source"] == "estimated"

    def test_days_without_a_price(self):
        occupancy = moved_out()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE rates_assignment SET effective_to = '2026-07-10'")

        self.refused(occupancy, NotBilled, "No rate table is assigned")

    def test_when_the_next_person_has_paid_in(self):
        occupancy = moved_out()
        OccupancyFactory.create(unit=occupancy.unit, starts_on=END)
        paid = top_up(wallet_at(occupancy), "50.00", occurred_at=noon(END))

        self.refused(occupancy, PaidSince, str(paid))
        ledger.reverse(transaction_id=paid.pk, reason="settle", occurred_at=AFTER, actor=None)
        assert settle(occupancy).debt == Decimal("23.00")

    def test_a_method_by_which_nothing_is_paid_back(self):
        self.refused(moved_out(), settlement.refunds.UnknownMethod, method="adjustment")


class TestClosingMovements:
    @pytest.mark.parametrize(
        ("held", "method", "expected"),
        [
            pytest.param({}, "eft", [], id="nothing"),
            pytest.param(
                {"available": "10", "water": "-4", "arrears": "3"},
                "cash",
                [(1, 3, "4"), (1, 9, "3"), (1, 51, "3"), (51, 23, "3")],
                id="debts first, then paid back",
            ),
            pytest.param(
                {"electricity": "2", "solar": "1", "arrears": "5"},
                "cash",
                [(2, 9, "2"), (4, 9, "1"), (61, 9, "2")],
                id="bound money pays, the rest is owed",
            ),
            pytest.param(
                {"available": "1", "water": "6"}, "", [(1, 61, "1"), (3, 61, "6")], id="kept"
            ),
        ],
    )
    def test_bring_the_wallet_to_zero(self, held, method, expected):
        before = pockets(**held)

        movements = settlement.closing_movements(before, method)

        assert movements == [
            Movement(Account(debit), Account(credit), Decimal(amount))
            for debit, credit, amount in expected
        ]
        after = before.after(movements)
        assert (after.balance, after.arrears) == (0, 0)


class TestCollect:
    @pytest.fixture
    def owed(self) -> Settlement:
        return settle(moved_out())

    def pay(self, owed: Settlement, amount: str, **fields: object) -> ledger.Posted:
        return former_residents.collect(
            settlement_id=owed.pk,
            amount=Decimal(amount),
            payment_method="eft",
            occurred_at=AFTER,
            actor=None,
            **fields,
        )

    def test_reduces_what_is_owed_and_leaves_the_wallet_alone(self, owed: Settlement):
        self.pay(owed, "20.00", idempotency_key="k", request_digest="a")
        again = self.pay(owed, "20.00", idempotency_key="k", request_digest="a")

        assert again.replayed
        assert former_residents.outstanding(owed) == Decimal("3.00")
        assert wallet_at(owed.occupancy).balance == 0
        assert_agrees(owed.occupancy)

    def test_takes_no_more_than_is_owed(self, owed: Settlement):
        with pytest.raises(NotOwed, match=r"R23\.00 is owed"):
            self.pay(owed, "23.01")
        with pytest.raises(amounts.InvalidAmount):
            self.pay(owed, "0")

    def test_a_reversal_lets_it_be_owed_again(self, owed: Settlement):
        made = self.pay(owed, "20.00").transaction

        ledger.reverse(transaction_id=made.pk, reason="bounced", occurred_at=AFTER, actor=None)

        assert former_residents.outstanding(owed) == Decimal("23.00")
        assert_agrees(owed.occupancy)


class TestDatabase:
    @pytest.mark.parametrize(
        "statement", ["UPDATE wallets_settlement SET debt = 0", "DELETE FROM wallets_settlement"]
    )
    def test_keeps_settlements_as_they_are(self, statement: str):
        settle(moved_out())

        with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
            cursor.execute(statement)

    @pytest.mark.parametrize("day", [None, date(2026, 7, 10)])
    def test_keeps_the_days_of_who_was_settled(self, day: date | None):
        occupancy = moved_out()
        Occupancy.objects.update(ends_on=END)
        settle(occupancy)

        with pytest.raises(IntegrityError, match="its days stand"), transaction.atomic():
            Occupancy.objects.filter(pk=occupancy.pk).update(ends_on=day)

        occupancy.refresh_from_db()
        assert occupancy.ends_on == END


@pytest.mark.django_db(transaction=True)
def test_many_at_once_settle_once():
    occupancy = moved_out()
    top_up(wallet_at(occupancy), "100.00", occurred_at=noon(date(2026, 7, 2)))

    answers = at_once(
        lambda _: settlement.settle(
            occupancy_id=occupancy.pk, payment_method="eft", settled_at=AFTER, actor=None
        ),
        times=6,
        threads=6,
    )

    assert [one for one in answers if not isinstance(one, settlement.Settled)] == []
    assert sum(not one.replayed for one in answers) == 1
    assert Transaction.objects.filter(kind="refund").count() == 1
