"""What a person does about an alert: take note of it, say what came of it."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import User
from meters.models.alerts import MeterAlert


class AlreadyHandled(Exception):
    """The alert is past the state that was asked for."""


@transaction.atomic
def acknowledge(*, alert_id: UUID, user: User, note: str = "") -> MeterAlert:
    """
    Take note of an open alert.

    :raises AlreadyHandled: if somebody did, or it is resolved.
    """
    alert = MeterAlert.objects.select_for_update().get(pk=alert_id)
    if alert.state != MeterAlert.State.OPEN:
        raise AlreadyHandled(f"The alert is {alert.get_state_display().lower()}.")
    return _handle(alert, MeterAlert.State.ACKNOWLEDGED, user, note)


@transaction.atomic
def resolve(*, alert_id: UUID, user: User, note: str, now: datetime) -> MeterAlert:
    """
    Close an alert with what was found and done.

    :raises AlreadyHandled: if it is resolved.
    """
    alert = MeterAlert.objects.select_for_update().get(pk=alert_id)
    if alert.state == MeterAlert.State.RESOLVED:
        raise AlreadyHandled("The alert is resolved.")
    alert.resolved_at, alert.ended_by_itself = now, False
    return _handle(alert, MeterAlert.State.RESOLVED, user, note)


def _handle(alert: MeterAlert, state: MeterAlert.State, user: User, note: str) -> MeterAlert:
    alert.state, alert.handled_by = state, user
    alert.note = note or alert.note
    alert.save(update_fields=["state", "handled_by", "note", "resolved_at", "updated_at"])
    return alert
