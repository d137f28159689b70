"""Units, residents and who lives where, for tests."""

from datetime import date

from factory.declarations import LazyAttribute, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from estates.tests.factories import EstateFactory
from units.models import Occupancy, Resident, Unit


class UnitFactory(DjangoModelFactory[Unit]):
    """A unit; the database opens its wallet with it (`unit.wallet`)."""

    class Meta:
        model = Unit

    estate = SubFactory(EstateFactory)
    unit_number = Sequence(lambda number: f"A-{number:03d}")
    building = "A"
    status = Unit.Status.OCCUPIED


class ResidentFactory(DjangoModelFactory[Resident]):
    class Meta:
        model = Resident

    estate = SubFactory(EstateFactory)
    first_name = Sequence(lambda number: f"Thandi{number}")
    last_name = "Mokoena"
    email = LazyAttribute(lambda own: f"{own.first_name.lower()}@example.com")
    phone = Sequence(lambda number: f"+2782{number:07d}")


class OccupancyFactory(DjangoModelFactory[Occupancy]):
    """That a resident of the unit's own estate lives there."""

    class Meta:
        model = Occupancy

    unit = SubFactory(UnitFactory)
    resident = SubFactory(ResidentFactory, estate=SelfAttribute("..unit.estate"))
    starts_on = date(2026, 1, 1)
