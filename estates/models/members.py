"""Who works for which estate."""

from typing import Self

from django.conf import settings
from django.db import models

from accounts.scoping import EstateScopedQuerySet
from estates.models.estates import Estate
from quantify.records import Record


class MembershipQuerySet(EstateScopedQuerySet):
    def of(self, user: object) -> Self:
        return self.filter(user=user)


class Membership(Record):
    """That a person works for an estate; the role says what they may do there."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="memberships")

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "estate"], name="membership_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.estate_id}"
