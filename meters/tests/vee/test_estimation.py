"""The total of a gap is what the registers say; its shape is that of like days."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from meters import partitions, readings
from meters.models import DailyConsumption, Interval
from meters.tests.recording import MIDNIGHT, at, everything, intervals, new_meter, raw
from meters.vee import limits, tails
from meters.vee.estimation import spread
from meters.vee.like_days import PARTS, Measured, usual
from meters.vee.validation import INTERVAL
from quantify.periods import SOUTH_AFRICA

DAY = 96
LATER = MIDNIGHT + timedelta(days=60)


def shape(quarter: int) -> int:
    """What a home uses in a quarter of a day: more in the evening, more on Sundays."""
    day, slot = divmod(quarter, DAY)
    return 40 + (300 if 68 <= slot < 84 else 0) + (90 if day % 7 == 6 else 0) + day % 3


def register(upto: int) -> list[int]:
    return np.concatenate([[0], np.cumsum([shape(n) for n in range(upto)])]).tolist()


def methods(meter) -> dict[int, int | None]:
    found = Interval.objects.filter(meter=meter, quality="estimated")
    return {(one.start - MIDNIGHT) // timedelta(minutes=15): one.method for one in found}


class TestSpread:
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 10**9), st.lists(st.integers(0, 10**5), min_size=1, max_size=200)
            ),
            min_size=1,
            max_size=8,
        )
    )
    def test_keeps_each_total_exactly(self, gaps):
        totals = np.array([total for total, _ in gaps], np.int64)
        counts = np.array([len(weights) for _, weights in gaps], np.int64)
        weights = np.array([weight for _, of_gap in gaps for weight in of_gap], np.int64)

        shares = spread(totals, counts, weights)

        assert (shares >= 0).all()
        ends = np.cumsum(counts)
        assert [int(part.sum()) for part in np.split(shares, ends[:-1])] == totals.tolist()

    def test_gives_the_remainder_to_the_last(self):
        shares = spread(np.array([10]), np.array([3]), np.array([1, 1, 1]))

        assert shares.tolist() == [3, 3, 4]


class TestUsual:
    def measured(self, days: int, without: tuple[int, ...] = ()) -> Measured:
        quarters = [n for n in range(days * DAY) if n // DAY not in without]
        begin = int(MIDNIGHT.timestamp()) * 1_000_000
        start = np.array([begin + n * INTERVAL for n in quarters], np.int64)
        return Measured(start, np.array([shape(n) for n in quarters], np.int64))

    def gap(self, day: int, first: int = 0, count: int = DAY) -> np.ndarray:
        begin = int(MIDNIGHT.timestamp()) * 1_000_000
        return begin + (day * DAY + first + np.arange(count)) * INTERVAL

    def test_is_the_mean_of_the_three_newest_days_of_the_weekday(self):
        found = usual(self.gap(28), self.measured(28), SOUTH_AFRICA, 28)

        wanted = [
            sum(shape(day * DAY + slot) for day in (7, 14, 21)) * PARTS // 3 for slot in range(DAY)
        ]
        assert found.tolist() == wanted

    def test_leaves_out_a_day_that_was_not_measured_whole(self):
        found = usual(self.gap(14, 70, 2), self.measured(14, without=(7,)), SOUTH_AFRICA, 28)

        assert found.tolist() == [shape(70) * PARTS, shape(71) * PARTS]

    def test_takes_a_public_holiday_for_a_sunday(self):
        """16 June 2026 is Youth Day, a Tuesday; day 8 since Monday 8 June."""
        found = usual(self.gap(8, 0, 1), self.measured(8), SOUTH_AFRICA, 28)

        assert found.tolist() == [shape(6 * DAY) * PARTS]

    def test_takes_any_days_where_there_is_no_like_one(self):
        found = usual(self.gap(2, 0, 1), self.measured(2), SOUTH_AFRICA, 28)

        assert found.tolist() == [(shape(0) + shape(DAY)) * PARTS // 2]

    def test_knows_nothing_without_a_whole_day(self):
        assert usual(self.gap(0, 10, 5), self.measured(0), SOUTH_AFRICA, 28) is None


@pytest.mark.django_db
class TestGap:
    def record(self, meter, upto: int, missing: range) -> list[int]:
        values = register(upto)
        rows = [raw(meter, n, values[n]) for n in range(upto + 1) if n not in missing]
        readings.record(rows, received_at=LATER)
        return values

    def test_has_the_shape_of_like_days_and_the_total_of_its_registers(self):
        meter = new_meter()
        first, end = 21 * DAY + 60, 21 * DAY + 90
        values = self.record(meter, 22 * DAY, range(first + 1, end))

        found = intervals(meter)

        gap = {n: found[n][0] for n in range(first, end)}
        assert sum(gap.values()) == values[end] - values[first]
        assert gap[first + 10] > 5 * gap[first]
        assert set(methods(meter)) == set(range(first, end))
        assert set(methods(meter).values()) == {Interval.Method.LIKE_DAYS}

    def test_is_flat_without_history(self):
        meter = new_meter()
        self.record(meter, 40, range(11, 20))

        assert set(methods(meter).values()) == {Interval.Method.FLAT}

    def test_looks_back_as_far_as_its_estate_has_it(self):
        meter = new_meter()
        limits.change(estate=meter.estate, values={"gap.history": Decimal(7)})
        self.record(meter, 22 * DAY, range(DAY, 21 * DAY + 30))

        assert set(methods(meter).values()) == {Interval.Method.FLAT}

    def test_is_replaced_when_the_readings_come(self):
        meter = new_meter()
        gap = range(21 * DAY + 61, 21 * DAY + 90)
        values = self.record(meter, 22 * DAY, gap)

        readings.record([raw(meter, n, values[n]) for n in gap], received_at=LATER)

        assert methods(meter) == {}
        assert intervals(meter) == {n: (shape(n), "a") for n in range(22 * DAY)}


@st.composite
def chunks(draw):
    """Three weeks of readings with holes, and an order in which their pieces come."""
    holes = draw(
        st.lists(
            st.tuples(st.integers(1, 21 * DAY - 200), st.integers(2, 190)), min_size=1, max_size=4
        )
    )
    missing = {n for first, length in holes for n in range(first, first + length)}
    pieces = draw(st.permutations(range(21)))
    return missing, pieces


class TestOrder(TestCase):
    """A shape follows from what is measured, whenever it came."""

    @classmethod
    def setUpTestData(cls):
        partitions.ensure(at(0).date(), at(21 * DAY).date())

    @settings(max_examples=12, deadline=None)
    @given(chunks())
    def test_does_not_matter(self, delivery):
        missing, pieces = delivery
        values = register(21 * DAY)
        kept = [n for n in range(21 * DAY + 1) if n not in missing]
        at_once, in_parts = new_meter(), new_meter()
        readings.record([raw(at_once, n, values[n]) for n in kept], received_at=LATER)

        for piece in pieces:
            rows = [raw(in_parts, n, values[n]) for n in kept if min(n // DAY, 20) == piece]
            readings.record(rows, received_at=LATER)

        once, parts = everything([at_once, in_parts])
        assert parts == once
        assert methods(in_parts) == methods(at_once)
        total = sum(quantity for quantity, _ in intervals(in_parts).values())
        assert total == values[kept[-1]] - values[kept[0]]


@pytest.mark.django_db
class TestTail:
    def home(self):
        meter = new_meter()
        values = register(22 * DAY)
        readings.record([raw(meter, n, values[n]) for n in range(21 * DAY + 1)], received_at=LATER)
        return meter, values

    def test_is_what_like_days_used(self):
        meter, _ = self.home()

        tails.estimate(meter_id=meter.pk, channel=1, until=at(21 * DAY + 8))

        found = intervals(meter)
        usual_now = round(sum(shape(day * DAY) for day in (0, 7, 14)) / 3)
        assert found[21 * DAY] == (usual_now, "e")
        assert set(methods(meter)) == set(range(21 * DAY, 21 * DAY + 8))

    def test_is_replaced_by_the_next_reading(self):
        meter, values = self.home()
        tails.estimate(meter_id=meter.pk, channel=1, until=at(22 * DAY))

        readings.record([raw(meter, 21 * DAY + 4, values[21 * DAY + 4])], received_at=LATER)

        found = intervals(meter)
        assert max(found) == 21 * DAY + 3
        assert sum(quantity for quantity, _ in found.values()) == values[21 * DAY + 4]
        day = DailyConsumption.objects.get(meter=meter, day=at(21 * DAY + 10).date())
        assert day.quantity == values[21 * DAY + 4] - values[21 * DAY]
        assert meter.registers.get().estimated_to is None

    def test_stays_where_older_readings_come_late(self):
        meter, values = self.home()
        tails.estimate(meter_id=meter.pk, channel=1, until=at(22 * DAY))
        before = intervals(meter)

        readings.record([raw(meter, 3, values[3], 0)], received_at=LATER)
        readings.record([raw(meter, 3.5, values[3])], received_at=LATER)

        assert intervals(meter) == before

    def test_twice_is_once(self):
        meter, _ = self.home()
        tails.estimate(meter_id=meter.pk, channel=1, until=at(22 * DAY))
        before = everything([meter])

        tails.estimate(meter_id=meter.pk, channel=1, until=at(22 * DAY))

        assert everything([meter]) == before

    def test_needs_a_whole_measured_day(self):
        meter = new_meter()
        readings.record([raw(meter, n, n) for n in range(20)], received_at=LATER)

        with pytest.raises(tails.NothingToGoBy, match="enter a reading"):
            tails.estimate(meter_id=meter.pk, channel=1, until=at(90))

        assert methods(meter) == {}
