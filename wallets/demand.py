"""The highest power of a month, told from its quarter hours."""

from collections.abc import Sequence
from datetime import date, timedelta

from django.db import connection

from quantify.periods import INTERVAL
from wallets.metered import BILLED_CHANNELS, Key, Supply

HOUR = timedelta(hours=1)

DEMAND = """
SELECT unit_id, coalesce(max(quantity) FILTER (WHERE metered = %(quarters)s), 0)
FROM (
    SELECT installation.unit_id, sum(interval.quantity)::bigint AS quantity,
        count(DISTINCT interval.start) AS metered
    FROM meters_installation AS installation
    JOIN units_unit AS unit ON unit.id = installation.unit_id
    JOIN estates_estate AS estate ON estate.id = unit.estate_id
    JOIN meters_interval AS interval ON interval.meter_id = installation.meter_id
        AND interval.channel = ANY (%(channels)s)
        AND interval.start >= %(first)s::timestamp AT TIME ZONE estate.time_zone
        AND interval.start < %(end)s::timestamp AT TIME ZONE estate.time_zone
        AND interval.start >= installation.starts_at
        AND (installation.ends_at IS NULL OR interval.start < installation.ends_at)
    WHERE installation.unit_id = ANY (%(units)s) AND installation.kind = %(utility)s
    GROUP BY installation.unit_id,
        date_bin(make_interval(mins => %(minutes)s),
            interval.start AT TIME ZONE estate.time_zone, 'epoch'::timestamp)
) AS used
GROUP BY unit_id
"""


def highest(supplies: Sequence[Supply], *, first: date, end: date, minutes: int) -> dict[Key, int]:
    """
    The highest average power, in W, of supplies of one month over some of its days.

    An interval of `minutes` counts once all its quarter hours are metered, by whichever meter.
    """
    wallets = {supply.place.unit_id: supply.wallet_id for supply in supplies}
    length = timedelta(minutes=minutes)
    with connection.cursor() as cursor:
        cursor.execute(
            DEMAND,
            {
                "units": list(wallets),
                "utility": supplies[0].utility.value,
                "channels": BILLED_CHANNELS,
                "first": first,
                "end": end,
                "minutes": minutes,
                "quarters": length // INTERVAL,
            },
        )
        return {
            (wallets[unit_id], supplies[0].utility, supplies[0].month): quantity * HOUR // length
            for unit_id, quantity in cursor.fetchall()
        }
