"""Charges opened to the readings they were made from, as readings really arrive."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts import roles
from accounts.tests.factories import UserFactory
from meters import installations, readings
from meters.models import Meter, Reading
from meters.readings import RawReading
from meters.tests.factories import MeterFactory, RegisterFactory
from quantify.tests.client import Client
from rates.models import Assignment, RateTableVersion
from rates.tests.factories import AssignmentFactory, flat
from units.tests.factories import UnitFactory
from wallets.billing import runs
from wallets.billing.explanation import Cause, Explanation, Remark
from wallets.models import Bill, Charge
from wallets.tests.metering import use

pytestmark = pytest.mark.django_db

QUARTER = timedelta(minutes=15)
JULY = date(2026, 7, 1)
START = datetime(2026, 7, 3, 8, tzinfo=UTC)
CHANNEL = 1


def read(
    meter: Meter,
    values: Sequence[int | None],
    *,
    first: datetime = START,
    source: Reading.Source = Reading.Source.AUTOMATIC,
) -> datetime:
    """Record one register value (Wh) every quarter hour; None is one that did not come."""
    rows = [
        RawReading(meter.pk, CHANNEL, first + number * QUARTER, value)
        for number, value in enumerate(values)
        if value is not None
    ]
    last = rows[-1].taken_at
    readings.record(rows, source=source, received_at=last + timedelta(minutes=1))
    return last


def charge(at: datetime) -> Explanation:
    """Bill just after an instant and open the charge that came of it."""
    runs.bill(now=at + timedelta(minutes=2), since=JULY)
    newest = Charge.objects.select_related("transaction", "bill", "version__rate_table")
    return Explanation(newest.latest("transaction__number"))


@pytest.fixture
def meter() -> Meter:
    """A meter at a unit since January, priced at R2.00."""
    unit = UnitFactory.create()
    made: Meter = MeterFactory.create(
        estate=unit.estate, with_register=True, installed=True, installation__unit=unit
    )
    AssignmentFactory.create(estate=unit.estate, rate_table__version__components=flat("2.00"))
    return made


class TestStretches:
    def test_begin_and_end_at_the_readings(self, meter: Meter):
        last = read(meter, [1_000_000, 1_000_323, 1_000_800])

        (told,) = charge(last).stretches

        assert (told.meter, told.serial, told.channel) == (meter.pk, meter.serial, 1)
        assert (told.starts_at, told.ends_at) == (START, START + 2 * QUARTER)
        assert told.opening is not None
        assert told.closing is not None
        assert (told.opening.taken_at, told.opening.value) == (START, 1_000_000)
        assert (told.closing.taken_at, told.closing.value) == (START + 2 * QUARTER, 1_000_800)
        assert {told.opening.source, told.closing.source} == {"automatic"}
        assert (told.difference, told.consumption, told.remarks) == (800, 800, [])

    def test_follow_each_other_from_charge_to_charge(self, meter: Meter):
        charge(read(meter, [0, 100, 300]))
        last = read(meter, [1_300], first=START + 3 * QUARTER)

        opened = charge(last)

        (told,) = opened.stretches
        assert (told.starts_at, told.ends_at) == (START + 2 * QUARTER, START + 3 * QUARTER)
        assert told.difference == opened.consumption == 1_000
        assert (opened.charge.total_before, opened.causes) == (
            Decimal("0.69"),
            [Cause.NEW_READINGS],
        )

    def test_reach_back_over_what_was_not_worth_a_cent(self, meter: Meter):
        charged = charge(read(meter, [0, 1_000]))
        runs.bill(now=read(meter, [1_001], first=START + 2 * QUARTER), since=JULY)
        last = read(meter, [1_501], first=START + 3 * QUARTER)

        opened = charge(last)

        (told,) = opened.stretches
        assert opened.charge != charged.charge
        assert (told.starts_at, told.difference) == (START + QUARTER, 501)
        assert opened.charge.consumption_before == 1_000
        assert [str(line.quantity) for line in opened.lines] == ["0.501"]

    def test_cover_both_meters_when_one_was_replaced(self, meter: Meter):
        unit = meter.installations.get().unit
        charge(read(meter, [5_000, 5_100]))
        read(meter, [5_250], first=START + 2 * QUARTER)
        at = START + 3 * QUARTER
        installations.remove(meter=meter, ends_at=at, closing_value=5_300, now=at)
        other = MeterFactory.create(estate=meter.estate)
        RegisterFactory.create(meter=other)
        installations.install(meter=other, unit=unit, starts_at=at, opening_value=70, now=at)
        last = read(other, [370, 770], first=at + QUARTER)

        opened = charge(last)

        old, new = opened.stretches
        assert (old.serial, old.starts_at, old.ends_at) == (meter.serial, START + QUARTER, at)
        assert (new.serial, new.starts_at, new.ends_at) == (other.serial, at, at + 2 * QUARTER)
        assert (old.difference, new.difference) == (200, 700)
        assert old.closing is not None
        assert new.opening is not None
        assert (old.closing.value, old.closing.source) == (5_300, "manual")
        assert (new.opening.value, new.opening.source) == (70, "manual")
        assert (opened.consumption, opened.corrected) == (900, 0)

    def test_begin_with_the_local_month(self, meter: Meter):
        midnight = datetime(2026, 7, 31, 22, tzinfo=UTC)
        last = read(meter, [0, 400, 1_000], first=midnight - QUARTER)

        runs.bill(now=last + QUARTER, since=JULY)

        july, august = (
            Explanation(one) for one in Charge.objects.order_by("bill__month", "transaction")
        )
        (before,), (after,) = july.stretches, august.stretches
        assert (before.ends_at, before.difference) == (midnight, 400)
        assert (after.starts_at, after.difference) == (midnight, 600)

    def test_say_where_no_reading_stands_at_the_month_s_edge(self, meter: Meter):
        midnight = datetime(2026, 7, 31, 22, tzinfo=UTC)
        last = read(meter, [0, None, None, 900], first=midnight - QUARTER)

        runs.bill(now=last + QUARTER, since=JULY)

        told = Explanation(Charge.objects.get(bill__month=date(2026, 8, 1)))
        (stretch,) = told.stretches
        assert (stretch.starts_at, stretch.ends_at) == (midnight, midnight + 2 * QUARTER)
        assert stretch.opening is not None
        assert (stretch.opening.taken_at, stretch.opening.value) == (midnight - QUARTER, 0)
        assert stretch.difference is None
        assert (stretch.consumption, stretch.estimated) == (600, 600)
        assert stretch.remarks == [Remark.NO_OPENING_READING, Remark.ESTIMATED]

    def test_tell_a_gap_between_two_readings(self, meter: Meter):
        last = read(meter, [0, 100, None, None, 700])

        (told,) = charge(last).stretches

        assert (told.difference, told.consumption, told.estimated) == (700, 700, 600)
        assert told.remarks == [Remark.ESTIMATED]

    def test_tell_a_register_that_passed_its_span(self, meter: Meter):
        last = read(meter, [999_999_800, 999_999_900, 150])

        (told,) = charge(last).stretches

        assert (told.rollover, told.difference, told.consumption) == (10**9, 350, 350)
        assert told.remarks == [Remark.ROLLOVER]

    def test_tell_quarter_hours_without_a_value(self, meter: Meter):
        read(meter, [90, 190])
        set_back = RawReading(meter.pk, CHANNEL, START + 4 * QUARTER, 40, is_opening=True)
        readings.record([set_back], received_at=START + 4 * QUARTER)
        last = read(meter, [60], first=START + 5 * QUARTER)

        (told,) = charge(last).stretches

        assert (told.consumption, told.difference, told.missing_intervals) == (120, -30, 3)
        assert told.remarks == [Remark.MISSING_INTERVALS, Remark.REGISTER_DIFFERS]

    def test_have_no_reading_where_only_days_are_known(self, meter: Meter):
        use(meter, date(2026, 7, 3), "1")

        opened = charge(START)

        assert (opened.stretches, opened.corrected) == ([], 1_000)
        assert opened.causes == [Cause.CORRECTED]

    def test_stand_when_readings_are_corrected_later(self, meter: Meter):
        first = charge(read(meter, [0, None, 800]))
        read(meter, [500], first=START + QUARTER)

        again = Explanation(Charge.objects.get(pk=first.charge.pk))

        assert again.stretches[0].estimated == 800

    def test_of_a_batch_take_one_statement_more_than_none(
        self, meter: Meter, django_assert_max_num_queries
    ):
        last = read(meter, [0, 100])
        for number in range(3):
            unit = UnitFactory.create(estate=meter.estate, unit_number=f"X{number}")
            other = MeterFactory.create(
                estate=meter.estate, with_register=True, installed=True, installation__unit=unit
            )
            read(other, [0, 900])
        runs.bill(now=last + QUARTER, since=JULY, wallet_ids=[])

        with django_assert_max_num_queries(30):
            runs.bill(now=last + QUARTER, since=JULY)

        assert Charge.objects.count() == 4
        assert all(one.evidence["stretches"] for one in Charge.objects.all())


class TestCauses:
    def test_a_late_reading_corrects_what_was_charged_before(self, meter: Meter):
        charge(read(meter, [1_000, 2_000]))
        read(meter, [400], first=START - 2 * QUARTER)

        opened = charge(START + QUARTER)

        assert opened.charge.transaction.amount == Decimal("1.38")
        assert (opened.stretches, opened.corrected) == ([], 600)
        assert opened.causes == [Cause.CORRECTED]

    def test_real_readings_in_place_of_estimates_move_between_months(self, meter: Meter):
        midnight = datetime(2026, 7, 31, 22, tzinfo=UTC)
        last = read(meter, [0, None, 1_000], first=midnight - QUARTER)
        runs.bill(now=last + QUARTER, since=JULY)
        read(meter, [900], first=midnight)

        runs.bill(now=last + QUARTER, since=JULY)

        both = Charge.objects.order_by("-transaction__number")[:2]
        assert {(one.bill.month.month, one.evidence["corrected"]) for one in both} == {
            (7, 400),
            (8, -400),
        }
        assert [Explanation(one).causes for one in both] == [[Cause.CORRECTED]] * 2
        assert sum(one.transaction.amount for one in both) == 0

    def test_new_readings_and_a_correction_are_told_apart(self, meter: Meter):
        charge(read(meter, [1_000, 2_000]))
        read(meter, [400], first=START - 2 * QUARTER)
        last = read(meter, [2_300], first=START + 2 * QUARTER)

        opened = charge(last)

        (stretch,) = opened.stretches
        assert (stretch.difference, opened.corrected, opened.consumption) == (300, 600, 900)
        assert opened.causes == [Cause.NEW_READINGS, Cause.CORRECTED]

    def test_a_next_version_in_the_month_is_named(self, meter: Meter):
        charge(read(meter, [0, 1_000]))
        first = RateTableVersion.objects.get()
        RateTableVersion.objects.update(effective_to=date(2026, 7, 4))
        second = RateTableVersion.objects.create(
            rate_table=first.rate_table,
            number=2,
            effective_from=date(2026, 7, 4),
            components=flat("3.00"),
        )
        day = START + timedelta(days=1)
        last = read(meter, [1_000, 2_000], first=day)

        opened = charge(last)

        assert (opened.charge.version, opened.version_before) == (second, first)
        assert opened.causes == [Cause.NEW_READINGS, Cause.NEXT_VERSION]

    def test_another_rate_prices_the_month_anew(self, meter: Meter):
        charge(read(meter, [0, 1_000]))
        table = RateTableVersion.objects.get()
        Assignment.objects.all().delete()
        AssignmentFactory.create(
            estate=meter.estate,
            rate_table__name="Dearer",
            rate_table__version__components=flat("3.00"),
        )

        opened = charge(START + QUARTER)

        assert (opened.corrected, opened.stretches) == (0, [])
        assert opened.version_before == table
        assert opened.causes == [Cause.REPRICED]
        assert [(line.quantity, line.price) for line in opened.lines] == [
            (Decimal("1.000"), Decimal("3.00")),
            (Decimal("-1.000"), Decimal("2.00")),
        ]

    def test_another_markup_prices_the_month_anew(self, meter: Meter):
        charge(read(meter, [0, 1_000]))
        Assignment.objects.get().delete()
        AssignmentFactory.create(
            estate=meter.estate,
            rate_table=RateTableVersion.objects.get().rate_table,
            markup_percentage=Decimal("10.00"),
        )

        opened = charge(START + QUARTER)

        (line,) = opened.lines
        assert (line.what, line.quantity, line.price, line.amount) == (
            "Markup",
            Decimal("2.00"),
            Decimal("0.1"),
            Decimal("0.20"),
        )
        assert opened.causes == [Cause.REPRICED]

    def test_a_new_day_comes_with_its_fixed_charge(self, meter: Meter):
        RateTableVersion.objects.update(
            components=[*flat("2.00"), {"kind": "fixed_per_day", "price": "3.00"}]
        )
        charge(read(meter, [0, 1_000]))

        opened = charge(START + timedelta(days=1))

        assert opened.causes == [Cause.NEW_DAYS]
        assert opened.stretches == []

    def test_a_bill_from_before_says_so_once(self, meter: Meter):
        charge(read(meter, [0, 1_000]))
        Bill.objects.update(charged_consumption=None, charged_to=None)

        unknown = charge(read(meter, [2_000], first=START + 2 * QUARTER))
        known = charge(read(meter, [4_000], first=START + 3 * QUARTER))

        assert unknown.causes == [Cause.NOT_RECORDED]
        assert (unknown.charge.consumption_before, unknown.corrected) == (1_000, None)
        assert [one.difference for one in known.stretches] == [2_000]


class TestRounding:
    def test_is_told_for_each_line_and_for_vat(self, meter: Meter):
        opened = charge(read(meter, [0, 323]))

        (line,) = opened.lines
        assert (line.unrounded, line.amount, line.rounding) == (
            Decimal("0.646"),
            Decimal("0.65"),
            Decimal("0.004"),
        )
        assert (opened.vat_percent, opened.vat_unrounded) == (15, Decimal("0.0975"))
        assert opened.vat_rounding == Decimal("0.0025")


class TestServed:
    def test_by_the_api(self, meter: Meter):
        made = charge(read(meter, [1_000_000, 1_000_323])).charge
        client = Client(UserFactory.create(role=roles.SUPER_ADMIN))

        data = client.get(f"/transactions/{made.pk}/explain").json()["data"]

        assert data["readings"] == [
            {
                "meter": str(meter.pk),
                "meter_serial": meter.serial,
                "channel": 1,
                "starts_at": "2026-07-03T10:00:00+02:00",
                "ends_at": "2026-07-03T10:15:00+02:00",
                "opening": {
                    "taken_at": "2026-07-03T10:00:00+02:00",
                    "value": "1000.000",
                    "source": "automatic",
                },
                "closing": {
                    "taken_at": "2026-07-03T10:15:00+02:00",
                    "value": "1000.323",
                    "source": "automatic",
                },
                "register_difference": "0.323",
                "consumption": "0.323",
                "estimated": "0.000",
                "missing_intervals": 0,
                "remarks": [],
            }
        ]
        assert (data["causes"], data["corrected"]) == (["new_readings"], "0.000")
        assert (data["rounding"], data["vat_rounding"]) == ("0.004", "0.0025")
        assert (data["version_before"], data["total_before"]) == (None, "0.00")

    def test_by_the_portal_in_words(self, meter: Meter):
        made = charge(read(meter, [1_234_567, 1_234_890])).charge

        page = _page(made)

        assert (
            f"Meter {meter.serial}: 3 Jul 2026 10:00 reading 1 234.567 kWh \u2192 "
            "3 Jul 2026 10:15 reading 1 234.890 kWh = 0.323 kWh"
        ) in page
        assert "New readings came." in page
        assert "+0.004" in page

    def test_by_the_portal_without_inventing_a_reading(self, meter: Meter):
        midnight = datetime(2026, 7, 31, 22, tzinfo=UTC)
        last = read(meter, [0, None, None, 900], first=midnight - QUARTER)
        runs.bill(now=last + QUARTER, since=JULY)

        page = _page(Charge.objects.get(bill__month=date(2026, 8, 1)))

        assert "1 Aug 2026 00:00 no reading \u2192" in page
        assert "its quarter hours add up to 0.600 kWh" in page
        assert "The nearest before it is 31 Jul 2026 23:45 reading 0.000 kWh." in page
        assert "Of it 0.600 kWh is estimated" in page


def _page(made: Charge) -> str:
    browser = Browser()
    browser.force_login(
        UserFactory.create(role=roles.SUPER_ADMIN), backend="accounts.backends.RoleBackend"
    )
    url = reverse("admin:wallets_transaction_change", args=[made.pk])
    return browser.get(url).content.decode().replace("\u00a0", " ")
