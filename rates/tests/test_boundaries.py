"""Where one price ends and the next begins: limits of blocks, midnights, seasons, short months."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from quantify.money import vat_percent_on
from quantify.periods import SOUTH_AFRICA, days_in_month, local_day, next_month
from quantify.quantities import Utility, kilo
from rates.components import build
from rates.engine import MidMonth, Segment, Usage, bill, bill_month

JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)
BLOCKS = {
    "kind": "block",
    "blocks": [
        {"upto": "350", "price": "2.0967"},
        {"upto": "500", "price": "2.4050"},
        {"upto": None, "price": "2.7405"},
    ],
}
DEARER = BLOCKS | {
    "blocks": [
        {"upto": "350", "price": "2.3631"},
        {"upto": "500", "price": "2.7106"},
        {"upto": None, "price": "3.0887"},
    ]
}
BANDS = {"high": ("7.3661", "2.2538", "1.6594"), "low": ("3.4309", "2.1349", "1.6594")}


def tariff(*components, **options):
    return build(components, utility=Utility.ELECTRICITY, **options)


def time_of_use(**more):
    """Homeflex prices of 2026/27, or the same hours with the holidays of another family."""
    return tariff(
        *(
            {
                "kind": "time_of_use",
                "season": season,
                "prices": dict(zip(("peak", "standard", "off_peak"), prices, strict=True)),
            }
            | more
            for season, prices in BANDS.items()
        )
    )


def local(*instants):
    """Instants in UTC as the engine takes them: local, without zone."""
    parsed = [datetime.fromisoformat(one).astimezone(SOUTH_AFRICA) for one in instants]
    return np.array([one.replace(tzinfo=None) for one in parsed], dtype="datetime64[m]")


def lines(found):
    return [(line.what, f"{line.quantity.normalize():f}", str(line.amount)) for line in found]


class TestBlockLimits:
    @pytest.mark.parametrize(
        ("wh", "quantities", "subtotal"),
        [
            pytest.param(349_999, [349_999], "733.84", id="a watt-hour under the first limit"),
            pytest.param(350_000, [350_000], "733.85", id="on the first limit"),
            pytest.param(350_001, [350_000, 1], "733.85", id="a watt-hour over it"),
            pytest.param(500_000, [350_000, 150_000], "1094.60", id="on the second limit"),
            pytest.param(500_001, [350_000, 150_000, 1], "1094.60", id="a watt-hour over that"),
        ],
    )
    def test_belong_to_the_block_they_end(self, wh, quantities, subtotal):
        found = bill_month(tariff(BLOCKS), Usage.of_total(wh), month=JUNE)

        assert [kilo(line.quantity) for line in found.lines] == quantities
        assert str(found.subtotal) == subtotal

    def test_are_crossed_within_one_interval(self):
        rates = tariff(BLOCKS)
        one = rates.usage(local("2026-06-10T10:00Z"), np.array([600_000]))

        found = bill_month(rates, one, month=JUNE)

        assert lines(found.lines) == [
            ("block upto 350", "350", "733.85"),
            ("block upto 500", "150", "360.75"),
            ("block upto None", "100", "274.05"),
        ]
        assert sum(line.unrounded for line in found.lines) == Decimal("1368.645")


class TestMidnight:
    def test_of_the_last_of_may_begins_the_high_season(self):
        rates = time_of_use()
        before, after = local("2026-05-31T21:45Z", "2026-05-31T22:00Z")

        may = bill_month(
            rates, rates.usage(np.array([before]), np.array([1000])), month=date(2026, 5, 31)
        )
        june = bill_month(rates, rates.usage(np.array([after]), np.array([1000])), month=JUNE)

        assert local_day(datetime(2026, 5, 31, 22, tzinfo=UTC)) == JUNE
        # Sunday night and Monday before six are both off-peak: the component tells the season.
        assert [line.component for line in may.lines + june.lines] == [1, 0]

    @pytest.mark.parametrize(
        ("instant", "amount"),
        [
            pytest.param("2026-05-29T04:45Z", "2.13", id="06:45 in May: standard"),
            pytest.param("2026-06-01T04:45Z", "7.37", id="06:45 in June: peak"),
            pytest.param("2026-08-31T04:45Z", "7.37", id="06:45 on the last of August"),
            pytest.param("2026-09-01T04:45Z", "2.13", id="06:45 on the first of September"),
        ],
    )
    def test_changes_the_season(self, instant, amount):
        rates = time_of_use()
        start = local(instant)

        found = bill_month(
            rates, rates.usage(start, np.array([1000])), month=start[0].item().date()
        )

        assert str(found.subtotal) == amount

    @pytest.mark.parametrize(
        ("mid_month", "expected"),
        [
            pytest.param(
                MidMonth.CARRY_MTD,
                [("block upto 350", "340", "712.88"), ("block upto 350", "10", "23.63"),
                 ("block upto 500", "50", "135.53")],
                id="carry",
            ),
            pytest.param(
                MidMonth.PRORATE_BLOCKS,
                [("block upto 350", "175", "366.92"), ("block upto 500", "75", "180.38"),
                 ("block upto None", "90", "246.65"), ("block upto 350", "60", "141.79")],
                id="prorate",
            ),
        ],
    )  # fmt: skip
    def test_within_a_month_changes_the_version(self, mid_month, expected):
        change = date(2026, 6, 16)
        old, new = (tariff(table, mid_month=mid_month) for table in (BLOCKS, DEARER))
        # 23:45 local is the last quarter hour of the old prices, 00:00 the first of the new.
        last = old.usage(local("2026-06-15T21:45Z"), np.array([340_000]))
        first = new.usage(local("2026-06-15T22:00Z"), np.array([60_000]))

        found = bill(
            [
                Segment(tariff=old, first_day=JUNE, end_day=change, usage=last),
                Segment(tariff=new, first_day=change, end_day=JULY, usage=first),
            ],
            month=JUNE,
        )

        assert lines(found.lines) == expected


class TestHolidays:
    YOUTH_DAY = "2026-06-16T05:00Z"

    @pytest.mark.parametrize(
        ("family", "what"),
        [("homeflex", "peak"), ("megaflex", "standard")],
    )
    def test_are_what_the_family_says(self, family, what):
        # 07:00 on Tuesday 16 June: peak on a weekday, standard on a Saturday.
        rates = time_of_use(holidays=family)

        found = bill_month(rates, rates.usage(local(self.YOUTH_DAY), np.array([1000])), month=JUNE)

        assert [line.what for line in found.lines] == [what]


class TestLengthOfMonths:
    FIXED = (
        {"kind": "fixed_per_day", "name": "Service", "price": "5.74"},
        {"kind": "fixed_per_month", "name": "Levy", "price": "33.97"},
    )

    @pytest.mark.parametrize(
        ("month", "service"),
        [
            pytest.param(date(2026, 2, 1), "160.72", id="28 days"),
            pytest.param(date(2028, 2, 1), "166.46", id="29 days"),
            pytest.param(date(2026, 4, 1), "172.20", id="30 days"),
            pytest.param(date(2026, 1, 1), "177.94", id="31 days"),
        ],
    )
    def test_charges_each_day_without_any_consumption(self, month, service):
        found = bill_month(tariff(*self.FIXED, BLOCKS), Usage.of_total(0), month=month)

        assert [(line.what, str(line.amount)) for line in found.lines] == [
            ("Service", service), ("Levy", "33.97"),
        ]  # fmt: skip

    @pytest.mark.parametrize("month", [date(2026, 2, 1), date(2028, 2, 1), date(2026, 4, 1), JULY])
    def test_has_all_quarter_hours_in_bands(self, month):
        rates = time_of_use()
        starts = np.arange(month, next_month(month), np.timedelta64(15, "m"), "datetime64[m]")

        usage = rates.usage(starts, np.ones(len(starts), dtype=int))

        assert usage.total == sum(usage.bands.values()) == days_in_month(month) * 96

    @pytest.mark.parametrize(
        ("month", "litres"),
        [
            pytest.param(date(2026, 2, 1), 5_600, id="28 days"),
            pytest.param(date(2028, 2, 1), 5_800, id="29 days"),
            pytest.param(date(2026, 4, 1), 6_000, id="30 days"),
            pytest.param(date(2026, 1, 1), 6_200, id="31 days"),
        ],
    )
    def test_scales_blocks_where_the_table_says_so(self, month, litres):
        water = build(
            [
                {
                    "kind": "block",
                    "scale_days": "30",
                    "blocks": [{"upto": "6", "price": "0"}, {"upto": None, "price": "20"}],
                }
            ],
            utility=Utility.WATER,
        )

        at, over = (
            bill_month(water, Usage.of_total(used), month=month) for used in (litres, litres + 1)
        )

        assert [line.what for line in at.lines] == ["block upto 6"]
        assert str(over.subtotal) == "0.02"


class TestVatChange:
    def test_is_by_the_month_of_supply(self):
        rates = tariff({"kind": "energy", "price": "1.00"})
        totals = [
            bill_month(
                rates, Usage.of_total(100_000), month=month, vat_percent=vat_percent_on(month)
            ).total
            for month in (date(2018, 3, 31), date(2018, 4, 1))
        ]

        assert [str(total) for total in totals] == ["114.00", "115.00"]

    def test_leaves_a_correction_of_an_earlier_month_at_its_rate(self):
        rates = tariff({"kind": "energy", "price": "1.00"})
        march = date(2018, 3, 1)
        before, after = (
            bill_month(rates, Usage.of_total(used), month=march, vat_percent=vat_percent_on(march))
            for used in (100_000, 90_000)
        )

        assert after.total - before.total == Decimal("-11.40")
        assert after.vat - before.vat == Decimal("-1.40")


class TestCorrections:
    def test_that_lower_a_month_give_back_the_dearest_units(self):
        rates = tariff(BLOCKS)
        first, corrected = (
            bill_month(rates, Usage.of_total(used), month=JUNE) for used in (510_000, 490_000)
        )

        # Ten kWh of the third block and ten of the second.
        given_back = sum(line.unrounded for line in first.lines) - sum(
            line.unrounded for line in corrected.lines
        )
        assert given_back == Decimal("27.405") + Decimal("24.05")

    def test_of_the_highest_interval_lower_the_demand(self):
        rates = tariff({"kind": "demand", "price": "100.00"})
        starts = local("2026-06-01T10:00Z", "2026-06-02T10:00Z")

        found = [
            bill_month(rates, rates.usage(starts, np.array([2_000, wh])), month=JUNE).subtotal
            for wh in (3_000, 1_000)
        ]

        assert found == [Decimal("1200.00"), Decimal("800.00")]

    def test_of_a_replaced_meter_go_on_where_the_month_stands(self):
        rates = tariff(BLOCKS)
        starts = local("2026-06-10T10:00Z", "2026-06-10T10:15Z")
        old, new = (
            rates.usage(starts[at : at + 1], np.array([wh]))
            for at, wh in ((0, 300_000), (1, 100_000))
        )

        found = bill_month(rates, old.plus(new), month=JUNE)

        assert found == bill_month(
            rates, rates.usage(starts, np.array([300_000, 100_000])), month=JUNE
        )
        assert lines(found.lines)[1] == ("block upto 500", "50", "120.25")
