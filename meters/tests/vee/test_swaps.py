"""Homes that follow the relay of another: planted ones are named, honest ones are not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from meters.dlms.simulator.plans import Kind
from meters.dlms.simulator.registers import draw
from meters.vee.swaps import Cut, counts_on, partner
from quantify.demo import fleets
from quantify.demo.stories import OAK_GARDENS, Past

BEGINS = datetime(2026, 6, 1, 22, tzinfo=UTC)
DAYS, HISTORY = 90, 14 * 96
HOURS = (1, 3, 12, 24)


@pytest.fixture(scope="module")
def estate():
    """Wh by home and quarter of 75 simulated homes."""
    plan = fleets.fleet(OAK_GARDENS, Past(BEGINS, BEGINS + timedelta(days=DAYS)))
    drawn = draw(plan, plan.first_slot, plan.first_slot + DAYS * 96)
    rows = [row for row, meter in enumerate(plan.meters) if meter.kind == Kind.ELECTRICITY]
    return drawn[rows].astype(float)


def windows(use):
    """Of every home a cut of each length, each at another time: the others' use, and the cut."""
    for row in range(len(use)):
        for hours in HOURS:
            length = 4 * hours
            start = HISTORY + 2 + (row * 977 + hours * 131) % (DAYS * 96 - HISTORY - length - 4)
            others = np.delete(use, row, axis=0)[:, start - HISTORY - 2 : start + length + 2]
            yield (
                others.copy(),
                Cut(HISTORY, HISTORY + 2, HISTORY + 2 + length, HISTORY + 3 + length),
            )


def test_no_honest_home_is_named(estate):
    assert {partner(others, cut, tolerance=1.0) for others, cut in windows(estate)} == {None}


def test_few_honest_homes_are_named_where_homes_switch_everything_off(estate):
    """A quarter of all quarters without use; and in each window a home that counts on."""
    frugal = np.maximum(estate - np.quantile(estate, 0.2, axis=1, keepdims=True), 0)
    assert np.mean(frugal <= 1) > 0.2

    named = [partner(others, cut, tolerance=1.0) for others, cut in windows(frugal)]

    assert len(named) == 300
    assert len([one for one in named if one is not None]) <= 3


def test_the_home_that_follows_is_named(estate):
    for number, (others, cut) in enumerate(windows(estate)):
        follower = number * 31 % len(others)
        others[follower, cut.first : cut.last] = 0

        assert partner(others, cut, tolerance=1.0) == follower


def three(**changes):
    """Three homes that always use 40 Wh but in the cut, which the second follows."""
    use = np.full((3, 200), 40.0)
    use[1, 150:160] = 0
    for row, values in changes.items():
        for quarter, value in values.items():
            use[int(row[-1]), quarter] = value
    return use


CUT = Cut(before=148, first=150, last=160, after=161)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(three(), id="as planted"),
        pytest.param(three(row1={149: 12.0, 160: 7.0}), id="switched within a quarter"),
        pytest.param(three(row1=dict.fromkeys(range(20, 29), 0.0)), id="still for less before"),
    ],
)
def test_names_who_followed(use):
    assert partner(use, CUT, tolerance=1.0) == 1


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(three(row1={155: 2.0}), id="used something"),
        pytest.param(three(row1={155: np.nan}), id="not measured"),
        pytest.param(three(row1={148: 0.0}), id="still before it"),
        pytest.param(three(row1={161: 1.0}), id="still after it"),
        pytest.param(three(row1=dict.fromkeys(range(20, 30), 0.0)), id="as still at other times"),
        pytest.param(three(row1=dict.fromkeys(range(40), np.nan)), id="not known for long"),
        pytest.param(three(row2=dict.fromkeys(range(150, 160), 0.0)), id="two of them"),
    ],
)
def test_names_nobody(use):
    assert partner(use, CUT, tolerance=1.0) is None


@pytest.mark.parametrize(
    ("during", "told"),
    [
        pytest.param([0, 1, 0, 0], False, id="stopped"),
        pytest.param([30, 2, 40, 0], True, id="in three of four quarters"),
        pytest.param([30, 0, 0, 40], None, id="in half of them"),
        pytest.param([30, np.nan, 30, 30], None, id="not measured"),
        pytest.param([], None, id="no whole quarter"),
    ],
)
def test_counts_on(during, told):
    assert counts_on(np.array(during, float), tolerance=1.0) is told
