"""What findings and alerts are about in rand, by what the home pays per unit."""

from django.db import connection

from meters.vee import queue


def price_findings() -> int:
    """
    Put rand beside the kWh or kl of findings that wait; returns how many changed.

    The price is the average of the month's bill, VAT included: a measure of what is at stake, not
    a charge. Without a bill for the unit there is none.
    """
    with connection.cursor() as cursor:
        cursor.execute(_AT_STAKE)
        return queue.set_amounts(dict(cursor.fetchall()))


_AT_STAKE = """
SELECT f.id, round(f.quantity * sum(bill.total) / sum(bill.consumption), 2)
FROM meters_finding f
JOIN meters_meter m ON m.id = f.meter_id
JOIN estates_estate e ON e.id = m.estate_id
JOIN meters_installation hangs ON hangs.meter_id = f.meter_id AND hangs.starts_at <= f.ends_at
    AND (hangs.ends_at IS NULL OR hangs.ends_at > f.starts_at)
JOIN wallets_wallet w ON w.unit_id = hangs.unit_id
JOIN wallets_bill bill ON bill.wallet_id = w.id AND bill.utility = hangs.kind
    AND bill.month = date_trunc('month', f.ends_at AT TIME ZONE e.time_zone)::date
WHERE f.state <> 'closed' AND f.quantity IS NOT NULL
GROUP BY f.id, f.quantity
HAVING sum(bill.consumption) > 0
"""


def price_alerts() -> int:
    """
    Put rand a day beside the kWh or kl a day of alerts that stand; returns how many changed.

    By the average of the newest bill of the unit, VAT included, as for findings. Without a bill
    there is no amount: the alert then speaks of litres or kWh alone.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PER_DAY)
        return int(cursor.rowcount)


_PER_DAY = """
UPDATE meters_meteralert a SET daily_amount = priced.amount
FROM (
    SELECT a.id, round(a.daily_quantity * bill.total / bill.consumption, 2) AS amount
    FROM meters_meteralert a
    LEFT JOIN meters_installation hangs ON hangs.meter_id = a.meter_id AND hangs.ends_at IS NULL
    LEFT JOIN wallets_wallet w ON w.unit_id = hangs.unit_id
    LEFT JOIN LATERAL (
        SELECT total, consumption FROM wallets_bill
        WHERE wallet_id = w.id AND utility = hangs.kind AND consumption > 0
        ORDER BY month DESC LIMIT 1
    ) AS bill ON true
    WHERE NOT a.state = 'resolved' AND (a.daily_quantity IS NOT NULL OR a.daily_amount IS NOT NULL)
) AS priced
WHERE a.id = priced.id AND a.daily_amount IS DISTINCT FROM priced.amount
"""
