"""Taking an estate on."""

from django.db import transaction

from estates.models import Estate, EstateSettings


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
