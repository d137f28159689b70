"""A rate table by what a person calls it on the command line."""

from uuid import UUID

from rates.models import RateTable


class NotOneTable(Exception):
    """No rate table is called that, or several are."""


def find(name: str, *, licensee: str | None = None, estate: str | None = None) -> RateTable:
    """
    The rate table of a name, or of an id.

    :raises NotOneTable: if there is none, or if there are several.
    """
    tables = RateTable.objects.alive()
    try:
        found = list(tables.filter(pk=UUID(name)))
    except ValueError:
        named = tables.filter(name=name, estate__code=estate)
        found = list(named.filter(licensee=licensee) if licensee is not None else named)
    if not found:
        raise NotOneTable(f"There is no rate table {name!r}: give its name, or its id.")
    if len(found) > 1:
        listed = ", ".join(f"{one.licensee or '(none)'}, {one.utility}, {one.pk}" for one in found)
        raise NotOneTable(f"Several are named {name!r}: choose one by id or licensee: {listed}.")
    return found[0]
