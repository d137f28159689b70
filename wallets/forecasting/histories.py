"""What forecasts learn from: the metered hours of supplies, and since when they are supplied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection

from meters.models import Installation
from quantify.periods import INTERVAL, local_day
from quantify.quantities import Utility
from wallets.billing.metered import BILLED_CHANNELS
from wallets.low_balance import is_rising
from wallets.models import Wallet

WEEKS = timedelta(weeks=4)
COMPARED = timedelta(weeks=5)
QUARTERS = 4

type Source = tuple[UUID, Utility]

HOURS = """
SELECT installation.unit_id, installation.kind, local.hour, sum(interval.quantity)::bigint,
    max(interval.start), count(*)
FROM meters_installation AS installation
JOIN units_unit AS unit ON unit.id = installation.unit_id
JOIN estates_estate AS estate ON estate.id = unit.estate_id
JOIN meters_interval AS interval ON interval.meter_id = installation.meter_id
    AND interval.channel = ANY (%(channels)s)
    AND interval.start >= %(first)s AND interval.start < %(now)s
    AND interval.start >= installation.starts_at
CROSS JOIN LATERAL (
    SELECT date_trunc('hour', interval.start AT TIME ZONE estate.time_zone) AS hour
) AS local
WHERE installation.unit_id = ANY (%(units)s) AND installation.starts_at <= %(now)s
    AND (installation.ends_at IS NULL OR installation.ends_at > %(now)s)
GROUP BY 1, 2, 3
"""


@dataclass(slots=True)
class History:
    """The full hours that a supply was metered (local, Wh or litres), and up to when."""

    hours: list[tuple[datetime, int]]
    until: datetime


def read(units: Sequence[UUID], *, now: datetime) -> dict[Source, History]:
    """The last four weeks of the supplies of units, in one query."""
    found: dict[Source, History] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            HOURS,
            {
                "units": list(units),
                "channels": BILLED_CHANNELS,
                "first": now - WEEKS,
                "now": now,
            },
        )
        for unit_id, kind, hour, quantity, newest, count in cursor.fetchall():
            history = found.setdefault((unit_id, Utility(kind)), History([], newest + INTERVAL))
            history.until = max(history.until, newest + INTERVAL)
            # An hour with a hole would teach that less is used than is.
            if count >= QUARTERS:
                history.hours.append((hour, quantity))
    return found


def supplied_since(wallets: Mapping[UUID, Wallet], *, now: datetime) -> dict[Source, date]:
    """The utilities that units are supplied with now, and the first local day of each."""
    hanging = Installation.objects.filter(
        unit__in=list(wallets), kind__in=list(Utility), starts_at__lte=now
    )
    current = set(hanging.at(now).values_list("unit_id", "kind"))
    since: dict[Source, date] = {}
    for unit_id, kind, starts_at in hanging.values_list("unit_id", "kind", "starts_at"):
        if (unit_id, kind) in current:
            source = (unit_id, Utility(kind))
            day = local_day(starts_at, wallets[unit_id].unit.estate.zone)
            since[source] = min(day, since.get(source, day))
    return since


DAYS = """
SELECT installation.unit_id, installation.kind, daily.day, sum(daily.quantity)::bigint
FROM meters_installation AS installation
JOIN units_unit AS unit ON unit.id = installation.unit_id
JOIN estates_estate AS estate ON estate.id = unit.estate_id
JOIN meters_dailyconsumption AS daily ON daily.meter_id = installation.meter_id
    AND daily.channel = ANY (%(channels)s)
    AND daily.day >= %(first)s AND daily.day < %(end)s
    AND daily.day >= (installation.starts_at AT TIME ZONE estate.time_zone)::date
    AND (installation.ends_at IS NULL
        OR daily.day <= (installation.ends_at AT TIME ZONE estate.time_zone)::date)
WHERE installation.unit_id = ANY (%(units)s)
    AND installation.kind IN ('electricity', 'solar')
GROUP BY 1, 2, 3
"""


def rising(wallets: Mapping[UUID, Wallet], *, now: datetime) -> set[UUID]:
    """The units, of those given with their wallets, whose electricity or solar use is rising."""
    if not wallets:
        return set()
    today = {unit: local_day(now, one.unit.estate.zone) for unit, one in wallets.items()}
    found: dict[Source, dict[date, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            DAYS,
            {
                "units": list(wallets),
                "channels": BILLED_CHANNELS,
                "first": min(today.values()) - COMPARED,
                "end": max(today.values()),
            },
        )
        for unit_id, kind, day, quantity in cursor.fetchall():
            found.setdefault((unit_id, Utility(kind)), {})[day] = quantity
    return {
        source[0]
        for source, days in found.items()
        if is_rising([days.get(day) for day in _days_before(today[source[0]])])
    }


def _days_before(today: date) -> list[date]:
    """The whole days that are compared, the oldest first."""
    return [today - timedelta(days=back) for back in range(COMPARED.days, 0, -1)]
