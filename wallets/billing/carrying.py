"""
Bills that go on by themselves, brought up to date and charged by thousands, within the database.

Most of what comes is one more quarter hour of an open day. What the engine said of such a bill
(`wallets.billing.continuations`) is enough then: quantities are added, lines rounded, VAT taken
once, as the engine does it. Everything that a bill was made from is compared under the lock of its
wallet; where anything is otherwise, or less is owed than was charged, the bill is left to who
prices it anew.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from meters.models import Reading
from meters.vee.validation import NEVER_A_BASE
from quantify.crash_points import Point, reach
from quantify.lanes import LANES
from quantify.money import CENT, ZERO
from quantify.quantities import Utility
from wallets import ledger
from wallets.arrays import array
from wallets.billing import charges
from wallets.billing.continuations import CALENDARS, NO_LINE
from wallets.billing.metered import BILLED_CHANNELS, MARK, RATES
from wallets.billing.stretches import READINGS, ROW
from wallets.ledger_calls import CALL_MANY, shared

# A top-up waits for as long as a batch takes: some 0.3 s.
BILLS_AT_ONCE = 2_500
WORTH_A_LANE = 250

# Bills whose days changed since, and months that have no bill; some more where meters moved or
# somebody settled within the month. Revisions only grow: equal sums are equal facts.
CHANGED = """
SELECT utility, month, goes_on, array_agg(bill_id ORDER BY wallet_id)::text,
    array_agg(wallet_id ORDER BY wallet_id)::text, array_agg(unit_id ORDER BY wallet_id)::text
FROM (
    SELECT whole.utility, whole.month, wallet.id AS wallet_id, bill.id AS bill_id, whole.unit_id,
        bill.continues IS NOT NULL AND bill.problem = '' AS goes_on
    FROM (
        SELECT installation.unit_id, installation.kind AS utility, whole.month,
            sum(whole.revision) AS revision
        FROM meters_monthrevision AS whole
        JOIN meters_installation AS installation ON installation.meter_id = whole.meter_id
            AND installation.starts_at < whole.month + interval '1 month 1 day'
            AND (installation.ends_at IS NULL
                OR installation.ends_at > whole.month - interval '1 day')
        WHERE whole.month >= %(first_month)s AND whole.channel = ANY (%(channels)s)
        GROUP BY 1, 2, 3
    ) AS whole
    JOIN wallets_wallet AS wallet ON wallet.unit_id = whole.unit_id
    LEFT JOIN wallets_bill AS bill ON (bill.wallet_id, bill.utility, bill.month)
        = (wallet.id, whole.utility, whole.month)
        AND bill.since IS NULL AND bill.month >= %(first_month)s
    WHERE bill.revision IS DISTINCT FROM whole.revision
    UNION ALL
    SELECT utility, month, wallet_id, id, NULL, false FROM wallets_bill
    WHERE problem <> '' AND month >= %(first_month)s
) AS changed
GROUP BY utility, month, goes_on ORDER BY month, utility
"""

# What is metered is told as `stretches` tells it, on the keys of the tables in the order that is
# written here. That an installation hangs since before the month and still does excludes any other
# of the unit in it.
GOING = f"""
WITH place AS MATERIALIZED (
    SELECT estate.id, estate.time_zone, estate.solar_free_allocation_kwh AS free_solar,
        coalesce(settings.vat_registered, true) AS vat_registered, local.today,
        local.today::timestamp AT TIME ZONE estate.time_zone AS begins,
        (local.today + 1)::timestamp AT TIME ZONE estate.time_zone AS ends,
        %(month)s::timestamp AT TIME ZONE estate.time_zone AS month_begins,
        ({RATES}) AS rates, ({CALENDARS}) AS calendars
    FROM estates_estate AS estate
    LEFT JOIN estates_estatesettings AS settings ON settings.estate_id = estate.id
    CROSS JOIN LATERAL (SELECT (%(now)s AT TIME ZONE estate.time_zone)::date AS today) AS local
    WHERE date_trunc('month', local.today)::date = %(month)s
        AND coalesce(settings.billing_cadence, '') NOT IN ('hourly', 'daily')
        AND NOT EXISTS (SELECT FROM wallets_monthclosing AS closing
            WHERE closing.estate_id = estate.id AND closing.month >= %(month)s)
), going AS (
    SELECT bill.id, bill.wallet_id, bill.version_id, bill.lines, bill.subtotal, bill.vat,
        bill.charged, bill.charged_consumption, bill.vat_percent,
        bill.continues -> 'lines' AS grow, whole.revision, day.quantity AS today,
        (bill.continues ->> 'before')::bigint + day.quantity AS consumption, by_band.used,
        counted.until, counted.quantity AS counted, {ROW} AS stretch
    FROM unnest(%(bills)s::uuid[], %(units)s::uuid[]) AS asked (id, unit_id)
    JOIN wallets_bill AS bill ON bill.id = asked.id
    JOIN meters_installation AS installation ON installation.unit_id = asked.unit_id
        AND installation.kind = bill.utility AND installation.ends_at IS NULL
    JOIN meters_meter AS meter ON meter.id = installation.meter_id
    JOIN units_unit AS unit ON unit.id = asked.unit_id AND unit.estate_id = meter.estate_id
    JOIN place ON place.id = unit.estate_id AND installation.starts_at <= place.month_begins
    CROSS JOIN LATERAL (
        SELECT channel, quantity, revision FROM meters_dailyconsumption
        WHERE meter_id = installation.meter_id AND channel = ANY (%(channels)s)
            AND day = place.today
        OFFSET 0
    ) AS day
    CROSS JOIN LATERAL (
        SELECT sum(revision)::bigint AS revision FROM meters_monthrevision
        WHERE meter_id = installation.meter_id AND channel = ANY (%(channels)s)
            AND month = %(month)s
    ) AS whole
    CROSS JOIN LATERAL (
        SELECT day.channel, min(start) AS first, max(start) + interval '15 minutes' AS until,
            sum(quantity)::bigint AS quantity, count(*) AS count,
            coalesce(sum(quantity) FILTER (WHERE quality = 'estimated'), 0)::bigint AS estimated
        FROM meters_interval
        WHERE meter_id = installation.meter_id AND channel = day.channel
            AND start >= bill.charged_to AND start < place.ends
    ) AS counted
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(band, quantity) AS used, sum(quantity) AS quantity
        FROM (
            SELECT substr(bill.continues ->> 'bands', 1 + (extract(epoch FROM
                (start AT TIME ZONE place.time_zone) - place.today) / 900)::int, 1) AS band,
                sum(quantity)::bigint AS quantity
            FROM meters_interval
            WHERE meter_id = installation.meter_id AND channel = day.channel
                AND start >= place.begins AND start < place.ends AND bill.continues ? 'bands'
            GROUP BY 1
        ) AS banded
    ) AS by_band ON true{READINGS}
    WHERE bill.priced_to = place.today + 1 AND bill.since IS NULL AND bill.problem = ''
        AND bill.revision <> whole.revision AND counted.first IS NOT NULL
        AND bill.charged_consumption IS NOT NULL
        AND (bill.vat_percent > 0) = place.vat_registered
        AND (bill.utility <> 'solar' OR bill.free_solar = place.free_solar)
        AND bill.rates = place.rates
        AND (bill.continues ->> 'calendars')::bigint IS NOT DISTINCT FROM place.calendars
        AND (bill.continues ->> 'state')::bigint = ((whole.revision - day.revision) << 20)
            + (bill.continues ->> 'days_before')::bigint * ({MARK})
        AND (NOT bill.continues ? 'bands'
            OR by_band.quantity = day.quantity AND NOT coalesce(by_band.used ? '{NO_LINE}', false))
        AND NOT EXISTS (SELECT FROM wallets_settlement AS settled
            WHERE settled.wallet_id = bill.wallet_id AND settled.ends_on > %(month)s)
)"""  # noqa: S608

# `numeric` rounds half away from zero, as the engine does.
PRICED = """, priced AS MATERIALIZED (
    SELECT going.*, line.changed, line.lines AS lines_now, going.subtotal + line.more AS net,
        vat_on.net AS vat_now, going.subtotal + line.more + vat_on.net AS total
    FROM going
    CROSS JOIN LATERAL (
        SELECT sum(grown.amount_more) AS more, bool_and(grown.fits) AS fits,
            jsonb_agg(CASE WHEN grown.is_changed THEN one.line || jsonb_build_object(
                'quantity', grown.quantity::text, 'amount', grown.amount::text)
                ELSE one.line END) AS lines,
            jsonb_agg(one.line || jsonb_build_object('quantity', grown.quantity_more::text,
                'amount', grown.amount_more::text)) FILTER (WHERE grown.is_changed) AS changed
        FROM jsonb_array_elements(going.lines) WITH ORDINALITY AS one (line, n)
        LEFT JOIN LATERAL (
            SELECT at.quantity, at.amount, at.quantity - at.quantity_was AS quantity_more,
                at.amount - at.amount_was AS amount_more, at.fits,
                at.quantity <> at.quantity_was OR at.amount <> at.amount_was AS is_changed
            FROM (
                SELECT used.units * 0.001 AS quantity,
                    round(used.units * 0.001 * (one.line ->> 'price')::numeric, 2) AS amount,
                    (one.line ->> 'quantity')::numeric AS quantity_was,
                    (one.line ->> 'amount')::numeric AS amount_was,
                    used.units > 0 AND used.units <= coalesce(used.most, used.units) AS fits
                FROM (
                    SELECT (by.grow ->> 'base')::bigint + CASE WHEN by.grow ? 'band'
                        THEN coalesce((going.used ->> (by.grow ->> 'band'))::bigint, 0)
                        ELSE going.today END AS units, (by.grow ->> 'most')::bigint AS most
                    FROM (SELECT going.grow -> (one.n::int - 1) AS grow OFFSET 0) AS by
                    WHERE jsonb_typeof(by.grow) = 'object'
                    OFFSET 0
                ) AS used
                OFFSET 0
            ) AS at
            OFFSET 0
        ) AS grown ON true
    ) AS line
    CROSS JOIN LATERAL (
        SELECT round((going.subtotal + line.more) * going.vat_percent * 0.01, 2) AS net OFFSET 0
    ) AS vat_on
    WHERE line.fits AND going.subtotal + line.more + vat_on.net >= going.charged
        AND vat_on.net >= going.vat
)"""

# Lines of less than a cent together stay as they were charged; so does what they were charged for.
CARRY = f"""{GOING}{PRICED}, paid AS (
    SELECT array_agg(wallet_id ORDER BY wallet_id) AS wallets,
        array_agg(total - charged ORDER BY wallet_id) AS amounts,
        array_agg(vat_now - vat ORDER BY wallet_id) AS onward
    FROM priced WHERE total > charged
), posted AS MATERIALIZED (
    SELECT made.wallet_id, made.id FROM paid CROSS JOIN LATERAL {
    CALL_MANY.format("paid.wallets, paid.amounts, paid.onward, NULL, NULL, NULL")
} AS made
), explained AS (
    INSERT INTO wallets_charge (transaction_id, bill_id, version_id, consumption_before,
        consumption_after, total_before, total_after, vat, lines, evidence)
    SELECT posted.id, priced.id, version_id, charged_consumption, consumption, charged, total,
        vat_now - vat, coalesce(changed, '[]'), concat('{{"stretches":[', stretch, '],"corrected":',
            consumption - charged_consumption - counted, ',"vat_percent":"',
            trim_scale(vat_percent), '"}}')::jsonb
    FROM posted JOIN priced USING (wallet_id)
), renewed AS (
    UPDATE wallets_bill AS bill
    SET consumption = priced.consumption, revision = priced.revision, subtotal = priced.net,
        vat = priced.vat_now, total = priced.total, charged = priced.total,
        updated_at = clock_timestamp(),
        lines = CASE WHEN priced.total > priced.charged THEN priced.lines_now ELSE bill.lines END,
        charged_consumption = CASE WHEN priced.total > priced.charged
            THEN priced.consumption ELSE bill.charged_consumption END,
        charged_to = CASE WHEN priced.total > priced.charged
            THEN priced.until ELSE bill.charged_to END
    FROM priced WHERE bill.id = priced.id
)
SELECT (SELECT count(*) FROM posted), coalesce(sum(total - charged), 0), count(*),
    count(*) FILTER (WHERE total > charged),
    ARRAY(SELECT wallet_id FROM unnest(%(bills)s::uuid[], %(wallet_ids)s::uuid[])
        AS asked (id, wallet_id) WHERE asked.id NOT IN (SELECT id FROM priced))
FROM priced
"""  # noqa: S608


class Batch(NamedTuple):
    """Bills of a utility in a month that may go on by themselves, their wallets and units."""

    utility: Utility
    month: date
    bills: Sequence[str]
    wallets: Sequence[str]
    units: Sequence[str]


class Carried(NamedTuple):
    """How many charges were posted, their sum in rand, the bills renewed, and who is left."""

    charged: int = 0
    total: Decimal = ZERO
    priced: int = 0
    left: Sequence[UUID] = ()


def changed(*, first_month: date) -> tuple[list[Batch], list[UUID]]:
    """
    The bills of months from one on that do not say what was metered.

    Those that may go on by themselves, in batches by wallet, and the wallets of all others.
    """
    batches: list[Batch] = []
    others: list[UUID] = []
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, {"first_month": first_month, "channels": BILLED_CHANNELS})
        for utility, month, goes_on, *found in cursor.fetchall():
            bills, wallets, units = map(_ids, found)
            if goes_on:
                batches += _batches(Utility(utility), month, bills, wallets, units)
            else:
                others += map(UUID, wallets)
    return batches, others


@transaction.atomic
def carry(batch: Batch, *, now: datetime) -> Carried:
    """
    Charge what came to the bills of a batch where they go on; the others are left as they are.

    :raises wallets.ledger.LedgerBusy: if a wallet stayed locked for more than three seconds.
    """
    ledger.lock(batch.wallets)
    entry = charges.entry_of(batch.utility, batch.month, amount=CENT, vat=CENT, occurred_at=now)
    reach(Point.BEFORE_LEDGER_WRITE)
    with _in_written_order(), connection.cursor() as cursor:
        cursor.execute(CARRY, shared(entry) | {
            "now": now,
            "month": batch.month,
            "bills": array(batch.bills),
            "wallet_ids": array(batch.wallets),
            "units": array(batch.units),
            "channels": BILLED_CHANNELS,
            "never": NEVER_A_BASE,
            "usual": Reading.Source.AUTOMATIC.value,
        })  # fmt: skip
        charged, total, priced, worth, left = cursor.fetchone()
    if charged != worth:
        raise AssertionError(f"{worth} bills were worth a charge, {charged} were posted.")
    for point in (Point.AFTER_LEDGER_WRITE, Point.CHARGES_POSTED, Point.BILLS_STORED):
        reach(point)
    return Carried(charged, total, priced, left)


def _batches(utility: Utility, month: date, *found: Sequence[str]) -> Iterator[Batch]:
    """As many at once as may be, but some for each lane."""
    bills = len(found[0])
    size = min(BILLS_AT_ONCE, max(-(-bills // LANES), WORTH_A_LANE))
    for first in range(0, bills, size):
        yield Batch(utility, month, *(column[first : first + size] for column in found))


def _ids(found: str) -> list[str]:
    """The elements of an array of ids."""
    return found[1:-1].split(",")


@contextmanager
def _in_written_order() -> Iterator[None]:
    """
    Join tables as a statement lists them, for the rest of it.

    By what it believes of thousands of rows the planner read whole months of readings first.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL join_collapse_limit = 1")
        yield
        cursor.execute("SET LOCAL join_collapse_limit TO DEFAULT")
