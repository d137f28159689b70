"""What findings and alerts are about in rand, by what the home pays for its next or last units."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from meters.vee import queue
from quantify.quantities import Utility
from wallets.billing import marginal
from wallets.billing.marginal import Asked

NOT_COUNTED = ("bypass", "swapped", "prolonged_estimation")
"""Checks whose quantity is in no register of the home; it would be its next."""


def price_findings(*, now: datetime) -> int:
    """
    Put rand beside the kWh or kl of findings that wait; returns how many changed.

    A measure of what is at stake, not a charge: see `marginal`. A finding belongs to the month in
    which it ends; without prices or a meter at a unit there is no amount.
    """
    asked = _asked(_FINDINGS, {"not_counted": list(NOT_COUNTED)})
    priced = marginal.price(asked, now=now)
    return queue.set_amounts({one: (worth.amount, worth.basis) for one, worth in priced.items()})


_FINDINGS = """
SELECT f.id, e.id, hangs.unit_id, hangs.kind,
    date_trunc('month', f.ends_at AT TIME ZONE e.time_zone)::date, f.quantity,
    f.rule <> ALL (%(not_counted)s)
FROM meters_finding f
JOIN meters_meter m ON m.id = f.meter_id
JOIN estates_estate e ON e.id = m.estate_id
JOIN LATERAL (
    SELECT h.unit_id, h.kind FROM meters_installation h
    WHERE h.meter_id = f.meter_id AND h.unit_id IS NOT NULL AND h.starts_at <= f.ends_at
      AND (h.ends_at IS NULL OR h.ends_at > f.starts_at)
    ORDER BY h.starts_at DESC LIMIT 1
) AS hangs ON true
WHERE f.state <> 'closed' AND f.quantity IS NOT NULL
"""


def price_alerts(*, now: datetime) -> int:
    """
    Put rand a day beside the kWh or kl a day of alerts that stand; returns how many changed.

    By what the home would pay for as much more in the newest month in which it used anything.
    Without a bill there is no amount: the alert then speaks of litres or kWh alone.
    """
    priced = marginal.price(_asked(_ALERTS, {}), now=now)
    with connection.cursor() as cursor:
        cursor.execute(
            _SET_DAILY,
            {
                "ids": list(priced),
                "amounts": [one.amount for one in priced.values()],
                "bases": [one.basis for one in priced.values()],
            },
        )
        return int(cursor.rowcount)


_ALERTS = """
SELECT a.id, a.estate_id, hangs.unit_id, hangs.kind, bill.month, a.daily_quantity, false
FROM meters_meteralert a
JOIN meters_installation hangs ON hangs.meter_id = a.meter_id AND hangs.ends_at IS NULL
JOIN wallets_wallet w ON w.unit_id = hangs.unit_id
JOIN LATERAL (
    SELECT max(month) AS month FROM wallets_bill
    WHERE wallet_id = w.id AND utility = hangs.kind AND consumption > 0
) AS bill ON bill.month IS NOT NULL
WHERE NOT a.state = 'resolved' AND a.daily_quantity > 0
"""
_SET_DAILY = """
UPDATE meters_meteralert a SET daily_amount = priced.amount, amount_basis = priced.basis
FROM (
    SELECT a.id, told.amount, coalesce(told.basis, '') AS basis
    FROM meters_meteralert a
    LEFT JOIN unnest(%(ids)s::uuid[], %(amounts)s::numeric[], %(bases)s::text[])
        AS told (id, amount, basis) ON told.id = a.id
    WHERE NOT a.state = 'resolved' AND (a.daily_quantity IS NOT NULL OR a.daily_amount IS NOT NULL)
) AS priced
WHERE a.id = priced.id AND (a.daily_amount, a.amount_basis)
    IS DISTINCT FROM (priced.amount, priced.basis)
"""


def _asked(query: str, parameters: dict[str, Any]) -> list[Asked]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows: list[tuple[UUID, UUID, UUID, str, date, int, bool]] = cursor.fetchall()
    return [
        Asked(subject, estate, unit, Utility(utility), month, quantity, counted)
        for subject, estate, unit, utility, month, quantity, counted in rows
    ]
