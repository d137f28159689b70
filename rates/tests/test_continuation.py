"""How far a bill goes on as it is: what the engine says of the lines to come."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quantify.money import to_cents
from quantify.quantities import Utility, as_kilo
from rates.components import build
from rates.continuation import Growing, continuation
from rates.engine import Bill, Segment, Tariff, Usage, bill, bill_month
from rates.tests.test_engine_properties import BANDS, block_tables, prices, time_of_use

JULY, TENTH, TWENTIETH = date(2025, 7, 1), date(2025, 7, 10), date(2025, 7, 20)
AUGUST = date(2025, 8, 1)
BLOCKS = {
    "kind": "block",
    "blocks": [{"upto": "50", "price": "1.50"}, {"upto": None, "price": "3.00"}],
}
ENERGY = {"kind": "energy", "price": "2.00"}
FIXED = {"kind": "fixed_per_month", "price": "235.79"}


def tariff(*components: dict[str, object]) -> Tariff:
    calendar = {"calendar": "eskom"} if any("prices" in one for one in components) else {}
    written = [one | calendar if "prices" in one else one for one in components]
    return build(written, utility=Utility.ELECTRICITY)


def priced(wh: int, *components: dict[str, object]) -> Bill:
    return bill_month(tariff(*components), Usage.of_total(wh), month=JULY)


class TestContinuation:
    def test_names_the_line_that_grows(self):
        assert continuation(priced(100, FIXED, ENERGY)) == [Growing(1, None, None)]

    def test_ends_before_a_block_is_full(self):
        assert continuation(priced(49_000, BLOCKS)) == [Growing(0, None, 999)]
        assert continuation(priced(49_999, BLOCKS)) == [Growing(0, None, 0)]

    def test_is_none_at_a_limit(self):
        """What comes next makes a new line."""
        assert continuation(priced(50_000, BLOCKS)) is None

    def test_goes_on_in_the_last_block(self):
        assert continuation(priced(50_001, BLOCKS)) == [Growing(1, None, None)]

    def test_is_none_before_anything_was_used(self):
        assert continuation(priced(0, ENERGY)) is None

    def test_leaves_out_bands_without_a_line(self):
        usage = Usage.from_bands({"peak": 100, "off_peak": 300})
        found = bill_month(tariff(time_of_use("7.00", "2.00", "1.00")), usage, month=JULY)

        assert continuation(found) == [Growing(0, "peak", None), Growing(1, "off_peak", None)]

    @pytest.mark.parametrize(
        "odd",
        [
            pytest.param({"kind": "surcharge", "percent": "2.5"}, id="surcharge"),
            pytest.param({"kind": "minimum", "amount": "500"}, id="minimum"),
            pytest.param(BLOCKS | {"mode": "volume"}, id="volume"),
        ],
    )
    def test_is_none_where_more_than_lines_grow(self, odd: dict[str, object]):
        assert continuation(priced(100, ENERGY, odd)) is None

    def test_is_none_where_demand_is_priced(self):
        usage = Usage.of_total(100, demand_va=5_000)
        found = bill_month(tariff(ENERGY, {"kind": "demand", "price": "100"}), usage, month=JULY)

        assert continuation(found) is None

    def test_is_none_where_a_limit_is_no_whole_wh(self):
        scaled = BLOCKS | {"scale_days": "30.4375"}

        assert continuation(priced(50_000, scaled)) == [Growing(0, None, 924)]
        assert continuation(priced(51_000, scaled)) is None

    @pytest.mark.parametrize(
        ("until", "line"),
        [pytest.param(TENTH, 0, id="first"), pytest.param(AUGUST, 1, id="second")],
    )
    def test_is_of_the_version_of_the_last_day_begun(self, until: date, line: int):
        used = (100, 0) if until is TENTH else (100, 200)
        found = bill(
            [
                Segment(tariff=tariff(ENERGY), first_day=JULY, end_day=TWENTIETH,
                        usage=Usage.of_total(used[0])),
                Segment(tariff=tariff(ENERGY | {"price": "3.00"}), first_day=TWENTIETH,
                        end_day=AUGUST, usage=Usage.of_total(used[1])),
            ],
            month=JULY,
            until=until,
        )  # fmt: skip

        assert continuation(found) == [Growing(line, None, None)]


plain = st.one_of(
    block_tables(),
    st.builds(lambda price: {"kind": "energy", "price": str(price)}, prices),
    st.builds(lambda price: {"kind": "fixed_per_day", "price": str(price)}, prices),
    st.builds(time_of_use, prices, prices, prices),
)
used = st.fixed_dictionaries(dict.fromkeys(BANDS, st.integers(0, 900_000)))


@given(st.lists(plain, min_size=1, max_size=3), used, used)
def test_what_comes_within_it_is_priced_as_it_says(components, before, more):
    """Quantity times price, rounded, on the lines it names and on no other."""
    rates = tariff(*components)
    first = bill_month(rates, Usage.from_bands(before), month=JULY)
    growing = continuation(first)
    assume(growing is not None)
    named = {one.band for one in growing}
    room = min((one.room for one in growing if one.room is not None), default=2_700_000)
    if None in named:
        more = {band: quantity % (room // 3 + 1) for band, quantity in more.items()}
    # What is used where no line grows is priced anew.
    if named != {None}:
        more = {band: quantity if band in named else 0 for band, quantity in more.items()}
    by_line = {one.line: more.get(one.band, sum(more.values())) for one in growing}

    after = bill_month(
        rates,
        Usage.from_bands({band: before[band] + more[band] for band in BANDS}),
        month=JULY,
    )

    assert len(first.lines) == len(after.lines)
    for place, (line, grown) in enumerate(zip(first.lines, after.lines, strict=True)):
        quantity = line.quantity + as_kilo(by_line.get(place, 0))
        assert grown[:1] + grown[2:4] == line[:1] + line[2:4]
        assert str(grown.quantity) == str(quantity if place in by_line else line.quantity)
        assert grown.amount == to_cents(Decimal(quantity) * line.price)
