"""What holds for any consumption, however it is cut up, shuffled or priced."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quantify.quantities import Utility
from rates.components import build, dump
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


QUARTER = np.timedelta64(15, "m")
loads = st.lists(st.integers(min_value=0, max_value=8_000), min_size=1, max_size=300)


@st.composite
def metered_tariffs(draw):
    """Everything that intervals can be priced by: bands, blocks, levies, demand, surcharges."""
    demand = {"interval_minutes": draw(st.sampled_from([15, 30, 60]))}
    return electricity(
        *(time_of_use(*(draw(prices) for _ in BANDS)) | {"season": s} for s in ("high", "low")),
        draw(block_tables()),
        {"kind": "energy", "name": "Levy", "price": str(draw(prices))},
        {"kind": "demand", "price": "358.84", "power_factor": "0.95"} | demand,
        {"kind": "surcharge", "percent": "2.5", "on": ["time_of_use", "Levy"]},
        {"kind": "fixed_per_day", "price": "3.27"},
        {"kind": "minimum", "amount": "50"},
    )


def intervals(quantities, first="2025-07-11T18:00"):
    starts = np.datetime64(first) + np.arange(len(quantities)) * QUARTER
    return starts, np.array(quantities)


def metered(tariff: Tariff, quantities) -> Usage:
    return tariff.usage(*intervals(quantities))


@given(metered_tariffs(), loads, st.sets(st.integers(min_value=1, max_value=30), max_size=4))
def test_intervals_cost_the_same_wherever_the_month_is_cut(tariff, quantities, cuts):
    starts, used = intervals(quantities)
    days = [MONTH + timedelta(days=day) for day in sorted(cuts)]
    edges = [MONTH, *days, NEXT_MONTH]
    parts = []
    for first, end in pairwise(edges):
        within = (starts >= np.datetime64(first)) & (starts < np.datetime64(end))
        usage = tariff.usage(starts[within], used[within])
        parts.append(Segment(tariff=tariff, first_day=first, end_day=end, usage=usage))

    assert bill(parts, month=MONTH) == bill_month(tariff, metered(tariff, quantities), month=MONTH)


@given(metered_tariffs(), loads)
def test_intervals_that_come_one_after_another_add_up(tariff, quantities):
    charged = Decimal(0)
    for known in range(0, len(quantities) + 1, 40):
        so_far = bill_month(tariff, metered(tariff, quantities[:known] or [0]), month=MONTH)
        charged += so_far.total - charged
    whole = bill_month(tariff, metered(tariff, quantities), month=MONTH).total

    assert charged + (whole - charged) == whole
    assert charged <= whole


@given(tariffs(), st.lists(totals, min_size=1, max_size=12), totals)
def test_charges_do_not_depend_on_the_way_to_the_total(tariff, visited, last):
    """Corrections up and down: the differences always add up to the last bill."""
    charged = Decimal(0)
    for used in [*visited, last]:
        charged += total(tariff, used) - charged

    assert charged == total(tariff, last)


@given(tariffs(), totals, totals)
def test_taking_a_correction_back_restores_the_bill(tariff, first, corrected):
    charge = total(tariff, corrected) - total(tariff, first)
    back = total(tariff, first) - total(tariff, corrected)

    assert charge + back == 0


@given(metered_tariffs(), loads)
def test_nothing_exceeds_its_own_reference(tariff, quantities):
    reference = electricity(*dump(tariff.components))
    usage = metered(tariff, quantities)

    assert bill_month(tariff, usage, month=MONTH) == bill_month(reference, usage, month=MONTH)


@given(
    st.lists(st.integers(min_value=0, max_value=8_000), min_size=12, max_size=12),
    st.permutations(range(12)),
)
def test_intervals_of_one_band_may_change_places(quantities, order):
    tariff = electricity(
        time_of_use("7.0697", "2.1631", "1.5926"), {"kind": "energy", "price": "0.2"}
    )
    # Three hours of a Monday evening are peak.
    starts, used = intervals(quantities, "2025-07-07T17:00")

    found, again = (
        bill_month(tariff, tariff.usage(starts, some), month=MONTH)
        for some in (used, used[list(order)])
    )

    assert found == again


@given(metered_tariffs(), loads, st.data())
def test_more_in_any_interval_never_costs_less(tariff, quantities, data):
    at = data.draw(st.integers(min_value=0, max_value=len(quantities) - 1))
    more = [q + 1_500 * (n == at) for n, q in enumerate(quantities)]

    less_paid, more_paid = (
        bill_month(tariff, metered(tariff, some), month=MONTH).total for some in (quantities, more)
    )

    assert less_paid <= more_paid
