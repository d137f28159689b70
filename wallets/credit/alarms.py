"""What credit control tells people when a guard that is theirs to judge has stopped it."""

from collections.abc import Sequence
from datetime import datetime

from meters import alerts
from meters.alerts import Kind, Severity, Source
from meters.models import MeterAlert
from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from wallets.credit.policy import BREAKER, SWINGING, Decision, Facts

type Refused = Sequence[tuple[Facts, Decision]]

DECIDE = "Cut twice within 24 hours and out of credit again: a person decides what is to be done."


def tell(refused: Refused, *, now: datetime) -> None:
    """Tell of breakers that stopped cuts, and of supplies that were cut too often."""
    _breakers(refused, now)
    swinging = [facts for facts, decision in refused if _failed(decision) == {SWINGING}]
    for facts in swinging:
        alerts.raise_once(
            meter_id=facts.meter_id, kind=Kind.LOW_CREDIT, severity=Severity.WARNING,
            message=DECIDE, now=now, source=Source.CREDIT,
        )  # fmt: skip


def withdraw(refused: Refused, *, now: datetime) -> None:
    """Resolve what was told of supplies that are not cut too often any more."""
    lasting = {facts.meter_id for facts, decision in refused if SWINGING in _failed(decision)}
    told = MeterAlert.objects.unresolved().filter(kind=Kind.LOW_CREDIT, source=Source.CREDIT)
    over = set(told.values_list("meter_id", flat=True)) - lasting
    alerts.resolve(meter_ids=over, kind=Kind.LOW_CREDIT, now=now, source=Source.CREDIT)


def _breakers(refused: Refused, now: datetime) -> None:
    event = Notification.Event.CUTS_STOPPED
    stopped = {
        facts.estate_id: facts for facts, decision in refused if BREAKER in _failed(decision)
    }
    messages = [
        Message(
            event=event, subject_key=f"estate:{estate_id}", scope=estate_id,
            once_key=f"{event}:{estate_id}:{now:%Y-%m-%dT%H}",
            text=(
                f"{facts.recent_cuts} supplies were cut within 15 minutes, which is as many as the "
                "estate's breaker lets pass. No more are cut for now. See who would be next "
                "under Credit control; inhibit cuts there if this is not as it should be."
            ),
        )
        for estate_id, facts in stopped.items()
    ]  # fmt: skip
    outbox.enqueue(messages, now=now)


def _failed(decision: Decision) -> set[str]:
    return {check.name for check in decision.refused_by}
