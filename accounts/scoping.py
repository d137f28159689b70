"""
Who may see which rows: the one place where estates bound what a person reaches.

Rooms above add what decides in a home: `units.stays` for residents.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self, TypeGuard
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User


def is_known(user: "User | AnonymousUser") -> TypeGuard["User"]:
    """Whether anything at all may be seen."""
    return bool(user.is_authenticated and user.is_active)


def estates_of(user: "User") -> models.QuerySet | Sequence[UUID] | None:
    """
    The ids of the estates a person works for; None for every estate.

    An API key narrows them further.
    """
    named = user.api_key.estates if user.api_key else None
    if user.is_super_admin:
        return named
    own = user.memberships.values("estate_id")
    return own if named is None else own.filter(estate_id__in=named)


def works_for(user: "User", estate: UUID) -> bool:
    """Whether an estate is one of those a person works for; everybody's for who sees them all."""
    if user.is_resident:
        return False
    own = estates_of(user)
    if own is None:
        return True
    return (
        own.filter(estate_id=estate).exists() if isinstance(own, models.QuerySet) else estate in own
    )


class EstateScopedQuerySet(models.QuerySet):
    """Rows that belong to an estate, reached over `estate_path`."""

    estate_path: ClassVar[str] = "estate"

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """
        The rows of estates that the person is a member of; all for those who see everywhere.

        Residents are members of none: they see what `of_resident` gives them.
        """
        if not is_known(user):
            return self.none()
        rows = self.of_resident(user) if user.is_resident else self._of_member(user)
        return rows.within_key(user)

    def within_key(self, user: "User") -> Self:
        """What is left by the estates of the API key that a person signed in with, if any."""
        named = user.api_key.estates if user.api_key else None
        return self if named is None else self.filter(**{f"{self.estate_path or 'pk'}__in": named})

    def within_stays(self, user: "User | AnonymousUser") -> Self:
        """
        Rows of an object the person was found to see: all, for residents those of their own time.
        """
        if not is_known(user):
            return self.none()
        return self.of_resident(user) if user.is_resident else self

    def of_resident(self, user: "User") -> Self:
        """Nothing, unless a room says what a resident sees of these rows."""
        return self.none()

    def _of_member(self, user: "User") -> Self:
        if user.is_super_admin:
            return self
        membership = f"{self.estate_path}__" if self.estate_path else ""
        return self.filter(**{f"{membership}memberships__user": user})


class SharedQuerySet(EstateScopedQuerySet):
    """Rows of an estate, or of none: the latter are shared by all who work for any."""

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        if not is_known(user) or user.is_resident:
            return self.none()
        estates = estates_of(user)
        if estates is None:
            return self
        return self.filter(
            Q(**{self.estate_path: None}) | Q(**{f"{self.estate_path}__in": estates})
        )


class ArchivableQuerySet(EstateScopedQuerySet):
    """Rows of an estate that can be archived."""

    def alive(self) -> Self:
        return self.filter(deleted_at=None)
