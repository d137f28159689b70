"""Who lives where, while units and residents go."""

from datetime import date, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from quantify.periods import local_day
from quantify.tests.crowd import held_up
from units import occupancies, residents
from units.models import Occupancy, Resident
from units.residents import StillAtHome
from units.tests.factories import OccupancyFactory, ResidentFactory, UnitFactory

pytestmark = pytest.mark.django_db


def today() -> date:
    return local_day(timezone.now())


def retire(resident: Resident) -> None:
    residents.retire(resident_id=resident.pk, at=timezone.now())


class TestAmend:
    @pytest.mark.parametrize("gone", ["unit", "resident"])
    def test_brings_nobody_back_to_what_was_deleted(self, gone: str):
        over = OccupancyFactory.create(ends_on=today() - timedelta(days=9))
        deleted = getattr(over, gone)
        deleted.deleted_at = timezone.now()
        deleted.save()

        with pytest.raises(occupancies.Deleted, match="Restore it first"):
            occupancies.amend(occupancy=over, today=today(), ends_on=None)

        ended = occupancies.amend(occupancy=over, today=today(), ends_on=today())
        assert ended.ends_on == today()


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_a_resident_who_goes_moves_in_nowhere(self):
        unit = UnitFactory.create()
        resident = ResidentFactory.create(estate=unit.estate)

        def move_in() -> Occupancy:
            return occupancies.assign(
                unit=unit, resident=resident, kind=Occupancy.Kind.TENANT, starts_on=today(),
                is_primary=True, today=today(),
            )  # fmt: skip

        with transaction.atomic():
            retire(resident)
            begun = held_up(move_in)
            assert not begun.done()

        assert isinstance(begun.result(), occupancies.Deleted)
        assert not Occupancy.objects.exists()

    def test_a_resident_who_moves_in_stays(self):
        unit = UnitFactory.create()
        resident = ResidentFactory.create(estate=unit.estate)

        with transaction.atomic():
            occupancies.assign(
                unit=unit, resident=resident, kind=Occupancy.Kind.TENANT, starts_on=today(),
                is_primary=True, today=today(),
            )  # fmt: skip
            begun = held_up(lambda: retire(resident))
            assert not begun.done()

        assert isinstance(begun.result(), StillAtHome)
        resident.refresh_from_db()
        assert resident.deleted_at is None
