"""Which licensed rate table the resale of a utility in an estate is compared with."""

from django.db import transaction

from estates.models import Estate
from rates.assignments import AnotherEstate, WrongUtility
from rates.models import RateTable, ReferenceTable


class NotAReference(Exception):
    """The rate table is not marked as a licensee's."""


@transaction.atomic
def name(*, estate: Estate, utility: str, rate_table: RateTable) -> ReferenceTable:
    """
    Compare the resale of a utility in an estate with a rate table from now on.

    :raises WrongUtility: if the rate table prices another utility.
    :raises AnotherEstate: if the rate table is another estate's own.
    :raises NotAReference: if it is not marked as one.
    """
    if rate_table.utility != utility:
        raise WrongUtility(f"This rate table prices {rate_table.utility}.")
    if rate_table.estate_id not in (None, estate.pk):
        raise AnotherEstate("This rate table belongs to another estate.")
    if not rate_table.is_reference:
        raise NotAReference("Mark the rate table as a reference first: the licensee's own prices.")
    named, _ = ReferenceTable.objects.update_or_create(
        estate=estate, utility=utility, defaults={"rate_table": rate_table}
    )
    return named


@transaction.atomic
def forget(*, estate: Estate, utility: str) -> None:
    """Compare the resale of a utility in an estate with nothing."""
    ReferenceTable.objects.filter(estate=estate, utility=utility).delete()
