"""Taking an estate on, and parting with it."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction

from estates.models import Estate, EstateSettings


class EstateInUse(Exception):
    """The estate has units, or meters that hang there."""


@transaction.atomic
def register(**fields: object) -> Estate:
    """
    Create an estate with its settings at their safe defaults.

    :raises django.core.exceptions.ValidationError: if a field or the code is refused.
    """
    estate = Estate(**fields)
    estate.full_clean()
    estate.save()
    EstateSettings.objects.create(estate=estate)
    return estate


@transaction.atomic
def retire(*, estate_id: UUID, at: datetime) -> None:
    """
    Archive an estate that has no units any more, and no meters that hang there.

    :raises EstateInUse: naming what it has, and what to do about it.
    """
    estate = Estate.objects.select_for_update().get(pk=estate_id)
    if reasons := " ".join(_uses(estate)):
        raise EstateInUse(f"{estate.code} cannot be deleted. {reasons}")
    estate.deleted_at = at
    estate.save(update_fields=["deleted_at", "updated_at"])


def _uses(estate: Estate) -> Iterator[str]:
    if units := estate.units.filter(deleted_at=None).count():
        yield f"Units in it: {units}, to be deleted first."
    hanging = estate.meters.filter(installations__isnull=False, installations__ends_at=None)
    if meters := hanging.count():
        yield f"Meters that hang there: {meters}, to be removed with their closing registers first."
