"""Which meters a round visits, in which order, and from when on each is asked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from meters import events
from meters.collecting import gaps
from meters.collecting.gaps import Missing
from meters.collecting.line import MeterAddress, NoAddress
from meters.event_codes import LOGS, Log
from meters.models.devices import Concentrator
from meters.vee.rules import Rule

# How far back a meter is asked for that has neither a reading nor an installation.
FIRST_TIME = timedelta(days=30)
# Event logs are for people: reading them every hour spares the line. (A little less, for the beat.)
EVENTS_EVERY = timedelta(minutes=59)
JUST_AFTER = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Profile:
    """A load profile to be read from after ``since`` on; ``channels`` by register (OBIS)."""

    obis: str
    since: datetime
    channels: dict[str, int]


@dataclass(frozen=True, slots=True)
class Target:
    """
    A meter to be visited.

    ``missing`` is to be asked for once more; ``events_since`` is from when on each event log is
    to be read, None if that is not due. ``has_keys``: it is shown a password or keys.
    """

    meter_id: UUID
    serial: str
    address: MeterAddress
    has_relay: bool
    profiles: list[Profile] = field(default_factory=list)
    missing: Sequence[Missing] = ()
    events_since: Mapping[Log, datetime] | None = None
    has_keys: bool = False


@dataclass(slots=True)
class Targets:
    """
    The meters of a round, the longest unread first.

    ``resting`` did not answer of late and are left alone until later; ``unreachable`` says by
    serial why a meter cannot be asked at all.
    """

    chosen: list[Target] = field(default_factory=list)
    resting: int = 0
    unreachable: dict[str, str] = field(default_factory=dict)


class _Row(NamedTuple):
    """A meter and one of its load profiles."""

    meter_id: UUID
    serial: str
    logical_device: int | None
    gateway_address: str
    ipv6_address: str | None
    has_relay: bool
    has_keys: bool
    rests: bool
    events_due: bool
    profile: str | None
    since: datetime
    obis: list[str]
    channels: list[int]


def targets_of(
    concentrator: Concentrator,
    now: datetime,
    *,
    serial: str | None = None,
    start: datetime | None = None,
) -> Targets:
    """
    The meters to visit and from when on each profile is asked for, in one statement.

    A reading that a person took does not move the mark: the meter's own readings before it are
    still wanted. Who names a meter or a stretch also means meters that rest.
    """
    found, targets, listening = Targets(), dict[UUID, Target](), set[UUID]()
    is_named = serial is not None or start is not None
    for row in _rows(concentrator, now, serial):
        if row.rests and not is_named:
            found.resting += row.meter_id not in targets
            continue
        try:
            address = MeterAddress.of(row, concentrator)
        except NoAddress as error:
            found.unreachable[row.serial] = str(error)
            continue
        new = Target(row.meter_id, row.serial, address, row.has_relay, has_keys=row.has_keys)
        target = targets.setdefault(row.meter_id, new)
        if row.events_due:
            listening.add(row.meter_id)
        if row.profile is not None:
            since = start - JUST_AFTER if start else row.since
            channels = dict(zip(row.obis, row.channels, strict=True))
            target.profiles.append(Profile(row.profile, since, channels))
    lacking = {} if start else gaps.missing(_before_news(targets.values()), now)
    logs_since = _events_since(listening, now)
    found.chosen = [
        replace(one, missing=lacking.get(key, ()), events_since=logs_since.get(key))
        for key, one in targets.items()
    ]
    return found


def _before_news(targets: Iterable[Target]) -> list[tuple[UUID, str, datetime]]:
    """Up to where each profile was read: what lacks after that comes with the news."""
    return [(one.meter_id, each.obis, each.since) for one in targets for each in one.profiles]


def _events_since(meters: Collection[UUID], now: datetime) -> dict[UUID, dict[Log, datetime]]:
    """From when on to read each log of meters whose logs are to be read."""
    known = events.newest(list(meters), now) if meters else {}
    return {
        meter: {log: known.get(meter, {}).get(log, now - gaps.MEMORY) for log in LOGS}
        for meter in meters
    }


def _rows(concentrator: Concentrator, now: datetime, serial: str | None) -> list[_Row]:
    asked: dict[str, Any] = {
        "concentrator": concentrator.pk,
        "serial": serial,
        "opening": int(Rule.OPENING),
        "now": now,
        "first": now - FIRST_TIME,
        "events_before": now - EVENTS_EVERY,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TARGETS, asked)
        return [_Row(*row) for row in cursor.fetchall()]


_TARGETS = """
SELECT m.id, m.serial, m.logical_device, m.gateway_address, host(m.ipv6_address), m.has_relay,
    EXISTS (SELECT FROM meters_meterkeys WHERE meter_id = m.id),
    coalesce(m.visit_after > %(now)s, false),
    coalesce(m.events_read_at < %(events_before)s, true), r.profile_obis,
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
  AND (m.logical_device IS NOT NULL OR m.gateway_address <> '' OR m.ipv6_address IS NOT NULL)
  AND m.serial = coalesce(%(serial)s, m.serial)
GROUP BY m.id, r.profile_obis
ORDER BY m.last_contact_at NULLS FIRST, m.serial
"""
