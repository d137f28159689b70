"""
How consumption runs: its profile by hour and weekday, its peaks, and how it compares.

Everything is what the estate's unit meters counted together in each quarter of an hour; the sums
are those of their days. Averages divide by the days of which anything is known, each hour of a
profile by all of them. Anomalies are the findings of the checks (docs/vee.md), and no others.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db.models import Count, Q, Sum

from meters.models import Finding
from meters.vee.rules import BY_CODE
from quantify.quantities import Utility, as_kilo
from quantify.tables.description import Column, Kind, Value
from reports import quarters
from reports.estate_consumption import in_all, metered
from reports.quarters import WEEKDAYS, Quarter
from reports.report import DAY, Answer, Question, Report, Row, Section
from reports.shares import percent

PEAKS = 10
AN_HOUR = 4
"""Quarters of an hour in an hour."""


class GroupBy(StrEnum):
    HOUR = "hour"
    WEEKDAY = "weekday"
    DAY = "day"


UTILITY = Column("utility", "Utility")
USED = (Column("consumption", "Used", Kind.QUANTITY), Column("measure", "In"))
RATE = Column("rate", "Rate, kW or kl/h", Kind.NUMBER)
SHARE = Column("percent", "%", Kind.NUMBER, optional=True)
COLUMNS = {
    GroupBy.HOUR: (
        Column("hour", "Hour", Kind.COUNT), UTILITY, *USED,
        Column("average", "On an average day", Kind.QUANTITY), SHARE,
    ),
    GroupBy.WEEKDAY: (
        Column("weekday", "Weekday", Kind.COUNT), Column("name", "Day"), UTILITY, *USED,
        Column("days", "Days", Kind.COUNT), Column("average", "On an average one", Kind.QUANTITY),
        SHARE,
    ),
    GroupBy.DAY: (
        Column("day", "Day", Kind.DATE), UTILITY, *USED,
        Column("peak_at", "Peak at", Kind.INSTANT),
        Column("peak", "Peak, in 15 min", Kind.QUANTITY), RATE,
    ),
}  # fmt: skip
SECTIONS = {
    "peaks": Section(
        "Highest quarters of an hour",
        (UTILITY, Column("at", "From", Kind.INSTANT), *USED, RATE),
    ),
    "comparison": Section(
        "Against the same number of days before",
        (
            UTILITY, *USED, Column("days", "Days metered", Kind.COUNT),
            Column("before", "Before", Kind.QUANTITY),
            Column("days_before", "Days metered before", Kind.COUNT),
            Column("change", "Change", Kind.QUANTITY),
            Column("change_percent", "Change, %", Kind.NUMBER, optional=True),
        ),
    ),
    "anomalies": Section(
        "What the checks found",
        (
            UTILITY, Column("rule", "Check"), Column("name", "What it is"),
            Column("found", "Found", Kind.COUNT), Column("waiting", "Waiting", Kind.COUNT),
            Column("amount", "At stake, R", Kind.MONEY, optional=True),
        ),
    ),
}  # fmt: skip


def answer(question: Question) -> Answer:
    """Profile, peaks, comparison and findings; five statements."""
    read = quarters.read(question, question.utilities)
    by_utility = {
        utility: own
        for utility in question.utilities
        if (own := [one for one in read if one.kind == utility])
    }
    make: Callable[[Utility, Sequence[Quarter]], Iterable[Row]] = {
        GroupBy.HOUR: _hours, GroupBy.WEEKDAY: _weekdays, GroupBy.DAY: _days,
    }[GroupBy(question.group_by)]  # fmt: skip
    return Answer(
        rows=[row for utility, own in by_utility.items() for row in make(utility, own)],
        totals=[_total(question, utility, own) for utility, own in by_utility.items()],
        sections={
            "peaks": [row for utility, own in by_utility.items() for row in _peaks(utility, own)],
            "comparison": list(_comparison(question)),
            "anomalies": list(_anomalies(question)),
        },
    )


def _hours(utility: Utility, read: Sequence[Quarter]) -> Iterable[Row]:
    total, days = _sum(read), len(_days_of(read))
    by_hour = _grouped(read, lambda one: one.start.hour)
    for hour in range(24):
        used = _sum(by_hour.get(hour, ()))
        yield (
            hour, utility.value, used, utility.unit, _average(used, days), percent(used, total),
        )  # fmt: skip


def _weekdays(utility: Utility, read: Sequence[Quarter]) -> Iterable[Row]:
    total = _sum(read)
    for weekday, own in sorted(_grouped(read, lambda one: one.start.isoweekday()).items()):
        used, days = _sum(own), len(_days_of(own))
        yield (
            weekday, WEEKDAYS[weekday - 1], utility.value, used, utility.unit, days,
            _average(used, days), percent(used, total),
        )  # fmt: skip


def _days(utility: Utility, read: Sequence[Quarter]) -> Iterable[Row]:
    for day, own in sorted(_grouped(read, lambda one: one.start.date()).items()):
        peak = max(own, key=lambda one: one.quantity)
        yield (
            day, utility.value, _sum(own), utility.unit, peak.start, peak.quantity, _rate(peak),
        )  # fmt: skip


def _peaks(utility: Utility, read: Sequence[Quarter]) -> Iterable[Row]:
    highest = sorted(read, key=lambda one: (-one.quantity, one.start))[:PEAKS]
    for one in highest:
        if one.quantity:
            yield utility.value, one.start, one.quantity, utility.unit, _rate(one)


def _total(question: Question, utility: Utility, read: Sequence[Quarter]) -> Row:
    total, days = _sum(read), len(_days_of(read))
    used: list[Value] = [utility.value, total, utility.unit]
    if question.group_by is GroupBy.HOUR:
        return None, *used, _average(total, days), percent(total, total)
    if question.group_by is GroupBy.WEEKDAY:
        return None, None, *used, days, _average(total, days), percent(total, total)
    return None, *used, None, None, None


def _comparison(question: Question) -> Iterable[Row]:
    """What was used, against what was used on as many days before."""
    length = question.last_day - question.first_day + DAY
    before = replace(
        question, first_day=question.first_day - length, last_day=question.first_day - DAY
    )
    now, then = metered(question, question.utilities), metered(before, question.utilities)
    sums, sums_then = in_all(now), in_all(then)
    for utility in question.utilities:
        if utility.value in sums or utility.value in sums_then:
            used, was = sums.get(utility.value, 0), sums_then.get(utility.value, 0)
            yield (
                utility.value, used, utility.unit, _metered_days(now, utility), was,
                _metered_days(then, utility), used - was, percent(used - was, was),
            )  # fmt: skip


def _anomalies(question: Question) -> Iterable[Row]:
    period = question.period
    found = Finding.objects.filter(
        meter__estate=question.estate,
        meter__kind__in=[one.value for one in question.utilities],
        starts_at__lt=period.end,
        ends_at__gte=period.start,
    )
    rows = found.order_by().values_list("meter__kind", "rule")
    waits = Q(state=Finding.State.OPEN) | Q(
        state=Finding.State.SNOOZED, snoozed_until__lte=question.now
    )
    for kind, rule, number, waiting, amount in rows.annotate(
        found=Count("pk"), waiting=Count("pk", filter=waits), at_stake=Sum("amount")
    ).order_by("meter__kind", "rule"):
        yield kind, rule, BY_CODE[rule].name, number, waiting, amount


def _grouped[K](read: Iterable[Quarter], key: Callable[[Quarter], K]) -> dict[K, list[Quarter]]:
    groups: dict[K, list[Quarter]] = {}
    for one in read:
        groups.setdefault(key(one), []).append(one)
    return groups


def _sum(read: Iterable[Quarter]) -> int:
    return sum(one.quantity for one in read)


def _days_of(read: Iterable[Quarter]) -> set[date]:
    return {one.start.date() for one in read}


def _metered_days(used: Iterable[Any], utility: Utility) -> int:
    return len({one.on for one in used if one.kind == utility})


def _average(quantity: int, days: int) -> int:
    """Whole Wh or litres, half-up."""
    return (2 * quantity + days) // (2 * days)


def _rate(one: Quarter) -> Decimal:
    """kW or kl an hour, on average over the quarter of an hour."""
    return as_kilo(one.quantity * AN_HOUR)


REPORT = Report(
    slug="analytics",
    title="Consumption analytics",
    says="When it is used: profile, peaks, comparison with the days before, and findings.",
    columns=COLUMNS,
    answer=answer,
    sections=SECTIONS,
    of_intervals=frozenset(GroupBy),
)
