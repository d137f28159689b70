"""What is derived does not depend on how the readings came in."""

from itertools import pairwise
from threading import Barrier, Thread

import numpy as np
import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from meters import partitions, readings
from meters.batches import ReadingArrays
from meters.models import Interval, Meter, Reading, ReadingConflict
from meters.readings import RawReading, RegisterSeries
from meters.tests.recording import LATER, at, everything, intervals, new_meter, raw

MOST = 100
SPAN = 2_000
VALUES = st.one_of(st.integers(0, 400), st.integers(SPAN - 150, SPAN + 5))
FACTS = st.dictionaries(
    st.one_of(st.integers(80, 110), st.sampled_from([85.5, 97.25])),
    st.tuples(VALUES, st.sampled_from([0, 0, 0, 0, 4, 128])),
    min_size=1,
    max_size=18,
)


@st.composite
def deliveries(draw):
    """Some facts, and the batches they come in: in any order, some of them several times."""
    facts = draw(FACTS)
    order = draw(st.permutations(sorted(facts)))
    order += draw(st.lists(st.sampled_from(order), max_size=5))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=6)))
    bounds = [0, *cuts, len(order)]
    batches = [order[a:b] for a, b in pairwise(bounds)]
    openings = draw(st.sets(st.sampled_from(sorted(facts)), max_size=2))
    return facts, batches, openings


class TestOrder(TestCase):
    """Any cutting and mixing of the same readings derives the same."""

    @classmethod
    def setUpTestData(cls):
        partitions.ensure(at(0).date(), at(0).date())

    @settings(
        max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(deliveries())
    def test_does_not_matter(self, delivery):
        facts, batches, openings = delivery
        at_once = new_meter(span=SPAN, maximum_per_interval=MOST)
        in_parts = new_meter(span=SPAN, maximum_per_interval=MOST)

        def row(meter: Meter, quarter: float) -> RawReading:
            return raw(meter, quarter, *facts[quarter], is_opening=quarter in openings)

        readings.record([row(at_once, quarter) for quarter in sorted(facts)], received_at=LATER)
        for batch in batches:
            readings.record([row(in_parts, quarter) for quarter in batch], received_at=LATER)

        once, parts = everything([at_once, in_parts])
        assert parts == once
        assert not ReadingConflict.objects.exists()
        self.check_sums(at_once)

    def check_sums(self, meter: Meter) -> None:
        """The day's sum is that of its intervals, and all intervals of a meter its advance."""
        derived, judged, days = everything([meter])[0]
        assert sum(quantity for quantity, *_ in days.values()) == sum(
            q for q, _ in derived.values()
        )
        bases = [
            one.value
            for one in Reading.objects.filter(meter=meter, is_valid=True).order_by("taken_at")
            if not set(one.rule_names) & {"unaligned"}
        ]
        anew = any("opening" in names for names, _ in judged.values())
        if bases and not anew:
            advance = (bases[-1] - bases[0]) % SPAN
            assert sum(quantity for quantity, _ in derived.values()) % SPAN == advance


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def together(self, *works):
        barrier, errors = Barrier(len(works)), []

        def run(work):
            try:
                barrier.wait()
                work()
            except Exception as error:
                errors.append(error)
            finally:
                connections.close_all()

        threads = [Thread(target=run, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []

    def test_nothing_is_doubled_or_lost(self):
        meters = [new_meter() for _ in range(6)]
        quarters = np.random.default_rng(3).permutation(96).tolist()

        def deliver(part, turned):
            def work():
                for quarter in quarters[part::4] + quarters[(part + 1) % 4 :: 4]:
                    chosen = meters[::-1] if turned else meters
                    rows = [raw(meter, quarter, quarter * 10) for meter in chosen]
                    readings.record(rows, received_at=LATER)

            return work

        self.together(*(deliver(part, part % 2) for part in range(4)))

        for meter in meters:
            assert intervals(meter) == dict.fromkeys(range(95), (10, "a"))
        assert Reading.objects.count() == 6 * 96
        assert not ReadingConflict.objects.exists()

    def test_one_history_recorded_twice_at_once_is_one(self):
        meter = new_meter()
        series = [RegisterSeries(meter.pk, 1, at(0), np.arange(1500))]

        def work():
            readings.record_series(series, received_at=LATER)

        self.together(work, work, work)

        assert Reading.objects.count() == 1500
        assert Interval.objects.count() == 1499

    def test_conflicting_values_leave_one(self):
        meter = new_meter()
        readings.record([raw(meter, 0, 0)], received_at=LATER)

        def deliver(value):
            batch = ReadingArrays.of_rows([raw(meter, 1, value)])
            return lambda: readings.record(batch, received_at=LATER)

        self.together(*(deliver(value) for value in (1, 2, 3)))

        (first,) = intervals(meter).values()
        others = set(ReadingConflict.objects.values_list("value", flat=True))
        assert others == {1, 2, 3} - {first[0]}
        assert connection.is_usable()
