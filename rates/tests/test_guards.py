"""What the database and the services refuse about rate tables, and how they say it."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone

from estates.tests.factories import EstateFactory
from rates import tables
from rates.components import InvalidComponents
from rates.models import Assignment, RateTableVersion
from rates.tests.factories import AssignmentFactory, RateTableFactory, flat
from units.tests.factories import UnitFactory

pytestmark = pytest.mark.django_db

JANUARY, JULY = date(2026, 1, 1), date(2026, 7, 1)


def messages_of(row):
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    return caught.value.messages


class TestVersions:
    def test_do_not_overlap(self):
        table = RateTableFactory.create()

        with pytest.raises(tables.VersionsOverlap, match="begins on a later day"):
            tables.create_version(table=table, effective_from=JANUARY, components=flat("3"))
        assert messages_of(
            RateTableVersion(rate_table=table, number=2, effective_from=JULY, components=flat("3"))
        ) == ["Another version is in force in that time."]
        assert table.versions.count() == 1

    def test_end_after_they_start(self):
        version = RateTableFactory.create().versions.get()
        version.effective_to = JANUARY

        assert "A version ends after the day it starts." in messages_of(version)

    @pytest.mark.parametrize(
        "change", [{"components": flat("9")}, {"effective_from": JULY}, {"used_at": None}],
        ids=lambda change: next(iter(change)),
    )  # fmt: skip
    def test_that_priced_a_bill_are_not_edited(self, change):
        versions = RateTableFactory.create().versions
        versions.update(used_at=timezone.now())
        before = versions.values().get()

        with pytest.raises(tables.TableUsed, match="add the next version"):
            tables.update_draft(
                version=versions.get(), effective_from=JANUARY, components=flat("9"), source=""
            )
        with pytest.raises(DatabaseError, match="add the next version"), transaction.atomic():
            versions.update(**change)
        with pytest.raises(DatabaseError, match="add the next version"), transaction.atomic():
            versions.get().delete()
        assert versions.values().get() == before

    def test_that_cannot_be_priced_end_nothing(self):
        table = RateTableFactory.create()

        with pytest.raises(InvalidComponents):
            tables.create_version(table=table, effective_from=JULY, components=[{"kind": "energy"}])
        assert table.versions.get().effective_to is None


class TestDefaults:
    TAKEN = ["Another rate table is assigned in that time."]

    def test_of_all_estates_are_one_at_a_time(self):
        AssignmentFactory.create()
        second = Assignment(
            rate_table=RateTableFactory.create(), utility="electricity", effective_from=JULY
        )

        assert messages_of(second) == self.TAKEN

    def test_of_an_estate_and_of_a_unit_are_one_at_a_time(self):
        unit = UnitFactory.create()
        AssignmentFactory.create(estate=unit.estate)
        AssignmentFactory.create(unit=unit)
        more = {"rate_table": RateTableFactory.create(), "utility": "electricity"}

        for scope in ({}, {"unit": unit}):
            second = Assignment(estate=unit.estate, effective_from=JULY, **scope, **more)
            assert messages_of(second) == self.TAKEN

    def test_follow_each_other_and_differ_by_utility(self):
        estate = EstateFactory.create()
        AssignmentFactory.create(estate=estate, effective_to=JULY)
        AssignmentFactory.create(estate=estate, effective_from=JULY)
        AssignmentFactory.create(estate=estate, rate_table__utility="water")

        assert Assignment.objects.count() == 3
