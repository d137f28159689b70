"""
Daily consumption: the sums of a local day's intervals, and by month how often its days changed.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from django.db import connection
from django.db.models import F

from meters.intervals import Intervals
from meters.models.devices import Meter
from meters.models.facts import DailyConsumption
from meters.registers import Registers
from meters.vee.validation import Ints
from quantify.periods import local_day, midnight

FIRST_DAY = date(1970, 1, 1)


def refresh(registers: Registers, touched: Intervals) -> int:
    """
    Sum the days of these intervals anew and return how many days changed.

    Set-based: one statement for all days of a batch. A day whose sum stays but whose shape changed
    counts as changed: time of use prices it otherwise. The sums of revisions by month grow with
    the days, so that neither can be without the other. The lateral sum keeps the planner on the
    key, whatever its statistics are.
    """
    if not len(touched):
        return 0
    register, day = _days(registers, touched)
    bounds = {
        (zone, number): _bounds(number, zone)
        for zone, number in {
            (registers.zones[one], int(at)) for one, at in zip(register, day, strict=True)
        }
    }
    spans = [bounds[registers.zones[one], int(at)] for one, at in zip(register, day, strict=True)]
    meters, channels = registers.meters, registers.channels
    with connection.cursor() as cursor:
        cursor.execute(
            _REFRESH,
            [
                [meters[one] for one in register],
                [channels[one] for one in register],
                [name for name, _, _ in spans],
                [begin for _, begin, _ in spans],
                [end for _, _, end in spans],
            ],
        )
        (changed,) = cursor.fetchone()
        return int(changed)


_REFRESH = """
WITH changed AS (
INSERT INTO meters_dailyconsumption AS known
    (meter_id, channel, day, quantity, estimated, intervals)
SELECT asked.meter_id, asked.channel, asked.day, sums.quantity, sums.estimated, sums.intervals
FROM unnest(%s::uuid[], %s::smallint[], %s::date[], %s::timestamptz[], %s::timestamptz[])
    AS asked (meter_id, channel, day, begins, ends)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0) AS quantity, count(*) AS intervals,
        coalesce(sum(quantity) FILTER (WHERE quality = 'estimated'), 0) AS estimated
    FROM meters_interval
    WHERE meter_id = asked.meter_id AND channel = asked.channel
      AND start >= asked.begins AND start < asked.ends
) AS sums
ON CONFLICT (meter_id, channel, day) DO UPDATE
SET quantity = excluded.quantity, estimated = excluded.estimated,
    intervals = excluded.intervals, revision = known.revision + 1
RETURNING new.meter_id, new.channel, new.day, new.revision - coalesce(old.revision, 0) AS grown
), months AS (
    INSERT INTO meters_monthrevision AS known (meter_id, channel, month, revision)
    SELECT meter_id, channel, date_trunc('month', day)::date AS month, sum(grown)
    FROM changed GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (meter_id, channel, month) DO UPDATE
    SET revision = known.revision + excluded.revision
)
SELECT count(*) FROM changed
"""

_ADD_UP = """
INSERT INTO meters_monthrevision (meter_id, channel, month, revision)
SELECT meter_id, channel, date_trunc('month', day)::date, sum(revision)
FROM meters_dailyconsumption
WHERE %(meters)s::uuid[] IS NULL OR meter_id = ANY (%(meters)s::uuid[])
GROUP BY 1, 2, 3
ON CONFLICT (meter_id, channel, month) DO UPDATE SET revision = excluded.revision
"""


def add_up(meter_ids: Sequence[UUID] | None = None) -> None:
    """Sum the revisions of days by month anew, of all meters or of some whose days were written."""
    asked = None if meter_ids is None else list(meter_ids)
    with connection.cursor() as cursor:
        cursor.execute(_ADD_UP, {"meters": asked})


def _days(registers: Registers, touched: Intervals) -> tuple[Ints, Ints]:
    """Each register and local day (in days since 1970) that the intervals fall on, once."""
    day = np.empty(len(touched), np.int64)
    for zone in set(registers.zones):
        of_zone = np.array([one is zone for one in registers.zones])
        rows = of_zone[touched.register]
        day[rows] = _local_days(touched.start[rows], zone)
    most = int(day.max()) + 1
    pairs = np.unique(touched.register * most + day)
    return pairs // most, pairs % most


def _local_days(start: Ints, zone: ZoneInfo) -> Ints:
    """The local day of each start; every distinct instant is asked for once."""
    instants, place = np.unique(start, return_inverse=True)
    local = [
        (datetime.fromtimestamp(at // 1_000_000, zone).date() - FIRST_DAY).days
        for at in instants.tolist()
    ]
    return np.array(local, np.int64)[place]


def _bounds(number: int, zone: ZoneInfo) -> tuple[date, datetime, datetime]:
    day = FIRST_DAY + timedelta(days=number)
    return day, midnight(day, zone), midnight(day + timedelta(days=1), zone)


def counted_elsewhere(meter: Meter, since: datetime) -> None:
    """
    Mark the days of a meter from an instant on as changed: they count for another place now.

    What they sum up to stands; whoever priced them compares revisions and looks again.
    """
    zone = Meter.objects.values_list("estate__time_zone", flat=True).get(pk=meter.pk)
    first = local_day(since, ZoneInfo(zone))
    later = DailyConsumption.objects.filter(meter=meter, day__gte=first)
    if later.update(revision=F("revision") + 1):
        add_up([meter.pk])
