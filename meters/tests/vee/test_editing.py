"""What a person says of readings stands beside them, and can be taken back."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.tests.factories import UserFactory
from meters import partitions, readings
from meters.models import DailyConsumption, Reading, ReadingEdit
from meters.tests.recording import LATER, at, everything, intervals, new_meter, raw, record, rules
from meters.vee import editing, limits, revalidation
from meters.vee.editing import Occasion

pytestmark = pytest.mark.django_db


def occasion(reason: str = "Seen on the spot.") -> Occasion:
    return Occasion(UserFactory.create(), LATER, reason)


def edit(meter, quarter, value) -> ReadingEdit:
    return editing.edit(
        meter_id=meter.pk, channel=1, taken_at=at(quarter), value=value, occasion=occasion()
    )


class TestEdit:
    def test_stands_in_place_of_what_was_read(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 100, 2: 200, 3: 300})

        edit(meter, 1, 50)

        assert intervals(meter) == {0: (50, "a"), 1: (150, "a"), 2: (100, "a")}
        assert rules(meter)[1] == (["edited"], True)
        reading = Reading.objects.get(meter=meter, taken_at=at(1))
        assert (reading.value, reading.edited_value, reading.stands) == (100, 50, 50)

    def test_is_refused_where_the_register_cannot_have_shown_it(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 100, 2: 200})
        before = everything([meter])

        for impossible in (10**7, 250, -1):
            with pytest.raises(editing.ImpossibleValue):
                edit(meter, 1, impossible)

        assert everything([meter]) == before
        assert not ReadingEdit.objects.exists()

    def test_is_of_a_reading_that_is_there(self):
        meter = new_meter()
        record(meter, {0: 0})

        with pytest.raises(editing.NoSuchReading):
            edit(meter, 1, 10)

    def test_a_reading_that_comes_again_is_no_conflict(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 100, 2: 200})
        edit(meter, 1, 50)

        told = record(meter, {1: 100})

        assert (told.duplicates, told.conflicts) == (1, 0)
        assert intervals(meter)[0] == (50, "a")

    def test_goes_before_what_the_meter_says_of_its_value(self):
        meter = new_meter()
        record(meter, {0: 0, 2: 200})
        record(meter, {1: 100}, status=4)

        edit(meter, 1, 90)

        assert intervals(meter) == {0: (90, "a"), 1: (110, "a")}

    def test_what_was_said_stays_said(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 100})
        edit(meter, 1, 50)

        with pytest.raises(IntegrityError), transaction.atomic():
            ReadingEdit.objects.update(reason="Another")
        with pytest.raises(IntegrityError), transaction.atomic():
            ReadingEdit.objects.all().delete()


class TestAccept:
    def test_a_register_that_was_reset_counts_anew(self):
        meter = new_meter()
        record(meter, {0: 5000, 1: 5100, 2: 10, 3: 60, 4: 90})
        assert intervals(meter) == {0: (100, "a")}

        editing.accept(meter_id=meter.pk, channel=1, taken_at=at(2), occasion=occasion())

        assert intervals(meter) == {0: (100, "a"), 2: (50, "a"), 3: (30, "a")}
        assert rules(meter)[3] == ([], True)

    def test_more_than_the_meter_can_carry_is_counted(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 9000, 2: 9100})

        editing.accept(meter_id=meter.pk, channel=1, taken_at=at(1), occasion=occasion())

        assert intervals(meter) == {0: (9000, "a"), 1: (100, "a")}


class TestReject:
    def test_leaves_a_gap_whose_total_is_exact(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 1500, 2: 1600, 3: 1700})

        editing.reject(meter_id=meter.pk, channel=1, instants=[at(1), at(2)], occasion=occasion())

        found = intervals(meter)
        assert sum(quantity for quantity, _ in found.values()) == 1700
        assert {quality for _, quality in found.values()} == {"e"}
        assert rules(meter)[1] == (["rejected"], False)


class TestUndo:
    def test_is_as_before(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 100, 2: 200})
        before = everything([meter])
        made = edit(meter, 1, 50)

        editing.undo(edits=[made], occasion=occasion("A mistake."))

        assert everything([meter]) == before
        assert ReadingEdit.objects.count() == 2

    def test_only_of_the_last_and_once(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 100, 2: 200})
        first, second = edit(meter, 1, 50), edit(meter, 1, 60)

        with pytest.raises(editing.NotTheLast):
            editing.undo(edits=[first], occasion=occasion())
        editing.undo(edits=[second], occasion=occasion())
        assert intervals(meter)[0] == (50, "a")
        with pytest.raises(editing.NotTheLast):
            editing.undo(edits=[second], occasion=occasion())
        editing.undo(edits=[first], occasion=occasion())

        assert intervals(meter)[0] == (100, "a")


class TestAnyEdits(TestCase):
    """Whatever is said of readings, undone in turn everything is as it was."""

    @classmethod
    def setUpTestData(cls):
        partitions.ensure(at(0).date(), at(200).date())

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["edit", "accept", "reject"]),
                st.integers(0, 11),
                st.integers(0, 900),
            ),
            min_size=1,
            max_size=6,
        ),
        st.lists(st.integers(0, 900), min_size=12, max_size=12),
    )
    def test_undone_is_as_before(self, said, values):
        meter = new_meter(span=1000, maximum_per_interval=300)
        rows = [raw(meter, n, value) for n, value in enumerate(values)]
        readings.record(rows, received_at=LATER)
        before = everything([meter])
        made = []
        for action, quarter, value in said:
            where = {"meter_id": meter.pk, "channel": 1, "occasion": occasion()}
            try:
                match action:
                    case "edit":
                        made.append(editing.edit(taken_at=at(quarter), value=value, **where))
                    case "accept":
                        made.append(editing.accept(taken_at=at(quarter), **where))
                    case _:
                        made += editing.reject(instants=[at(quarter)], **where)
            except editing.ImpossibleValue:
                continue
        again = everything([meter])
        revalidation.revalidate(meter_ids=[meter.pk], first=at(0), last=at(12), now=LATER)
        assert everything([meter]) == again

        for one in reversed(made):
            editing.undo(edits=[one], occasion=occasion())

        assert everything([meter]) == before
        assert (
            list(
                Reading.objects.filter(meter=meter)
                .order_by("taken_at")
                .values_list("value", flat=True)
            )
            == values
        )


class TestRevalidate:
    def test_changes_nothing_where_nothing_changed(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 100, 4: 400, 5: 9999999, 6: 600})
        before = everything([meter])
        revisions = list(DailyConsumption.objects.values_list("revision", flat=True))

        for _ in range(2):
            done = revalidation.revalidate(meter_ids=[meter.pk], first=at(0), last=at(6), now=LATER)
            assert (done.intervals, done.days) == (0, 0)

        assert everything([meter]) == before
        assert list(DailyConsumption.objects.values_list("revision", flat=True)) == revisions

    def test_holds_readings_against_the_limits_of_today(self):
        meter = new_meter(rating="60", span=100_000)
        record(meter, {0: 0, 1: 4000, 2: 4100})
        assert intervals(meter)[0] == (4000, "a")

        limits.change(estate=meter.estate, values={"physical_maximum.percent": Decimal(100)})
        done = revalidation.revalidate(meter_ids=[meter.pk], first=at(0), last=at(2), now=LATER)

        assert done.overturned == 1
        assert rules(meter)[1] == (["physical_maximum"], False)
        assert intervals(meter) == {0: (2050, "e"), 1: (2050, "e")}

    def test_holds_a_rollover_against_the_limit_of_its_estate(self):
        meter = new_meter(span=10_000)
        record(meter, {0: 8000, 1: 50})
        assert rules(meter)[1] == (["negative_step"], False)

        limits.change(estate=meter.estate, values={"rollover.percent": Decimal(75)})
        revalidation.revalidate(
            meter_ids=[meter.pk], first=at(0), last=at(2) + timedelta(days=1), now=LATER
        )

        assert rules(meter)[1] == (["rollover"], True)
        assert intervals(meter) == {0: (2050, "a")}
