"""
What the units of an estate used, by day, month or unit.

The figures are the sums of the meters' days (`DailyConsumption`). A day on which a meter moved is
divided among the units as it is billed (`wallets.billing.metered`); what a meter counted while it
hung nowhere is a row without a unit, so that the total is the same however it is grouped.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, F, Sum
from django.db.models.functions import TruncMonth

from meters.models import DailyConsumption
from quantify.quantities import Utility
from quantify.tables.description import Column, Kind
from reports.report import Answer, Question, Report, Row
from units.models import Unit
from wallets.billing.metered import BILLED_CHANNELS, DAYS


class GroupBy(StrEnum):
    DAY = "day"
    MONTH = "month"
    UNIT = "unit"


USED = (
    Column("utility", "Utility"),
    Column("consumption", "Used", Kind.QUANTITY),
    Column("measure", "In"),
)
METERED = (
    *USED,
    Column("estimated", "Of that estimated", Kind.QUANTITY),
    Column("meters", "Meters", Kind.COUNT),
)
COLUMNS = {
    GroupBy.DAY: (Column("day", "Day", Kind.DATE), *METERED),
    GroupBy.MONTH: (Column("month", "Month"), *METERED),
    GroupBy.UNIT: (
        Column("unit", "Unit id", optional=True), Column("unit_number", "Unit"), *USED,
        Column("days", "Days", Kind.COUNT, optional=True),
    ),
}  # fmt: skip
NOWHERE = "not at a unit"

# What each unit used on the days that are asked for; `DAYS` are those that bills are made of.
BY_UNIT = f"""
SELECT days.unit_id, days.utility, sum(days.quantity)::bigint, count(DISTINCT days.day)
FROM ({DAYS.format(installed="unit.estate_id = %(estate)s")}) AS days
WHERE days.day <= %(last_day)s AND days.utility = ANY (%(utilities)s)
GROUP BY days.unit_id, days.utility
"""  # noqa: S608


class Used(NamedTuple):
    """Wh or litres of a kind of meters on a day, or in a month by its first day."""

    on: date
    kind: str
    quantity: int
    estimated: int
    meters: int


def answer(question: Question) -> Answer:
    """What was used; one to three statements."""
    if question.group_by is GroupBy.UNIT:
        return _by_unit(question)
    by_month = question.group_by is GroupBy.MONTH
    used = metered(question, question.utilities, by_month=by_month)
    return Answer(
        rows=[
            (f"{one.on:%Y-%m}" if by_month else one.on, *_used(one.kind, one.quantity),
             one.estimated, one.meters)
            for one in used
        ],
        totals=[
            (None, *_used(kind, quantity), sum(one.estimated for one in used if one.kind == kind),
             None)
            for kind, quantity in in_all(used).items()
        ],
    )  # fmt: skip


def metered(question: Question, kinds: Iterable[str], *, by_month: bool = False) -> list[Used]:
    """What meters of some kinds counted on each day, or in each month, the oldest first."""
    on = TruncMonth("day") if by_month else F("day")
    days = DailyConsumption.objects.filter(
        meter__estate=question.estate,
        meter__kind__in=[str(kind) for kind in kinds],
        channel__in=BILLED_CHANNELS,
        day__gte=question.first_day,
        day__lte=question.last_day,
    )
    rows = (
        days.order_by()
        .values_list(on, "meter__kind")
        .annotate(Sum("quantity"), Sum("estimated"), Count("meter", distinct=True))
    )
    return sorted(Used(*row) for row in rows)


def in_all(used: Iterable[Used]) -> dict[str, int]:
    """The sums by kind of meter."""
    sums: dict[str, int] = {}
    for one in used:
        sums[one.kind] = sums.get(one.kind, 0) + one.quantity
    return sums


def _used(kind: str, quantity: int) -> tuple[str, int, str]:
    return kind, quantity, Utility(kind).unit


def _by_unit(question: Question) -> Answer:
    totals = in_all(metered(question, question.utilities))
    numbers = dict(Unit.objects.filter(estate=question.estate).values_list("pk", "unit_number"))
    with connection.cursor() as cursor:
        cursor.execute(
            BY_UNIT,
            {
                "estate": question.estate.pk, "channels": BILLED_CHANNELS, "now": question.now,
                "first_month": question.first_day, "last_day": question.last_day,
                "utilities": [one.value for one in question.utilities],
            },
        )  # fmt: skip
        found = cursor.fetchall()
    rows: list[Row] = [
        (str(unit), numbers[unit], *_used(kind, quantity), days)
        for unit, kind, quantity, days in found
    ]
    rows.sort(key=lambda row: (row[1], row[2]))
    for kind, quantity in totals.items():
        elsewhere = quantity - sum(used for _, its_kind, used, _ in found if its_kind == kind)
        if elsewhere:
            rows.append((None, NOWHERE, *_used(kind, elsewhere), None))
    sums = [(None, "", *_used(kind, quantity), None) for kind, quantity in totals.items()]
    return Answer(rows=rows, totals=sums)


REPORT = Report(
    slug="estate-consumption",
    title="Estate consumption",
    says="What the units of an estate used, as their meters counted it.",
    columns=COLUMNS,
    answer=answer,
)
