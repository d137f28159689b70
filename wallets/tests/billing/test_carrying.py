"""
Bills that go on by themselves: to the last field as if they had been priced anew.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from estates.models import Estate, EstateSettings
from meters import days, partitions
from meters.models import Installation, Meter
from meters.tests.factories import MeterFactory
from quantify.periods import INTERVAL, local_day
from quantify.quantities import Utility
from quantify.tests.crowd import at_once
from rates.models import Assignment, RateTable, TariffCalendar
from rates.tests.factories import AssignmentFactory, RateTableFactory, flat
from units.tests.factories import OccupancyFactory, UnitFactory
from wallets import ledger
from wallets.billing import carrying, runs
from wallets.models import Account, Bill, Charge, MonthClosing, Settlement, Transaction, Wallet
from wallets.proving import replay, verification
from wallets.tests.billing.test_billing import JULY, metered_unit, wallet_of
from wallets.tests.moments import top_up

pytestmark = pytest.mark.django_db

SECOND = datetime(2026, 7, 1, 22, tzinfo=UTC)
"""Local midnight, of a Thursday."""
DAY = timedelta(days=1)
BLOCKS = [
    {
        "kind": "block",
        "blocks": [{"upto": "2", "price": "1.50"}, {"upto": "5", "price": "2.123456"},
                   {"upto": None, "price": "3.07"}],
    }
]  # fmt: skip
TIME_OF_USE = [
    {
        "kind": "time_of_use",
        "calendar": "eskom",
        "prices": {"peak": "7.0697", "standard": "2.1631", "off_peak": "1.5926"},
    },
    {"kind": "fixed_per_month", "price": "235.79"},
]
SHOWN = [
    "utility", "month", "since", "priced_to", "consumption", "revision", "lines", "subtotal",
    "markup", "vat", "total", "charged", "charged_to", "charged_consumption", "version",
    "vat_percent", "free_solar", "rates", "banded", "problem",
]  # fmt: skip
MOVED = [
    "sequence", "kind", "utility", "amount", "balance_before", "balance_after", "arrears_after",
    "payment_method", "reference", "reason", "metadata", "idempotency_key", "request_digest",
    "reverses", "actor", "occurred_at", "debits", "credits", "amounts",
]  # fmt: skip
EXPLAINED = [
    "version", "consumption_before", "consumption_after", "total_before", "total_after", "vat",
    "lines", "evidence",
]  # fmt: skip


def meter_of(
    components: list[dict[str, object]], *, kind: str = "electricity", counted: int = 250
) -> Meter:
    """A meter at a unit with some money, whose month began with a day of so much a quarter hour."""
    meter = metered_unit(components, kind=kind)
    top_up(wallet_of(meter), "30.00")
    record(meter, SECOND - DAY, [counted] * 96)
    return meter


def record(
    meter: Meter, start: datetime, counted: Sequence[int], *, quality: str = "actual"
) -> None:
    """Let a meter count so many Wh or litres in quarter hours on end, as metering writes it."""
    channel = 3 if meter.kind == "water" else 1
    end = start + len(counted) * INTERVAL
    partitions.ensure(local_day(start) - DAY, local_day(end) + DAY)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO meters_interval (meter_id, channel, start, quantity, quality)
            SELECT %(meter)s, %(channel)s, %(start)s + (n - 1) * interval '15 minutes', wh,
                %(quality)s
            FROM unnest(%(counted)s) WITH ORDINALITY AS one (wh, n)
            ON CONFLICT (meter_id, channel, start) DO UPDATE
            SET quantity = excluded.quantity, quality = excluded.quality
            """,
            {"meter": meter.pk, "channel": channel, "start": start, "counted": list(counted),
             "quality": quality},
        )  # fmt: skip
        cursor.execute(
            """
            INSERT INTO meters_reading (meter_id, channel, taken_at, value)
            SELECT meter_id, channel, start + interval '15 minutes',
                sum(quantity) OVER (ORDER BY start)
            FROM meters_interval WHERE meter_id = %s
            ON CONFLICT (meter_id, channel, taken_at) DO UPDATE SET value = excluded.value
            """,
            [meter.pk],
        )
        cursor.execute(
            """
            INSERT INTO meters_dailyconsumption AS known
                (meter_id, channel, day, quantity, estimated, intervals)
            SELECT meter_id, channel, (start AT TIME ZONE 'Africa/Johannesburg')::date,
                sum(quantity),
                coalesce(sum(quantity) FILTER (WHERE quality = 'estimated'), 0), count(*)
            FROM meters_interval WHERE meter_id = %s
            GROUP BY 1, 2, 3
            HAVING bool_or(start >= %s AND start < %s)
            ON CONFLICT (meter_id, channel, day) DO UPDATE
            SET quantity = excluded.quantity, estimated = excluded.estimated,
                intervals = excluded.intervals, revision = known.revision + 1
            """,
            [meter.pk, start, end],
        )
    days.add_up([meter.pk])


def bill(now: datetime) -> runs.Run:
    return runs.bill(now=now, since=JULY)


@contextmanager
def carried() -> Iterator[list[carrying.Carried]]:
    """What is carried on within."""
    made: list[carrying.Carried] = []
    carry = carrying.carry

    def told(batch: carrying.Batch, *, now: datetime) -> carrying.Carried:
        made.append(carry(batch, now=now))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carrying, "carry", told)
        yield made


def rows_of(meter: Meter) -> dict[str, Any]:
    """All that billing wrote for a meter, without what names it."""
    wallet = wallet_of(meter)
    evidence = [
        {
            **one["evidence"],
            "stretches": [
                {**stretch, "meter": "", "serial": ""} for stretch in one["evidence"]["stretches"]
            ],
        }
        for one in charges_of(wallet)
    ]
    bills = list(Bill.objects.filter(wallet=wallet).order_by("month").values(*SHOWN))
    for one in bills:
        one["banded"] = {day: nameless(row) for day, row in one["banded"].items()}
    return {
        "bills": bills,
        "transactions": list(wallet.transactions.order_by("sequence").values(*MOVED)),
        "charges": [
            {**one, "evidence": told}
            for one, told in zip(charges_of(wallet), evidence, strict=True)
        ],
        "pockets": Wallet.objects.filter(pk=wallet.pk).values(
            "available", "electricity", "water", "solar", "arrears", "balance", "sequence"
        )[0],
    }


def nameless(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is kept of some days, without the state, which names the meter."""
    return row and {name: value for name, value in row.items() if name != "state"}


def charges_of(wallet: Wallet) -> list[dict[str, Any]]:
    made = Charge.objects.filter(transaction__wallet=wallet).order_by("transaction__sequence")
    return list(made.values(*EXPLAINED))


# --- Any tariff, any load -----------------------------------------------------------------------

prices = st.decimals(min_value="0.01", max_value=9, places=4).map(str)
limits = st.lists(
    st.decimals(min_value="0.3", max_value=9, places=1), min_size=1, max_size=3, unique=True
).map(sorted)


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, object]:
    upto = [*map(str, draw(limits)), None]
    row: dict[str, object] = {
        "kind": "block",
        "blocks": [{"upto": limit, "price": draw(prices)} for limit in upto],
    }
    if draw(st.integers(0, 3)) == 3:
        row["scale_days"] = draw(st.sampled_from(["30", "30.4375"]))
    elif draw(st.integers(0, 9)) == 9:
        row["mode"] = "volume"
    return row


energy = st.builds(lambda price: {"kind": "energy", "price": price}, prices)
time_of_use = st.builds(
    lambda *of: {
        "kind": "time_of_use",
        "calendar": "eskom",
        "prices": dict(zip(("peak", "standard", "off_peak"), of, strict=True)),
    },
    prices, prices, prices,
)  # fmt: skip
fixed = st.one_of(
    st.builds(lambda price: {"kind": "fixed_per_day", "price": price}, prices),
    st.builds(lambda price: {"kind": "fixed_per_month", "price": price}, prices),
)
odd = st.one_of(
    st.builds(lambda price: {"kind": "demand", "price": price}, prices),
    st.builds(lambda price: {"kind": "surcharge", "percent": price}, prices),
    st.just({"kind": "minimum", "amount": "12.00"}),
)


@st.composite
def tariffs(draw: st.DrawFn) -> list[dict[str, object]]:
    made = [draw(st.one_of(energy, blocks(), time_of_use))]
    made += draw(st.lists(st.one_of(energy, fixed), max_size=2))
    if draw(st.integers(0, 9)) == 9:
        made.append(draw(odd))
    return made


def turn_vat(meter: Meter) -> None:
    row = EstateSettings.objects.get(estate=meter.estate)
    row.vat_registered = not row.vat_registered
    row.save()


def mark_up(meter: Meter) -> None:
    for assignment in Assignment.objects.filter(estate=meter.estate):
        assignment.markup_percentage += Decimal("2.50")
        assignment.save()


def price_otherwise(meter: Meter) -> None:
    """By a rate table that the twin gets as well."""
    assignment = Assignment.objects.get(estate=meter.estate)
    dearer = RateTable.objects.filter(name="Dearer").first()
    assignment.rate_table = dearer or RateTableFactory.create(
        name="Dearer", utility=meter.kind, version__components=flat("3.3333")
    )
    assignment.save()


def give_other_solar(meter: Meter) -> None:
    Estate.objects.filter(pk=meter.estate_id).update(solar_free_allocation_kwh=Decimal("0.777"))


def touch_calendars(meter: Meter) -> None:
    for calendar in TariffCalendar.objects.all():
        calendar.save()


def pay(meter: Meter) -> None:
    top_up(wallet_of(meter), "12.34")


CHANGES = [turn_vat, mark_up, price_otherwise, give_other_solar, touch_calendars, pay]


@dataclass(frozen=True)
class Step:
    """
    Quarter hours that come, then a run; before it perhaps something else that changes.

    `late` are so many of the last quarter hours, counted anew by so much.
    """

    counted: list[int]
    quality: str = "actual"
    late: tuple[int, int] | None = None
    change: Callable[[Meter], None] | None = None
    pause: timedelta = field(default=timedelta(0))


steps = st.lists(
    st.builds(
        Step,
        st.lists(st.integers(0, 900), min_size=1, max_size=9),
        st.sampled_from(["actual", "actual", "actual", "estimated"]),
        st.one_of(st.none(), st.none(), st.tuples(st.integers(1, 40), st.integers(0, 900))),
        st.sampled_from([None] * 20 + CHANGES),
        st.sampled_from([timedelta(0)] * 5 + [6 * INTERVAL, timedelta(hours=17)]),
    ),
    min_size=3,
    max_size=7,
)


class TestAnyTariffAndLoad:
    @settings(
        max_examples=25,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        tariffs(),
        st.sampled_from(["electricity", "electricity", "water", "solar"]),
        st.sampled_from([20, 250, 800]),
        steps,
    )
    def test_is_billed_as_if_priced_anew(
        self, components: list[dict[str, object]], kind: str, counted: int, taken: list[Step]
    ):
        partitions.ensure(date(2026, 6, 1), date(2026, 8, 31))
        with transaction.atomic(), carried() as made:
            self.live([meter_of(components, kind=kind, counted=counted) for _ in range(2)], taken)
            event(f"{sum(one.charged for one in made)} charges of {len(taken)} carried")
            transaction.set_rollback(True)

    def live(self, meters: Sequence[Meter], taken: list[Step]) -> None:
        """One meter goes on by itself where it may; its twin is priced anew each time."""
        meter, twin = meters
        Assignment.objects.filter(estate=twin.estate).update(
            rate_table=Assignment.objects.get(estate=meter.estate).rate_table
        )
        bill(SECOND)
        now = SECOND
        for step in taken:
            for one in (meter, twin):
                record(one, now, step.counted, quality=step.quality)
                if step.late:
                    back, wh = step.late
                    record(one, now - back * INTERVAL, [wh])
                if step.change:
                    step.change(one)
            now += len(step.counted) * INTERVAL
            Bill.objects.filter(wallet=wallet_of(twin)).update(continues=None)
            bill(now)
            assert rows_of(meter) == rows_of(twin)
            self.agree_on_how_to_go_on(meter, twin)
            now += step.pause
        assert not verification.verify().differences
        # Nobody's name is on a change here, so that the audit trail does not tell it.
        if all(step.change is not turn_vat for step in taken):
            assert replay.replay(wallet_of(meter).pk).difference == ""

    def agree_on_how_to_go_on(self, meter: Meter, twin: Meter) -> None:
        """What was said in the morning is what is said later in the day."""
        said, again = (
            nameless(Bill.objects.get(wallet=wallet_of(one), month=JULY).continues)
            for one in (meter, twin)
        )
        assert None in (said, again) or said == again


# --- One bill at a time --------------------------------------------------------------------------


def batch_of(meter: Meter) -> carrying.Batch:
    """A bill of July, as a run finds it."""
    batches, others = carrying.changed(first_month=JULY)
    assert others == []
    (batch,) = batches
    assert batch.wallets == [str(wallet_of(meter).pk)]
    return batch


NOW = SECOND + 4 * INTERVAL
LATER = NOW + INTERVAL


@pytest.fixture
def meter() -> Meter:
    """Charged for an hour of the second of July at R2.00, a quarter hour more is to be charged."""
    meter = meter_of(flat("2.00"))
    record(meter, SECOND, [500] * 4)
    bill(NOW)
    record(meter, NOW, [700])
    return meter


class TestCarry:
    def test_charges_what_came(self, meter: Meter):
        with carried() as made:
            told = bill(LATER)

        (one,) = made
        assert (one.charged, one.total, one.priced, one.left) == (1, Decimal("1.61"), 1, [])
        assert (told.charged, told.total, told.priced) == (1, Decimal("1.61"), 1)
        row = Bill.objects.get(month=JULY)
        assert (row.consumption, row.subtotal, row.vat, row.charged, row.charged_to) == (
            26_700, Decimal("53.40"), Decimal("8.01"), Decimal("61.41"), LATER,
        )  # fmt: skip
        assert [(line["quantity"], line["amount"]) for line in row.lines] == [("26.700", "53.40")]

    def test_says_why(self, meter: Meter):
        bill(LATER)

        charge = Charge.objects.latest("transaction__sequence")
        assert (charge.consumption_before, charge.consumption_after) == (26_000, 26_700)
        assert (charge.total_before, charge.total_after, charge.vat) == (
            Decimal("59.80"), Decimal("61.41"), Decimal("0.21"),
        )  # fmt: skip
        (line,) = charge.lines
        assert (line["what"], line["quantity"], line["amount"]) == ("energy", "0.700", "1.40")
        assert charge.evidence == {
            "stretches": [
                {
                    "meter": str(meter.pk), "serial": meter.serial, "channel": 1,
                    "start": "2026-07-01T23:00:00+00:00", "end": "2026-07-01T23:15:00+00:00",
                    "quantity": 700, "opening": {"value": 26_000}, "closing": {"value": 26_700},
                }
            ],
            "corrected": 0,
            "vat_percent": "15",
        }  # fmt: skip

    def test_moves_money_by_the_rules_of_charges(self, meter: Meter):
        top_up(wallet_of(meter), "32.00")

        bill(LATER)

        wallet = wallet_of(meter)
        posted = wallet.transactions.latest("sequence")
        # R30.00 went at first and R29.80 were owed, which left R2.20 of R32.00.
        assert (posted.balance_before, posted.balance_after) == (Decimal("2.20"), Decimal("0.59"))
        assert [
            (one.debit, one.credit, one.amount) for one in posted.postings.order_by("line")
        ] == [
            (Account.AVAILABLE, Account.REVENUE_ELECTRICITY, Decimal("1.61")),
            (Account.REVENUE_ELECTRICITY, Account.VAT_OUTPUT, Decimal("0.21")),
        ]
        assert posted.reference == "Electricity July 2026"

    def test_keeps_less_than_a_cent_for_later(self):
        meter = meter_of(flat("0.01"))
        bill(SECOND)
        record(meter, SECOND, [300])
        with carried() as made:
            bill(SECOND + INTERVAL)
            record(meter, SECOND + INTERVAL, [700])
            bill(SECOND + 2 * INTERVAL)

        assert [(one.priced, one.charged) for one in made] == [(1, 0), (1, 1)]
        charge = Charge.objects.latest("transaction__sequence")
        assert (charge.consumption_before, charge.consumption_after) == (24_000, 25_000)
        assert charge.evidence["stretches"][0]["quantity"] == 1_000

    def test_again_finds_nothing(self, meter: Meter):
        batch = batch_of(meter)

        told = [carrying.carry(batch, now=LATER) for _ in range(2)]

        assert [(one.charged, one.priced) for one in told] == [(1, 1), (0, 0)]

    @pytest.mark.parametrize(
        ("components", "amounts"),
        [
            pytest.param(BLOCKS, ["1.77", "1.76"], id="blocks"),
            pytest.param(TIME_OF_USE, ["0.92", "0.91"], id="time of use"),
        ],
    )
    def test_goes_on_through_the_day(self, components: list[dict[str, object]], amounts):
        meter = meter_of(components)
        bill(SECOND)

        with carried() as made:
            for number in range(2):
                record(meter, SECOND + number * INTERVAL, [500])
                bill(SECOND + (number + 1) * INTERVAL)

        assert [str(one.total) for one in made] == amounts

    def test_takes_the_utilities_of_a_wallet_one_after_the_other(self, meter: Meter):
        water = MeterFactory.create(
            estate=meter.estate, kind="water", with_register=True, installed=True,
            installation__unit=meter.installations.get().unit,
        )  # fmt: skip
        AssignmentFactory.create(
            estate=meter.estate, rate_table__utility="water",
            rate_table__version__components=flat("10.00"),
        )  # fmt: skip
        record(water, SECOND - DAY, [100])
        bill(LATER)
        for one in (meter, water):
            record(one, LATER, [100])

        with carried() as made:
            bill(LATER + INTERVAL)

        assert [str(one.total) for one in made] == ["0.23", "1.15"]
        assert wallet_of(meter).water == Decimal("-2.30")

    def test_takes_as_many_statements_for_many_bills_as_for_one(self, meter: Meter):
        single = batch_of(meter)
        with CaptureQueriesContext(connection) as one:
            carrying.carry(single, now=LATER)
        others = [meter_of(flat("2.00")) for _ in range(5)]
        bill(NOW)
        for other in others:
            record(other, NOW, [700])
        found, _ = carrying.changed(first_month=JULY)
        columns = (list(chain(*column)) for column in zip(*(one[2:] for one in found), strict=True))
        whole = carrying.Batch(Utility.ELECTRICITY, JULY, *columns)

        with CaptureQueriesContext(connection) as many:
            assert carrying.carry(whole, now=LATER).charged == 5

        assert len(one) == len(many)


def change_cadence(meter: Meter) -> None:
    EstateSettings.objects.filter(estate=meter.estate).update(billing_cadence="hourly")


def close_the_month(meter: Meter) -> None:
    MonthClosing.objects.create(estate=meter.estate, month=JULY, closed_at=NOW)


def settle(meter: Meter) -> None:
    wallet = wallet_of(meter)
    Settlement.objects.create(
        occupancy=OccupancyFactory.create(unit=wallet.unit), wallet=wallet, estate=meter.estate,
        resident="", starts_on=JULY, ends_on=date(2026, 7, 2), settled_at=NOW,
        charged=0, held=0, owed=0,
    )  # fmt: skip


def take_the_meter_down(meter: Meter) -> None:
    Installation.objects.filter(meter=meter).update(ends_at=LATER + DAY)


def date_the_meter_otherwise(meter: Meter) -> None:
    Installation.objects.filter(meter=meter).update(starts_at=SECOND)


def hang_it_elsewhere(meter: Meter) -> None:
    Installation.objects.filter(meter=meter).update(unit=UnitFactory.create(estate=meter.estate))


def count_the_day_before_anew(meter: Meter) -> None:
    record(meter, SECOND - DAY, [300])


def count_less_today(meter: Meter) -> None:
    record(meter, SECOND, [0] * 4)


def forget(meter: Meter) -> None:
    Bill.objects.update(continues=None)


def name_a_problem(meter: Meter) -> None:
    Bill.objects.update(problem="No price.")


def price_it_anew(meter: Meter) -> None:
    runs.bill(now=LATER, since=JULY, wallet_ids=[wallet_of(meter).pk])


class TestIsLeft:
    """What changed after a run found the bill, and before its wallet was locked."""

    @pytest.mark.parametrize(
        "change",
        [
            turn_vat, change_cadence, mark_up, touch_calendars, close_the_month, settle,
            take_the_meter_down, date_the_meter_otherwise, hang_it_elsewhere,
            count_the_day_before_anew, count_less_today, forget, name_a_problem, price_it_anew,
        ],
    )  # fmt: skip
    def test_where_anything_is_otherwise(self, meter: Meter, change: Callable[[Meter], None]):
        batch = batch_of(meter)
        change(meter)
        before = rows_of(meter) if change is not hang_it_elsewhere else {}
        transactions = Transaction.objects.count()

        told = carrying.carry(batch, now=LATER)

        assert (told.charged, told.priced) == (0, 0)
        assert [str(one) for one in told.left] == batch.wallets
        assert Transaction.objects.count() == transactions
        assert not before or rows_of(meter) == before

    def test_on_another_day(self, meter: Meter):
        assert carrying.carry(batch_of(meter), now=LATER + DAY).priced == 0

    def test_where_a_block_is_full(self):
        meter = metered_unit(BLOCKS)
        record(meter, SECOND - DAY, [1_000])
        bill(SECOND)
        record(meter, SECOND, [999])
        assert carrying.carry(batch_of(meter), now=SECOND + INTERVAL).charged == 1
        record(meter, SECOND + INTERVAL, [1])

        assert carrying.carry(batch_of(meter), now=SECOND + 2 * INTERVAL).priced == 0

    def test_where_a_band_has_no_line_yet(self):
        meter = metered_unit(TIME_OF_USE)
        record(meter, SECOND - DAY, [100] * 4)
        bill(SECOND)
        for hour, priced in ((0, 1), (7, 0)):
            record(meter, SECOND + timedelta(hours=hour), [100])
            told = carrying.carry(batch_of(meter), now=SECOND + timedelta(hours=hour + 1))
            assert told.priced == priced

    @pytest.mark.parametrize(
        "odd",
        [
            pytest.param({"kind": "demand", "price": "100.00"}, id="demand"),
            pytest.param({"kind": "surcharge", "percent": "10"}, id="surcharge"),
            pytest.param({"kind": "minimum", "amount": "500.00"}, id="minimum"),
            pytest.param(BLOCKS[0] | {"mode": "volume"}, id="volume"),
        ],
    )
    def test_where_more_grows_than_lines(self, odd: dict[str, object]):
        meter = meter_of([*flat("2.00"), odd])
        bill(SECOND)

        assert Bill.objects.get(month=JULY, wallet=wallet_of(meter)).continues is None

    def test_to_be_priced_in_the_same_run(self, meter: Meter):
        Bill.objects.update(continues=None)

        told = bill(LATER)

        assert (told.charged, told.total) == (1, Decimal("1.61"))


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_runs_charge_once(self, meter: Meter):
        told = at_once(lambda _: bill(LATER), times=4, threads=4)

        assert sum(one.charged for one in told if isinstance(one, runs.Run)) == 1
        assert Transaction.objects.filter(kind="consumption_electricity").count() == 2
        assert bill(LATER) == runs.Run()

    def test_a_busy_wallet_is_left_to_the_next_run(self, meter: Meter):
        with transaction.atomic():
            ledger.lock([wallet_of(meter).pk])
            (told,) = at_once(lambda _: bill(LATER), times=1, threads=1)
        assert isinstance(told, runs.Run)
        assert (told.charged, told.busy) == (0, 1)

        assert bill(LATER).charged == 1

    def test_who_comes_second_sees_what_the_first_one_charged(self, meter: Meter):
        """Read by the statement that waits, the bill is that of before the wait."""
        batch = batch_of(meter)
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                ledger.lock([wallet_of(meter).pk])
                waiting = pool.submit(self.carry_and_close, batch)
                runs.bill(now=LATER, since=JULY, wallet_ids=[wallet_of(meter).pk])
            told = waiting.result()

        assert (told.charged, told.priced) == (0, 0)
        assert Transaction.objects.filter(kind="consumption_electricity").count() == 2

    def carry_and_close(self, batch: carrying.Batch) -> carrying.Carried:
        try:
            return carrying.carry(batch, now=LATER)
        finally:
            connection.close()
