"""What the checks find, kept once each: found again it is the same, ended it closes by itself."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from meters.models.quality import Finding, FindingQuerySet

# What lasts is one finding: a stretch that begins so soon after another continues it.
JOINED_WITHIN = timedelta(days=1)


class Found(NamedTuple):
    """
    What a check found about a stretch of a register, in words, and the Wh or litres of it.

    ``lasts``: the stretch goes on from day to day. ``stops_cuts``: credit control waits for it.
    """

    meter_id: UUID
    channel: int
    rule: str
    starts_at: datetime
    ends_at: datetime
    says: str
    quantity: int | None = None
    lasts: bool = False
    stops_cuts: bool = False


class Scope(NamedTuple):
    """A stretch of a register that was checked: what began in it and was not found again ended."""

    meter_id: UUID
    channel: int
    begins: datetime
    ends: datetime


def record(found: Iterable[Found], *, now: datetime) -> None:
    """
    Keep what was found, in one statement.

    What a person decided stays decided; what had ended by itself opens again.
    """
    unique = {(one.meter_id, one.channel, one.rule, one.starts_at): one for one in found}
    if not unique:
        return
    rows = [unique[key] for key in sorted(unique)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    parameters: dict[str, Any] = dict(zip(Found._fields, columns, strict=True))
    parameters |= {"now": now, "near": JOINED_WITHIN}
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, parameters)


_RECORD = """
WITH told AS (
    SELECT * FROM unnest(%(meter_id)s::uuid[], %(channel)s::smallint[], %(rule)s::text[],
        %(starts_at)s::timestamptz[], %(ends_at)s::timestamptz[], %(says)s::text[],
        %(quantity)s::bigint[], %(lasts)s::boolean[], %(stops_cuts)s::boolean[]) WITH ORDINALITY
    AS told (meter_id, channel, rule, starts_at, ends_at, says, quantity, lasts, stops_cuts, n)
), matched AS (
    SELECT DISTINCT ON (told.n) told.*, known.id AS known_id
    FROM told JOIN meters_finding AS known
        ON (known.meter_id, known.channel, known.rule) = (told.meter_id, told.channel, told.rule)
        AND (known.starts_at = told.starts_at OR told.lasts
            AND known.starts_at <= told.ends_at + %(near)s
            AND known.ends_at >= told.starts_at - %(near)s)
    ORDER BY told.n, known.starts_at = told.starts_at DESC, known.starts_at DESC
), again AS (
    UPDATE meters_finding AS known SET
        ends_at = greatest(known.ends_at, matched.ends_at), last_seen_at = %(now)s,
        says = CASE WHEN known.resolution IN ('', 'ended') THEN left(matched.says, 250)
            ELSE known.says END,
        quantity = CASE WHEN known.resolution IN ('', 'ended') THEN matched.quantity
            ELSE known.quantity END,
        stops_cuts = matched.stops_cuts,
        state = CASE WHEN known.resolution = 'ended' THEN 'open' ELSE known.state END,
        resolution = CASE WHEN known.resolution = 'ended' THEN '' ELSE known.resolution END
    FROM matched WHERE known.id = matched.known_id
)
INSERT INTO meters_finding (meter_id, channel, rule, starts_at, ends_at, says, quantity,
    stops_cuts, last_seen_at, state, resolution, note)
SELECT meter_id, channel, rule, starts_at, ends_at, left(says, 250), quantity,
    stops_cuts, %(now)s, 'open', '', ''
FROM told WHERE n NOT IN (SELECT n FROM matched)
ON CONFLICT (meter_id, channel, rule, starts_at) DO NOTHING
"""


def end_missing(scopes: Sequence[Scope], *, rules: Sequence[str], now: datetime) -> int:
    """Close what began within the scopes and was not found again at ``now``."""
    if not scopes:
        return 0
    columns = [list(column) for column in zip(*scopes, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_END} AND f.starts_at >= checked.begins AND f.starts_at < checked.ends",
            [now, now, *columns, list(rules), now],
        )
        return int(cursor.rowcount)


def end_passed(scopes: Sequence[Scope], *, rules: Sequence[str], now: datetime) -> int:
    """Close what lasted until the scopes began and was not found to go on at ``now``."""
    if not scopes:
        return 0
    columns = [list(column) for column in zip(*scopes, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_END} AND f.ends_at <= checked.ends AND f.starts_at < checked.ends",
            [now, now, *columns, list(rules), now],
        )
        return int(cursor.rowcount)


def end_all(*, rule: str, now: datetime) -> int:
    """Close every finding of a check that was not found again at ``now``."""
    return _end(Finding.objects.filter(rule=rule, last_seen_at__lt=now), now)


def end_faults(*, meter_ids: Iterable[UUID], rule: str, now: datetime) -> int:
    """Close what was found of these meters by a check that they pass again."""
    return _end(Finding.objects.filter(meter__in=list(meter_ids), rule=rule), now)


def _end(findings: FindingQuerySet, now: datetime) -> int:
    return findings.exclude(state=Finding.State.CLOSED).update(
        state=Finding.State.CLOSED,
        resolution=Finding.Resolution.ENDED,
        snoozed_until=None,
        handled_at=now,
        updated_at=now,
    )


_END = """
UPDATE meters_finding f SET state = 'closed', resolution = 'ended', snoozed_until = NULL,
    handled_at = %s, updated_at = %s
FROM unnest(%s::uuid[], %s::smallint[], %s::timestamptz[], %s::timestamptz[])
    AS checked (meter_id, channel, begins, ends)
WHERE (f.meter_id, f.channel) = (checked.meter_id, checked.channel) AND f.rule = ANY(%s)
    AND f.state <> 'closed' AND f.last_seen_at < %s
"""


def set_amounts(told: Mapping[UUID, tuple[Decimal, str]]) -> int:
    """Put rand beside findings, with how they were worked out; returns how many changed."""
    amounts = [amount for amount, _ in told.values()]
    bases = [basis for _, basis in told.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE meters_finding f SET amount = told.amount, amount_basis = told.basis"
            " FROM unnest(%s::uuid[], %s::numeric[], %s::text[]) AS told (id, amount, basis)"
            " WHERE f.id = told.id"
            " AND (f.amount, f.amount_basis) IS DISTINCT FROM (told.amount, told.basis)",
            [list(told), amounts, bases],
        )
        return int(cursor.rowcount)


def wake(*, now: datetime) -> int:
    """Open again what was snoozed until a time that has come."""
    due = Finding.objects.filter(state=Finding.State.SNOOZED, snoozed_until__lte=now)
    return due.update(state=Finding.State.OPEN, snoozed_until=None, updated_at=now)
