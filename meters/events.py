"""Events of meters: kept once, told since an instant."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Max

from meters.event_codes import Log, Sign
from meters.models.events import MeterEvent, MeterEventQuerySet

LARGEST_CODE = 2**31 - 1


class RawEvent(NamedTuple):
    """An entry of an event log."""

    meter_id: UUID
    log: Log
    occurred_at: datetime
    code: int
    detail: str = ""


def record(events: Iterable[RawEvent]) -> int:
    """
    Keep events that are not known yet; returns how many those were.

    A number that can be no code, as a broken meter may send it, is passed over.
    """
    rows = sorted({event for event in events if 0 <= event.code <= LARGEST_CODE})
    if not rows:
        return 0
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, columns)
        return int(cursor.rowcount)


_RECORD = """
INSERT INTO meters_meterevent (meter_id, log, occurred_at, code, detail)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::integer[], %s::text[])
ON CONFLICT (meter_id, log, occurred_at, code) DO NOTHING
"""


def newest(meters: Sequence[UUID], now: datetime) -> Mapping[UUID, dict[Log, datetime]]:
    """
    The newest known event in each log of each meter.

    An event from the future is left out: a clock that ran ahead must not hide what comes.
    """
    known: dict[UUID, dict[Log, datetime]] = defaultdict(dict)
    events = MeterEvent.objects.filter(meter__in=meters, occurred_at__lte=now)
    for meter_id, log, at in (
        events.values_list("meter_id", "log").annotate(Max("occurred_at")).order_by()
    ):
        known[meter_id][Log(log)] = at
    return known


def signs(sign: Sign, *, learned_since: datetime) -> MeterEventQuerySet:
    """
    Events of a kind that were learned of since an instant, with their meters, the oldest first.

    By when they were learned, not by when they occurred: a log may be read late.
    """
    found = MeterEvent.objects.signs_of(sign).filter(created_at__gte=learned_since)
    return found.select_related("meter").order_by("created_at", "pk")
