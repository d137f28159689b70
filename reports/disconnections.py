"""
Supplies that were cut: when, why, by whom, and for how long.

A cut counts from when it was read back at the meter (`verified`) to the next order to restore that
was; a repeated order to cut what is cut already is no second cut. One that nothing restored runs
until now, unless the relay reads connected again: then how long it lasted is not known. Minutes
are whole. A report is about the cuts that began on its days.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Count

from meters.control.conclusions import PRESS_THE_BUTTON
from meters.models import Command, Meter
from quantify.periods import local_day
from quantify.tables.description import Column, Kind, Value
from reports.report import Answer, Question, Report, Row, Section

MINUTE = timedelta(minutes=1)
STILL_OFF, RESTORED = "off", "restored"
WITHOUT_ORDER = "The relay reads connected: restored without an order."


class GroupBy(StrEnum):
    CUT = "cut"
    UNIT = "unit"
    DAY = "day"
    CAUSE = "cause"


CUTS = Column("cuts", "Cuts", Kind.COUNT, optional=True)
MINUTES = Column("minutes_off", "Minutes off", Kind.COUNT, optional=True)
SUMS = (
    CUTS, MINUTES, Column("still_off", "Still off", Kind.COUNT),
)  # fmt: skip
COLUMNS = {
    GroupBy.CUT: (
        Column("unit", "Unit id", optional=True), Column("unit_number", "Unit"),
        Column("meter", "Meter"), Column("utility", "Utility"),
        Column("cut_at", "Cut", Kind.INSTANT), Column("reason", "Why"), Column("cause", "Cause"),
        Column("requested_by", "Asked by", optional=True),
        Column("restored_at", "Restored", Kind.INSTANT, optional=True),
        Column("restored_because", "Why restored"), MINUTES, Column("state", "State"),
        Column("remark", "Remark"), Column("command", "Command id"),
    ),
    GroupBy.UNIT: (
        Column("unit", "Unit id", optional=True), Column("unit_number", "Unit"), *SUMS,
    ),
    GroupBy.DAY: (Column("day", "Day", Kind.DATE), *SUMS),
    GroupBy.CAUSE: (Column("cause", "Cause"), *SUMS),
}  # fmt: skip
SECTIONS = {
    "orders": Section(
        "Orders that were given, whatever came of them",
        (Column("action", "Order"), Column("cause", "Cause"), Column("state", "State"),
         Column("orders", "Orders", Kind.COUNT)),
    ),
}  # fmt: skip

# The relay orders of an estate that were read back, each meter's in turn; of those that repeat
# what the meter was last told only the first is a turn, so that a cut is followed by its end.
TURNS = """
WITH switched AS (
    SELECT one.*, lag(one.action) OVER (
        PARTITION BY one.meter_id ORDER BY one.verified_at, one.id) AS before
    FROM meters_command AS one
    JOIN meters_meter AS meter ON meter.id = one.meter_id
    WHERE meter.estate_id = %(estate)s AND one.state = 'verified'
        AND one.action IN ('disconnect', 'reconnect') AND meter.kind = ANY (%(kinds)s)
), turns AS (
    SELECT *, lead(verified_at) OVER own AS restored_at, lead(reason) OVER own AS restored_because,
        lead(outcome) OVER own AS restored_outcome
    FROM switched WHERE before IS DISTINCT FROM action
    WINDOW own AS (PARTITION BY meter_id ORDER BY verified_at, id)
)
SELECT turns.id, unit.id, unit.unit_number, meter.serial, meter.kind, meter.relay_state,
    turns.verified_at, turns.reason, turns.cause, person.username,
    turns.restored_at, turns.restored_because, turns.restored_outcome
FROM turns
JOIN meters_meter AS meter ON meter.id = turns.meter_id
LEFT JOIN accounts_user AS person ON person.id = turns.requested_by_id
LEFT JOIN meters_installation AS hung ON hung.meter_id = turns.meter_id
    AND hung.starts_at <= turns.verified_at
    AND (hung.ends_at IS NULL OR hung.ends_at > turns.verified_at)
LEFT JOIN units_unit AS unit ON unit.id = hung.unit_id
WHERE turns.action = 'disconnect'
    AND turns.verified_at >= %(start)s AND turns.verified_at < %(end)s
ORDER BY turns.verified_at, turns.id
"""


class Cut(NamedTuple):
    """A supply that was cut, and what ended it, if anything did."""

    command: UUID
    unit: UUID | None
    unit_number: str | None
    meter: str
    utility: str
    relay: str
    cut_at: datetime
    reason: str
    cause: str
    requested_by: str | None
    restored_at: datetime | None
    restored_because: str | None
    restored_outcome: str | None

    @property
    def unit_id(self) -> str | None:
        return None if self.unit is None else str(self.unit)

    @property
    def is_off(self) -> bool:
        return self.restored_at is None and self.relay != Meter.RelayState.CONNECTED

    def minutes(self, now: datetime) -> int | None:
        """How long it was off; None where that is not known."""
        if self.restored_at is None and not self.is_off:
            return None
        return ((self.restored_at or now) - self.cut_at) // MINUTE

    @property
    def remark(self) -> str:
        if self.restored_at is None:
            return "" if self.is_off else WITHOUT_ORDER
        return PRESS_THE_BUTTON if self.restored_outcome == PRESS_THE_BUTTON else ""


def answer(question: Question) -> Answer:
    """The cuts, and the orders of the same days; two statements."""
    cuts = read(question)
    sections = {"orders": _orders(question)}
    if question.group_by is GroupBy.CUT:
        rows = [_row(one, question) for one in cuts]
        total = (*(None,) * 10, _minutes(cuts, question.now), *(None,) * 3)
        return Answer(rows=rows, totals=[total] if cuts else [], sections=sections)
    keys: dict[StrEnum, Callable[[Cut], tuple[Value, ...]]] = {
        GroupBy.UNIT: lambda one: (one.unit_id, one.unit_number or ""),
        GroupBy.DAY: lambda one: (local_day(one.cut_at, question.estate.zone),),
        GroupBy.CAUSE: lambda one: (one.cause,),
    }
    key = keys[question.group_by]
    groups: dict[tuple[Value, ...], list[Cut]] = {}
    for one in cuts:
        groups.setdefault(key(one), []).append(one)
    rows = [(*at, *_sums(own, question.now)) for at, own in _ordered(groups)]
    blank = (None,) * (len(COLUMNS[GroupBy(question.group_by)]) - len(SUMS))
    totals = [(*blank, *_sums(cuts, question.now))] if cuts else []
    return Answer(rows=rows, totals=totals, sections=sections)


def read(question: Question) -> list[Cut]:
    """The cuts that began on the days, the oldest first."""
    period = question.period
    with connection.cursor() as cursor:
        cursor.execute(
            TURNS,
            {
                "estate": question.estate.pk, "start": period.start, "end": period.end,
                "kinds": [one.value for one in question.utilities],
            },
        )  # fmt: skip
        return [Cut(*row) for row in cursor.fetchall()]


def _row(one: Cut, question: Question) -> Row:
    zone = question.estate.zone
    return (
        one.unit_id, one.unit_number or "", one.meter, one.utility,
        one.cut_at.astimezone(zone), one.reason, one.cause, one.requested_by,
        one.restored_at.astimezone(zone) if one.restored_at else None, one.restored_because or "",
        one.minutes(question.now), STILL_OFF if one.is_off else RESTORED, one.remark,
        str(one.command),
    )  # fmt: skip


def _ordered(groups: dict[Any, list[Cut]]) -> Iterable[tuple[Any, list[Cut]]]:
    return sorted(groups.items(), key=lambda one: str(one[0][-1]))


def _sums(cuts: Sequence[Cut], now: datetime) -> tuple[int, int, int]:
    return len(cuts), _minutes(cuts, now), sum(one.is_off for one in cuts)


def _minutes(cuts: Iterable[Cut], now: datetime) -> int:
    """Of the cuts whose length is known."""
    return sum(one.minutes(now) or 0 for one in cuts)


def _orders(question: Question) -> list[Row]:
    period = question.period
    orders = Command.objects.filter(
        meter__estate=question.estate,
        meter__kind__in=[one.value for one in question.utilities],
        action__in=Command.SWITCHING,
        requested_at__gte=period.start,
        requested_at__lt=period.end,
    )
    by = ("action", "cause", "state")
    return list(orders.order_by().values_list(*by).annotate(Count("pk")).order_by(*by))


REPORT = Report(
    slug="disconnections",
    title="Disconnections",
    says="Supplies that were cut and restored: when, why, and for how long.",
    columns=COLUMNS,
    answer=answer,
    sections=SECTIONS,
)
