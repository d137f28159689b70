"""Homes that count less than they should: planted ones are named, honest ones are not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from meters.dlms.simulator.plans import Kind
from meters.dlms.simulator.registers import draw
from meters.vee.bypass import BEFORE, RECENT, suspects
from quantify.demo import fleets
from quantify.demo.stories import OAK_GARDENS, Past

DAYS = BEFORE + RECENT
BEGINS = datetime(2026, 6, 1, 22, tzinfo=UTC)
LIMITS = {"drop": 0.45, "floor": 2000.0}


@pytest.fixture(scope="module")
def estate():
    """Wh by home and day of 75 simulated homes, and who lives in them."""
    story = replace(OAK_GARDENS, bypassed="", offline="")
    plan = fleets.fleet(story, Past(BEGINS, BEGINS + timedelta(days=90)))
    drawn = draw(plan, plan.first_slot, plan.first_slot + 90 * 96)
    rows = [row for row, meter in enumerate(plan.meters) if meter.kind == Kind.ELECTRICITY]
    use = drawn[rows].reshape(len(rows), 90, 96).sum(axis=2).astype(float)
    return use, np.array([plan.meters[row].residents > 0 for row in rows])


def bypassed(use, row, share):
    """The last days of a home with a share of its load past the meter, and what that is a day."""
    counted = use[:, -DAYS:].copy()
    gone = counted[row, BEFORE:] * share
    counted[row, BEFORE:] -= gone
    return counted, gone


def test_no_honest_home_is_named_on_any_day(estate):
    use, occupied = estate

    named = [
        one
        for last in range(DAYS, 91)
        for loss in (None, use[:, last - DAYS : last].sum(axis=0) * 0.11)
        for one in suspects(use[:, last - DAYS : last], occupied, loss, **LIMITS)
    ]

    assert named == []


def test_every_home_that_loses_sixty_percent_is_named_alone(estate):
    use, occupied = estate
    for row in np.flatnonzero(occupied):
        counted, _ = bypassed(use, row, 0.6)

        (one,) = suspects(counted, occupied, None, **LIMITS)

        assert one.row == row
        assert one.share == pytest.approx(0.6, abs=0.06)


def test_a_loss_that_rises_as_much_makes_less_enough(estate):
    use, occupied = estate
    row = int(np.flatnonzero(occupied)[0])
    counted, gone = bypassed(use, row, 0.4)
    loss = use[:, -DAYS:].sum(axis=0) * 0.05
    steady = suspects(counted, occupied, loss, **LIMITS)
    loss[BEFORE:] += gone

    (one,) = suspects(counted, occupied, loss, **LIMITS)

    assert steady == []
    assert one.row == row
    assert one.loss_rose == pytest.approx(np.mean(gone), rel=0.3)


def test_near_misses_are_not_named(estate):
    use, occupied = estate
    row = int(np.flatnonzero(occupied)[3])
    week_away = use[:, -DAYS:].copy()
    week_away[row, -7:] *= 0.15
    long_away = use[:, -DAYS:].copy()
    long_away[row, BEFORE:] = 1_500
    all_save = use[:, -DAYS:].copy()
    all_save[:, BEFORE:] *= 0.4
    unmeasured, _ = bypassed(use, row, 0.6)
    unmeasured[row, -6:] = np.nan
    vacant, _ = bypassed(use, row, 0.6)
    nobody = occupied.copy()
    nobody[row] = False

    for counted, lived_in in (
        (week_away, occupied), (long_away, occupied), (all_save, occupied),
        (unmeasured, occupied), (vacant, nobody),
    ):  # fmt: skip
        assert suspects(counted, lived_in, None, **LIMITS) == []


def test_four_homes_are_no_neighbourhood(estate):
    use, occupied = estate
    rows = np.flatnonzero(occupied)[:4]
    counted, _ = bypassed(use, rows[0], 0.6)

    assert suspects(counted[rows], occupied[rows], None, **LIMITS) == []
