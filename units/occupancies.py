"""Moving in and moving out."""

from datetime import date
from uuid import UUID

from django.db import transaction

from units.models import Occupancy, Resident, Unit


class AnotherEstate(Exception):
    """The resident belongs to another estate than the unit."""


class NotOccupied(Exception):
    """Nobody lives in the unit."""


class Deleted(Exception):
    """The unit or the resident was deleted."""


@transaction.atomic
def assign(
    *,
    unit: Unit,
    resident: Resident,
    kind: Occupancy.Kind,
    starts_on: date,
    is_primary: bool,
    today: date,
) -> Occupancy:
    """
    Let a resident live in a unit, or own it, from a day on.

    :raises AnotherEstate: if the resident is of another estate.
    :raises Deleted: if the unit or the resident was deleted, also a moment ago.
    :raises django.core.exceptions.ValidationError: if the unit has a primary tenant then.
    """
    if resident.estate_id != unit.estate_id:
        raise AnotherEstate("The resident belongs to another estate.")
    held, person = _locked(unit.pk, resident.pk)
    _check_kept(held, person)
    occupancy = Occupancy(
        unit=held, resident=person, kind=kind, starts_on=starts_on, is_primary=is_primary
    )
    occupancy.full_clean()
    occupancy.save()
    if kind == Occupancy.Kind.TENANT and starts_on <= today:
        _set_status(held, Unit.Status.OCCUPIED)
    return occupancy


@transaction.atomic
def vacate(*, unit: Unit, ends_on: date, today: date) -> list[Occupancy]:
    """
    End every tenancy of a unit; the day itself no longer belongs to it. Owners stay owners.

    :raises NotOccupied: if there is no tenancy to end.
    :raises django.core.exceptions.ValidationError: if a tenancy would end before it began.
    """
    held = Unit.objects.select_for_update().get(pk=unit.pk)
    tenancies = list(
        held.occupancies.on(ends_on).filter(kind=Occupancy.Kind.TENANT).select_for_update()
    )
    if not tenancies:
        raise NotOccupied("The unit has no tenant on that day.")
    for tenancy in tenancies:
        tenancy.ends_on = ends_on
        tenancy.full_clean()
        tenancy.save(update_fields=["ends_on", "updated_at"])
    if ends_on <= today:
        _set_status(held, Unit.Status.VACANT)
    return tenancies


@transaction.atomic
def amend(*, occupancy: Occupancy, today: date, **terms: object) -> Occupancy:
    """
    Correct or end one occupancy: its kind, whether it is primary, its first day, its end.

    Who lives where stands; the unit is occupied afterwards if it has a tenant today.

    :raises Deleted: if it would not be over, and the unit or the resident was deleted.
    :raises django.core.exceptions.ValidationError: if it would end before it began, or if the
        unit has another primary tenant then.
    """
    unit, resident = _locked(occupancy.unit_id, occupancy.resident_id)
    held = Occupancy.objects.select_for_update().get(pk=occupancy.pk)
    for name, value in terms.items():
        setattr(held, name, value)
    if held.ends_on is None or held.ends_on > today:
        _check_kept(unit, resident)
    held.full_clean()
    held.save(update_fields=[*terms, "updated_at"])
    if unit.occupancies.on(today).filter(kind=Occupancy.Kind.TENANT).exists():
        _set_status(unit, Unit.Status.OCCUPIED)
    elif unit.status == Unit.Status.OCCUPIED:
        _set_status(unit, Unit.Status.VACANT)
    return held


def _locked(unit_id: UUID, resident_id: UUID) -> tuple[Unit, Resident]:
    unit = Unit.objects.select_for_update().get(pk=unit_id)
    return unit, Resident.objects.select_for_update(no_key=True).get(pk=resident_id)


def _check_kept(unit: Unit, resident: Resident) -> None:
    for one in (unit, resident):
        if one.deleted_at is not None:
            raise Deleted(f"{one} was deleted. Restore it first.")


def _set_status(unit: Unit, status: Unit.Status) -> None:
    unit.status = status
    unit.save(update_fields=["status", "updated_at"])
