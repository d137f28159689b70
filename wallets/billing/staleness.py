"""
Which bills do not say what the facts say, found by comparing them.

A queue could lose a message and a clock could miss what is committed late: sums of revisions
cannot. One statement asks for all wallets, or for some under their locks.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max

from quantify.money import vat_percent_on
from quantify.quantities import Utility
from rates.pricing import Place
from wallets.arrays import array, ids
from wallets.billing.bill_rows import BillRow
from wallets.billing.metered import BILLED_CHANNELS, DAYS, RATES, Key, Supply
from wallets.models import MonthClosing, Settlement

# A bill is stale if its days changed, if a local day began, if it had no price, if its estate
# charges VAT or gives solar away otherwise, or if any rate was written since. Changed days are told
# by the sum of their revisions: it grows with each change, so equal sums are equal facts, without
# clocks and without a queue. Whole months have it added up (`meters.days`); days are asked for the
# months of a move and those that a settlement cuts.
# A settlement cuts the bills of its unit: days before it are final, and never stale again.
STALE = """
WITH closed AS (
    SELECT estate_id, max(month) AS last FROM wallets_monthclosing GROUP BY estate_id
), cut AS (
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
        cut.last AS settled_to,
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
    LEFT JOIN closed ON closed.estate_id = estate.id
    CROSS JOIN generate_series(%(first_month)s::timestamp,
        (%(now)s AT TIME ZONE estate.time_zone)::date, interval '1 month') AS month (first)
    WHERE (installation.starts_at AT TIME ZONE estate.time_zone)
            < least(month.first + interval '1 month', %(now)s AT TIME ZONE estate.time_zone)
        AND (installation.ends_at IS NULL
            OR (installation.ends_at AT TIME ZONE estate.time_zone) > month.first)
        AND (%(wallets)s::uuid[] IS NULL OR wallet.id = ANY (%(wallets)s::uuid[]))
        AND (%(months)s = 'all'
            OR coalesce(month.first::date <= closed.last, false) = (%(months)s = 'closed'))
    GROUP BY wallet.id, unit.id, installation.kind, month.first, estate.id, settings.id, cut.last
), rates AS (
    {rates}
), metered AS (
    SELECT unit_id, utility, month, sum(revision) AS revision
    FROM (
        SELECT installation.unit_id, installation.kind AS utility, whole.month, whole.revision
        FROM meters_installation AS installation
        JOIN units_unit AS unit ON unit.id = installation.unit_id
        JOIN estates_estate AS estate ON estate.id = unit.estate_id
        JOIN meters_monthrevision AS whole ON whole.meter_id = installation.meter_id
        WHERE %(until)s::date IS NULL AND ({installed})
            AND whole.channel = ANY (%(channels)s) AND whole.month >= %(first_month)s
            AND whole.month >= (installation.starts_at AT TIME ZONE estate.time_zone)::date
            AND (installation.ends_at IS NULL OR ((installation.ends_at - interval '1 microsecond')
                AT TIME ZONE estate.time_zone)::date >= whole.month + interval '1 month - 1 day')
            AND NOT EXISTS (SELECT FROM cut JOIN wallets_wallet AS wallet
                ON wallet.id = cut.wallet_id
                WHERE wallet.unit_id = unit.id AND cut.last > whole.month)
        UNION ALL
        SELECT days.unit_id, days.utility, date_trunc('month', days.day)::date, days.revision
        FROM ({days}) AS days
        JOIN wallets_wallet AS wallet ON wallet.unit_id = days.unit_id
        LEFT JOIN cut ON cut.wallet_id = wallet.id
        WHERE (cut.last IS NULL OR days.day >= cut.last)
            AND (%(until)s::date IS NULL AND days.is_whole
                AND (cut.last IS NULL OR cut.last <= date_trunc('month', days.day))) IS NOT TRUE
            AND (%(until)s::date IS NULL OR days.day < %(until)s::date)
    ) AS revisions
    GROUP BY 1, 2, 3
)
SELECT supplied.wallet_id, supplied.unit_id, supplied.estate_id, supplied.free_solar,
    supplied.utility, supplied.month, supplied.first_day, supplied.end_day,
    least(supplied.tomorrow, supplied.end_day) AS priced_to,
    coalesce(metered.revision, 0)::bigint AS revision, supplied.vat_registered, supplied.since,
    supplied.settled_to, bill.updated_at AS seen,
    (SELECT coalesce(sum(part.consumption), 0)::bigint FROM wallets_bill AS part
        WHERE (part.wallet_id, part.utility, part.month)
            = (supplied.wallet_id, supplied.utility, supplied.month)
        AND coalesce(part.since, part.month) < supplied.since) AS month_to_date,
    (SELECT * FROM rates) AS rates
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
    OR (bill.vat_percent > 0) IS DISTINCT FROM supplied.vat_registered
    OR supplied.utility = 'solar' AND bill.free_solar IS DISTINCT FROM supplied.free_solar
    OR bill.rates IS DISTINCT FROM (SELECT * FROM rates))
ORDER BY supplied.wallet_id, supplied.month, supplied.utility
"""

INSTALLED = """%(wallets)s::uuid[] IS NULL OR installation.unit_id IN (
    SELECT unit_id FROM wallets_wallet WHERE id = ANY (%(wallets)s::uuid[]))"""

# Whose months must be asked day by day: somebody moved a meter, or settled.
MOVED = """({installed}) AND (%(until)s::date IS NOT NULL
    OR installation.starts_at > %(first_month)s::timestamp AT TIME ZONE estate.time_zone
    OR installation.ends_at IS NOT NULL
    OR unit.id IN (SELECT wallet.unit_id FROM cut JOIN wallets_wallet AS wallet
        ON wallet.id = cut.wallet_id WHERE cut.last > %(first_month)s))"""


class Months(StrEnum):
    """Which months are looked at."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


def stale(
    *,
    now: datetime,
    first_month: date,
    wallet_ids: Sequence[UUID] | None = None,
    until: date | None = None,
    months: Months = Months.OPEN,
) -> list[Supply]:
    """
    The supplies whose bills do not say what the facts say, of all wallets or of some.

    Of months that are not closed, unless `months` says otherwise.

    With `until`, a local day, every supply that is not final, as if it ended there.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            STALE.format(
                days=DAYS.format(installed=MOVED.format(installed=INSTALLED)),
                installed=INSTALLED,
                rates=RATES,
            ),
            {
                "now": now,
                "first_month": first_month,
                "channels": BILLED_CHANNELS,
                "wallets": None if wallet_ids is None else array(one.hex for one in wallet_ids),
                "until": until,
                "months": months.value,
            },
        )
        return [_supply(row) for row in cursor.fetchall()]


def _supply(row: tuple[Any, ...]) -> Supply:
    wallet_id, unit_id, estate_id, free_solar, utility, *dates = row[:9]
    revision, vat_registered, since, settled_to, seen, month_to_date, rates = row[9:]
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
        settled_to=settled_to,
        seen=seen,
        rates=rates,
    )


def by_wallet(supplies: Iterable[Supply]) -> dict[UUID, list[Supply]]:
    """Supplies by their wallets, in the order of the primary key."""
    found: dict[UUID, list[Supply]] = {}
    for supply in supplies:
        found.setdefault(supply.wallet_id, []).append(supply)
    return found


def overtaken(supplies: Iterable[Supply], bills: Mapping[Key, BillRow]) -> set[UUID]:
    """
    The wallets that somebody billed, settled or closed a month of since they were found stale.

    Asked under their locks.

    What was metered meanwhile needs no other look: the next run finds it.
    """
    settled = Settlement.objects.filter(wallet__in=ids({one.wallet_id for one in supplies}))
    last = dict(settled.values_list("wallet").annotate(Max("ends_on")))
    return {
        one.wallet_id
        for one in supplies
        if bills[one.key].updated_at != one.seen or last.get(one.wallet_id) != one.settled_to
    }


def closed_meanwhile(supplies: Sequence[Supply]) -> set[UUID]:
    """The wallets of supplies whose month is closed by now, under their locks."""
    closings = MonthClosing.objects.filter(estate__in={one.place.estate_id for one in supplies})
    last = dict(closings.values_list("estate").annotate(Max("month")))
    return {
        one.wallet_id for one in supplies if one.month <= last.get(one.place.estate_id, date.min)
    }
