"""Estates for tests, with their settings and the people who work for them."""

from collections.abc import Iterable

from factory.declarations import LazyAttribute, RelatedFactory, Sequence, SubFactory
from factory.django import DjangoModelFactory
from factory.helpers import post_generation

from accounts.models import User
from accounts.tests.factories import UserFactory
from estates.models import Estate, EstateSettings, Membership


class EstateSettingsFactory(DjangoModelFactory[EstateSettings]):
    class Meta:
        model = EstateSettings


class EstateFactory(DjangoModelFactory[Estate]):
    """
    An estate with its settings: `settings__low_balance_limit=...` sets one of them.

    `members=[user, ...]` makes people members of it.
    """

    class Meta:
        model = Estate
        skip_postgeneration_save = True

    code = Sequence(lambda number: f"ES{number:04d}")
    name = LazyAttribute(lambda own: f"Estate {own.code}")
    city = "Cape Town"
    total_units = 20

    settings = RelatedFactory(EstateSettingsFactory, factory_related_name="estate")

    @post_generation
    def members(self, create: bool, users: Iterable[User] | None, **_: object) -> None:
        for user in users or ():
            Membership.objects.create(estate=self, user=user)


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    estate = SubFactory(EstateFactory)
    user = SubFactory(UserFactory)
