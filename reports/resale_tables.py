"""The resale check as one table: a row for each unit, month or utility, over some months."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby

from estates.models import Estate
from quantify.money import ZERO
from quantify.periods import first_of_month, next_month
from quantify.quantities import Utility
from quantify.snapshots import snapshot
from quantify.tables.description import Column, Kind, Table, Value
from rates.compliance import Compared
from reports import resale
from reports.resale import Checked, ResaleCheck

NO_REFERENCE = "no reference rate table"

AMOUNTS = (
    Column("consumption", "Used", Kind.QUANTITY),
    Column("measure", "In"),
    Column("charged", "Charged, R", Kind.MONEY),
    Column("allowed", "Licensed price, R", Kind.MONEY),
    Column("difference", "Difference, R", Kind.MONEY),
    Column("excess", "Above it, R", Kind.MONEY),
    Column("markup", "Markup before VAT, R", Kind.MONEY),
)
MONTH, UTILITY, REMARK = Column("month", "Month"), Column("utility", "Utility"), "Remark"
OF_UNITS = (
    MONTH, UTILITY, Column("unit", "Unit id"), Column("unit_number", "Unit"), *AMOUNTS,
    Column("is_up_to_date", "Up to date", Kind.FLAG), Column("remark", REMARK),
)  # fmt: skip
OF_GROUPS = (
    UTILITY, Column("units", "Units compared", Kind.COUNT),
    Column("over", "Units above it", Kind.COUNT), *AMOUNTS,
    Column("not_up_to_date", "Bills not up to date", Kind.COUNT),
    Column("not_compared", "Units not compared", Kind.COUNT), Column("remark", REMARK),
)  # fmt: skip


class GroupBy(StrEnum):
    """What a row of the table is."""

    UNIT = "unit"
    MONTH = "month"
    UTILITY = "utility"


COLUMNS: Mapping[GroupBy, Sequence[Column]] = {
    GroupBy.UNIT: OF_UNITS,
    GroupBy.MONTH: (MONTH, *OF_GROUPS),
    GroupBy.UTILITY: OF_GROUPS,
}


def over(
    *,
    estate: Estate,
    first_day: date,
    last_day: date,
    utility: Utility | None = None,
    now: datetime,
) -> list[ResaleCheck]:
    """
    The checks of every month that some local days, both included, touch: bills are monthly.

    :raises reports.simulations.MonthNotBegun: if the last of them is still to come.
    """
    month, checks = first_of_month(first_day), []
    with snapshot():
        while month <= last_day:
            checks.append(resale.check(estate=estate, month=month, utility=utility, now=now))
            month = next_month(month)
    return checks


def table(checks: Sequence[ResaleCheck], group_by: GroupBy = GroupBy.UNIT) -> Table:
    """What was checked, by unit and month, by month, or by utility alone."""
    return Table("Resale compliance", COLUMNS[group_by], _rows(checks, group_by))


def totals(checks: Sequence[ResaleCheck], group_by: GroupBy) -> list[Sequence[Value]]:
    """What the rows add up to for each utility, in the same columns."""
    if group_by is GroupBy.UTILITY:
        return []
    sums = list(_by_utility(checks))
    if group_by is GroupBy.MONTH:
        return [(None, *one) for one in sums]
    amounts = {column.name: OF_GROUPS.index(column) for column in (UTILITY, *AMOUNTS)}
    return [
        [one[amounts[column.name]] if column.name in amounts else None for column in OF_UNITS]
        for one in sums
    ]


def _rows(checks: Sequence[ResaleCheck], group_by: GroupBy) -> Iterator[Sequence[Value]]:
    match group_by:
        case GroupBy.UNIT:
            yield from _by_unit(checks)
        case GroupBy.MONTH:
            for made in checks:
                yield from ((f"{made.month:%Y-%m}", *_sum([one])) for one in made.utilities)
        case GroupBy.UTILITY:
            yield from _by_utility(checks)


def _by_unit(checks: Iterable[ResaleCheck]) -> Iterator[Sequence[Value]]:
    for made in checks:
        for one in made.utilities:
            yield from _of_one(f"{made.month:%Y-%m}", one)


def _of_one(month: str, one: Checked) -> Iterator[Sequence[Value]]:
    utility = one.utility.value
    nothing = (None,) * (len(AMOUNTS) + 1)
    if one.reference is None:
        yield month, utility, None, None, *nothing, NO_REFERENCE
    for unit in one.found.units:
        yield (
            month, utility, str(unit.unit_id), unit.unit_number,
            *_amounts([unit], one.utility), unit.is_up_to_date, "",
        )  # fmt: skip
    for refused in one.not_priced:
        yield month, utility, str(refused.unit_id), refused.unit_number, *nothing, refused.reason


def _by_utility(checks: Iterable[ResaleCheck]) -> Iterator[Sequence[Value]]:
    found = [one for made in checks for one in made.utilities]
    order = list(Utility)
    found.sort(key=lambda one: order.index(one.utility))
    for _, of_utility in groupby(found, key=lambda one: one.utility):
        yield _sum(list(of_utility))


def _sum(found: Sequence[Checked]) -> tuple[Value, ...]:
    """Checks of one utility added up; what one was spared pays nothing back to another."""
    utility = found[0].utility
    units = [unit for one in found for unit in one.found.units]
    return (
        utility.value,
        len({unit.unit_id for unit in units}),
        len({unit.unit_id for unit in units if unit.excess}),
        *_amounts(units, utility),
        sum(one.found.not_up_to_date for one in found),
        len({refused.unit_id for one in found for refused in one.not_priced}),
        NO_REFERENCE if any(one.reference is None for one in found) else "",
    )


def _amounts(units: Sequence[Compared], utility: Utility) -> tuple[Value, ...]:
    return (
        sum(one.consumption for one in units),
        utility.unit,
        sum((one.charged for one in units), ZERO),
        sum((one.allowed for one in units), ZERO),
        sum((one.difference for one in units), ZERO),
        sum((one.excess for one in units), ZERO),
        sum((one.markup for one in units), ZERO),
    )
