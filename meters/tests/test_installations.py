from datetime import timedelta

import pytest
from django.db import IntegrityError

from meters import installations, readings
from meters.installations import (
    ImpossibleClosing,
    InstalledElsewhere,
    NotAQuarterHour,
    NotInstalled,
)
from meters.models import Installation, Reading
from meters.tests.factories import MeterFactory
from meters.tests.recording import LATER, at, intervals, new_meter, record, rules
from units.tests.factories import UnitFactory

pytestmark = pytest.mark.django_db


def install(meter, quarter=0, value=1000, unit=None, **changes):
    asked = {"unit": unit or UnitFactory.create(estate=meter.estate)} | changes
    return installations.install(
        meter=meter, starts_at=at(quarter), opening_value=value, now=LATER, **asked
    )


def remove(meter, quarter, value):
    return installations.remove(meter=meter, ends_at=at(quarter), closing_value=value, now=LATER)


class TestInstall:
    def test_the_opening_is_the_first_base(self):
        meter = new_meter()

        installation = install(meter)
        record(meter, {1: 1010})

        assert (installation.kind, installation.opening_value) == ("electricity", 1000)
        assert Reading.objects.get(taken_at=at(0)).source == "manual"
        assert intervals(meter) == {0: (10, "a")}

    def test_counts_anew_where_the_register_was_set_back(self):
        meter = new_meter()
        record(meter, {0: 5000, 1: 3, 2: 8})
        assert intervals(meter) == {}

        install(meter, quarter=1, value=3)

        assert intervals(meter) == {1: (5, "a")}
        assert rules(meter)[1] == (["negative_step", "opening"], True)

    def test_needs_a_quarter_hour_that_has_come(self):
        meter = new_meter()

        with pytest.raises(NotAQuarterHour, match="quarter hour"):
            install(meter, quarter=0.5)
        with pytest.raises(NotAQuarterHour, match="has come"):
            install(meter, quarter=96 * 30)

        assert not Installation.objects.exists()

    def test_a_meter_hangs_in_one_place(self):
        meter = new_meter()
        install(meter)

        with pytest.raises(InstalledElsewhere):
            install(meter, quarter=4)

        assert Reading.objects.count() == 1

    def test_a_unit_has_one_meter_of_a_kind(self):
        meter = new_meter()
        unit = install(meter).unit
        other = new_meter(estate=meter.estate)

        with pytest.raises(InstalledElsewhere):
            install(other, unit=unit)

    def test_only_bulk_meters_hang_at_the_estate(self):
        bulk = new_meter(kind="bulk_electricity")
        common = {"starts_at": at(0), "opening_value": 0, "now": LATER, "unit": None}

        assert installations.install(meter=bulk, **common).unit is None
        with pytest.raises(IntegrityError, match="only_bulk_meters_without_unit"):
            installations.install(meter=new_meter(), **common)

    def test_a_meter_may_wait_for_its_registers(self):
        install(MeterFactory.create())

        assert not Reading.objects.exists()


class TestRemove:
    def test_keeps_the_closing_register(self):
        meter = new_meter()
        install(meter)

        installation = remove(meter, 4, 1020)

        assert (installation.ends_at, installation.closing_value) == (at(4), 1020)
        assert sum(quantity for quantity, _ in intervals(meter).values()) == 20

    def test_the_meter_is_free_again(self):
        meter = new_meter()
        install(meter)
        remove(meter, 4, 1020)

        again = install(meter, quarter=4, value=1020)

        assert again.unit != meter.installations.order_by("starts_at").first().unit
        assert rules(meter)[4] == (["gap", "opening"], True)

    @pytest.mark.parametrize("value", [999, 10**8])
    def test_refuses_an_impossible_register(self, value):
        meter = new_meter()
        install(meter)

        with pytest.raises(ImpossibleClosing):
            remove(meter, 4, value)

        assert meter.installations.get().ends_at is None
        assert Reading.objects.count() == 1

    def test_needs_an_installation(self):
        meter = new_meter()
        with pytest.raises(NotInstalled):
            remove(meter, 4, 0)

        install(meter, quarter=8)
        with pytest.raises(NotInstalled):
            remove(meter, 8, 1000)

    def test_uses_what_the_meter_said_itself(self):
        meter = new_meter()
        install(meter)
        record(meter, {1: 1010})

        assert remove(meter, 1, 1010).closing_value == 1010

    def test_later_readings_are_still_facts_of_the_meter(self):
        meter = new_meter()
        install(meter)
        remove(meter, 1, 1010)

        told = record(meter, {2: 1011})

        assert told.intervals == 1
        assert readings.record([], received_at=LATER + timedelta(1)).created == 0
