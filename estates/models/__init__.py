"""Estates, their settings and who works for them."""

from estates.models.estates import Estate, EstateQuerySet, check_time_zone
from estates.models.members import Membership, MembershipQuerySet
from estates.models.settings import EstateSettings

__all__ = [
    "Estate",
    "EstateQuerySet",
    "EstateSettings",
    "Membership",
    "MembershipQuerySet",
    "check_time_zone",
]
