"""Which meters a round visits, in which order, and from when on each is asked."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from meters.vee.rules import Rule

# How far back a meter is asked for that has neither a reading nor an installation.
FIRST_TIME = timedelta(days=30)
JUST_AFTER = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Profile:
    """A load profile to be read from after ``since`` on; ``channels`` by register (OBIS)."""

    obis: str
    since: datetime
    channels: dict[str, int]


@dataclass(frozen=True, slots=True)
class Target:
    """A meter to be visited."""

    meter_id: UUID
    serial: str
    logical_device: int
    has_relay: bool
    profiles: list[Profile] = field(default_factory=list)


def targets_of(
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
            after = start - JUST_AFTER if start else since
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
