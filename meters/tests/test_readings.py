from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from meters import readings
from meters.alerts import following
from meters.models import DailyConsumption, MeterAlert, MonthRevision, Reading, ReadingConflict
from meters.readings import ManualEntry, RawReading, RegisterSeries, UnknownRegister
from meters.tests.factories import MeterFactory, RegisterFactory
from meters.tests.recording import (
    LATER,
    MOST,
    at,
    days,
    intervals,
    new_meter,
    raw,
    record,
    rules,
)

pytestmark = pytest.mark.django_db


class TestRecord:
    def test_derives_intervals_and_the_day(self):
        meter = new_meter()

        told = record(meter, {0: 1000, 1: 1100, 2: 1300})

        assert (told.created, told.intervals, told.days) == (3, 2, 1)
        assert intervals(meter) == {0: (100, "a"), 1: (200, "a")}
        assert days(meter) == {"2026-06-08": (300, 0, 2)}

    def test_the_interval_that_ends_at_midnight_belongs_to_the_day_before(self):
        meter = new_meter()

        record(meter, {95: 0, 96: 10, 97: 30})

        assert days(meter) == {"2026-06-08": (10, 0, 1), "2026-06-09": (20, 0, 1)}

    def test_a_day_has_ninety_six_intervals(self):
        meter = new_meter()

        record(meter, {quarter: quarter * 7 for quarter in range(-1, 98)})

        assert days(meter)["2026-06-08"] == (96 * 7, 0, 96)

    def test_days_are_local_to_the_estate(self):
        meter = new_meter(estate__time_zone="Europe/Berlin")
        RegisterFactory.create(meter=meter, channel=2)
        # Clocks went forward on 2026-03-29: that day has 92 quarters.
        start = at(0) - timedelta(days=71)
        rows = [RawReading(meter.pk, 1, start + n * timedelta(minutes=15), n) for n in range(200)]

        readings.record(rows, received_at=LATER)

        whole = DailyConsumption.objects.get(meter=meter, day=date(2026, 3, 29))
        assert (whole.quantity, whole.intervals) == (92, 92)

    def test_continues_from_what_is_stored(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 10})

        told = record(meter, {2: 30})

        assert (told.created, told.intervals, told.days) == (1, 1, 1)
        assert intervals(meter)[1] == (20, "a")
        assert DailyConsumption.objects.get(meter=meter).revision == 2

    def test_counts_the_changes_of_a_month_with_those_of_its_days(self):
        meter = new_meter()
        RegisterFactory.create(meter=meter, channel=2)

        record(meter, {0: 0, 1: 10, 96: 20, 97: 30})
        record(meter, {2: 12})

        days_changed = DailyConsumption.objects.filter(meter=meter)
        assert sorted(days_changed.values_list("revision", flat=True)) == [1, 2]
        (known,) = MonthRevision.objects.filter(meter=meter)
        assert (known.month, known.revision) == (date(2026, 6, 1), 3)

    def test_the_same_again_changes_nothing(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 10})

        told = record(meter, {0: 0, 1: 10})

        assert (told.created, told.duplicates, told.intervals, told.days) == (0, 2, 0, 0)
        assert DailyConsumption.objects.get(meter=meter).revision == 1
        assert not ReadingConflict.objects.exists()

    def test_of_two_values_for_an_instant_the_first_stands(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 10})

        told = record(meter, {1: 11})
        record(meter, {1: 11})

        assert told.conflicts == 1
        assert ReadingConflict.objects.get().value == 11
        assert intervals(meter) == {0: (10, "a")}

    def test_of_two_values_in_one_batch_the_first_stands(self):
        meter = new_meter()

        told = readings.record(
            [raw(meter, 0, 0), raw(meter, 1, 10), raw(meter, 1, 12), raw(meter, 0, 0)],
            received_at=LATER,
        )

        assert (told.created, told.duplicates, told.conflicts) == (2, 1, 1)
        assert intervals(meter) == {0: (10, "a")}

    def test_registers_of_a_meter_are_apart(self):
        meter = new_meter()
        RegisterFactory.create(meter=meter, channel=2)
        rows = [
            RawReading(meter.pk, channel, at(quarter), channel * 10 * quarter)
            for quarter in range(3)
            for channel in (1, 2)
        ]

        readings.record(rows, received_at=LATER)

        found = DailyConsumption.objects.filter(meter=meter).order_by("channel")
        assert [(one.channel, one.quantity) for one in found] == [(1, 20), (2, 40)]

    def test_nothing_is_recorded_of_an_unknown_register(self):
        meter = new_meter()

        with pytest.raises(UnknownRegister):
            readings.record(
                [raw(meter, 0, 0), RawReading(meter.pk, 9, at(0), 0)], received_at=LATER
            )

        assert not Reading.objects.exists()

    def test_no_readings_are_no_trouble(self):
        assert readings.record([], received_at=LATER) == readings.Recorded()

    def test_notes_on_the_meter_that_it_lives(self):
        meter = new_meter()

        record(meter, {0: 0, 3: 10, 2: 5})

        meter.refresh_from_db()
        assert meter.last_reading_at == at(3)
        assert meter.last_contact_at == LATER
        assert meter.communication_status == "online"

    def test_late_readings_do_not_set_a_meter_back(self):
        meter = new_meter()
        record(meter, {5: 50})

        record(meter, {1: 0}, received_at=LATER - timedelta(days=1))

        meter.refresh_from_db()
        assert (meter.last_reading_at, meter.last_contact_at) == (at(5), LATER)

    def test_makes_the_partitions_it_needs(self):
        meter = new_meter()
        long_ago = RawReading(meter.pk, 1, at(0) - timedelta(days=400), 0)

        assert readings.record([long_ago], received_at=LATER).created == 1

    def test_takes_some_statements_however_many_meters(self, django_assert_max_num_queries):
        meters = [new_meter() for _ in range(5)]
        rows = [raw(meter, quarter, 0) for meter in meters for quarter in range(3)]
        readings.record([raw(meters[0], 50, 0)], received_at=LATER)

        with django_assert_max_num_queries(20):
            readings.record(rows, received_at=LATER)

    @pytest.mark.parametrize(
        ("value", "status", "refused"),
        [(-(2**70), 0, 1), (2**70, 0, 1), (1010, 2**70, 0), (1010, -1, 0)],
    )
    def test_a_meter_that_tells_nonsense_spoils_no_other(self, value, status, refused):
        broken, sound = new_meter(), new_meter()
        rows = [raw(broken, 1, value, status), raw(sound, 0, 1000), raw(sound, 1, 1010)]

        recorded = readings.record(rows, received_at=LATER)

        assert (recorded.refused, recorded.intervals) == (refused, 1)


class TestGap:
    def test_is_estimated_exactly_in_total(self):
        meter = new_meter()

        record(meter, {0: 1000, 4: 1011})

        assert intervals(meter) == {0: (2, "e"), 1: (2, "e"), 2: (2, "e"), 3: (5, "e")}
        assert rules(meter)[4] == (["gap"], True)
        assert days(meter) == {"2026-06-08": (11, 11, 4)}

    def test_late_data_replaces_what_was_estimated(self):
        meter = new_meter()
        record(meter, {0: 1000, 4: 1011, 5: 1020})

        told = record(meter, {1: 1008})

        assert intervals(meter) == {
            0: (8, "a"),
            1: (1, "e"),
            2: (1, "e"),
            3: (1, "e"),
            4: (9, "a"),
        }
        assert told.intervals == 4
        assert days(meter) == {"2026-06-08": (20, 3, 5)}

    def test_that_is_filled_is_no_gap_any_more(self):
        meter = new_meter()
        record(meter, {0: 0, 3: 30})

        record(meter, {2: 25, 1: 20})

        assert intervals(meter) == {0: (20, "a"), 1: (5, "a"), 2: (5, "a")}
        assert rules(meter)[3] == ([], True)
        assert DailyConsumption.objects.get(meter=meter).revision == 2

    def test_what_did_not_change_keeps_its_revision(self):
        meter = new_meter()
        record(meter, {0: 0, 10: 10, 96: 20, 106: 40})

        told = record(meter, {100: 25})

        assert told.days == 1
        revisions = DailyConsumption.objects.filter(meter=meter).order_by("day")
        assert [one.revision for one in revisions] == [1, 2]

    def test_may_reach_over_months(self):
        meter = new_meter()

        record(meter, {0: 0, 96 * 70: 6720}, received_at=LATER + timedelta(days=80))

        assert sum(quantity for quantity, _ in intervals(meter).values()) == 6720
        assert len(days(meter)) == 70


class TestInvalid:
    def test_stays_stored_and_makes_no_interval(self):
        meter = new_meter()

        told = record(meter, {0: 0, 1: MOST + 1, 2: 20})

        assert told.invalid == 1
        assert rules(meter)[1] == (["physical_maximum"], False)
        assert intervals(meter) == {0: (10, "e"), 1: (10, "e")}

    def test_too_much_is_abnormal_usage(self):
        meter = new_meter()

        record(meter, {0: 0, 1: MOST + 1})
        record(meter, {2: 3 * MOST})
        following.follow(now=LATER)

        alert = MeterAlert.objects.get()
        assert (alert.meter, alert.kind, alert.state) == (meter, "abnormal_usage", "open")

    def test_a_reset_is_a_fault_until_readings_fit_again(self):
        meter = new_meter()
        record(meter, {0: 500, 1: 0})
        following.follow(now=LATER)
        assert MeterAlert.objects.get().kind == "meter_fault"

        record(meter, {2: 510})
        following.follow(now=LATER)

        assert MeterAlert.objects.get().state == "resolved"
        assert rules(meter)[1] == (["negative_step"], False)

    def test_a_register_rolls_over(self):
        meter = new_meter(span=10_000)

        record(meter, {0: 9_990, 1: 20, 2: 25})

        assert intervals(meter) == {0: (30, "a"), 1: (5, "a")}
        assert rules(meter)[1] == (["rollover"], True)
        assert not MeterAlert.objects.exists()

    def test_by_its_status_is_not_used(self):
        meter = new_meter()
        record(meter, {0: 0})
        record(meter, {1: 10}, status=0b100)

        record(meter, {2: 30})

        assert rules(meter)[1] == (["status_invalid"], False)
        assert intervals(meter) == {0: (15, "e"), 1: (15, "e")}

    def test_suspect_is_used(self):
        meter = new_meter()

        record(meter, {0: 0, 1: 10}, status=0b1000_0000)

        assert intervals(meter) == {0: (10, "a")}
        assert rules(meter)[1] == (["status_suspect"], True)

    def test_unaligned_makes_no_interval(self):
        meter = new_meter()

        record(meter, {0: 0, 0.5: 7, 1: 10})

        assert intervals(meter) == {0: (10, "a")}
        assert rules(meter)[0.5] == (["unaligned"], True)

    def test_from_the_future_is_not_used(self):
        meter = new_meter()

        record(meter, {0: 0, 1: 10}, received_at=at(0))

        assert rules(meter)[1] == (["in_the_future"], False)
        assert intervals(meter) == {}

    @pytest.mark.parametrize(
        ("quarter", "value"),
        [(0, -1), (-96 * 2000, 5), (96 * 100, 5), (0, 2**64)],
        ids=["negative", "years ago", "far ahead", "beyond any register"],
    )
    def test_beyond_reason_is_refused(self, quarter, value):
        meter = new_meter()

        told = record(meter, {quarter: value, 1: 10})

        assert (told.refused, told.created) == (1, 1)

    def test_a_late_reading_can_show_that_later_ones_were_wrong(self):
        meter = new_meter()
        record(meter, {0: 0, 2: 2 * MOST, 3: 2 * MOST + 5})

        told = record(meter, {1: 0})

        assert told.overturned == 2
        assert intervals(meter) == {0: (0, "a")}
        assert days(meter) == {"2026-06-08": (0, 0, 1)}

    def test_a_late_base_can_show_that_later_ones_were_right(self):
        meter = new_meter()
        record(meter, {0: 0, 3: 4 * MOST})

        record(meter, {1: MOST, 2: 2 * MOST})
        record(meter, {4: 4 * MOST})

        assert rules(meter)[3][1] is False
        assert rules(meter)[4] == (["gap"], True)


class TestRecordSeries:
    def test_equals_recording_one_by_one(self):
        one, other = new_meter(), new_meter()
        values = np.cumsum(np.arange(200) % 50)

        told = readings.record_series([RegisterSeries(one.pk, 1, at(0), values)], received_at=LATER)
        record(other, dict(enumerate(values.tolist())))

        assert (told.created, told.intervals, told.days) == (200, 199, 3)
        assert intervals(one) == intervals(other)
        assert days(one) == days(other)

    def test_goes_in_batches(self, monkeypatch):
        monkeypatch.setattr(readings, "ROWS_AT_ONCE", 50)
        meters = [new_meter() for _ in range(5)]

        told = readings.record_series(
            [RegisterSeries(meter.pk, 1, at(0), np.arange(40)) for meter in meters],
            received_at=LATER,
        )

        assert (told.created, told.days) == (200, 5)

    def test_no_series_are_no_trouble(self):
        assert readings.record_series([], received_at=LATER) == readings.Recorded()

    def test_sums_equal_the_difference_of_the_register(self):
        meter = new_meter(span=100_000)
        steps = np.random.default_rng(5).integers(0, MOST, 300)
        values = (90_000 + np.cumsum(steps)) % 100_000

        readings.record_series([RegisterSeries(meter.pk, 1, at(0), values)], received_at=LATER)

        assert sum(quantity for quantity, _ in intervals(meter).values()) == steps[1:].sum()
        assert sum(quantity for quantity, *_ in days(meter).values()) == steps[1:].sum()
        assert all(a < b for a, b in pairwise(intervals(meter)))


class TestRecordManual:
    def enter(self, meter, *entries):
        told = readings.record_manual(
            meter=meter,
            entries=[ManualEntry(at(quarter), Decimal(value)) for quarter, value in entries],
            now=LATER,
        )
        return [(one.result, one.reason) for one in told]

    def test_records_kilowatt_hours(self):
        meter = new_meter()

        assert self.enter(meter, (0, "1.000"), (4, "1.012")) == [("created", ""), ("created", "")]

        assert Reading.objects.filter(meter=meter, source="manual").count() == 2
        assert days(meter) == {"2026-06-08": (12, 12, 4)}

    def test_says_nothing_about_the_line(self):
        meter = new_meter()

        self.enter(meter, (0, "1"))

        meter.refresh_from_db()
        assert (meter.communication_status, meter.last_contact_at) == ("offline", None)
        assert meter.last_reading_at == at(0)

    def test_takes_entries_in_the_order_of_time_and_answers_in_theirs(self):
        meter = new_meter()

        told = self.enter(meter, (4, "2"), (0, "1"), (8, "0.5"))

        assert [result for result, _ in told] == ["created", "created", "rejected"]

    def test_tells_duplicates_and_conflicts(self):
        meter = new_meter()
        self.enter(meter, (0, "1"))

        assert self.enter(meter, (0, "1")) == [("duplicate", "This reading was recorded before.")]
        assert self.enter(meter, (0, "2")) == [
            ("conflict", "There is another reading at that time; it stands.")
        ]

    @pytest.mark.parametrize(
        ("quarter", "value", "reason"),
        [
            (4, "0.999", "The register cannot have gone back since the reading before it."),
            (4, "99", "That is more than the meter can carry since the reading before it."),
            (96 * 21, "1.5", "The reading lies in the future."),
            (96 * 90, "1.5", "The reading lies too far in the past or in the future."),
            (4.5, "1.5", "Give a quarter hour, such as 08:00, 08:15, 08:30 or 08:45."),
            (4, "1.2345", "1.2345 has more than 3 decimals."),
            (4, "-1", "A register shows no such value."),
        ],
    )
    def test_rejects_with_a_reason_and_keeps_nothing(self, quarter, value, reason):
        meter = new_meter()
        self.enter(meter, (0, "1"))

        assert self.enter(meter, (quarter, value)) == [("rejected", reason)]

        assert Reading.objects.filter(meter=meter).count() == 1
        assert not MeterAlert.objects.exists()

    def test_does_not_overturn_what_came_later(self):
        meter = new_meter()
        record(meter, {0: 1000, 8: 1010})

        assert self.enter(meter, (4, "1.020")) == [
            ("rejected", "Readings that were taken later contradict it.")
        ]
        assert rules(meter)[8] == (["gap"], True)

    def test_needs_a_time_zone_and_a_channel_of_the_meter(self):
        meter = new_meter()
        naive = ManualEntry(at(0).replace(tzinfo=None), Decimal(1))
        foreign = ManualEntry(at(0), Decimal(1), channel=2)

        told = readings.record_manual(meter=meter, entries=[naive, foreign], now=LATER)

        assert [one.reason for one in told] == [
            "Give the time with its time zone.",
            "The meter has no register for channel 2.",
        ]

    def test_needs_a_register(self):
        told = self.enter(MeterFactory.create(), (0, "1"))

        assert told == [("rejected", "The meter has no register.")]
