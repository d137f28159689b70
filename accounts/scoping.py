"""Who may see which rows: the one place where estates bound what a person reaches."""

from typing import TYPE_CHECKING, ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models

if TYPE_CHECKING:
    from accounts.models import User


class EstateScopedQuerySet(models.QuerySet):
    """Rows that belong to an estate, reached over `estate_path`."""

    estate_path: ClassVar[str] = "estate"

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """The rows of estates that the person is a member of; all for those who see everywhere."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.sees_every_estate:
            return self
        membership = f"{self.estate_path}__" if self.estate_path else ""
        return self.filter(**{f"{membership}memberships__user": user})


class ArchivableQuerySet(EstateScopedQuerySet):
    """Rows of an estate that can be archived."""

    def alive(self) -> Self:
        return self.filter(deleted_at=None)
