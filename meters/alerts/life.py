"""The life of an alert: raised once, seen again, reopened, resolved when its cause ends."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from meters.alerts.kinds import KINDS
from meters.models.alerts import MeterAlert, MeterAlertQuerySet

Severity, State, Source = MeterAlert.Severity, MeterAlert.State, MeterAlert.Source


class Notice(NamedTuple):
    """
    Something to tell about a meter or a concentrator.

    ``since``: when its cause began, if that is known; what a person has resolved after that is
    not raised again at once. ``evidence``: sentences with what was seen. ``daily_quantity``: the
    Wh or litres a day that it is about.
    """

    subject: UUID
    kind: MeterAlert.Kind
    severity: MeterAlert.Severity
    message: str
    source: MeterAlert.Source = Source.METER
    since: datetime | None = None
    evidence: tuple[str, ...] = ()
    daily_quantity: int | None = None


def raise_once(
    *,
    meter_id: UUID,
    kind: MeterAlert.Kind,
    severity: MeterAlert.Severity,
    message: str,
    now: datetime,
    source: MeterAlert.Source = Source.METER,
) -> None:
    """Raise an alert; while one of its kind is not resolved, only note that it was seen again."""
    raise_all([Notice(meter_id, kind, severity, message, source)], now=now)


def raise_all(notices: Iterable[Notice], *, now: datetime) -> None:
    """
    Raise many alerts in one statement; of two about one device and kind the first counts.

    What stands is brought up to date by its own source. What ended by itself a short while ago is
    opened again and counted. What a person resolved and what began before that stays resolved,
    until it is time to remind. A device that is not known is left out.
    """
    unique: dict[tuple[UUID, str], Notice] = {}
    for notice in notices:
        unique.setdefault((notice.subject, notice.kind), notice)
    if not unique:
        return
    chosen = [unique[key] for key in sorted(unique)]
    columns = [list(column) for column in zip(*chosen, strict=True)]
    parameters: dict[str, Any] = dict(zip(Notice._fields, columns, strict=True))
    parameters["evidence"] = [json.dumps(one.evidence) for one in chosen]
    parameters |= {
        "now": now,
        "reopens": [KINDS[one.kind].reopens_within for one in chosen],
        "reminds": [KINDS[one.kind].reminds_after for one in chosen],
        "order": list(Severity),
    }
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, parameters)


_WORSE = """CASE WHEN array_position(%(order)s::text[], {new}.severity::text)
    > array_position(%(order)s::text[], known.severity::text) THEN {new}.severity
    ELSE known.severity END"""
_RAISE = f"""
WITH told AS (
    SELECT * FROM unnest(%(subject)s::uuid[], %(kind)s::text[], %(severity)s::text[],
        %(message)s::text[], %(source)s::text[], %(since)s::timestamptz[], %(evidence)s::jsonb[],
        %(daily_quantity)s::bigint[], %(reopens)s::interval[], %(reminds)s::interval[])
    AS told (subject, kind, severity, message, source, since, evidence, daily_quantity, reopens,
        reminds)
), placed AS (
    SELECT told.*, m.id AS meter_id, c.id AS concentrator_id,
        coalesce(m.estate_id, c.estate_id) AS estate_id, past.id AS past_id,
        NOT stands.yes AND past.ended_by_itself
            AND past.resolved_at > %(now)s - told.reopens AS is_again,
        stands.yes OR NOT coalesce(NOT past.ended_by_itself AND told.since <= past.resolved_at
            AND past.resolved_at > %(now)s - told.reminds, false) AS is_news
    FROM told
    LEFT JOIN meters_meter m ON m.id = told.subject
    LEFT JOIN meters_concentrator c ON c.id = told.subject
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM meters_meteralert a WHERE a.subject = told.subject
            AND a.kind = told.kind AND NOT a.state = 'resolved') AS yes
    ) AS stands
    LEFT JOIN LATERAL (
        SELECT id, ended_by_itself, resolved_at FROM meters_meteralert a
        WHERE a.subject = told.subject AND a.kind = told.kind AND a.state = 'resolved'
        ORDER BY a.resolved_at DESC LIMIT 1
    ) AS past ON true
), again AS (
    UPDATE meters_meteralert AS known
    SET state = 'open', times = known.times + 1, resolved_at = NULL, ended_by_itself = false,
        severity = {_WORSE.format(new="placed")}, message = left(placed.message, 250),
        source = placed.source, evidence = placed.evidence,
        daily_quantity = placed.daily_quantity, last_seen_at = %(now)s, updated_at = %(now)s
    FROM placed
    WHERE placed.is_again AND known.id = placed.past_id AND known.state = 'resolved'
    RETURNING known.subject, known.kind
)
INSERT INTO meters_meteralert AS known
    (estate_id, meter_id, concentrator_id, kind, severity, message, source, evidence,
     daily_quantity, state, raised_at, last_seen_at, note, times, ended_by_itself, told_severity)
SELECT placed.estate_id, placed.meter_id, placed.concentrator_id, placed.kind, placed.severity,
    left(placed.message, 250), placed.source, placed.evidence, placed.daily_quantity, 'open',
    %(now)s, %(now)s, '', 1, false, ''
FROM placed
WHERE placed.estate_id IS NOT NULL AND placed.is_news
  AND NOT EXISTS (SELECT FROM again
                  WHERE (again.subject, again.kind) = (placed.subject, placed.kind))
ORDER BY placed.subject, placed.kind
ON CONFLICT (subject, kind) WHERE NOT state = 'resolved' DO UPDATE SET
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at),
    severity = {_WORSE.format(new="excluded")},
    message = CASE WHEN known.source = excluded.source THEN excluded.message
        ELSE known.message END,
    evidence = CASE WHEN known.source = excluded.source THEN excluded.evidence
        ELSE known.evidence END,
    daily_quantity = CASE WHEN known.source = excluded.source THEN excluded.daily_quantity
        ELSE known.daily_quantity END
"""  # noqa: S608  (constants)


def resolve(
    *,
    meter_ids: Iterable[UUID],
    kind: MeterAlert.Kind,
    now: datetime,
    source: MeterAlert.Source | None = None,
) -> int:
    """
    Resolve the alerts of a kind about these meters or concentrators, their cause having ended.

    With ``source`` only those that were raised from there.
    """
    ending = MeterAlert.objects.unresolved().filter(subject__in=list(meter_ids), kind=kind)
    return end(ending if source is None else ending.filter(source=source), now=now)


def end(ending: MeterAlertQuerySet, *, now: datetime) -> int:
    """Resolve alerts whose cause has ended; returns how many those were."""
    return ending.update(
        state=State.RESOLVED, resolved_at=now, ended_by_itself=True, updated_at=now
    )
