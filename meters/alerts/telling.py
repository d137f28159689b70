"""Messages about alerts that are bad enough: one for each and each escalation, or one for many."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from meters.alerts.kinds import KINDS, TOLD
from meters.models.alerts import MeterAlert
from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message

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
    outbox.enqueue(messages, now=now)
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
