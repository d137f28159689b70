"""What holds for any consumption, however it is cut up, shuffled or priced."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quantify.quantities import Utility
from rates.components import build
from rates.engine import Segment, Tariff, Usage, bill, bill_month

MONTH = date(2025, 7, 1)
NEXT_MONTH = date(2025, 8, 1)
BANDS = ("peak", "standard", "off_peak")

prices = st.decimals(min_value=0, max_value=15, places=6)
readings = st.lists(st.integers(min_value=0, max_value=400_000), min_size=1, max_size=40)
totals = st.integers(min_value=0, max_value=5_000_000)
rows = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=30).map(lambda day: MONTH + timedelta(days=day)),
        st.sampled_from(BANDS),
        st.integers(min_value=0, max_value=50_000),
    ),
    max_size=60,
)


@st.composite
def block_tables(draw):
    """A graduated block component of one to six blocks."""
    thousandths = st.integers(min_value=1, max_value=2_000_000)
    limits = sorted(draw(st.sets(thousandths, max_size=5)))
    upto = [*(str(Decimal(limit).scaleb(-3)) for limit in limits), None]
    scale = draw(st.sampled_from([{}, {"scale_days": "30.4375"}, {"scale_days": "30"}]))
    blocks = [{"upto": limit, "price": str(draw(prices))} for limit in upto]
    return {"kind": "block", "blocks": blocks} | scale


@st.composite
def tariffs(draw):
    """Blocks with levies, fixed charges, a surcharge and perhaps a minimum."""
    components = [
        draw(block_tables()),
        {"kind": "energy", "name": "Levy", "price": str(draw(prices))},
        {"kind": "fixed_per_day", "price": str(draw(prices))},
        {"kind": "surcharge", "percent": "2.5"},
    ]
    if draw(st.booleans()):
        components.append({"kind": "minimum", "amount": "500"})
    return build(components, utility=Utility.ELECTRICITY)


def electricity(*components):
    return build(components, utility=Utility.ELECTRICITY)


def time_of_use(*band_prices):
    written = {band: str(price) for band, price in zip(BANDS, band_prices, strict=True)}
    return {"kind": "time_of_use", "prices": written}


def total(tariff: Tariff, used: int, markup: Decimal = Decimal(0)) -> Decimal:
    found = bill_month(tariff, Usage.of_total(used), month=MONTH, markup_percent=markup)
    return found.total


@given(tariffs(), readings, st.sampled_from([Decimal(0), Decimal("7.5")]))
def test_a_month_does_not_depend_on_how_it_was_cut_up(tariff, consumed, markup):
    charged, used = Decimal(0), 0
    for quantity in consumed:
        used += quantity
        charge = total(tariff, used, markup) - charged
        charged += charge
        assert charge >= 0

    assert charged == total(tariff, sum(consumed), markup)


@given(block_tables(), readings)
def test_steps_from_the_month_to_date_add_up_before_rounding(table, consumed):
    tariff = electricity(table)
    used, steps = 0, Decimal(0)
    for quantity in consumed:
        step = bill_month(tariff, Usage.of_total(quantity), month=MONTH, month_to_date=used)
        steps += sum(line.unrounded for line in step.lines)
        used += quantity

    whole = bill_month(tariff, Usage.of_total(used), month=MONTH)
    difference = steps - sum(line.unrounded for line in whole.lines)
    assert abs(difference) < Decimal("1E-18")
    if "scale_days" not in table:
        assert difference == 0


@given(
    st.sets(st.integers(min_value=1, max_value=40), max_size=4).map(sorted),
    st.lists(prices, min_size=5, max_size=5),
    st.integers(min_value=0, max_value=60),
)
def test_blocks_cost_what_each_kwh_costs_at_its_place(limits, block_prices, used):
    upto = [*limits, None]
    written = [
        {"upto": limit, "price": str(price)}
        for limit, price in zip(upto, block_prices, strict=False)
    ]
    tariff = electricity({"kind": "block", "blocks": written})

    found = bill_month(tariff, Usage.of_total(used * 1000), month=MONTH)

    # The kWh at place n (from 0) is in the block after all limits not above n.
    each = (block_prices[sum(limit <= place for limit in limits)] for place in range(used))
    assert sum(line.unrounded for line in found.lines) == sum(each)


@given(tariffs(), totals, totals)
def test_more_never_costs_less(tariff, one, other):
    less, more = sorted((one, other))

    assert total(tariff, less) <= total(tariff, more)


@given(prices, totals)
def test_a_flat_price_is_one_block(price, used):
    flat = electricity({"kind": "energy", "price": str(price)})
    block = electricity({"kind": "block", "blocks": [{"upto": None, "price": str(price)}]})

    assert total(flat, used) == total(block, used)


@given(prices, rows)
def test_time_of_use_at_one_price_is_flat_before_rounding(price, consumed):
    usage = Usage.from_rows(consumed)
    by_band = bill_month(electricity(time_of_use(price, price, price)), usage, month=MONTH)
    flat = bill_month(electricity({"kind": "energy", "price": str(price)}), usage, month=MONTH)

    assert sum(line.unrounded for line in by_band.lines) == sum(
        line.unrounded for line in flat.lines
    )
    assert abs(by_band.subtotal - flat.subtotal) <= Decimal("0.02")


@given(rows, st.randoms())
def test_the_order_of_rows_does_not_matter(consumed, random):
    tariff = electricity(time_of_use("7.0697", "2.1631", "1.5926"))
    shuffled = list(consumed)
    random.shuffle(shuffled)

    found, again = (
        bill_month(tariff, Usage.from_rows(some), month=MONTH) for some in (consumed, shuffled)
    )

    assert found == again


@given(st.lists(st.integers(min_value=0, max_value=6_000), min_size=1, max_size=200), st.randoms())
def test_the_order_of_intervals_does_not_matter(quantities, random):
    tariff = electricity(time_of_use("7.0697", "2.1631", "1.5926"))
    intervals = [
        (np.datetime64("2025-07-01T00:00") + np.timedelta64(15 * n, "m"), quantity)
        for n, quantity in enumerate(quantities)
    ]
    shuffled = list(intervals)
    random.shuffle(shuffled)

    found, again = (
        tariff.usage(np.array([at for at, _ in some]), np.array([q for _, q in some]))
        for some in (intervals, shuffled)
    )

    assert found == again
    assert found.total == sum(quantities)
    assert sum(found.bands.values()) == found.total


@given(tariffs(), totals, st.integers(min_value=1, max_value=30), st.data())
def test_a_change_to_the_same_prices_changes_nothing(tariff, used, day, data):
    before = data.draw(st.integers(min_value=0, max_value=used))
    change = MONTH + timedelta(days=day)
    parts = [
        Segment(tariff=tariff, first_day=first, end_day=end, usage=Usage.of_total(quantity))
        for first, end, quantity in (
            (MONTH, change, before),
            (change, NEXT_MONTH, used - before),
        )
    ]

    assert bill(parts, month=MONTH) == bill_month(tariff, Usage.of_total(used), month=MONTH)


@given(tariffs(), totals)
def test_lines_explain_the_total(tariff, used):
    found = bill_month(tariff, Usage.of_total(used), month=MONTH)

    assert found.subtotal == sum(line.amount for line in found.lines)
    assert found.total == found.subtotal + found.markup + found.vat
    assert all(
        line.unrounded == line.quantity * line.price
        and abs(line.amount - line.unrounded) <= Decimal("0.005")
        for line in found.lines
    )
