"""Which rate table prices a utility from when."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet

from estates.models import Estate
from quantify.periods import local_day
from rates.models import Assignment, RateTable
from units.models import Unit

FIRST_ZONE = ZoneInfo("Pacific/Kiritimati")
"""Where days begin first; what is assigned for all estates is in force from then on."""


class WrongUtility(Exception):
    """The rate table prices another utility."""


class AnotherEstate(Exception):
    """The rate table is another estate's own."""


class NoPrices(Exception):
    """The rate table has no version in force on the day the assignment begins."""


class AssignedLater(Exception):
    """Another rate table is assigned from that day on, or from a later one."""


class InForce(Exception):
    """The first day of the assignment has begun: bills may have been priced by it."""


class Withdrawn(Exception):
    """The assignment was withdrawn meanwhile."""


@transaction.atomic
def assign(
    *,
    estate: Estate | None,
    unit: Unit | None = None,
    utility: str,
    rate_table: RateTable,
    markup_percentage: Decimal,
    effective_from: date,
) -> Assignment:
    """
    Let a rate table price a utility of an estate, of one unit, or of all (no estate), from a day.

    What was assigned before ends on that day.

    :raises WrongUtility: if the rate table prices another utility.
    :raises AnotherEstate: if the rate table is another estate's own.
    :raises NoPrices: if the rate table has no version in force on that day.
    :raises AssignedLater: if another one is assigned from that day or a later one.
    :raises django.core.exceptions.ValidationError: if the markup is not one.
    """
    # Two assignments at once would both find the same one to end. Where there is no estate to
    # hold on to, the database refuses the second.
    _hold(estate.pk if estate else None)
    _check(estate, utility, rate_table, effective_from)
    same = Assignment.objects.filter(estate=estate, unit=unit, utility=utility)
    if later := same.filter(effective_from__gte=effective_from).order_by("effective_from").first():
        raise AssignedLater(
            f"Another rate table is assigned from {later.effective_from}: "
            "withdraw it first, if that day is still to come."
        )
    _end(same, effective_from)
    assignment = Assignment(
        estate=estate,
        unit=unit,
        utility=utility,
        rate_table=rate_table,
        markup_percentage=markup_percentage,
        effective_from=effective_from,
    )
    assignment.full_clean()
    assignment.save()
    return assignment


@transaction.atomic
def end(*, assignment: Assignment, day: date | None) -> Assignment:
    """
    Let an assignment hold up to but without a day, or (None) until it is followed.

    :raises django.core.exceptions.ValidationError: if the day is not after its first, or if
        another one is assigned in that time.
    """
    held = Assignment.objects.select_for_update().get(pk=assignment.pk)
    held.effective_to = day
    held.full_clean()
    held.save(update_fields=["effective_to", "updated_at"])
    return held


@transaction.atomic
def withdraw(*, assignment: Assignment, clock: Callable[[], datetime]) -> None:
    """
    Take back an assignment before its first day; the one that it followed holds in its place.

    The clock is read once nobody else can change what is assigned: whoever had to wait until
    the day began comes too late.

    :raises Withdrawn: if somebody else did meanwhile.
    :raises InForce: if its first day has begun.
    """
    estate = _hold(assignment.estate_id)
    same = Assignment.objects.filter(
        estate=assignment.estate_id, unit=assignment.unit_id, utility=assignment.utility
    )
    # All of them, in one order: two neighbours may be withdrawn at once.
    held = {one.pk: one for one in same.order_by("pk").select_for_update()}
    if assignment.pk not in held:
        raise Withdrawn("This assignment was withdrawn meanwhile.")
    withdrawn = held.pop(assignment.pk)
    if _has_begun(withdrawn, estate, clock()):
        raise InForce(
            f"It is in force since {withdrawn.effective_from}: assign another from a later day."
        )
    withdrawn.delete()
    for before in held.values():
        if before.effective_to == withdrawn.effective_from:
            before.effective_to = withdrawn.effective_to
            before.save(update_fields=["effective_to", "updated_at"])


def has_begun(assignment: Assignment, *, at: datetime) -> bool:
    """Whether the first day of an assignment has begun where it holds."""
    return _has_begun(assignment, assignment.estate, at)


def _has_begun(assignment: Assignment, estate: Estate | None, at: datetime) -> bool:
    return assignment.effective_from <= local_day(at, estate.zone if estate else FIRST_ZONE)


def _hold(estate_id: UUID | None) -> Estate | None:
    """The estate, whose assignments nobody else changes until the database transaction ends."""
    if estate_id is None:
        return None
    return Estate.objects.select_for_update().get(pk=estate_id)


def _check(estate: Estate | None, utility: str, rate_table: RateTable, day: date) -> None:
    if rate_table.utility != utility:
        raise WrongUtility(f"This rate table prices {rate_table.utility}.")
    if rate_table.estate_id not in (None, estate and estate.pk):
        raise AnotherEstate("This rate table belongs to another estate.")
    if not rate_table.versions.on(day).exists():
        raise NoPrices(f"This rate table has no prices on {day}.")


def _end(assignments: QuerySet[Assignment], day: date) -> None:
    reaching = Q(effective_to=None) | Q(effective_to__gt=day)
    for assignment in assignments.filter(reaching).select_for_update():
        assignment.effective_to = day
        assignment.save(update_fields=["effective_to", "updated_at"])
