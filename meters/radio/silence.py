"""Noticing LoRaWAN meters that fell silent, each by its own reporting."""

from datetime import datetime

from django.db import connection

from meters import alerts
from meters.alerts import Kind, Notice, Severity, Source

HOUR = 60


def notice_silence(*, now: datetime) -> int:
    """Mark meters offline whose device was not heard for its limit, and raise alerts."""
    with connection.cursor() as cursor:
        cursor.execute(_SILENT, {"now": now})
        silent = cursor.fetchall()
    alerts.raise_all(
        (
            Notice(
                meter_id, Kind.COMMUNICATION_LOSS, Severity.WARNING, _words(limit),
                Source.SILENCE, heard,
            )
            for meter_id, limit, heard in silent
        ),
        now=now,
    )  # fmt: skip
    return len(silent)


def _words(minutes: int) -> str:
    length = f"{minutes // HOUR} hours" if minutes >= 2 * HOUR else f"{minutes} minutes"
    return f"The LoRaWAN device sent nothing for {length}."


_SILENT = """
WITH silent AS (
    SELECT m.id, d.offline_after_minutes AS minutes, d.last_uplink_at
    FROM meters_meter m
    JOIN meters_loradevice d ON d.meter_id = m.id
    JOIN meters_networkserver s ON s.id = d.server_id
    WHERE m.deleted_at IS NULL AND s.deleted_at IS NULL AND s.is_enabled
      AND coalesce(d.last_uplink_at, d.created_at)
          < %(now)s - make_interval(mins => d.offline_after_minutes)
    ORDER BY m.id FOR NO KEY UPDATE OF m
)
UPDATE meters_meter m SET communication_status = 'offline'
FROM silent WHERE m.id = silent.id
RETURNING m.id, silent.minutes, silent.last_uplink_at
"""
