"""Weeks that used far more or far less a day than the home does in this season."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from meters.vee.limits import Limits
from meters.vee.queue import Found, Scope
from meters.vee.rules import BY_CODE
from meters.vee.work import CheckedDay
from quantify.periods import local_day, midnight
from quantify.quantities import format_kilo

WEEK = timedelta(days=7)
WEEKS = 7


class Week(NamedTuple):
    """A week of a register, from its Monday on."""

    meter_id: UUID
    channel: int
    monday: date
    zone: ZoneInfo
    estate_id: UUID

    @property
    def scope(self) -> Scope:
        begins = midnight(self.monday, self.zone)
        ends = midnight(self.monday + WEEK, self.zone)
        return Scope(self.meter_id, self.channel, begins, ends)


def weeks(days: Sequence[CheckedDay]) -> list[Week]:
    """The weeks that these days lie in, of meters that the check looks at."""
    found = {
        Week(
            one.meter_id, one.channel, one.day - timedelta(days=one.day.weekday()), one.zone,
            one.estate_id,
        )
        for one in days
        if one.kind in BY_CODE["high_low"].kinds
    }  # fmt: skip
    return sorted(found, key=lambda one: one[:3])


def scopes(days: Sequence[CheckedDay]) -> list[Scope]:
    return [one.scope for one in weeks(days)]


def unusual(
    days: Sequence[CheckedDay], limits: Mapping[UUID, Limits], *, now: datetime
) -> Iterator[Found]:
    """
    The finished weeks whose average day lies beyond the limits of the usual one.

    Usual is the average of the days of the same season (June to August, or the others) within a
    year before the week; a week counts when all its days were metered.
    """
    asked = [one for one in weeks(days) if one.monday + WEEK <= local_day(now, one.zone)]
    if not asked:
        return
    needed = [int(limits[one.estate_id]["high_low.days"]) for one in asked]
    with connection.cursor() as cursor:
        cursor.execute(
            _AVERAGES,
            [
                list(range(len(asked))),
                [one.meter_id for one in asked],
                [one.channel for one in asked],
                [one.monday for one in asked],
                needed,
                WEEKS,
            ],
        )
        rows = cursor.fetchall()
    for number, week_used, usual in rows:
        one, limit = asked[number], limits[asked[number].estate_id]
        low, high = usual * limit["high_low.low"], usual * limit["high_low.high"]
        if low <= week_used <= high:
            continue
        yield _found(one, week_used, usual)


def _found(one: Week, used: Decimal, usual: Decimal) -> Found:
    word = "more" if used > usual else "less"
    return Found(
        meter_id=one.meter_id,
        channel=one.channel,
        rule="high_low",
        starts_at=one.scope.begins,
        ends_at=one.scope.ends,
        says=f"The week from {one.monday} used {format_kilo(round(used))} a day,"
        f" far {word} than the usual {format_kilo(round(usual))}.",
        quantity=abs(round((used - usual) * WEEKS)),
    )


_AVERAGES = """
SELECT asked.number, week.used, past.usual
FROM unnest(%s::bigint[], %s::uuid[], %s::smallint[], %s::date[], %s::bigint[])
    AS asked (number, meter_id, channel, monday, needed)
CROSS JOIN LATERAL (
    SELECT avg(quantity) AS used, count(*) AS days FROM meters_dailyconsumption
    WHERE meter_id = asked.meter_id AND channel = asked.channel
      AND day >= asked.monday AND day < asked.monday + 7 AND intervals > 0
) AS week
CROSS JOIN LATERAL (
    SELECT avg(quantity) AS usual, count(*) AS days FROM meters_dailyconsumption
    WHERE meter_id = asked.meter_id AND channel = asked.channel
      AND day >= asked.monday - 365 AND day < asked.monday AND intervals > 0
      AND (extract(month FROM day) IN (6, 7, 8)) = (extract(month FROM asked.monday) IN (6, 7, 8))
) AS past
WHERE week.days = %s AND past.days >= asked.needed AND past.usual > 0
"""
