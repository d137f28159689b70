"""Units, residents and who lives where, for tests."""

from datetime import UTC, date, datetime

from django.utils import timezone
from factory.declarations import LazyAttribute, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory
from factory.helpers import post_generation

from estates.tests.factories import EstateFactory
from units import identities
from units.identities import Identity
from units.models import Consent, Occupancy, Resident, Unit


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
        skip_postgeneration_save = True

    estate = SubFactory(EstateFactory)
    first_name = Sequence(lambda number: f"Thandi{number}")
    last_name = "Mokoena"
    email = LazyAttribute(lambda own: f"{own.first_name.lower()}@example.com")
    phone = Sequence(lambda number: f"+2782{number:07d}")

    @post_generation
    def identity(self, create: bool, extracted: Identity | None, **_: object) -> None:
        """`identity=` keeps a document."""
        if create and extracted is not None:
            columns = identities.columns(self.pk, extracted, at=timezone.now())
            Resident.objects.filter(pk=self.pk).update(**columns)
            self.refresh_from_db()


class ConsentFactory(DjangoModelFactory[Consent]):
    class Meta:
        model = Consent

    resident = SubFactory(ResidentFactory)
    purpose = Consent.Purpose.ACCOUNT
    channel = Consent.Channel.PAPER
    wording = "Privacy notice 1"
    given_at = datetime(2026, 1, 1, 10, tzinfo=UTC)


class OccupancyFactory(DjangoModelFactory[Occupancy]):
    """That a resident of the unit's own estate lives there."""

    class Meta:
        model = Occupancy

    unit = SubFactory(UnitFactory)
    resident = SubFactory(ResidentFactory, estate=SelfAttribute("..unit.estate"))
    starts_on = date(2026, 1, 1)
