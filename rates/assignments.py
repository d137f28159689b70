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
    estate: Estate,
    unit: Unit | None = None,
    utility: str,
    rate_table: RateTable,
    markup_percentage: Decimal,
    effective_from: date,
) -> Assignment:
    """
    Let a rate table price a utility of an estate, or of one unit, from a day on.

    What was assigned before ends on that day.

    :raises WrongUtility: if the rate table prices another utility.
    :raises AnotherEstate: if the rate table is another estate's own.
    :raises NoPrices: if the rate table has no version in force on that day.
    :raises AssignedLater: if another one is assigned from that day or a later one.
    """
    # Two assignments at once would both find the same one to end.
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


def _check(estate: Estate, utility: str, rate_table: RateTable, day: date) -> None:
    if rate_table.utility != utility:
        raise WrongUtility(f"This rate table prices {rate_table.utility}.")
    if rate_table.estate_id not in (None, estate.pk):
        raise AnotherEstate("This rate table belongs to another estate.")
    if not rate_table.versions.on(day).exists():
        raise NoPrices(f"This rate table has no prices on {day}.")


def _end(assignments: QuerySet[Assignment], day: date) -> None:
    reaching = Q(effective_to=None) | Q(effective_to__gt=day)
    for assignment in assignments.filter(reaching).select_for_update():
        assignment.effective_to = day
        assignment.save(update_fields=["effective_to", "updated_at"])
