"""
From reading to reading: which stretch of which register a charge covers.

One statement answers a whole batch with the sums of metered days and, of the same snapshot, the
stretches that came since each bill was charged: what is priced is what is explained, also while
readings arrive. Registers are named by value; facts are never a foreign key of money.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, NotRequired, TypedDict

from django.db import connection

from meters.models import Reading
from meters.vee.validation import NEVER_A_BASE
from wallets.arrays import array
from wallets.billing.metered import BILLED_CHANNELS, DAYS, Supply

DAY = timedelta(days=1)


class ReadingRow(TypedDict):
    """
    The value of a register, in Wh or litres: read automatically, if no other `source` is named,
    at the end of the stretch that it belongs to, if no other instant is.
    """

    value: int
    at: NotRequired[str]
    source: NotRequired[str]


class StretchRow(TypedDict):
    """
    What one register counted from one instant to another, in Wh or litres, by value.

    `opening` and `closing` are the valid readings next to both ends: exactly there, or the
    nearest outside of the stretch, or none. `missing` counts quarter hours without a value,
    `rollover` is the span of a register that started again at zero within. What is nothing is
    left out: there is a charge every quarter of an hour.
    """

    meter: str
    serial: str
    channel: int
    start: str
    end: str
    quantity: int
    estimated: NotRequired[int]
    missing: NotRequired[int]
    opening: NotRequired[ReadingRow]
    closing: NotRequired[ReadingRow]
    rollover: NotRequired[int]


# The neighbours of an end are looked for no further away than this.
NEAR = "interval '35 days'"

# A `StretchRow`, of an installation and its meter, what was counted, and its readings.
ROW = """concat('{"meter":"', installation.meter_id, '","serial":', to_json(meter.serial),
            ',"channel":', counted.channel, ',"start":', to_json(counted.first),
            ',"end":', to_json(counted.until), ',"quantity":', counted.quantity,
            ',"estimated":' || nullif(counted.estimated, 0),
            ',"missing":' || nullif(extract(epoch FROM counted.until - counted.first)::bigint / 900
                - counted.count, 0),
            ',"opening":{"value":' || opening.value
                || coalesce(',"at":' || to_json(nullif(opening.taken_at, counted.first)), '')
                || coalesce(',"source":' || to_json(nullif(opening.source, %(usual)s)), '') || '}',
            ',"closing":{"value":' || closing.value
                || coalesce(',"at":' || to_json(nullif(closing.taken_at, counted.until)), '')
                || coalesce(',"source":' || to_json(nullif(closing.source, %(usual)s)), '') || '}',
            ',"rollover":' || CASE WHEN closing.value < opening.value
                THEN (SELECT span FROM meters_register AS register
                    WHERE (register.meter_id, register.channel)
                            = (installation.meter_id, counted.channel)
                        AND counted.quantity = closing.value - opening.value + span)
                END, '}')"""

# The valid readings next to both ends of what was counted.
READINGS = f"""
    LEFT JOIN LATERAL (
        SELECT taken_at, stands AS value, source FROM meters_reading
        WHERE meter_id = installation.meter_id AND channel = counted.channel
            AND taken_at <= counted.first
            AND taken_at >= greatest(counted.first - {NEAR}, installation.starts_at)
            AND is_valid AND rules & %(never)s = 0
        ORDER BY taken_at DESC LIMIT 1
    ) AS opening ON true
    LEFT JOIN LATERAL (
        SELECT taken_at, stands AS value, source FROM meters_reading
        WHERE meter_id = installation.meter_id AND channel = counted.channel
            AND taken_at >= counted.until
            AND taken_at <= least(counted.until + {NEAR}, installation.ends_at)
            AND is_valid AND rules & %(never)s = 0
        ORDER BY taken_at LIMIT 1
    ) AS closing ON true"""  # noqa: S608

# A stretch begins with the first interval since the end of what the bill was charged for, at its
# meter's installation or with the month, and ends with the last interval there is. From the first
# of the month on its days have added it up. `least` and `greatest` pass over what is null. The
# lateral look-ups stay on the keys of the partitions.
STRETCHES = f"""
    SELECT asked.n, counted.quantity, counted.first, counted.until,
        {ROW} AS stretch
    FROM unnest(%(units)s::uuid[], %(utilities)s::text[], %(firsts)s::date[], %(ends)s::date[],
        %(charged)s::timestamptz[]) WITH ORDINALITY
        AS asked (unit_id, utility, first_day, end_day, charged_to, n)
    JOIN meters_installation AS installation
        ON installation.unit_id = asked.unit_id AND installation.kind = asked.utility
    JOIN meters_meter AS meter ON meter.id = installation.meter_id
    JOIN estates_estate AS estate ON estate.id = meter.estate_id
    CROSS JOIN LATERAL (SELECT
        asked.first_day::timestamp AT TIME ZONE estate.time_zone AS midnight,
        least(asked.end_day, (%(now)s AT TIME ZONE estate.time_zone)::date + 1) AS end_day
    ) AS local
    CROSS JOIN LATERAL (SELECT
        greatest(asked.charged_to, local.midnight, installation.starts_at) AS begins,
        least(local.end_day::timestamp AT TIME ZONE estate.time_zone, installation.ends_at) AS ends
    ) AS bounds
    CROSS JOIN LATERAL (
        SELECT channel, min(start) AS first, max(start) + interval '15 minutes' AS until,
            sum(quantity)::bigint AS quantity, count(*) AS count,
            coalesce(sum(quantity) FILTER (WHERE quality = 'estimated'), 0)::bigint AS estimated
        FROM meters_interval
        WHERE (bounds.begins > local.midnight OR installation.ends_at IS NOT NULL)
            AND meter_id = installation.meter_id AND channel = ANY (%(channels)s)
            AND start >= bounds.begins AND start < bounds.ends
        GROUP BY channel
        UNION ALL
        SELECT channel,
            (SELECT min(start) FROM meters_interval WHERE meter_id = installation.meter_id
                AND channel = days.channel AND start >= bounds.begins AND start < bounds.ends),
            (SELECT max(start) FROM meters_interval WHERE meter_id = installation.meter_id
                AND channel = days.channel AND start >= bounds.begins AND start < bounds.ends)
                + interval '15 minutes',
            sum(quantity)::bigint, sum(intervals), sum(estimated)::bigint
        FROM meters_dailyconsumption AS days
        WHERE bounds.begins = local.midnight AND installation.ends_at IS NULL
            AND meter_id = installation.meter_id AND channel = ANY (%(channels)s)
            AND day >= asked.first_day AND day < local.end_day AND intervals > 0
        GROUP BY channel
    ) AS counted{READINGS}
    WHERE bounds.begins < bounds.ends AND counted.first IS NOT NULL
"""  # noqa: S608

# Days up to which something was kept of a part are compared by their state.
PARTS = """
    SELECT asked.n, sum(days.quantity)::bigint AS quantity, min(days.day) AS first_day,
        max(days.day) AS last_day,
        sum(days.state) FILTER (WHERE days.day < asked.kept_to)::bigint AS kept_state,
        sum(days.state) FILTER (WHERE days.day < asked.today)::bigint AS state,
        coalesce(sum(days.quantity) FILTER (WHERE days.day < asked.today), 0)::bigint AS before,
        count(*) FILTER (WHERE days.day < asked.today) AS days_before
    FROM unnest(%(part_units)s::uuid[], %(part_utilities)s::text[], %(part_firsts)s::date[],
        %(part_ends)s::date[], %(part_kept)s::date[], %(part_today)s::date[]) WITH ORDINALITY
        AS asked (unit_id, utility, first_day, end_day, kept_to, today, n)
    JOIN ({days}) AS days ON (days.unit_id, days.utility) = (asked.unit_id, asked.utility)
        AND days.day >= asked.first_day AND days.day < asked.end_day
    GROUP BY asked.n
"""

AT_PARTS = "installation.unit_id = ANY (%(part_units)s::uuid[])"

METERED = """
SELECT n, NULL::text, quantity, first_day, last_day, kept_state, state, before, days_before,
    NULL::timestamptz, NULL::timestamptz
FROM ({parts}) AS parts
UNION ALL
SELECT n, stretch, quantity, NULL, NULL, NULL, NULL, NULL, NULL, first, until
FROM ({stretches}) AS stretches
"""


class KeptRow(TypedDict):
    """
    What a bill keeps of the days before `to` of a part, so that they need not be read again.

    It stands while the days have the same `state`. By time of use: what they used by band, in Wh
    or litres, and the first day of each band, while the `calendar` divides them alike. For
    demand: the highest average power of an interval of so many `minutes`, in W.
    """

    to: str
    state: int
    calendar: NotRequired[str]
    bands: NotRequired[dict[str, tuple[int, str]]]
    minutes: NotRequired[int]
    demand: NotRequired[int]


class Part(NamedTuple):
    """Days of a supply that are summed together, and up to where something is kept of them."""

    supply: Supply
    first_day: date
    end_day: date
    kept_to: date | None = None


class Counted(NamedTuple):
    """
    What the days of a part add up to, in Wh or litres, and their states; see `PARTS`.

    `before` is what those before today do, `days_before` how many they are, one a register.
    """

    quantity: int = 0
    first_day: date | None = None
    last_day: date | None = None
    kept_state: int | None = None
    state: int | None = None
    before: int = 0
    days_before: int = 0


class Stretch(NamedTuple):
    """A stretch from one instant to another, its Wh or litres, and the `StretchRow` as JSON."""

    start: datetime
    end: datetime
    quantity: int
    row: str


def metered(
    supplies: Sequence[Supply],
    parts: Sequence[Part],
    *,
    charged_to: Sequence[datetime | None] | None,
    now: datetime,
) -> tuple[list[Counted], list[list[Stretch]]]:
    """
    What the parts add up to, and the stretches of the supplies since they were charged.

    `charged_to` says up to where each was; without it no stretches are looked for.
    """
    counted = [Counted()] * len(parts)
    stretches: list[list[Stretch]] = [[] for _ in supplies]
    with connection.cursor() as cursor:
        cursor.execute(
            METERED.format(
                parts=PARTS.format(days=DAYS.format(installed=AT_PARTS)),
                stretches=STRETCHES,
            ),
            {
                "now": now,
                "first_month": min(supply.month for supply in supplies),
                "channels": BILLED_CHANNELS,
                **_asked(supplies if charged_to else (), charged_to or ()),
                **_asked_parts(parts),
            },
        )
        for n, row, quantity, *sums, start, end in cursor.fetchall():
            if row is None:
                counted[n - 1] = Counted(quantity, *sums)
            else:
                stretches[n - 1].append(Stretch(start, end, quantity, row))
    for found in stretches:
        found.sort()
    return counted, stretches


def _asked(supplies: Sequence[Supply], charged_to: Sequence[datetime | None]) -> dict[str, Any]:
    return {
        "never": NEVER_A_BASE,
        "usual": Reading.Source.AUTOMATIC.value,
        "units": array(supply.place.unit_id.hex for supply in supplies),
        "utilities": array(supply.utility.value for supply in supplies),
        "firsts": array(str(supply.first_day) for supply in supplies),
        "ends": array(str(supply.end_day) for supply in supplies),
        "charged": array(str(at or "NULL") for at in charged_to),
    }


def _asked_parts(parts: Sequence[Part]) -> dict[str, Any]:
    return {
        "part_units": array(one.supply.place.unit_id.hex for one in parts),
        "part_utilities": array(one.supply.utility.value for one in parts),
        "part_firsts": array(str(one.first_day) for one in parts),
        "part_ends": array(str(one.end_day) for one in parts),
        "part_kept": array(str(one.kept_to or "NULL") for one in parts),
        "part_today": array(str(one.supply.priced_to - DAY) for one in parts),
    }
