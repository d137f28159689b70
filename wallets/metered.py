"""
What was metered for each wallet: which supplies, which days, and which bills they outdate.

Set-based SQL: a run over thousands of units asks the database a handful of questions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from meters.models import Register
from quantify.money import vat_percent_on
from quantify.periods import INTERVAL
from quantify.quantities import Utility
from rates.pricing import Place

BILLED_CHANNELS = [Register.Channel.IMPORT.value, Register.Channel.VOLUME.value]
HOUR = timedelta(hours=1)

type Key = tuple[UUID, Utility, date]
type DayBands = tuple[date, Sequence[str]]


class DayUsed(NamedTuple):
    """What a supply used on a local day, in Wh or litres."""

    day: date
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """
    A utility that a wallet pays for in a local month, and the state of its metered days.

    Supplied from `first_day` up to but without `end_day`; days before `priced_to` have begun.
    `since` is the day on which a settlement cut the month; `month_to_date` is what it had used
    by then.
    """

    wallet_id: UUID
    place: Place
    utility: Utility
    month: date
    first_day: date
    end_day: date
    priced_to: date
    revision: int
    vat_percent: Decimal
    since: date | None = None
    month_to_date: int = 0

    @property
    def key(self) -> Key:
        return self.wallet_id, self.utility, self.month


# A bill is stale if its days changed, if a local day began, if it had no price, or if any rate
# was written since. Changed days are told by the sum of their revisions: it grows with each
# change, so equal sums are equal facts, without clocks and without a queue.
# A settlement cuts the bills of its unit: days before it are final, and never stale again.
STALE = """
WITH cut AS (
    SELECT wallet_id, max(ends_on) AS last FROM wallets_settlement
    WHERE %(wallets)s::uuid[] IS NULL OR wallet_id = ANY (%(wallets)s::uuid[])
    GROUP BY wallet_id
), supplied AS (
    SELECT wallet.id AS wallet_id, unit.id AS unit_id, unit.estate_id, installation.kind AS utility,
        month.first::date AS month, estate.solar_free_allocation_kwh AS free_solar,
        coalesce(settings.vat_registered, true) AS vat_registered,
        (%(now)s AT TIME ZONE estate.time_zone)::date + 1 AS tomorrow,
        CASE settings.billing_cadence
            WHEN 'hourly' THEN date_trunc('hour', %(now)s AT TIME ZONE estate.time_zone)
            WHEN 'daily' THEN date_trunc('day', %(now)s AT TIME ZONE estate.time_zone)
        END AT TIME ZONE estate.time_zone AS charged_since,
        greatest(month.first::date,
            min((installation.starts_at AT TIME ZONE estate.time_zone)::date),
            cut.last) AS first_day,
        CASE WHEN cut.last > month.first THEN cut.last END AS since,
        least((month.first + interval '1 month')::date, max(coalesce(((installation.ends_at
            - interval '1 microsecond') AT TIME ZONE estate.time_zone)::date + 1,
            'infinity')), %(until)s::date) AS end_day
    FROM meters_installation AS installation
    JOIN units_unit AS unit ON unit.id = installation.unit_id
    JOIN wallets_wallet AS wallet ON wallet.unit_id = unit.id
    JOIN estates_estate AS estate ON estate.id = unit.estate_id
    LEFT JOIN estates_estatesettings AS settings ON settings.estate_id = estate.id
    LEFT JOIN cut ON cut.wallet_id = wallet.id
    CROSS JOIN generate_series(%(first_month)s::timestamp,
        (%(now)s AT TIME ZONE estate.time_zone)::date, interval '1 month') AS month (first)
    WHERE (installation.starts_at AT TIME ZONE estate.time_zone)
            < least(month.first + interval '1 month', %(now)s AT TIME ZONE estate.time_zone)
        AND (installation.ends_at IS NULL
            OR (installation.ends_at AT TIME ZONE estate.time_zone) > month.first)
        AND (%(wallets)s::uuid[] IS NULL OR wallet.id = ANY (%(wallets)s::uuid[]))
    GROUP BY wallet.id, unit.id, installation.kind, month.first, estate.id, settings.id, cut.last
), metered AS (
    SELECT days.unit_id, days.utility, date_trunc('month', days.day)::date AS month,
        sum(days.revision) AS revision
    FROM ({days}) AS days
    JOIN wallets_wallet AS wallet ON wallet.unit_id = days.unit_id
    LEFT JOIN cut ON cut.wallet_id = wallet.id
    WHERE (cut.last IS NULL OR days.day >= cut.last)
        AND (%(until)s::date IS NULL OR days.day < %(until)s::date)
    GROUP BY 1, 2, 3
)
SELECT supplied.wallet_id, supplied.unit_id, supplied.estate_id, supplied.free_solar,
    supplied.utility, supplied.month, supplied.first_day, supplied.end_day,
    least(supplied.tomorrow, supplied.end_day) AS priced_to,
    coalesce(metered.revision, 0)::bigint AS revision, supplied.vat_registered, supplied.since,
    (SELECT coalesce(sum(part.consumption), 0)::bigint FROM wallets_bill AS part
        WHERE (part.wallet_id, part.utility, part.month)
            = (supplied.wallet_id, supplied.utility, supplied.month)
        AND coalesce(part.since, part.month) < supplied.since) AS month_to_date
FROM supplied
LEFT JOIN metered USING (unit_id, utility, month)
LEFT JOIN wallets_bill AS bill
    ON (bill.wallet_id, bill.utility, bill.month)
        = (supplied.wallet_id, supplied.utility, supplied.month)
    AND bill.since IS NOT DISTINCT FROM supplied.since
-- A clock that was set back must not take back what was charged: `priced_to` never falls.
WHERE supplied.first_day < supplied.end_day
    AND (%(until)s::date IS NOT NULL OR bill.id IS NULL
        OR bill.priced_to <= least(supplied.tomorrow, supplied.end_day))
    -- An estate may be charged once an hour or a day: then not again within the hour or the day.
    AND (%(until)s::date IS NOT NULL OR supplied.charged_since IS NULL OR NOT EXISTS (
        SELECT FROM wallets_charge AS charge
        JOIN wallets_transaction AS made ON made.id = charge.transaction_id
        WHERE charge.bill_id = bill.id AND made.occurred_at >= supplied.charged_since))
    AND (%(until)s::date IS NOT NULL OR bill.id IS NULL
    OR bill.revision <> coalesce(metered.revision, 0)
    OR bill.priced_to <> least(supplied.tomorrow, supplied.end_day)
    OR bill.problem <> ''
    OR bill.updated_at < (SELECT greatest(
        (SELECT max(updated_at) FROM rates_assignment),
        (SELECT max(updated_at) FROM rates_ratetableversion))))
ORDER BY supplied.wallet_id, supplied.month, supplied.utility
"""

DAYS = """
    SELECT installation.unit_id, installation.kind AS utility, daily.day,
        sum(daily.quantity)::bigint AS quantity, sum(daily.revision)::bigint AS revision
    FROM meters_installation AS installation
    JOIN units_unit AS unit ON unit.id = installation.unit_id
    JOIN estates_estate AS estate ON estate.id = unit.estate_id
    JOIN meters_dailyconsumption AS daily ON daily.meter_id = installation.meter_id
    WHERE daily.channel = ANY (%(channels)s)
        AND daily.day >= %(first_month)s
        AND daily.day >= (installation.starts_at AT TIME ZONE estate.time_zone)::date
        AND daily.day <= (%(now)s AT TIME ZONE estate.time_zone)::date
        AND (installation.ends_at IS NULL
            OR daily.day < (installation.ends_at AT TIME ZONE estate.time_zone))
        AND (%(units)s::uuid[] IS NULL OR installation.unit_id = ANY (%(units)s::uuid[]))
    GROUP BY 1, 2, 3
"""

BANDS = """
SELECT used.unit_id, used.day, calendar.band, sum(used.quantity)::bigint
FROM (
    SELECT installation.unit_id, local.start::date AS day,
        (extract(hour FROM local.start) * 4
            + extract(minute FROM local.start)::int / 15)::int AS slot, interval.quantity
    FROM meters_installation AS installation
    JOIN units_unit AS unit ON unit.id = installation.unit_id
    JOIN estates_estate AS estate ON estate.id = unit.estate_id
    JOIN meters_interval AS interval ON interval.meter_id = installation.meter_id
        AND interval.channel = ANY (%(channels)s)
        AND interval.start >= %(first)s::timestamp AT TIME ZONE estate.time_zone
        AND interval.start < %(end)s::timestamp AT TIME ZONE estate.time_zone
        AND interval.start >= installation.starts_at
        AND (installation.ends_at IS NULL OR interval.start < installation.ends_at)
    CROSS JOIN LATERAL (SELECT interval.start AT TIME ZONE estate.time_zone AS start) AS local
    WHERE installation.unit_id = ANY (%(units)s) AND installation.kind = %(utility)s
) AS used
JOIN unnest(%(days)s::date[], %(slots)s::int[], %(bands)s::text[])
    AS calendar (day, slot, band) USING (day, slot)
GROUP BY 1, 2, 3
"""

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


def stale(
    *,
    now: datetime,
    first_month: date,
    wallet_ids: Sequence[UUID] | None = None,
    until: date | None = None,
) -> list[Supply]:
    """
    The supplies whose bills do not say what the facts say, of all wallets or of some.

    With `until`, a local day, every supply that is not final, as if it ended there.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            STALE.format(days=DAYS),
            {
                "now": now,
                "first_month": first_month,
                "channels": BILLED_CHANNELS,
                "wallets": list(wallet_ids) if wallet_ids is not None else None,
                "units": None,
                "until": until,
            },
        )
        return [_supply(row) for row in cursor.fetchall()]


def _supply(row: tuple[Any, ...]) -> Supply:
    wallet_id, unit_id, estate_id, free_solar, utility, *dates = row[:9]
    revision, vat_registered, since, month_to_date = row[9:]
    month, first_day, end_day, priced_to = dates
    return Supply(
        wallet_id=wallet_id,
        place=Place(unit_id, estate_id, free_solar),
        utility=Utility(utility),
        month=month,
        first_day=first_day,
        end_day=end_day,
        priced_to=priced_to,
        revision=revision,
        vat_percent=vat_percent_on(month) if vat_registered else Decimal(0),
        since=since,
        month_to_date=month_to_date,
    )


def bands_of(
    supplies: Sequence[Supply], bands: Sequence[DayBands]
) -> dict[Key, list[tuple[date, str, int]]]:
    """
    What supplies of one month used by local day and time-of-use band, in Wh or litres.

    The bands of all quarter hours travel to the database once and the intervals are summed
    there: for a month of one unit three rows a day come back instead of ninety-six.
    """
    wallets = {supply.place.unit_id: supply.wallet_id for supply in supplies}
    slots = [(day, slot, band) for day, names in bands for slot, band in enumerate(names)]
    with connection.cursor() as cursor:
        cursor.execute(
            BANDS,
            {
                "units": list(wallets),
                "utility": supplies[0].utility.value,
                "channels": BILLED_CHANNELS,
                "first": bands[0][0],
                "end": bands[-1][0] + timedelta(days=1),
                "days": [day for day, _, _ in slots],
                "slots": [slot for _, slot, _ in slots],
                "bands": [band for _, _, band in slots],
            },
        )
        found: dict[Key, list[tuple[date, str, int]]] = {}
        for unit_id, day, band, quantity in cursor.fetchall():
            key = (wallets[unit_id], supplies[0].utility, supplies[0].month)
            found.setdefault(key, []).append((day, band, quantity))
        return found


def demand_of(
    supplies: Sequence[Supply], *, first: date, end: date, minutes: int
) -> dict[Key, int]:
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


def wallets_of(supplies: Iterable[Supply]) -> list[UUID]:
    """The wallets of supplies, each once, in primary-key order."""
    return sorted({supply.wallet_id for supply in supplies})
