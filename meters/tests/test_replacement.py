from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connections

from meters import replacement
from meters.installations import (
    ImpossibleClosing,
    InstalledElsewhere,
    NotAQuarterHour,
    NotInstalled,
)
from meters.models import Installation, Meter, Reading
from meters.replacement import CannotReplace, CannotUndo, Swap
from meters.tests.factories import MeterFactory, RegisterFactory
from meters.tests.recording import LATER, at, intervals, new_meter, record
from meters.tests.test_installations import install
from units.tests.factories import UnitFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def old():
    """A meter that has counted 40 Wh at a unit by the fourth quarter."""
    meter = new_meter()
    install(meter, quarter=0, value=1000)
    record(meter, {1: 1010, 2: 1020, 3: 1030, 4: 1040})
    return meter


@pytest.fixture
def new(old):
    return new_meter(estate=old.estate)


def swap(old, new, **changes):
    asked = {"at": at(6), "closing": 1070, "opening": 5, "reason": "It failed."} | changes
    return Swap(old=old, new=new, **asked)


def unchanged():
    return Installation.objects.filter(ends_at=None).count() == Installation.objects.count()


class TestReplace:
    def test_goes_on_without_a_gap(self, old, new):
        done = replacement.replace(swap(old, new), now=LATER)
        record(new, {7: 20, 8: 30})

        assert (done.removed.closing_value, done.removed.end_reason) == (1070, "It failed.")
        assert (done.installed.unit, done.installed.starts_at) == (done.removed.unit, at(6))
        assert sum(used for used, _ in intervals(old).values()) == 70
        assert intervals(new) == {6: (15, "a"), 7: (10, "a")}

    def test_the_same_again_is_one(self, old, new):
        first = replacement.replace(swap(old, new), now=LATER)

        again = replacement.replace(swap(old, new), now=LATER)

        assert (again.replayed, again.installed) == (True, first.installed)
        assert Installation.objects.count() == 2

    def test_two_at_once_are_one(self, old, new, transactional_db):
        barrier, results = Barrier(4), []

        def one():
            barrier.wait()
            results.append(replacement.replace(swap(old, new), now=LATER).replayed)
            connections.close_all()

        threads = [Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(results) == [False, True, True, True]
        assert Installation.objects.count() == 2

    def test_takes_a_rollover(self, new):
        meter = new_meter(span=10_000, estate=new.estate)
        install(meter, quarter=0, value=9_900)

        replacement.replace(swap(meter, new, closing=50, at=at(1)), now=LATER)

        assert intervals(meter) == {0: (150, "a")}

    def test_takes_all_registers(self, old, new):
        RegisterFactory.create(meter=old, channel=2)
        RegisterFactory.create(meter=new, channel=2)

        replacement.replace(
            swap(old, new, further_closing={2: 300}, further_opening={2: 7}), now=LATER
        )

        exported = Reading.objects.filter(channel=2, taken_at=at(6))
        assert {one.meter: one.value for one in exported} == {old: 300, new: 7}

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            pytest.param({"closing": 1039}, ImpossibleClosing, id="below the last reading"),
            pytest.param({"closing": 10**7}, ImpossibleClosing, id="more than it can carry"),
            pytest.param({"at": LATER + timedelta(days=1)}, NotAQuarterHour, id="tomorrow"),
            pytest.param({"at": at(6.5)}, NotAQuarterHour, id="between quarters"),
            pytest.param({"at": at(-4)}, NotInstalled, id="before it was put up"),
            pytest.param({"at": at(2)}, ImpossibleClosing, id="against a stored reading"),
            pytest.param({"further_closing": {2: 1}}, CannotReplace, id="no such register"),
        ],
    )
    def test_refuses_nonsense_and_changes_nothing(self, old, new, change, error):
        with pytest.raises(error):
            replacement.replace(swap(old, new, **change), now=LATER)

        assert unchanged()
        assert not new.readings.exists()

    def test_refuses_a_meter_of_another_kind_estate_or_place(self, old):
        elsewhere = new_meter(estate=old.estate)
        install(elsewhere, unit=UnitFactory.create(estate=old.estate))
        for meter, error in (
            (old, CannotReplace),
            (new_meter(estate=old.estate, kind="solar"), CannotReplace),
            (new_meter(), CannotReplace),
            (MeterFactory.create(estate=old.estate), CannotReplace),
            (elsewhere, InstalledElsewhere),
        ):
            with pytest.raises(error):
                replacement.replace(swap(old, meter), now=LATER)
        assert unchanged()


class TestPreview:
    def test_says_what_it_would_do_and_does_nothing(self, old, new):
        record(old, {8: 1090})

        seen = replacement.preview(swap(old, new, closing=1060), now=LATER)

        assert seen.last is not None
        assert (seen.last.value, seen.since_last) == (1040, 20)
        assert (seen.month_to_date, seen.later, seen.rolls_over) == (60, 1, False)
        assert unchanged()
        assert not Reading.objects.filter(taken_at=at(6)).exists()


class TestUndo:
    def test_hangs_the_old_one_up_again(self, old, new):
        done = replacement.replace(swap(old, new), now=LATER)

        replacement.undo(installation_id=done.installed.pk, now=LATER)

        hanging = Installation.objects.get()
        assert (hanging.meter, hanging.ends_at, hanging.closing_value) == (old, None, None)

    def test_only_what_replaced_another(self, old):
        with pytest.raises(CannotUndo, match="did not take"):
            replacement.undo(installation_id=old.installations.get().pk, now=LATER)

    def test_not_what_was_moved_since(self, old, new):
        done = replacement.replace(swap(old, new), now=LATER)
        install(old, quarter=8, value=1070)

        with pytest.raises(CannotUndo, match="elsewhere"):
            replacement.undo(installation_id=done.installed.pk, now=LATER)

    def test_can_be_replaced_again(self, old, new):
        done = replacement.replace(swap(old, new), now=LATER)
        replacement.undo(installation_id=done.installed.pk, now=LATER)

        again = replacement.replace(swap(old, new, at=at(7), closing=1075), now=LATER)

        assert again.installed.starts_at == at(7)
        assert Meter.objects.get(pk=new.pk).installations.count() == 1
