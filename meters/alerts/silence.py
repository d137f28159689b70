"""Noticing what does not happen by itself: meters and concentrators that fall silent."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from meters import alerts
from meters.alerts import Kind, Notice, Severity, Source
from meters.models.alerts import MeterAlert


def notice_silence(*, now: datetime) -> int:
    """
    Mark meters offline that were not heard from for their estate's limit, and raise alerts.

    Returns how many are silent. Meters that nobody can be heard from (read by hand) are left out.
    Where no meter behind a concentrator is heard, the concentrator is the one alert.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SILENT, {"now": now})
        silent = cursor.fetchall()
        cursor.execute(_SILENT_CONCENTRATORS, {"now": now})
        mute = cursor.fetchall()
    down = {concentrator_id for concentrator_id, *_ in mute}
    alerts.raise_all((_of_concentrator(*row) for row in mute), now=now)
    alerts.raise_all(
        (
            Notice(
                meter_id, Kind.COMMUNICATION_LOSS, Severity.WARNING,
                f"No contact for {limit} minutes."
                if heard
                else "There has been no contact with this meter yet.",
                Source.SILENCE, heard,
            )
            for meter_id, concentrator_id, limit, heard in silent
            if concentrator_id not in down
        ),
        now=now,
    )  # fmt: skip
    _end(
        down, [meter_id for meter_id, concentrator_id, *_ in silent if concentrator_id in down], now
    )
    return len(silent)


def _of_concentrator(concentrator_id: UUID, name: str, meters: int, heard: datetime) -> Notice:
    words = f"{name} is silent: none of its {meters} meters can be read, cut or reconnected."
    return Notice(
        concentrator_id, Kind.CONCENTRATOR_LOSS, Severity.ERROR, words, Source.SILENCE, heard
    )  # fmt: skip


def _end(down: set[UUID], behind: list[UUID], now: datetime) -> None:
    """A concentrator that is heard ends its alert; a silent one takes its meters' place."""
    told = MeterAlert.objects.unresolved().filter(kind=Kind.CONCENTRATOR_LOSS)
    over = set(told.values_list("subject", flat=True)) - down
    alerts.resolve(meter_ids=over, kind=Kind.CONCENTRATOR_LOSS, now=now)
    alerts.resolve(meter_ids=behind, kind=Kind.COMMUNICATION_LOSS, now=now, source=Source.SILENCE)


_REACHABLE = """
    FROM meters_meter m
    JOIN meters_concentrator c ON c.id = m.concentrator_id
    LEFT JOIN estates_estatesettings s ON s.estate_id = m.estate_id
    WHERE m.deleted_at IS NULL AND c.deleted_at IS NULL AND c.is_enabled
      AND (m.logical_device IS NOT NULL OR m.gateway_address <> '' OR m.ipv6_address IS NOT NULL)
"""
_SILENT = f"""
WITH silent AS (
    SELECT m.id, coalesce(s.offline_after_minutes, 30) AS minutes, m.last_contact_at
    {_REACHABLE}
      AND coalesce(m.last_contact_at, m.created_at)
          < %(now)s - make_interval(mins => coalesce(s.offline_after_minutes, 30))
    ORDER BY m.id FOR NO KEY UPDATE OF m
)
UPDATE meters_meter m SET communication_status = 'offline'
FROM silent WHERE m.id = silent.id
RETURNING m.id, m.concentrator_id, silent.minutes, silent.last_contact_at
"""  # noqa: S608  (constants)
# Behind a concentrator with one meter it cannot be told which of the two is silent.
_SILENT_CONCENTRATORS = f"""
SELECT c.id, coalesce(nullif(c.name, ''), c.serial), count(*),
    max(greatest(coalesce(m.last_contact_at, m.created_at), c.last_contact_at))
{_REACHABLE}
GROUP BY c.id
HAVING count(*) > 1
   AND max(greatest(coalesce(m.last_contact_at, m.created_at), c.last_contact_at))
       < %(now)s - make_interval(mins => coalesce(max(s.offline_after_minutes), 30))
"""
