"""
How much of what meters should have told is measured, estimated or missing.

Counted in quarters of an hour: expected are those in which a meter hung somewhere, on the days
that are asked for and up to now. A quarter that lies half in an installation is expected by half
and rounded down. `late` are meters whose newest reading is older than the estate's
`reading_freshness_minutes`; findings are those of the checks (docs/vee.md).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Count, Min, Q

from meters.models import Finding, Installation
from meters.vee.rules import BY_CODE
from quantify.tables.description import Column, Kind, Value
from reports.report import Answer, Question, Report, Row, Section
from reports.shares import percent

HOUR = timedelta(hours=1)


class GroupBy(StrEnum):
    DAY = "day"
    METER = "meter"
    KIND = "kind"


SHARES = (
    Column("expected", "Expected", Kind.COUNT),
    Column("actual", "Measured", Kind.COUNT),
    Column("estimated", "Estimated", Kind.COUNT),
    Column("missing", "Missing", Kind.COUNT),
    Column("actual_percent", "Measured, %", Kind.NUMBER, optional=True),
    Column("estimated_percent", "Estimated, %", Kind.NUMBER, optional=True),
    Column("missing_percent", "Missing, %", Kind.NUMBER, optional=True),
)
KIND = Column("kind", "Kind")
UNIT = Column("unit_number", "Unit")
LAST = (
    Column("last_reading_at", "Newest reading", Kind.INSTANT, optional=True),
    Column("last_contact_at", "Last heard", Kind.INSTANT, optional=True),
    Column("status", "Contact"),
)
COLUMNS = {
    GroupBy.DAY: (Column("day", "Day", Kind.DATE), *SHARES),
    GroupBy.METER: (Column("serial", "Meter"), KIND, UNIT, *SHARES, *LAST),
    GroupBy.KIND: (KIND, Column("meters", "Meters", Kind.COUNT), *SHARES),
}
SECTIONS = {
    "findings": Section(
        "What the checks found",
        (
            Column("rule", "Check"), Column("name", "What it is"),
            Column("waiting", "Waiting now", Kind.COUNT),
            Column("snoozed", "Snoozed", Kind.COUNT),
            Column("found", "Found in these days", Kind.COUNT),
            Column("oldest_waiting", "Oldest waiting", Kind.INSTANT, optional=True),
        ),
    ),
    "late": Section(
        "Meters that are late now",
        (
            Column("serial", "Meter"), KIND, UNIT, *LAST,
            Column("hours_late", "Hours since", Kind.COUNT, optional=True),
        ),
    ),
}  # fmt: skip

# By meter and local day: the quarters of an hour it should have told, and those it did. The keys
# of the intervals begin with the meter.
TOLD = """
WITH calendar AS (
    SELECT day::date AS day, day AT TIME ZONE %(zone)s AS starts_at,
        least((day + interval '1 day') AT TIME ZONE %(zone)s, %(now)s) AS ends_at
    FROM generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 day') AS day
), due AS (
    SELECT calendar.day, meter.id AS meter_id, register.channel, floor(sum(
            extract(epoch FROM least(calendar.ends_at, hung.ends_at)
                - greatest(calendar.starts_at, hung.starts_at)) / 900))::bigint AS expected
    FROM calendar
    JOIN meters_installation AS hung ON hung.starts_at < calendar.ends_at
        AND (hung.ends_at IS NULL OR hung.ends_at > calendar.starts_at)
    JOIN meters_meter AS meter ON meter.id = hung.meter_id AND meter.estate_id = %(estate)s
    JOIN meters_register AS register ON register.meter_id = meter.id
    WHERE meter.kind = ANY (%(kinds)s)
    GROUP BY 1, 2, 3
), told AS (
    SELECT meter_id, channel, (start AT TIME ZONE %(zone)s)::date AS day,
        count(*) FILTER (WHERE quality = 'actual') AS actual,
        count(*) FILTER (WHERE quality = 'estimated') AS estimated
    FROM meters_interval
    WHERE meter_id = ANY (ARRAY(SELECT DISTINCT meter_id FROM due))
        AND start >= %(start)s AND start < %(end)s
    GROUP BY 1, 2, 3
)
SELECT {key}, count(DISTINCT due.meter_id),
    sum(coalesce(told.actual, 0))::bigint, sum(coalesce(told.estimated, 0))::bigint,
    sum(greatest(due.expected - coalesce(told.actual + told.estimated, 0), 0))::bigint
FROM due
JOIN meters_meter AS meter ON meter.id = due.meter_id
LEFT JOIN told ON told.meter_id = due.meter_id AND told.channel = due.channel
    AND told.day = due.day
GROUP BY 1
ORDER BY 1
"""
KEYS = {GroupBy.DAY: "due.day", GroupBy.METER: "due.meter_id", GroupBy.KIND: "meter.kind"}


class Told(NamedTuple):
    """Quarters of an hour of a day, a meter or a kind."""

    key: Any
    meters: int
    actual: int
    estimated: int
    missing: int


def answer(question: Question) -> Answer:
    """The shares, the findings and the meters that are late; four statements at most."""
    told, hung = read(question), _hung(question)
    rows: Sequence[Row]
    if question.group_by is GroupBy.METER:
        rows = [_of_meter(one, hung[one.key], question) for one in told]
        rows = sorted(rows, key=lambda row: (row[2], row[1], row[0]))
        total: Row = (None, None, None, *_shares(told), None, None, None)
    elif question.group_by is GroupBy.KIND:
        rows = [(one.key, one.meters, *_shares([one])) for one in told]
        total = (None, sum(one.meters for one in told), *_shares(told))
    else:
        rows = [(one.key, *_shares([one])) for one in told]
        total = (None, *_shares(told))
    return Answer(
        rows=rows,
        totals=[total] if told else [],
        sections={"findings": list(_findings(question)), "late": list(_late(hung, question))},
    )


def read(question: Question) -> list[Told]:
    """What meters should have told, by the group that is asked for."""
    period = question.period
    with connection.cursor() as cursor:
        cursor.execute(
            TOLD.format(key=KEYS[GroupBy(question.group_by)]),
            {
                "zone": question.estate.time_zone, "estate": question.estate.pk,
                "first": question.first_day, "last": question.last_day, "now": question.now,
                "start": period.start, "end": period.end, "kinds": _kinds(question),
            },
        )  # fmt: skip
        return [Told(*row) for row in cursor.fetchall()]


def _kinds(question: Question) -> list[str]:
    """The kinds of meters at units and in bulk."""
    return [kind for one in question.utilities for kind in (one.value, f"bulk_{one.value}")]


def _shares(told: Sequence[Told]) -> tuple[Value, ...]:
    actual, estimated, missing = (
        sum(one.actual for one in told), sum(one.estimated for one in told),
        sum(one.missing for one in told),
    )  # fmt: skip
    expected = actual + estimated + missing
    shares = (percent(part, expected) for part in (actual, estimated, missing))
    return expected, actual, estimated, missing, *shares


def _hung(question: Question) -> dict[UUID, Installation]:
    """Where each meter of the estate hung last, with the meter."""
    hung = Installation.objects.filter(meter__estate=question.estate, kind__in=_kinds(question))
    rows = hung.select_related("meter", "unit").order_by("starts_at")
    return {one.meter_id: one for one in rows}


def _of_meter(one: Told, at: Installation, question: Question) -> Row:
    return *_named(at), *_shares([one]), *_last(at, question)


def _named(at: Installation) -> tuple[str, str, str]:
    return at.meter.serial, at.kind, at.unit.unit_number if at.unit else ""


def _last(at: Installation, question: Question) -> tuple[Value, ...]:
    zone, meter = question.estate.zone, at.meter
    instants = (meter.last_reading_at, meter.last_contact_at)
    return *(one and one.astimezone(zone) for one in instants), meter.communication_status


def _late(hung: dict[UUID, Installation], question: Question) -> Iterable[Row]:
    """Meters that hang now and told nothing for too long; those that never did first."""
    fresh = timedelta(minutes=question.estate.settings.reading_freshness_minutes)
    late = [
        at
        for at in hung.values()
        if at.meter.deleted_at is None
        and (at.ends_at is None or at.ends_at > question.now)
        and (at.meter.last_reading_at is None or at.meter.last_reading_at < question.now - fresh)
    ]
    never = datetime.min.replace(tzinfo=question.now.tzinfo)
    for at in sorted(late, key=lambda one: (one.meter.last_reading_at or never, one.meter.serial)):
        last = at.meter.last_reading_at
        hours = None if last is None else (question.now - last) // HOUR
        yield *_named(at), *_last(at, question), hours


def _findings(question: Question) -> Iterable[Row]:
    period = question.period
    found = Q(starts_at__gte=period.start, starts_at__lt=period.end)
    woken = Q(state=Finding.State.SNOOZED, snoozed_until__lte=question.now)
    waiting = Q(state=Finding.State.OPEN) | woken
    rows = Finding.objects.filter(
        Q(waiting) | Q(state=Finding.State.SNOOZED) | found,
        meter__estate=question.estate,
        meter__kind__in=_kinds(question),
    )
    sums = (
        rows.order_by()
        .values_list("rule")
        .annotate(
            waits=Count("pk", filter=waiting),
            snoozed=Count("pk", filter=Q(state=Finding.State.SNOOZED) & ~woken),
            found=Count("pk", filter=found),
            oldest=Min("starts_at", filter=waiting),
        )
    )
    for rule, waits, snoozed, number, oldest in sums.order_by("rule"):
        at = oldest and oldest.astimezone(question.estate.zone)
        yield rule, BY_CODE[rule].name, waits, snoozed, number, at


REPORT = Report(
    slug="data-quality",
    title="Data quality",
    says="How much is measured, estimated or missing; what the checks found; who is late.",
    columns=COLUMNS,
    answer=answer,
    sections=SECTIONS,
    of_intervals=frozenset(GroupBy),
)
