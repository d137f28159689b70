"""
What came in at the bulk meter against what the units' meters counted: the loss between them.

Electricity and water; solar is made behind the bulk meter. A positive difference is lost on the
way, stolen, or counted by no meter; on a day that is not whole it says little, and the row says
so. Rand values it at what units paid for a kWh or kl in the month, VAT included (the sum of the
estate's bills by the sum of what they billed): a measure of what is at stake, not a charge.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from django.db import connection
from django.db.models import Sum

from quantify.money import ZERO, to_cents
from quantify.periods import first_of_month
from quantify.quantities import Utility
from quantify.tables.description import Column, Kind
from reports import quarters
from reports.estate_consumption import metered
from reports.quarters import WEEKDAYS
from reports.report import Answer, Question, Report, Row
from reports.shares import percent
from wallets.billing.metered import BILLED_CHANNELS
from wallets.models import Bill

BULK = "bulk_"
METERED_IN_BULK = (Utility.ELECTRICITY, Utility.WATER)
NO_BULK_METER = "no reading of a bulk meter"

type Price = tuple[Decimal, int]


class GroupBy(StrEnum):
    DAY = "day"
    MONTH = "month"
    HOUR = "hour"
    """Of the week: the map of when it is lost."""


SIDES = (
    Column("bulk", "Bulk meter", Kind.QUANTITY, optional=True),
    Column("units", "Sum of units", Kind.QUANTITY),
    Column("difference", "Difference", Kind.QUANTITY, optional=True),
    Column("measure", "In"),
    Column("percent", "% of bulk", Kind.NUMBER, optional=True),
)
AMOUNTS = (*SIDES, Column("amount", "At stake, R", Kind.MONEY, optional=True))
UTILITY = Column("utility", "Utility")
CERTAINTY = (
    Column("meters", "Unit meters", Kind.COUNT),
    Column("incomplete", "Of them not whole", Kind.COUNT),
    Column("remark", "Remark"),
)
COLUMNS = {
    GroupBy.DAY: (Column("day", "Day", Kind.DATE), UTILITY, *AMOUNTS, *CERTAINTY),
    GroupBy.MONTH: (
        Column("month", "Month"), UTILITY, *AMOUNTS,
        Column("days_compared", "Days compared", Kind.COUNT), Column("remark", "Remark"),
    ),
    GroupBy.HOUR: (
        Column("weekday", "Weekday", Kind.COUNT), Column("name", "Day"),
        Column("hour", "Hour", Kind.COUNT), UTILITY, *SIDES,
    ),
}  # fmt: skip

# How many meters hung on each day, and of how many the day is not whole: fewer quarters of an
# hour are known than the local day has.
WHOLE = """
SELECT calendar.day::date, hung.kind, count(DISTINCT hung.meter_id),
    count(DISTINCT hung.meter_id) FILTER (WHERE daily.intervals IS NULL
        OR daily.intervals < extract(epoch FROM calendar.ends_at - calendar.starts_at) / 900)
FROM (
    SELECT day, day AT TIME ZONE %(zone)s AS starts_at,
        (day + interval '1 day') AT TIME ZONE %(zone)s AS ends_at
    FROM generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 day') AS day
) AS calendar
JOIN meters_installation AS hung ON hung.starts_at < calendar.ends_at
    AND (hung.ends_at IS NULL OR hung.ends_at > calendar.starts_at)
JOIN meters_meter AS meter ON meter.id = hung.meter_id AND meter.estate_id = %(estate)s
LEFT JOIN meters_dailyconsumption AS daily ON daily.meter_id = hung.meter_id
    AND daily.day = calendar.day::date AND daily.channel = ANY (%(channels)s)
WHERE hung.kind = ANY (%(kinds)s)
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A utility on a day: Wh or litres, rand; without `bulk` nothing is compared."""

    day: date
    utility: Utility
    bulk: int | None
    units: int
    amount: Decimal | None
    meters: int
    incomplete: int
    is_bulk_whole: bool

    @property
    def difference(self) -> int | None:
        return None if self.bulk is None else self.bulk - self.units

    @property
    def is_whole(self) -> bool:
        return self.bulk is not None and self.is_bulk_whole and not self.incomplete

    @property
    def remark(self) -> str:
        if self.bulk is None:
            return NO_BULK_METER
        found = [] if self.is_bulk_whole else ["bulk meter not whole"]
        if self.incomplete:
            found.append(f"{self.incomplete} of {self.meters} unit meters not whole")
        return "; ".join(found)


def answer(question: Question) -> Answer:
    """The comparison; three statements."""
    if question.group_by is GroupBy.HOUR:
        return _by_hour(question)
    days = compare(question)
    totals = [
        (None, utility.value, *_summed(own)) for utility in Utility if (own := _of(days, utility))
    ]
    if question.group_by is GroupBy.MONTH:
        months = sorted({(first_of_month(one.day), one.utility) for one in days})
        rows: list[Row] = [
            (f"{month:%Y-%m}", utility.value,
             *_summed([one for one in _of(days, utility) if first_of_month(one.day) == month]))
            for month, utility in months
        ]  # fmt: skip
        return Answer(rows=rows, totals=totals)
    return Answer(
        rows=[
            (one.day, one.utility.value, one.bulk, one.units, *_lost([one]), one.meters,
             one.incomplete, one.remark)
            for one in days
        ],
        totals=[(*total[:8], None, None, total[9]) for total in totals],
    )  # fmt: skip


def compare(question: Question) -> list[Compared]:
    """Each day and utility on which either side counted anything, the oldest first."""
    utilities = [one for one in METERED_IN_BULK if one in question.utilities]
    kinds = [kind for one in utilities for kind in (one.value, BULK + one.value)]
    used = {(one.on, one.kind): one.quantity for one in metered(question, kinds)}
    whole, prices = _whole(question, kinds), _prices(question)
    days = sorted({(day, Utility(kind.removeprefix(BULK))) for day, kind in used})
    made = []
    for day, utility in days:
        bulk, units = used.get((day, BULK + utility)), used.get((day, utility.value), 0)
        meters, incomplete = whole.get((day, utility.value), (0, 0))
        made.append(
            Compared(
                day=day,
                utility=utility,
                bulk=bulk,
                units=units,
                amount=_amount(bulk, units, prices.get((utility.value, first_of_month(day)))),
                meters=meters,
                incomplete=incomplete,
                is_bulk_whole=not whole.get((day, BULK + utility), (0, 0))[1],
            )
        )
    return made


def _whole(question: Question, kinds: Sequence[str]) -> dict[tuple[date, str], tuple[int, int]]:
    """By day and kind how many meters hung, and of how many the day is not whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            WHOLE,
            {
                "zone": question.estate.time_zone, "estate": question.estate.pk,
                "first": question.first_day, "last": question.last_day,
                "channels": BILLED_CHANNELS, "kinds": list(kinds),
            },
        )  # fmt: skip
        return {(day, kind): (meters, not_whole) for day, kind, meters, not_whole in cursor}


def _prices(question: Question) -> dict[tuple[str, date], Price]:
    """By utility and month what bills came to in rand, and the Wh or litres they billed."""
    bills = Bill.objects.filter(
        wallet__unit__estate=question.estate,
        month__gte=first_of_month(question.first_day),
        month__lte=question.last_day,
    )
    rows = bills.order_by().values_list("utility", "month")
    return {
        (utility, month): (total, consumption)
        for utility, month, total, consumption in rows.annotate(Sum("total"), Sum("consumption"))
    }


def _amount(bulk: int | None, units: int, price: Price | None) -> Decimal | None:
    if bulk is None or price is None or not price[1]:
        return None
    return to_cents((bulk - units) * price[0] / price[1])


def _of(days: Iterable[Compared], utility: Utility) -> list[Compared]:
    return [one for one in days if one.utility is utility]


def _lost(days: Sequence[Compared]) -> Row:
    """Of the days that were compared: difference, measure, percent, rand."""
    compared = [one for one in days if one.difference is not None]
    difference = sum(one.difference or 0 for one in compared) if compared else None
    priced = [one.amount for one in compared if one.amount is not None]
    return (
        difference,
        days[0].utility.unit,
        None if difference is None else percent(difference, sum(one.bulk or 0 for one in compared)),
        sum(priced, ZERO) if priced else None,
    )


def _summed(days: Sequence[Compared]) -> Row:
    """Days of one utility added up; what lacks a side counts in its own column alone."""
    bulks = [one.bulk for one in days if one.bulk is not None]
    missing = len(days) - len(bulks)
    unsure = sum(not one.is_whole for one in days) - missing
    remarks = [f"{missing} days without a bulk meter"] if missing else []
    if unsure:
        remarks.append(f"{unsure} days not whole")
    return (
        sum(bulks) if bulks else None, sum(one.units for one in days), *_lost(days), len(bulks),
        "; ".join(remarks),
    )  # fmt: skip


def _by_hour(question: Question) -> Answer:
    """By hour of the week: of the quarters of an hour in which the bulk meter counted."""
    utilities = [one for one in METERED_IN_BULK if one in question.utilities]
    read = quarters.read(
        question, [kind for one in utilities for kind in (one.value, BULK + one.value)]
    )
    units = {(one.kind, one.start): one.quantity for one in read}
    sums: dict[tuple[Utility, int, int], list[int]] = {}
    for one in read:
        if one.kind.startswith(BULK):
            utility = Utility(one.kind.removeprefix(BULK))
            cell = sums.setdefault((utility, one.start.isoweekday(), one.start.hour), [0, 0])
            cell[0] += one.quantity
            cell[1] += units.get((utility.value, one.start), 0)
    rows: list[Row] = [
        (
            weekday,
            WEEKDAYS[weekday - 1],
            hour,
            utility.value,
            *_cell(utility, *sums[utility, weekday, hour]),
        )
        for utility, weekday, hour in sorted(sums)
    ]
    totals: list[Row] = []
    for utility in utilities:
        own = [cell for (its, _, _), cell in sums.items() if its is utility]
        if own:
            in_all = [sum(column) for column in zip(*own, strict=True)]
            totals.append((None, None, None, utility.value, *_cell(utility, *in_all)))
    return Answer(rows=rows, totals=totals)


def _cell(utility: Utility, bulk: int, units: int) -> Row:
    return bulk, units, bulk - units, utility.unit, percent(bulk - units, bulk)


REPORT = Report(
    slug="reconciliation",
    title="Reconciliation",
    says="The bulk meter against the sum of the units: what is lost between them.",
    columns=COLUMNS,
    answer=answer,
    of_intervals=frozenset({GroupBy.HOUR}),
)
