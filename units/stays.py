"""
Who lived where, from when to when: what a resident sees follows from it.

A stay is the time in which a home was somebody's: a tenancy, or an ownership while nobody else
was the tenant. Rows of a home name the way to their unit and the moment that decides; a resident
sees those of their own stays, never what was before or after.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, ClassVar, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from accounts.scoping import EstateScopedQuerySet
from quantify.periods import local_day, midnight

if TYPE_CHECKING:
    from units.models import Occupancy

type Span = tuple[date, date | None]


@dataclass(frozen=True, slots=True)
class Stay:
    """
    A home that was one's own from a local day up to but without another.

    `alone_since` is the day from which nobody else lived there before it began, if anybody did.
    """

    unit_id: UUID
    zone: ZoneInfo
    first_day: date
    end_day: date | None
    alone_since: date | None

    @property
    def starts_at(self) -> datetime:
        return midnight(self.first_day, self.zone)

    @property
    def ends_at(self) -> datetime | None:
        return midnight(self.end_day, self.zone) if self.end_day else None

    def covers(self, day: date) -> bool:
        return self.first_day <= day and (self.end_day is None or day < self.end_day)


def of(user: User) -> Sequence[Stay]:
    """The stays of a resident, found with one statement a request."""
    known: Sequence[Stay] | None = vars(user).get("known_stays")
    if known is None:
        known = vars(user)["known_stays"] = _found(user)
    return known


def today(user: User) -> list[UUID]:
    """The units in which a resident lives today."""
    now = timezone.now()
    return [stay.unit_id for stay in of(user) if stay.covers(local_day(now, stay.zone))]


def _found(user: User) -> Sequence[Stay]:
    from units.models import Occupancy

    own = Occupancy.objects.filter(resident__user=user, resident__deleted_at=None)
    rows = Occupancy.objects.filter(
        unit__in=own.values("unit_id"),
        unit__deleted_at=None,
        unit__estate__deleted_at=None,
    ).select_related("unit__estate", "resident")
    living = list(rows.order_by("starts_on", "pk"))
    return [
        stay
        for one in living
        if one.resident.user_id == user.pk
        for stay in _stays(one, [other for other in living if _is_of_another(other, one)])
    ]


def _is_of_another(other: "Occupancy", one: "Occupancy") -> bool:
    same_home = other.unit_id == one.unit_id
    return same_home and other.kind == "tenant" and other.resident_id != one.resident_id


def _stays(one: "Occupancy", others: "Sequence[Occupancy]") -> Iterable[Stay]:
    spans: list[Span] = [(one.starts_on, one.ends_on)]
    if one.kind == "owner":
        for other in others:
            spans = [
                piece for span in spans for piece in without(span, (other.starts_on, other.ends_on))
            ]
    for first, end in spans:
        before = [other.ends_on for other in others if other.ends_on and other.ends_on <= first]
        yield Stay(one.unit_id, one.unit.estate.zone, first, end, max(before, default=None))


def without(span: Span, taken: Span) -> list[Span]:
    """What is left of days when others are taken from them."""
    (first, end), (taken_first, taken_end) = span, taken
    left: list[Span] = []
    if taken_first > first:
        left.append((first, taken_first if end is None else min(end, taken_first)))
    if taken_end is not None and (end is None or taken_end < end):
        left.append((max(first, taken_end), end))
    return left


class AtHomeQuerySet(EstateScopedQuerySet):
    """What stands in a home as it is now: a resident sees it while they live there."""

    unit_path: ClassVar[str] = "unit"

    def of_resident(self, user: User) -> Self:
        return self.filter(**{f"{self.unit_path}__in": today(user)})

    def of_any_stay(self, user: User) -> Self:
        """What a person may see, and for residents also what was theirs once."""
        if not user.is_resident:
            return self.visible_to(user)
        homes = {stay.unit_id for stay in of(user)}
        return self.filter(**{f"{self.unit_path}__in": homes}).within_key(user)


class LivedQuerySet(EstateScopedQuerySet):
    """What happened in a home: a resident sees what happened while they lived there."""

    unit_path: ClassVar[str]
    moment: ClassVar[str]
    is_day: ClassVar[bool] = False

    def of_resident(self, user: User) -> Self:
        stays = of(user)
        return self.filter(reduce(or_, map(self.during, stays))) if stays else self.none()

    def during(self, stay: Stay) -> Q:
        start, end = (
            (stay.first_day, stay.end_day) if self.is_day else (stay.starts_at, stay.ends_at)
        )
        lived = Q(**{self.unit_path: stay.unit_id, f"{self.moment}__gte": start})
        return lived if end is None else lived & Q(**{f"{self.moment}__lt": end})


class MeteredQuerySet(LivedQuerySet):
    """What a meter tells: of the home in which it hung at the moment."""

    unit_path = "meter__installations__unit"

    def during(self, stay: Stay) -> Q:
        at = "__date" if self.is_day else ""
        hung, ends = "meter__installations__starts_at", "meter__installations__ends_at"
        there = Q(**{f"{hung}{at}__lte": F(self.moment)})
        still = Q(**{ends: None}) | Q(**{f"{ends}{at}__gt": F(self.moment)})
        return super().during(stay) & there & still
