"""Alerts from what meters wrote in their event logs: each entry raises one once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction

from meters import event_codes
from meters.alerts import life
from meters.alerts.life import Notice
from meters.event_codes import Log
from meters.models.alerts import MeterAlert
from meters.models.events import MeterEvent, MeterEventQuerySet

Kind, Severity = MeterAlert.Kind, MeterAlert.Severity
LOOKS_BACK = timedelta(days=7)
"""An entry that was learned of longer ago raises nothing any more."""
SHOWN = 3

type Told = tuple[MeterAlert.Kind, MeterAlert.Severity]

RAISING: Mapping[int, Told] = {
    event_codes.COVER_REMOVED: (Kind.TAMPER_DETECTED, Severity.ERROR),
    event_codes.MAGNET: (Kind.TAMPER_DETECTED, Severity.ERROR),
    event_codes.METER_COVER_REMOVED: (Kind.TAMPER_DETECTED, Severity.ERROR),
    46: (Kind.TAMPER_DETECTED, Severity.WARNING),
    49: (Kind.TAMPER_DETECTED, Severity.WARNING),
    50: (Kind.TAMPER_DETECTED, Severity.WARNING),
    7: (Kind.LOW_BATTERY, Severity.WARNING),
    8: (Kind.LOW_BATTERY, Severity.WARNING),
    12: (Kind.METER_FAULT, Severity.ERROR),
    13: (Kind.METER_FAULT, Severity.ERROR),
    14: (Kind.METER_FAULT, Severity.ERROR),
    15: (Kind.METER_FAULT, Severity.WARNING),
    16: (Kind.METER_FAULT, Severity.ERROR),
    68: (Kind.METER_FAULT, Severity.WARNING),
}
"""Which entries raise which alert. Power, voltage, supply and upkeep are kept and raise none."""
ENDING: Mapping[int, MeterAlert.Kind] = {
    event_codes.COVER_CLOSED: Kind.TAMPER_DETECTED,
    event_codes.MAGNET_GONE: Kind.TAMPER_DETECTED,
    event_codes.METER_COVER_CLOSED: Kind.TAMPER_DETECTED,
}
"""What is noted with an alert and does not end it: somebody has been at the meter."""


@transaction.atomic
def notice(*, now: datetime) -> int:
    """Raise alerts for entries that raised none yet; returns how many entries those were."""
    fresh = sorted(
        _untold(RAISING, now),
        key=lambda event: (event.meter_id, RAISING[event.code][0], event.occurred_at),
    )
    grouped = {
        key: list(events)
        for key, events in groupby(fresh, lambda one: (one.meter_id, RAISING[one.code][0]))
    }
    life.raise_all((_notice(events) for events in grouped.values()), now=now)
    for (meter_id, kind), events in grouped.items():
        about = MeterAlert.objects.filter(meter=meter_id, kind=kind)
        about.latest("raised_at").events.add(*events)
    _note_ends(now)
    return len(fresh)


def _untold(codes: Mapping[int, object], now: datetime) -> MeterEventQuerySet:
    events = MeterEvent.objects.filter(
        code__in=list(codes), created_at__gte=now - LOOKS_BACK, alerts=None
    ).exclude(log=Log.SYSTEM)
    return events.select_related("meter__estate")


def _notice(events: Sequence[MeterEvent]) -> Notice:
    kind = RAISING[events[0].code][0]
    order = list(Severity)
    severity = max((RAISING[one.code][1] for one in events), key=order.index)
    newest = events[-SHOWN:]
    told = ", ".join(_words(one) for one in reversed(newest))
    more = f", and {len(events) - SHOWN} more" if len(events) > SHOWN else ""
    return Notice(
        subject=events[0].meter_id,
        kind=kind,
        severity=severity,
        message=f"In the log of meter {events[0].meter.serial}: {told}{more}.",
        source=MeterAlert.Source.EVENTS,
        since=max(one.created_at for one in events),
    )


def _words(event: MeterEvent) -> str:
    local = event.occurred_at.astimezone(event.meter.estate.zone)
    return f"{event.words.lower()} at {local:%Y-%m-%d %H:%M}"


def _note_ends(now: datetime) -> None:
    """Put covers that were closed and magnets that went beside the alert they belong to."""
    closing = list(_untold(ENDING, now))
    if not closing:
        return
    standing = {
        (alert.meter_id, alert.kind): alert
        for alert in MeterAlert.objects.unresolved().filter(
            meter__in=[event.meter_id for event in closing]
        )
    }
    for event in closing:
        if alert := standing.get((event.meter_id, ENDING[event.code])):
            alert.events.add(event)
