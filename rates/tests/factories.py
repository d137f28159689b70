"""Rate tables, their versions and assignments for tests."""

from datetime import date
from decimal import Decimal

from factory.declarations import (
    LazyAttribute,
    LazyFunction,
    RelatedFactory,
    SelfAttribute,
    Sequence,
    SubFactory,
)
from factory.django import DjangoModelFactory

from rates.models import Assignment, RateTable, RateTableVersion


def flat(price: str = "2.10") -> list[dict[str, object]]:
    """The components of one price for every kWh or kl."""
    return [{"kind": "energy", "price": price}]


class RateTableVersionFactory(DjangoModelFactory[RateTableVersion]):
    class Meta:
        model = RateTableVersion

    rate_table = SubFactory("rates.tests.factories.RateTableFactory", version=None)
    number = 1
    effective_from = date(2026, 1, 1)
    components = LazyFunction(flat)


class RateTableFactory(DjangoModelFactory[RateTable]):
    """
    A rate table shared by all estates, with a flat first version from January 2026.

    `version__components=[...]` sets what it prices, `version=None` leaves it without one.
    """

    class Meta:
        model = RateTable
        skip_postgeneration_save = True

    name = Sequence(lambda number: f"Tariff {number}")
    utility = "electricity"

    version = RelatedFactory(RateTableVersionFactory, factory_related_name="rate_table")


class AssignmentFactory(DjangoModelFactory[Assignment]):
    """What prices a unit (`unit=`), an estate (`estate=`), or, with neither, everybody."""

    class Meta:
        model = Assignment

    unit = None
    estate = LazyAttribute(lambda own: own.unit.estate if own.unit else None)
    rate_table = SubFactory(RateTableFactory)
    utility = SelfAttribute("rate_table.utility")
    markup_percentage = Decimal(0)
    effective_from = date(2026, 1, 1)
