"""The sum check: a day's intervals against what its registers counted; registers are right."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from django.db import connection

from meters.vee.limits import Limits
from meters.vee.queue import Found
from meters.vee.validation import NEVER_A_BASE, STANDS
from meters.vee.work import CheckedDay
from quantify.quantities import format_kilo

KILO = 1000


def differing(days: Sequence[CheckedDay], limits: Mapping[UUID, Limits]) -> Iterator[Found]:
    """
    The days whose intervals add up to something else than their registers.

    Only days with a valid reading at both ends, and none between from which the register counts
    anew, can be told.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _DIFFERING,
            {
                "numbers": list(range(len(days))),
                "meters": [one.meter_id for one in days],
                "channels": [one.channel for one in days],
                "begins": [one.begin for one in days],
                "ends": [one.end for one in days],
                "tolerances": [
                    int(limits[one.estate_id]["sum_check.tolerance"] * KILO) for one in days
                ],
                "never": NEVER_A_BASE,
                "anew": STANDS,
            },
        )
        rows = cursor.fetchall()
    for number, counted, summed in rows:
        day = days[number]
        yield Found(
            meter_id=day.meter_id,
            channel=day.channel,
            rule="sum_check",
            starts_at=day.begin,
            ends_at=day.end,
            says=f"The register counted {format_kilo(counted)} on {day.day},"
            f" the intervals add up to {format_kilo(summed)}.",
            quantity=abs(counted - summed),
        )


_DIFFERING = """
SELECT asked.number, steps.counted, sums.quantity
FROM unnest(%(numbers)s::bigint[], %(meters)s::uuid[], %(channels)s::smallint[],
            %(begins)s::timestamptz[], %(ends)s::timestamptz[], %(tolerances)s::bigint[])
    AS asked (number, meter_id, channel, begins, ends, tolerance)
JOIN meters_register r ON (r.meter_id, r.channel) = (asked.meter_id, asked.channel)
CROSS JOIN LATERAL (
    SELECT closing.stands - opening.stands
        + CASE WHEN closing.stands < opening.stands THEN r.span ELSE 0 END AS counted
    FROM meters_reading opening, meters_reading closing
    WHERE (opening.meter_id, opening.channel, opening.taken_at)
            = (asked.meter_id, asked.channel, asked.begins)
      AND (closing.meter_id, closing.channel, closing.taken_at)
            = (asked.meter_id, asked.channel, asked.ends)
      AND opening.is_valid AND opening.rules & %(never)s = 0
      AND closing.is_valid AND closing.rules & %(never)s = 0
) AS steps
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0)::bigint AS quantity FROM meters_interval
    WHERE meter_id = asked.meter_id AND channel = asked.channel
      AND start >= asked.begins AND start < asked.ends
) AS sums
WHERE abs(steps.counted - sums.quantity) > asked.tolerance
  AND NOT EXISTS (SELECT FROM meters_reading
    WHERE meter_id = asked.meter_id AND channel = asked.channel
      AND taken_at > asked.begins AND taken_at <= asked.ends AND rules & %(anew)s <> 0)
"""
