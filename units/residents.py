"""Parting with residents."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from quantify.periods import local_day
from units.models import Resident


class StillAtHome(Exception):
    """The resident lives in a unit or owns it, or is going to."""


@transaction.atomic
def retire(*, resident_id: UUID, at: datetime) -> None:
    """
    Archive a resident whose occupancies are over.

    :raises StillAtHome: if one is not, or is to come.
    """
    locked = Resident.objects.select_for_update(of=("self",)).select_related("estate")
    resident = locked.get(pk=resident_id)
    today = local_day(at, resident.estate.zone)
    if resident.occupancies.ending_after(today).exists():
        raise StillAtHome(
            f"{resident} lives in a unit or owns one, or is going to: end the occupancy first."
        )
    resident.deleted_at = at
    resident.save(update_fields=["deleted_at", "updated_at"])
