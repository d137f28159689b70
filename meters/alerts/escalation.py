"""Escalation: what nobody took note of grows worse with age, what costs much is bad at once."""

from datetime import datetime
from typing import Any

from django.db import connection

from meters.alerts.kinds import KINDS, RAND_A_DAY
from meters.models.alerts import MeterAlert

Severity = MeterAlert.Severity


def escalate(*, now: datetime) -> int:
    """
    Raise severities by the table of kinds; returns how many rose.

    Age counts from when it was first raised, and only while nobody acknowledged it; rand a day
    count always. A severity never falls by itself. One statement; doing it again changes nothing.
    """
    steps = [(kind, after, to) for kind, one in KINDS.items() for after, to in one.escalates]
    kinds, after, to = (list(column) for column in zip(*steps, strict=True))
    parameters: dict[str, Any] = {
        "now": now, "order": list(Severity), "kinds": kinds, "after": after, "to": to,
        "amounts": [amount for amount, _ in RAND_A_DAY],
        "by_amount": [severity for _, severity in RAND_A_DAY],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_ESCALATE, parameters)
        return int(cursor.rowcount)


_ESCALATE = """
UPDATE meters_meteralert a
SET severity = (%(order)s::text[])[due.rank], escalated_at = %(now)s, updated_at = %(now)s
FROM (
    SELECT a.id, max(array_position(%(order)s::text[], step.severity)) AS rank
    FROM meters_meteralert a
    JOIN (
        SELECT kind, severity, after, NULL::integer AS amount
        FROM unnest(%(kinds)s::text[], %(after)s::interval[], %(to)s::text[])
            AS aged (kind, after, severity)
        UNION ALL
        SELECT NULL, severity, NULL, amount
        FROM unnest(%(amounts)s::integer[], %(by_amount)s::text[]) AS dear (amount, severity)
    ) AS step ON step.kind = a.kind AND a.state = 'open' AND a.raised_at + step.after <= %(now)s
        OR step.amount <= a.daily_amount
    WHERE NOT a.state = 'resolved'
    GROUP BY a.id
) AS due
WHERE a.id = due.id AND NOT a.state = 'resolved'
  AND due.rank > array_position(%(order)s::text[], a.severity::text)
"""
