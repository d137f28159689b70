"""
Reading out the meters of a concentrator and recording what is new.

What to ask for is read from the database before the round, what came is written after it, in
sets; the round itself (`meters.visits`) knows no database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from meters import alerts, readings, visits
from meters.line import Address, relay_state
from meters.models.devices import CommunicationStatus, Concentrator
from meters.readings import Recorded
from meters.validation import Rule
from meters.visits import Profile, Round, Target, Visit

ADVISORY_LOCK = 7_301_002
# How far back a meter is asked for that has neither a reading nor an installation.
FIRST_TIME = timedelta(days=30)
READINGS_AT_ONCE = 250_000


@dataclass(slots=True)
class Summary:
    """
    What a round brought.

    ``heard`` are meters that answered, ``failures`` says by serial what went wrong with the
    others. ``is_skipped``: another round of the same concentrator was under way.
    """

    concentrator: str
    asked: int = 0
    heard: int = 0
    clocks_set: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    recorded: Recorded = field(default_factory=Recorded)
    seconds: float = 0.0
    is_skipped: bool = False


def collect(
    *,
    concentrator_id: UUID,
    now: datetime,
    serial: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    connections: int = 4,
) -> Summary:
    """
    Read out a concentrator's meters, the longest unread first, or one of them.

    By default each is asked for what came since its newest reading; `start` and `end` ask for a
    stretch instead. Two rounds of a concentrator never run at once: the second is skipped.
    """
    concentrator = Concentrator.objects.get(pk=concentrator_id)
    summary = Summary(concentrator.serial)
    with _alone(concentrator_id) as is_free:
        if not is_free:
            summary.is_skipped = True
            return summary
        targets = _targets(concentrator_id, now, serial=serial, start=start)
        visiting = Round(
            Address.of(concentrator),
            now,
            end or now,
            connections,
            keeps_clocks=concentrator.keeps_clocks,
        )
        stopwatch = visits.Stopwatch(now)
        visited = visits.visit_all(targets, visiting)
        _write(concentrator, visited, summary, stopwatch.now())
        summary.seconds = stopwatch.passed
    return summary


@contextmanager
def _alone(concentrator_id: UUID) -> Iterator[bool]:
    """Hold a concentrator on this connection; losing the connection frees it."""
    key = [ADVISORY_LOCK, int.from_bytes(concentrator_id.bytes[-4:], signed=True)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        is_free = bool(cursor.fetchone()[0])
    try:
        yield is_free
    finally:
        if is_free:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _targets(
    concentrator_id: UUID, now: datetime, *, serial: str | None, start: datetime | None
) -> list[Target]:
    """
    The meters to visit and from when on each profile is asked for, in one statement.

    A reading that a person took does not move the mark: the meter's own readings before it are
    still wanted.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _TARGETS,
            {
                "concentrator": concentrator_id,
                "serial": serial,
                "opening": int(Rule.OPENING),
                "now": now,
                "first": now - FIRST_TIME,
            },
        )
        rows = cursor.fetchall()
    targets: dict[UUID, Target] = {}
    for meter_id, name, device, has_relay, profile, since, obis, channels in rows:
        target = targets.setdefault(meter_id, Target(meter_id, name, device, has_relay))
        if profile is not None:
            after = start - visits.JUST_AFTER if start else since
            target.profiles.append(Profile(profile, after, dict(zip(obis, channels, strict=True))))
    return list(targets.values())


_TARGETS = """
SELECT m.id, m.serial, m.logical_device, m.has_relay, r.profile_obis,
    min(coalesce(newest.taken_at, hangs.starts_at, %(first)s)),
    array_agg(r.obis ORDER BY r.channel), array_agg(r.channel ORDER BY r.channel)
FROM meters_meter m
LEFT JOIN meters_register r ON r.meter_id = m.id
LEFT JOIN LATERAL (
    SELECT taken_at FROM meters_reading
    WHERE meter_id = r.meter_id AND channel = r.channel AND taken_at <= %(now)s
      AND (source = 'automatic' OR rules & %(opening)s <> 0)
    ORDER BY taken_at DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT starts_at FROM meters_installation WHERE meter_id = m.id
    ORDER BY starts_at DESC LIMIT 1
) AS hangs ON true
WHERE m.concentrator_id = %(concentrator)s AND m.deleted_at IS NULL
  AND m.logical_device IS NOT NULL AND m.serial = coalesce(%(serial)s, m.serial)
GROUP BY m.id, r.profile_obis
ORDER BY m.last_contact_at NULLS FIRST, m.serial
"""


def _write(
    concentrator: Concentrator, visited: list[Visit], summary: Summary, now: datetime
) -> None:
    """Record the readings, then what the round told about meters and concentrator."""
    summary.asked = len(visited)
    summary.heard = sum(visit.heard for visit in visited)
    summary.clocks_set = sum(visit.clock_was_set for visit in visited)
    summary.failures = {visit.target.serial: visit.error for visit in visited if visit.error}
    summary.recorded = _record(visited, now)
    with transaction.atomic():
        _mark_meters([visit for visit in visited if visit.heard], now)
        _mark_concentrator(concentrator, summary, now)


def _record(visited: list[Visit], now: datetime) -> Recorded:
    """Record all meters together; only a long backfill takes several transactions."""
    total = Recorded()
    waiting: list[readings.RawReading] = []
    for visit in visited:
        waiting += visit.readings
        if len(waiting) >= READINGS_AT_ONCE:
            total += readings.record(waiting, received_at=now)
            waiting = []
    return total + readings.record(waiting, received_at=now)


def _mark_meters(heard: list[Visit], now: datetime) -> None:
    """Note contact, clock and relay of all meters that answered, in one statement."""
    if not heard:
        return
    heard = sorted(heard, key=lambda visit: visit.target.meter_id)
    meters = [visit.target.meter_id for visit in heard]
    relays = [visit.relay for visit in heard]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM meters_meter WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [meters]
        )
        cursor.execute(
            _MARK_METERS,
            {
                "meters": meters,
                "drifts": [visit.drift for visit in heard],
                "relays": [relay and relay_state(relay) for relay in relays],
                "modes": [relay and relay.control_mode for relay in relays],
                "read_at": [visit.relay_read_at for visit in heard],
                "now": now,
            },
        )
    alerts.resolve(meter_ids=meters, kind=alerts.Kind.COMMUNICATION_LOSS, now=now)


# What a command read back since the visit must not be undone by what was seen before it.
_MARK_METERS = """
UPDATE meters_meter m SET
    last_contact_at = greatest(m.last_contact_at, %(now)s), communication_status = 'online',
    clock_drift_seconds = coalesce(told.drift, m.clock_drift_seconds),
    relay_state = CASE WHEN told.is_news THEN told.relay ELSE m.relay_state END,
    control_mode = CASE WHEN told.is_news THEN told.mode ELSE m.control_mode END,
    relay_read_at = CASE WHEN told.is_news THEN told.read_at ELSE m.relay_read_at END
FROM (
    SELECT said.*, said.relay IS NOT NULL
        AND (known.relay_read_at IS NULL OR known.relay_read_at < said.read_at) AS is_news
    FROM unnest(%(meters)s::uuid[], %(drifts)s::integer[], %(relays)s::text[],
                %(modes)s::smallint[], %(read_at)s::timestamptz[])
        AS said (id, drift, relay, mode, read_at)
    JOIN meters_meter known ON known.id = said.id
) AS told
WHERE m.id = told.id
"""


def _mark_concentrator(concentrator: Concentrator, summary: Summary, now: datetime) -> None:
    status, error = CommunicationStatus.ONLINE, ""
    if summary.failures and not summary.heard:
        status = CommunicationStatus.OFFLINE
    if summary.failures:
        serial, reason = next(iter(summary.failures.items()))
        error = f"{len(summary.failures)} of {summary.asked} meters failed; {serial}: {reason}"
    concentrator.communication_status = status
    concentrator.last_error = error[:250]
    if summary.heard:
        concentrator.last_contact_at = now
    Concentrator.objects.filter(pk=concentrator.pk).update(
        communication_status=status,
        last_error=concentrator.last_error,
        last_contact_at=concentrator.last_contact_at,
    )
