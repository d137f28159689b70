"""Which rate table prices a utility from when."""

from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, QuerySet

from estates.models import Estate
from rates.models import Assignment, RateTable
from units.models import Unit


class WrongUtility(Exception):
    """The rate table prices another utility."""


class AnotherEstate(Exception):
    """The rate table is another estate's own."""


class NoPrices(Exception):
    """The rate table has no version in force on the day the assignment begins."""


class AssignedLater(Exception):
    """Another rate table is assigned from that day on, or from a later one."""


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
    if estate is not None:
        Estate.objects.select_for_update().get(pk=estate.pk)
    _check(estate, utility, rate_table, effective_from)
    same = Assignment.objects.filter(estate=estate, unit=unit, utility=utility)
    if later := same.filter(effective_from__gte=effective_from).order_by("effective_from").first():
        raise AssignedLater(f"Another rate table is assigned from {later.effective_from}.")
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
