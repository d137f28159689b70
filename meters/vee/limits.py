"""The limits of the checks as an estate has them: its own, else the default of the table."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from estates.models import Estate
from meters.models.quality import CheckLimit
from meters.vee.rules import DEFAULTS, checked

type Limits = Mapping[str, Decimal]


def of_estates(estate_ids: Iterable[UUID]) -> dict[UUID, Limits]:
    """What holds in each estate, in one statement."""
    estates = sorted(set(estate_ids))
    own = CheckLimit.objects.filter(estate__in=estates)
    found: dict[UUID, dict[str, Decimal]] = {estate: {} for estate in estates}
    for estate_id, parameter, value in own.values_list("estate", "parameter", "value"):
        found[estate_id][parameter] = value
    return {estate: {**DEFAULTS, **given} if given else DEFAULTS for estate, given in found.items()}


def of_estate(estate_id: UUID) -> Limits:
    return of_estates([estate_id])[estate_id]


@transaction.atomic
def change(*, estate: Estate, values: Mapping[str, Decimal | None]) -> None:
    """
    Set limits of an estate; None takes one back to its default.

    :raises meters.vee.rules.UnknownParameter: if no check has such a limit.
    :raises meters.vee.rules.OutOfBounds: if one lies beyond its bounds; nothing is changed then.
    """
    Estate.objects.select_for_update().get(pk=estate.pk)
    stored = {one.parameter: one for one in CheckLimit.objects.filter(estate=estate)}
    for parameter, value in values.items():
        current = stored.get(parameter)
        if value is None:
            checked(parameter, DEFAULTS.get(parameter, Decimal(0)))
            if current:
                current.delete()
        elif current is None:
            CheckLimit.objects.create(
                estate=estate, parameter=parameter, value=checked(parameter, value)
            )
        elif current.value != checked(parameter, value):
            current.value = value
            current.save(update_fields=["value", "updated_at"])
