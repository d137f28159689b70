"""Checks on a meter as it stands: without valid readings for too long, with a wrong clock."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Min

from meters import clocks
from meters.models.devices import Meter, Register
from meters.vee import limits, queue
from meters.vee.queue import Found
from meters.vee.validation import NEVER_A_BASE

PROLONGED, DRIFT = "prolonged_estimation", "clock_drift"
HOUR = timedelta(hours=1)


def check(*, now: datetime) -> int:
    """
    Check all meters that hang somewhere and are read over a line; returns how many were found.

    What is well again closes by itself.
    """
    found = [*_unread(now), *_wrong_clocks()]
    queue.record(found, now=now)
    for rule in (PROLONGED, DRIFT):
        queue.end_all(rule=rule, now=now)
    return len(found)


def _unread(now: datetime) -> Iterator[Found]:
    """Registers whose last valid reading is too old; since then use is estimated or unknown."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_READ, {"never": NEVER_A_BASE, "manual": "manual"})
        rows = cursor.fetchall()
    limit = limits.of_estates(estate_id for _, _, estate_id, _ in rows)
    for meter_id, channel, estate_id, last in rows:
        unread = now - last
        if unread < int(limit[estate_id]["prolonged_estimation.warn"]) * HOUR:
            continue
        stops = unread >= int(limit[estate_id]["prolonged_estimation.stop"]) * HOUR
        advice = " Credit control does not cut." if stops else ""
        yield Found(
            meter_id=meter_id,
            channel=channel,
            rule=PROLONGED,
            starts_at=last,
            ends_at=now,
            says=f"No reading counts for {unread // HOUR} hours: what is used is unknown.{advice}",
            stops_cuts=stops,
        )


# One look into the key for each register.
_LAST_READ = """
SELECT r.meter_id, r.channel, m.estate_id, coalesce(newest.taken_at, hangs.starts_at)
FROM meters_register r
JOIN meters_meter m ON m.id = r.meter_id
JOIN meters_installation hangs ON hangs.meter_id = m.id AND hangs.ends_at IS NULL
LEFT JOIN LATERAL (
    SELECT taken_at FROM meters_reading
    WHERE meter_id = r.meter_id AND channel = r.channel AND taken_at >= hangs.starts_at
      AND is_valid AND rules & %(never)s = 0
    ORDER BY taken_at DESC LIMIT 1
) AS newest ON true
WHERE m.deleted_at IS NULL AND m.communication_type <> %(manual)s
ORDER BY r.meter_id, r.channel
"""


def _wrong_clocks() -> Iterator[Found]:
    """
    Meters whose clock was more off at the last visit than readings can bear.

    None of a concentrator with most of its clocks off: ours is the likelier culprit then, and
    readings count.
    """
    seen = Meter.objects.alive().filter(
        clock_drift_seconds__isnull=False, last_contact_at__isnull=False
    )
    rows = seen.values_list(
        "pk", "estate", "concentrator", "clock_drift_seconds", "last_contact_at"
    )
    limit = limits.of_estates({estate_id for _, estate_id, *_ in rows})
    behind = defaultdict(list)
    for _, _, concentrator_id, drift, _ in rows:
        behind[concentrator_id].append(drift)
    doubtful = {one for one, drifts in behind.items() if one and clocks.are_doubtful(drifts)}
    wrong = [
        (meter_id, drift, at)
        for meter_id, estate_id, concentrator_id, drift, at in rows
        if drift is not None
        and at is not None
        and concentrator_id not in doubtful
        and clocks.is_grave(drift, limit[estate_id]["clock_drift.seconds"])
    ]
    channels = _main_channels([meter_id for meter_id, _, _ in wrong])
    for meter_id, drift, at in wrong:
        if meter_id not in channels:
            continue
        way = "ahead" if drift > 0 else "behind"
        yield Found(
            meter_id=meter_id,
            channel=channels[meter_id],
            rule=DRIFT,
            starts_at=at,
            ends_at=at,
            says=f"The meter's clock is {abs(drift)} seconds {way}: its readings do not count.",
            lasts=True,
        )


def _main_channels(meter_ids: list[UUID]) -> dict[UUID, int]:
    registers = Register.objects.filter(meter__in=meter_ids)
    return dict(registers.values_list("meter").annotate(Min("channel")))
