"""
What the demonstration's homes pay by, and what their resale is compared with.

Published prices alone, from the catalogue; where the year is over, they are carried on and say so.
"""

from datetime import date
from typing import Any

from django.db import transaction

from estates.models import Estate
from quantify.demo.stories import Story
from quantify.quantities import Utility
from rates import catalogue, references
from rates.models import Assignment, RateTable, RateTableVersion

CARRIED_ON = "Published prices of {year}, carried on for the demonstration. {source}"
OWN_SOLAR = "The estate's own price for its panels."
FROM = date(2026, 1, 1)
MUNICIPAL = ("Residential Single Phase 60A", "2024/25")
"""What the licensee charges its own customers, who have no prepaid meter."""


def assign(story: Story, made: Estate) -> None:
    """What the homes of an estate pay by."""
    if story.has_time_of_use:
        electricity = RateTable.objects.get(name="Homeflex 1", licensee="Eskom", estate=None)
        water = _carried_on(made, "Domestic water, conventional", "2023/24")
    else:
        electricity = _carried_on(made, "Residential prepaid", "2023/24")
        water = _carried_on(made, "Domestic water, prepaid", "2023/24")
    solar = _table(made, f"{story.name} solar", Utility.SOLAR, OWN_SOLAR, [
        {"kind": "energy", "name": "Solar energy", "price": story.solar_price},
    ])  # fmt: skip
    for table in (electricity, water, solar):
        Assignment.objects.create(
            estate=made, utility=table.utility, rate_table=table, effective_from=FROM
        )


def _carried_on(made: Estate, name: str, year: str) -> RateTable:
    entry = next(one for one in catalogue.published() if one["name"] == name)
    source = CARRIED_ON.format(year=year, source=entry["source"])[:250]
    title = f"{entry['licensee']}: {name}, prices of {year}"
    return _table(made, title, Utility(entry["utility"]), source, entry["components"])


def _table(
    made: Estate, name: str, utility: Utility, source: str, components: list[dict[str, Any]]
) -> RateTable:
    table = RateTable.objects.create(name=name, utility=utility, estate=made)
    RateTableVersion.objects.create(
        rate_table=table, number=1, effective_from=FROM, components=components, source=source
    )
    return table


@transaction.atomic
def name_references(story: Story) -> None:
    """
    Name what resale is compared with: the licensee's own prices, of electricity and water.

    Solar energy comes from the estate's own panels and is nobody's resale.
    """
    made = Estate.objects.get(code=story.code)
    if made.reference_tables.exists():
        return
    assigned = Assignment.objects.filter(estate=made, unit=None).select_related("rate_table")
    pays_by = {one.utility: one.rate_table for one in assigned}
    electricity = pays_by[Utility.ELECTRICITY]
    if not story.has_time_of_use:
        electricity = _carried_on(made, *MUNICIPAL)
    for table in (electricity, pays_by[Utility.WATER]):
        RateTable.objects.filter(pk=table.pk).update(is_reference=True)
        table.is_reference = True
        references.name(estate=made, utility=table.utility, rate_table=table)
