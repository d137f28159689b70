"""What people decide about findings, one at a time, and what follows for readings."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connections

from accounts.models import AuditEntry
from accounts.tests.factories import UserFactory
from meters.models import Finding, ReadingEdit
from meters.tests.factories import InstallationFactory
from meters.tests.recording import LATER, MIDNIGHT, at, everything, intervals, new_meter, record
from meters.vee import checking, decisions, queue, standing
from meters.vee.decisions import Decided, NotOffered, NotUndoable, SnoozeTooShort
from meters.vee.editing import Occasion

pytestmark = pytest.mark.django_db
NOW = LATER + timedelta(days=1)


def occasion(reason="Seen on the spot.") -> Occasion:
    return Occasion(UserFactory.create(), NOW, reason)


def reset_meter():
    """A meter that was set back to zero."""
    meter = new_meter()
    record(meter, {0: 5000, 1: 5100, 2: 10, 3: 60, 4: 90})
    return meter, Finding.objects.get(meter=meter)


class TestFound:
    def test_a_register_that_went_back_is_one_finding_however_long_it_lasts(self):
        meter, finding = reset_meter()
        record(meter, {5: 120, 6: 150})

        finding.refresh_from_db()
        assert Finding.objects.count() == 1
        assert (finding.rule, finding.starts_at, finding.ends_at) == (
            "negative_step", at(1), at(6),
        )  # fmt: skip
        assert finding.says == "The register went back to 0.120 at 2026-06-08 01:15."
        assert "accept" in finding.advice

    def test_it_ends_by_itself_when_the_register_is_right_again(self):
        meter = new_meter()
        record(meter, {0: 5000, 1: 10})
        record(meter, {2: 5100})

        finding = Finding.objects.get()
        assert (finding.state, finding.resolution) == ("closed", "ended")

    def test_more_than_the_meter_can_carry(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 90_000, 2: 50})

        finding = Finding.objects.get()
        assert (finding.rule, finding.quantity) == ("physical_maximum", 90_000)
        assert finding.says == "The register jumped to 90.000 at 2026-06-08 00:15."

    def test_two_values_for_one_time(self):
        meter = new_meter()
        record(meter, {0: 0, 1: 100, 2: 200})
        record(meter, {1: 120})
        record(meter, {1: 120})

        finding = Finding.objects.get()
        assert (finding.rule, finding.starts_at) == ("conflict", at(1))
        decisions.edit(finding_id=finding.pk, taken_at=at(1), value=120, occasion=occasion())
        assert intervals(meter) == {0: (120, "a"), 1: (80, "a")}


class TestAccept:
    def test_lets_a_register_that_was_reset_count_anew(self):
        meter, finding = reset_meter()

        done = decisions.accept(finding_id=finding.pk, occasion=occasion("New battery."))

        assert intervals(meter) == {0: (100, "a"), 2: (50, "a"), 3: (30, "a")}
        assert (done.state, done.resolution, done.note) == ("closed", "accepted", "New battery.")
        assert ReadingEdit.objects.get().finding == finding

    def test_undone_it_is_as_before_and_open(self):
        meter, finding = reset_meter()
        before = everything([meter])
        decisions.accept(finding_id=finding.pk, occasion=occasion())

        done = decisions.undo(finding_id=finding.pk, occasion=occasion("Wrong meter."))

        assert everything([meter]) == before
        assert (done.state, done.resolution) == ("open", "")
        with pytest.raises(NotUndoable):
            decisions.undo(finding_id=finding.pk, occasion=occasion())


class TestReject:
    def test_of_readings_that_broke_the_checks(self):
        meter, finding = reset_meter()

        decisions.reject(finding_id=finding.pk, occasion=occasion())
        record(meter, {6: 5400})

        found = intervals(meter)
        assert sum(quantity for quantity, _ in found.values()) == 400
        assert set(found) == set(range(6))


class TestEstimate:
    def test_of_a_spike_keeps_the_total(self):
        meter = new_meter()
        values, total = {}, 0
        for quarter in range(97):
            values[quarter] = total
            total += 3000 if quarter == 30 else 40
        record(meter, values)
        checking.run(now=NOW)
        finding = Finding.objects.get(rule="spike")

        decisions.estimate(finding_id=finding.pk, occasion=occasion())

        found = intervals(meter)
        assert sum(quantity for quantity, _ in found.values()) == values[96]
        assert [found[n] for n in (29, 30, 31)] == [(1026, "e"), (1026, "e"), (1028, "e")]

    def test_is_not_offered_for_a_register_that_went_back(self):
        _, finding = reset_meter()

        with pytest.raises(NotOffered):
            decisions.estimate(finding_id=finding.pk, occasion=occasion())

        assert Finding.objects.get().state == "open"


class TestSnooze:
    def test_sleeps_until_its_time(self):
        _, finding = reset_meter()
        until = NOW + timedelta(days=2)

        decisions.snooze(finding_id=finding.pk, until=until, occasion=occasion())

        assert not Finding.objects.waiting(until - timedelta(hours=1)).exists()
        assert Finding.objects.waiting(until).exists()
        assert queue.wake(now=until - timedelta(hours=1)) == 0
        assert queue.wake(now=until) == 1
        assert Finding.objects.get().state == "open"

    def test_wants_a_time_to_come(self):
        _, finding = reset_meter()

        with pytest.raises(SnoozeTooShort):
            decisions.snooze(finding_id=finding.pk, until=NOW, occasion=occasion())

        assert Finding.objects.get().state == "open"


@pytest.mark.django_db(transaction=True)
class TestTwoManagersAtOnce:
    def test_the_second_is_told(self):
        _, finding = reset_meter()
        barrier, outcomes = Barrier(2), []
        occasions = [occasion("One"), occasion("Two")]

        def decide(mine, choice):
            barrier.wait()
            try:
                choice(finding_id=finding.pk, occasion=mine)
                outcomes.append("decided")
            except Decided:
                outcomes.append("told")
            finally:
                connections.close_all()

        threads = [
            Thread(target=decide, args=(occasions[0], decisions.accept)),
            Thread(target=decide, args=(occasions[1], decisions.reject)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == ["decided", "told"]
        actions = set(ReadingEdit.objects.values_list("action", flat=True))
        assert len(actions) == 1
        assert AuditEntry.objects.filter(table="meters_finding").count() == 0


class TestStanding:
    def test_a_meter_without_valid_readings_waits_and_stops_cuts(self):
        meter = new_meter()
        InstallationFactory.create(meter=meter, starts_at=MIDNIGHT)
        record(meter, {0: 0, 1: 10})

        assert standing.check(now=at(1) + timedelta(hours=23)) == 0
        standing.check(now=at(1) + timedelta(hours=25))
        finding = Finding.objects.get()
        assert (finding.rule, finding.stops_cuts) == ("prolonged_estimation", False)
        standing.check(now=at(1) + timedelta(hours=72))

        finding.refresh_from_db()
        assert finding.stops_cuts
        assert finding.says.startswith("No reading counts for 72 hours")
        record(meter, {300: 400})
        standing.check(now=at(301))
        finding.refresh_from_db()
        assert finding.resolution == "ended"

    def test_a_meter_that_is_read_by_hand_is_left_alone(self):
        meter = new_meter(communication_type="manual")
        InstallationFactory.create(meter=meter, starts_at=MIDNIGHT)

        assert standing.check(now=at(96 * 30)) == 0

    def test_a_clock_that_is_off_by_more_than_half_an_interval(self):
        right = new_meter(clock_drift_seconds=-450, last_contact_at=at(0))
        wrong = new_meter(clock_drift_seconds=-451, last_contact_at=at(0))

        standing.check(now=at(1))

        finding = Finding.objects.get()
        assert finding.meter == wrong
        assert finding.says == "The meter's clock is 451 seconds behind: its readings do not count."
        wrong.clock_drift_seconds = 0
        wrong.save()
        standing.check(now=at(2))
        assert Finding.objects.get().resolution == "ended"
        assert right.findings.count() == 0
