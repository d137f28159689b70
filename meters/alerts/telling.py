"""Messages about alerts that are bad enough: one for each and each escalation, or one for many."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from meters.alerts.kinds import KINDS, TOLD
from meters.models.alerts import MeterAlert
from meters.models.installations import Installation
from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from units import recipients

EVENT = Notification.Event.METER_ALERT
SINGLY = 5
"""More alerts of an estate in one round than this are one message."""


@transaction.atomic
def tell(*, now: datetime) -> int:
    """
    Write messages about alerts whose severity nobody was told yet; returns how many messages.

    A cause that comes and goes is told once for each severity, however often it comes.
    """
    untold = MeterAlert.objects.filter(state=MeterAlert.State.OPEN, severity__in=TOLD)
    untold = untold.exclude(told_severity=F("severity")).select_related("estate")
    by_estate: dict[UUID, list[MeterAlert]] = defaultdict(list)
    for alert in untold.select_for_update(of=("self",)).order_by("pk"):
        by_estate[alert.estate_id].append(alert)
    messages: list[Message] = []
    for told in by_estate.values():
        messages += [_digest(told)] if len(told) > SINGLY else [_message(one) for one in told]
    leaks = [one for told in by_estate.values() for one in told if one.kind == MeterAlert.Kind.LEAK]
    outbox.enqueue([*messages, *_to_homes(leaks, now)], now=now)
    for alert in (one for told in by_estate.values() for one in told):
        alert.told_severity = alert.severity
    MeterAlert.objects.bulk_update(
        [one for told in by_estate.values() for one in told], ["told_severity"]
    )
    return len(messages)


def _message(alert: MeterAlert) -> Message:
    what = KINDS[MeterAlert.Kind(alert.kind)]
    return Message(
        event=EVENT,
        subject_key=f"alert:{alert.pk}",
        scope=alert.estate_id,
        once_key=f"{EVENT}:{alert.pk}:{alert.severity}",
        text=f"{alert.get_severity_display()}. {alert.says} {what.do}",
    )


def _to_homes(leaks: Sequence[MeterAlert], now: datetime) -> list[Message]:
    """A leak costs those who live there, and they are the first who can close a tap."""
    meters = {alert.meter_id: alert for alert in leaks if alert.meter_id}
    hangs = Installation.objects.filter(meter__in=meters, ends_at=None, unit__isnull=False)
    pairs = [
        (
            unit_id,
            Message(
                event=Notification.Event.LEAK, subject_key=f"alert:{meters[meter_id].pk}",
                scope=meters[meter_id].estate_id, once_key=f"leak:{meters[meter_id].pk}",
                text=f"Unit {unit_number}: {meters[meter_id].says}",
                values={"says": meters[meter_id].says},
            ),
        )
        for meter_id, unit_id, unit_number in hangs.values_list(
            "meter", "unit", "unit__unit_number"
        )
    ]  # fmt: skip
    return recipients.addressed(pairs, now=now)


def _digest(told: Sequence[MeterAlert]) -> Message:
    first = told[0]
    kinds = Counter(alert.get_kind_display() for alert in told)
    parts = ", ".join(f"{number} x {kind}" for kind, number in kinds.most_common())
    return Message(
        event=EVENT,
        subject_key=f"estate:{first.estate_id}",
        scope=first.estate_id,
        once_key=f"{EVENT}:{first.pk}:{first.severity}:{len(told)}",
        text=f"{len(told)} alerts at {first.estate.name}: {parts}. See the list of alerts.",
    )
