import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from quantify.money import to_cents
from quantify.quantities import Utility, kilo
from rates import intervals
from rates.calendar_files import published
from rates.components import build
from rates.engine import (
    InvalidSegments,
    InvalidUsage,
    MidMonth,
    NoFreeAllocation,
    Segment,
    Usage,
    bill,
    bill_month,
    free_allocation,
)

DATA = Path(__file__).parents[1] / "data"
TABLES = json.loads((DATA / "south_africa.json").read_text(encoding="utf-8"))["rate_tables"]
WORKED = json.loads((DATA / "worked_bills.json").read_text(encoding="utf-8"))
SMALL = WORKED["small"]
LAST_DIGITS = Decimal("1E-24")

ESKOM = published()["eskom"]
MARCH, MID_MARCH, APRIL = date(2025, 3, 1), date(2025, 3, 16), date(2025, 4, 1)
JUNE, MID_JUNE, JULY = date(2025, 6, 1), date(2025, 6, 16), date(2025, 7, 1)


def table_of(name, month):
    """The published rate table in force in a month ("2025-07")."""
    (table,) = (
        table
        for table in TABLES
        if table["name"] == name
        and table["effective_from"] <= f"{month}-01" < (table["effective_to"] or "9999")
    )
    return build(table["components"], utility=Utility(table["utility"]))


def tariff(*components, utility=Utility.ELECTRICITY, **options):
    return build(components, utility=utility, **options)


def blocks(limits, **fields):
    written = [{"upto": upto, "price": price} for upto, price in limits]
    return {"kind": "block", "blocks": written} | fields


def flat(price="2.00", **fields):
    return {"kind": "energy", "price": price} | fields


def used(quantity, **options):
    return Usage.of_total(kilo(quantity), **options)


def segments(*parts):
    """Segments of (tariff, first day, end day, kWh)."""
    return [
        Segment(tariff=tariff, first_day=first, end_day=end, usage=used(quantity))
        for tariff, first, end, quantity in parts
    ]


def plain(quantity):
    return f"{quantity.normalize():f}"


def shown(lines):
    """Lines as (what, quantity, amount) for a glance."""
    return [(line.what, plain(line.quantity), str(line.amount)) for line in lines]


def named(case):
    return f"{case['rate_table']} {case['month']} {case.get('consumption', 'intervals')}"


class TestWorkedBills:
    @pytest.mark.parametrize("case", [pytest.param(c, id=named(c)) for c in WORKED["bills"]])
    def test_come_to_the_cent(self, case):
        rates = table_of(case["rate_table"], case["month"])
        if "intervals" in case:
            starts, quantities = zip(*case["intervals"], strict=True)
            usage = rates.usage(
                np.array(starts, dtype="datetime64[s]"), np.array([kilo(q) for q in quantities])
            )
        else:
            usage = used(case["consumption"])

        found = bill_month(
            rates,
            usage,
            month=date.fromisoformat(f"{case['month']}-01"),
            markup_percent=Decimal(case.get("markup_percentage", 0)),
        )

        for line, expected in zip(found.lines, case["lines"], strict=True):
            assert line.what == expected["what"]
            assert line.price == Decimal(expected["price"])
            assert str(line.amount) == expected["amount"]
            assert abs(line.quantity - Decimal(expected["quantity"])) < LAST_DIGITS
        totals = (found.subtotal, found.markup, found.vat, found.total)
        assert [str(total) for total in totals] == [
            case[name] for name in ("subtotal", "markup", "vat", "total")
        ]

    @pytest.mark.parametrize(
        ("limits", "quantity", "amount"),
        [
            (SMALL[name]["blocks"], quantity, amount)
            for name, cases in (
                ("seed_blocks", [(SMALL["seed_blocks"]["consumption"], "675.00")]),
                ("seed_blocks_2", SMALL["seed_blocks_2"]["cases"]),
            )
            for quantity, amount in cases
        ],
    )
    def test_of_blocks(self, limits, quantity, amount):
        found = bill_month(tariff(blocks(limits)), used(quantity), month=MARCH)

        assert str(found.subtotal) == amount

    def test_of_one_interval_across_all_blocks(self):
        case = SMALL["interval_across_blocks"]

        found = bill_month(
            tariff(blocks(case["blocks"])), used(case["one_interval_kwh"]), month=MARCH
        )

        assert sum(line.unrounded for line in found.lines) == Decimal(case["amount_unrounded"])


class TestBlocks:
    LIMITS = (("350", "2.0967"), ("500", "2.4050"), (None, "2.7405"))

    def test_end_with_their_limit(self):
        at_limit = bill_month(tariff(blocks(self.LIMITS)), used("350"), month=MARCH)
        beyond = bill_month(tariff(blocks(self.LIMITS)), used("350.001"), month=MARCH)

        assert shown(at_limit.lines) == [("block upto 350", "350", "733.85")]
        assert shown(beyond.lines)[1] == ("block upto 500", "0.001", "0.00")

    def test_continue_where_the_month_stands(self):
        found = bill_month(
            tariff(blocks(self.LIMITS)), used("200"), month=MARCH, month_to_date=kilo("340")
        )

        assert shown(found.lines) == [
            ("block upto 350", "10", "20.97"),
            ("block upto 500", "150", "360.75"),
            ("block upto None", "40", "109.62"),
        ]

    def test_carry_their_name(self):
        found = bill_month(tariff(blocks(self.LIMITS, name="Energy")), used("1"), month=MARCH)

        assert found.lines[0].what == "Energy: block upto 350"

    @pytest.mark.parametrize(
        ("quantity", "subtotal"),
        [pytest.param("500", "1202.50", id="at"), pytest.param("501", "1372.99", id="beyond")],
    )
    def test_of_volume_price_the_whole_at_the_block_reached(self, quantity, subtotal):
        volume = tariff(blocks(self.LIMITS, mode="volume"))

        assert str(bill_month(volume, used(quantity), month=MARCH).subtotal) == subtotal

    def test_of_volume_within_one_block_are_one_line(self):
        volume = tariff(blocks(self.LIMITS, mode="volume"))

        found = bill_month(volume, used("30"), month=MARCH, month_to_date=kilo("80"))

        assert shown(found.lines) == [("block upto 350", "30", "62.90")]

    def test_of_volume_charge_the_difference_from_the_month_to_date(self):
        volume = tariff(blocks((("100", "1.00"), (None, "2.00")), mode="volume"))

        found = bill_month(volume, used("30"), month=MARCH, month_to_date=kilo("80"))

        assert shown(found.lines) == [
            ("block upto 100", "-80", "-80.00"),
            ("block upto None", "110", "220.00"),
        ]

    @pytest.mark.parametrize(
        ("days", "limit"),
        [pytest.param(31, "6.2", id="whole month"), pytest.param(15, "3", id="moved in")],
    )
    def test_scale_with_the_days_supplied(self, days, limit):
        water = tariff(
            blocks((("6", "0"), (None, "20.00")), scale_days="30"), utility=Utility.WATER
        )
        supplied = date(2025, 3, 32 - days), APRIL

        found = bill(segments((water, *supplied, "10")), month=MARCH, supplied=supplied)

        assert found.lines[0].quantity == Decimal(limit)
        assert {line.unit for line in found.lines} == {"kl"}


class TestMidMonthChange:
    CASE = SMALL["carry_mtd"]

    def months(self, mid_month):
        old, new = (tariff(blocks(self.CASE[age]), mid_month=mid_month) for age in ("old", "new"))
        return segments(
            (old, JUNE, MID_JUNE, self.CASE["first_half"]),
            (new, MID_JUNE, JULY, self.CASE["second_half"]),
        )

    def test_carries_the_position_over(self):
        found = bill(self.months(MidMonth.CARRY_MTD), month=JUNE)

        assert str(found.subtotal) == self.CASE["carry_mtd"]

    def test_keeps_the_position_reached_under_the_new_limits(self):
        found = bill(self.months(MidMonth.CARRY_MTD), month=JUNE)

        assert shown(found.lines) == [
            ("block upto 350", "350", "733.85"),
            ("block upto 500", "50", "120.25"),
            ("block upto 500", "100", "271.06"),
            ("block upto None", "300", "926.61"),
        ]
        assert [line.segment for line in found.lines] == [0, 0, 1, 1]

    def test_may_prorate_the_blocks_by_days_instead(self):
        found = bill(self.months(MidMonth.PRORATE_BLOCKS), month=JUNE)

        unrounded = sum(line.unrounded for line in found.lines)
        assert str(to_cents(unrounded)) == self.CASE["prorate_blocks"]
        # Each of the six lines is rounded by itself, which is a cent more here.
        assert str(found.subtotal) == "2038.53"
        assert [plain(line.quantity) for line in found.lines] == [
            "175", "75", "150", "175", "75", "150",
        ]  # fmt: skip

    def test_to_the_same_prices_changes_nothing(self):
        table = blocks(self.CASE["old"])
        cut = segments(
            (tariff(table), JUNE, MID_JUNE, "399.999"), (tariff(table), MID_JUNE, JULY, "0.334")
        )

        assert bill(cut, month=JUNE) == bill_month(tariff(table), used("400.333"), month=JUNE)

    def test_from_blocks_to_a_flat_price(self):
        old = tariff(blocks((("350", "1.9028"), (None, "2.1562"))))
        new = tariff(flat("2.1611", name="Energy charge"))

        found = bill(
            segments((old, JUNE, MID_JUNE, "400"), (new, MID_JUNE, JULY, "100")), month=JUNE
        )

        assert shown(found.lines) == [
            ("block upto 350", "350", "665.98"),
            ("block upto None", "50", "107.81"),
            ("Energy charge", "100", "216.11"),
        ]

    def test_takes_the_markup_of_each_version(self):
        dear, plain = (tariff(flat(price)) for price in ("2.00", "3.00"))
        parts = [
            Segment(
                tariff=rates,
                first_day=first,
                end_day=end,
                usage=used("10"),
                markup_percent=Decimal(markup),
            )
            for rates, first, end, markup in (
                (dear, JUNE, MID_JUNE, "10"),
                (plain, MID_JUNE, JULY, "0"),
            )
        ]

        found = bill(parts, month=JUNE)

        assert (str(found.subtotal), str(found.markup)) == ("50.00", "2.00")
        assert (str(found.vat), str(found.total)) == ("7.80", "59.80")

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            pytest.param((JUNE, MID_JUNE), (date(2025, 6, 15), JULY), id="overlap"),
            pytest.param((MID_JUNE, JULY), (JUNE, MID_JUNE), id="out of order"),
            pytest.param((JUNE, MID_JUNE), (MID_JUNE, date(2025, 7, 2)), id="next month"),
            pytest.param((JUNE, JUNE), (MID_JUNE, JULY), id="no days"),
        ],
    )
    def test_refuses_versions_that_do_not_follow(self, first, second):
        parts = segments((tariff(flat()), *first, "1"), (tariff(flat("3")), *second, "1"))

        with pytest.raises(InvalidSegments):
            bill(parts, month=JUNE)


class TestFixedCharges:
    PER_DAY = {"kind": "fixed_per_day", "price": "3.27"}
    PER_MONTH = {"kind": "fixed_per_month", "name": "Levy", "price": "100.00"}

    def test_per_day_count_the_days_of_each_version(self):
        later = self.PER_DAY | {"price": "5.74"}
        parts = segments(
            (tariff(self.PER_DAY), MARCH, MID_MARCH, "0"),
            (tariff(later), MID_MARCH, APRIL, "0"),
        )

        assert shown(bill(parts, month=MARCH).lines) == [
            ("fixed per day", "15", "49.05"),
            ("fixed per day", "16", "91.84"),
        ]

    @pytest.mark.parametrize(
        ("until", "days"),
        [
            pytest.param(date(2025, 3, 2), [1], id="first day"),
            pytest.param(date(2025, 3, 20), [15, 4], id="into the second version"),
            pytest.param(APRIL, [15, 16], id="whole month"),
        ],
    )
    def test_per_day_run_until_the_day_begun(self, until, days):
        later = self.PER_DAY | {"price": "5.74"}
        parts = segments(
            (tariff(self.PER_DAY), MARCH, MID_MARCH, "0"),
            (tariff(later), MID_MARCH, APRIL, "0"),
        )

        found = bill(parts, month=MARCH, until=until)

        assert [line.quantity for line in found.lines] == days

    def test_per_month_are_charged_once_by_the_version_that_opens_it(self):
        later = self.PER_MONTH | {"price": "120.00"}
        parts = segments(
            (tariff(self.PER_MONTH), MARCH, MID_MARCH, "0"),
            (tariff(later), MID_MARCH, APRIL, "0"),
        )

        assert shown(bill(parts, month=MARCH).lines) == [("Levy", "1", "100.00")]

    def test_per_month_are_by_days_only_where_supply_began_or_ended(self):
        fixed = tariff(self.PER_MONTH)

        moved_in = bill(
            segments((fixed, MID_MARCH, APRIL, "0")), month=MARCH, supplied=(MID_MARCH, APRIL)
        )
        late_rate = bill(segments((fixed, MID_MARCH, APRIL, "0")), month=MARCH)

        assert str(moved_in.subtotal) == "51.61"
        assert str(late_rate.subtotal) == "100.00"

    def test_of_a_month_shared_at_a_move_add_up(self):
        fixed = tariff(self.PER_MONTH)
        shares = [
            bill(segments((fixed, *days, "0")), month=MARCH, supplied=days).subtotal
            for days in ((MARCH, MID_MARCH), (MID_MARCH, APRIL))
        ]

        assert sum(shares) == Decimal("100.00")

    def test_refuses_days_that_are_not_of_the_month(self):
        with pytest.raises(InvalidSegments):
            bill([], month=MARCH, supplied=(MARCH, date(2025, 4, 2)))


class TestDemand:
    RATES = ({"kind": "demand", "price": "358.84"},)

    def test_is_charged_once_for_the_highest_of_the_month(self):
        later = tariff({"kind": "demand", "price": "400.00"})
        parts = [
            Segment(tariff=rates, first_day=first, end_day=end, usage=used("1", demand_va=va))
            for rates, first, end, va in (
                (tariff(*self.RATES), MARCH, MID_MARCH, 12500),
                (later, MID_MARCH, APRIL, 12499),
            )
        ]

        assert shown(bill(parts, month=MARCH).lines) == [("demand", "12.5", "4485.50")]

    def test_must_be_known_where_it_is_priced(self):
        with pytest.raises(InvalidUsage, match="kVA"):
            bill_month(tariff(*self.RATES), used("1"), month=MARCH)

    def test_is_nothing_where_nothing_was_used(self):
        assert bill_month(tariff(*self.RATES), used("0"), month=MARCH).lines == ()

    def test_is_told_from_the_energy_of_the_highest_interval(self):
        assert self.measured() == [("demand", "12", "4306.08")]

    def test_is_higher_the_lower_the_power_factor(self):
        assert self.measured(power_factor="0.96") == [("demand", "12.5", "4485.50")]

    def test_may_be_that_of_longer_intervals_once_they_are_complete(self):
        # The last quarter hour of 4 kWh (16 kW) has no second half yet.
        halves = self.measured(interval_minutes=30, extra=[("2025-03-31T12:00", 4000)])
        hours = self.measured(interval_minutes=60)

        assert (halves, hours) == (
            [("demand", "10", "3588.40")],
            [("demand", "7.5", "2691.30")],
        )

    def test_of_an_interval_is_that_of_all_meters_together(self):
        found = self.measured(extra=[("2025-03-10T18:15", 500)])

        assert found == [("demand", "14", "5023.76")]

    def test_given_in_kva_goes_before_what_was_measured(self):
        rates = tariff(*self.RATES)
        usage = rates.usage(*self.intervals(), demand_va=13_000)

        assert shown(bill_month(rates, usage, month=MARCH).lines) == [("demand", "13", "4664.92")]

    def test_has_a_season(self):
        rates = tariff(flat("2.00"), {"kind": "demand", "price": "100.00", "season": "high"})

        assert shown(bill_month(rates, used("1"), month=MARCH).lines) == [("energy", "1", "2.00")]
        with pytest.raises(InvalidUsage, match="kVA"):
            bill_month(rates, used("1"), month=JUNE)

    def test_of_nothing_is_not_known(self):
        rates = tariff(*self.RATES)
        none = rates.usage(np.array([], "datetime64[m]"), np.array([], int))

        assert bill_month(rates, none, month=MARCH).lines == ()

    @staticmethod
    def intervals(extra=()):
        """Quarter hours of an evening: 2.0, 3.0, 2.0 and 0.5 kWh."""
        at, quantities = zip(
            ("2025-03-10T18:00", 2000),
            ("2025-03-10T18:15", 3000),
            ("2025-03-10T18:30", 2000),
            ("2025-03-10T18:45", 500),
            *extra,
            strict=True,
        )
        return np.array(at, dtype="datetime64[m]"), np.array(quantities)

    def measured(self, extra=(), **fields):
        rates = tariff(self.RATES[0] | fields)
        return shown(bill_month(rates, rates.usage(*self.intervals(extra)), month=MARCH).lines)


class TestSurchargeAndMinimum:
    def test_a_surcharge_is_on_the_lines_before_it(self):
        rates = tariff(
            flat("2.00"),
            {"kind": "surcharge", "name": "Levy", "percent": "2.5"},
            {"kind": "fixed_per_month", "price": "10"},
        )

        found = bill_month(rates, used("10.3"), month=MARCH)

        assert shown(found.lines) == [
            ("energy", "10.3", "20.60"),
            ("Levy", "20.6", "0.52"),
            ("fixed per month", "1", "10.00"),
        ]

    @pytest.mark.parametrize(
        ("on", "amount"),
        [
            pytest.param(["energy"], "2.20", id="a kind"),
            pytest.param(["Energy charge"], "2.00", id="a name"),
            pytest.param(["Energy charge", "fixed_per_month"], "3.00", id="both"),
        ],
    )
    def test_a_surcharge_may_be_on_some_of_them(self, on, amount):
        rates = tariff(
            flat("2.00", name="Energy charge"),
            flat("0.20", name="Levy"),
            {"kind": "fixed_per_month", "price": "10"},
            {"kind": "surcharge", "percent": "10", "on": on},
        )

        assert str(bill_month(rates, used("10"), month=MARCH).lines[-1].amount) == amount

    @pytest.mark.parametrize(
        ("quantity", "lines"),
        [
            pytest.param("0", [("minimum charge", "1", "50.00")], id="nothing used"),
            pytest.param(
                "10", [("energy", "10", "20.00"), ("minimum charge", "1", "30.00")], id="less"
            ),
            pytest.param("25", [("energy", "25", "50.00")], id="just enough"),
        ],
    )
    def test_a_minimum_tops_the_lines_up(self, quantity, lines):
        rates = tariff({"kind": "minimum", "amount": "50"}, flat("2.00"))

        assert shown(bill_month(rates, used(quantity), month=MARCH).lines) == lines

    def test_a_minimum_counts_the_lines_of_the_whole_month(self):
        minimum = {"kind": "minimum", "amount": "50"}
        parts = segments(
            (tariff(flat("2"), minimum), MARCH, MID_MARCH, "10"),
            (tariff(flat("3"), minimum), MID_MARCH, APRIL, "5"),
        )

        assert str(bill(parts, month=MARCH).subtotal) == "50.00"

    def test_a_minimum_is_of_the_version_that_opens_the_month(self):
        minimum = {"kind": "minimum", "amount": "50"}
        parts = segments(
            (tariff(flat("2"), minimum), MARCH, MID_MARCH, "10"),
            (tariff(flat("3"), minimum | {"amount": "90"}), MID_MARCH, APRIL, "5"),
        )
        parts[0] = replace(parts[0], markup_percent=Decimal(10))

        found = bill(parts, month=MARCH)

        assert (str(found.subtotal), str(found.markup)) == ("50.00", "3.50")
        assert [line.segment for line in found.lines] == [0, 1, 0]

    def test_a_minimum_is_by_days_at_a_move(self):
        rates = tariff({"kind": "minimum", "amount": "62"})
        supplied = (MARCH, MID_MARCH)

        found = bill(segments((rates, *supplied, "0")), month=MARCH, supplied=supplied)

        assert shown(found.lines) == [("minimum charge", "1", "30.00")]


class TestTimeOfUse:
    def test_needs_bands(self):
        with pytest.raises(InvalidUsage, match="intervals"):
            bill_month(table_of("Homeflex 1", "2025-07"), used("1"), month=JULY)

    def test_refuses_a_band_without_price(self):
        usage = Usage.from_bands({"evening": 1})

        with pytest.raises(InvalidUsage, match="evening"):
            bill_month(table_of("Homeflex 1", "2025-07"), usage, month=JULY)

    def test_takes_rows_and_intervals_alike(self):
        rates = table_of("Homeflex 1", "2025-07")
        starts = np.array(["2025-07-01T06:30", "2025-07-05T08:00"], dtype="datetime64[m]")
        rows = [(date(2025, 7, 5), "standard", 70), (date(2025, 7, 1), "peak", 30)]

        assert rates.usage(starts, np.array([30, 70])) == Usage.from_rows(rows)

    def test_takes_the_holidays_of_its_family(self):
        prices = {"peak": "3", "standard": "2", "off_peak": "1"}
        family = {"kind": "time_of_use", "holidays": "megaflex", "prices": prices}
        youth_day = np.array(["2026-06-16T06:30"], dtype="datetime64[m]")

        usage = tariff(family).usage(youth_day, np.array([1000]))

        assert usage.bands == {"off_peak": 1000}

    def test_belongs_to_the_month_of_the_local_start(self):
        rates = table_of("Homeflex 1", "2025-05")
        starts = np.array(["2025-06-01T00:00"], dtype="datetime64[m]")

        with pytest.raises(InvalidSegments, match="outside"):
            bill_month(rates, rates.usage(starts, np.array([1])), month=date(2025, 5, 1))


class TestUsage:
    ROWS = ((JUNE, "peak", 10), (MID_JUNE, "standard", 20), (MID_JUNE, "peak", 30))

    def test_of_two_stretches_together_is_that_of_all_rows(self):
        first, second = Usage.from_rows(self.ROWS[:1]), Usage.from_rows(self.ROWS[1:])

        assert first.plus(second) == Usage.from_rows(self.ROWS)
        assert second.plus(first) == Usage.from_rows(self.ROWS)

    def test_without_a_calendar_is_a_total(self):
        starts = np.array(["2025-06-01T00:00", "2025-06-30T23:45"], dtype="datetime64[m]")

        usage = tariff(flat()).usage(starts, np.array([1, 2]))

        assert (usage.total, usage.bands) == (3, {})
        assert (usage.first_day, usage.last_day) == (JUNE, date(2025, 6, 30))

    def test_loses_its_bands_beside_a_mere_total(self):
        together = Usage.from_rows(self.ROWS).plus(Usage.of_total(5, demand_va=7))

        assert (together.total, together.bands, together.demand_va) == (65, {}, 7)

    def test_refuses_quantities_that_are_not_whole(self):
        starts = np.array(["2025-06-01T00:00"], dtype="datetime64[m]")

        with pytest.raises(InvalidUsage, match="whole"):
            intervals.summed(starts, np.array([0.5]))

    def test_refuses_arrays_of_different_length(self):
        starts = np.array(["2025-06-01T00:00"], dtype="datetime64[m]")

        with pytest.raises(InvalidUsage):
            intervals.summed(starts, np.array([1, 2]))

    def test_refuses_less_than_nothing(self):
        with pytest.raises(InvalidUsage):
            used("-1")

    def test_of_more_than_a_century_is_refused(self):
        starts = np.array(["1900-01-01T00:00", "2026-06-01T00:00"], dtype="datetime64[m]")

        with pytest.raises(InvalidUsage, match="century"):
            intervals.summed(starts, np.array([1, 2]))

    def test_is_exact_beyond_what_floats_can_hold(self):
        rates = table_of("Homeflex 1", "2025-07")
        starts = np.datetime64("2025-07-01T00:00") + np.arange(9) * np.timedelta64(15, "m")
        quantities = np.full(9, 2**53 + 1)

        assert rates.usage(starts, quantities).total == 9 * (2**53 + 1)

    @pytest.mark.parametrize("missing", [[], [0], [2_975], [5, 6, 7, 2_000], list(range(31))])
    def test_by_month_is_that_of_each_month(self, missing):
        rates = table_of("Homeflex 1", "2025-07")
        start, end = np.datetime64("2025-05-01T00:00"), np.datetime64("2025-10-01T00:00")
        starts = np.delete(np.arange(start, end, np.timedelta64(15, "m")), missing)
        quantities = np.arange(len(starts)) % 977

        found = rates.usage_by_month(starts, quantities)

        assert list(found) == [date(2025, month, 1) for month in range(5, 10)]
        for month, usage in found.items():
            own = starts.astype("datetime64[M]") == np.datetime64(month, "M")
            rows = [
                (at.date(), ESKOM.band_slots(at.date())[at.hour * 4 + at.minute // 15], quantity)
                for at, quantity in zip(starts[own].tolist(), quantities[own].tolist(), strict=True)
            ]
            assert usage == Usage.from_rows(rows)

    def test_of_nothing_is_nothing(self):
        empty = Usage.from_rows([])

        assert bill_month(table_of("Homelight 60A", "2025-04"), empty, month=APRIL).lines == ()
        assert intervals.summed(np.array([], "datetime64[m]"), np.array([], int)) == empty


class TestFreeAllocation:
    def test_gives_the_first_units_of_a_flat_price(self):
        case = SMALL["solar_free"]
        solar = free_allocation(
            tariff(flat(case["price"]), utility=Utility.SOLAR), Decimal(case["free_kwh"])
        )

        found = bill_month(solar, used(case["consumption"]), month=MARCH)

        assert str(found.subtotal) == case["amount"]
        assert shown(found.lines) == [
            ("block upto 50", "50", "0.00"),
            ("block upto None", "25", "50.00"),
        ]

    def test_overlays_blocks_without_moving_their_limits(self):
        table = tariff(blocks((("30", "1"), ("100", "2"), (None, "3"))))

        found = bill_month(free_allocation(table, Decimal(50)), used("120"), month=MARCH)

        assert [(line.what, str(line.amount)) for line in found.lines] == [
            ("block upto 50", "0.00"),
            ("block upto 100", "100.00"),
            ("block upto None", "60.00"),
        ]

    def test_leaves_fixed_charges(self):
        table = tariff(flat(), {"kind": "fixed_per_month", "price": "10"})

        found = bill_month(free_allocation(table, Decimal(50)), used("50"), month=MARCH)

        assert str(found.subtotal) == "10.00"

    def test_of_nothing_is_the_tariff_itself(self):
        table = tariff(flat())

        assert free_allocation(table, Decimal(0)) is table

    @pytest.mark.parametrize(
        "component",
        [
            pytest.param(blocks((("50", "1"), (None, "2")), mode="volume"), id="volume"),
            pytest.param(
                {
                    "kind": "time_of_use",
                    "prices": {"peak": "3", "standard": "2", "off_peak": "1"},
                },
                id="time of use",
            ),
            pytest.param({"kind": "fixed_per_day", "price": "1"}, id="nothing to give"),
        ],
    )
    def test_is_refused_where_no_unit_is_the_first(self, component):
        with pytest.raises(NoFreeAllocation):
            free_allocation(tariff(component), Decimal(50))


class TestVat:
    def test_is_left_out_for_an_estate_without_it(self):
        found = bill_month(tariff(flat()), used("10"), month=MARCH, vat_percent=Decimal(0))

        assert (str(found.vat), str(found.total)) == ("0.00", "20.00")

    def test_of_an_empty_bill_is_nothing(self):
        empty = bill([], month=MARCH)

        assert (empty.lines, str(empty.total)) == ((), "0.00")


class TestTariff:
    def test_needs_a_calendar_for_its_seasons(self):
        with pytest.raises(ValueError, match="calendar"):
            replace(tariff(flat(season="low"), flat(season="high")), calendar=None)

    def test_is_equal_and_hashes_alike_if_built_of_the_same(self):
        one, other = table_of("Homeflex 1", "2025-07"), table_of("Homeflex 1", "2025-09")

        assert one == other
        assert hash(one) == hash(other)
        assert one != table_of("Homeflex 1", "2026-07")


class TestSeasons:
    def test_choose_the_components_of_the_month(self):
        rates = tariff(flat("1.00", season="low", name="Low"), flat("3.00", season="high"))

        may, june = (bill_month(rates, used("1"), month=m) for m in (date(2025, 5, 31), JUNE))

        assert shown(may.lines) == [("Low", "1", "1.00")]
        assert shown(june.lines) == [("energy", "1", "3.00")]
        assert [line.component for line in may.lines + june.lines] == [0, 1]
