"""Telling the people of a home that its supply was cut, or is back."""

from datetime import datetime

from meters.models import Command, Installation
from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from units import recipients

EVENTS = {
    Command.Action.DISCONNECT.value: Notification.Event.DISCONNECTED,
    Command.Action.RECONNECT.value: Notification.Event.RECONNECTED,
}


def tell(command: Command, *, now: datetime) -> None:
    """Owe a message about a command that was read back from the meter; none about one at a bulk."""
    event = EVENTS.get(command.action)
    hangs = Installation.objects.filter(meter=command.meter_id, ends_at=None, unit__isnull=False)
    installation = hangs.select_related("unit__estate__settings").first()
    if event is None or installation is None or installation.unit is None:
        return
    unit, utility = installation.unit, command.meter.get_kind_display().lower()
    minimum = f"R{unit.estate.settings.activation_minimum}"
    is_cut = event == Notification.Event.DISCONNECTED
    text = (
        f"Unit {unit.unit_number}: the {utility} was cut. It comes back with a credit of {minimum}."
        if is_cut
        else f"Unit {unit.unit_number}: the {utility} is back. {command.outcome}"
    )
    message = Message(
        event=event, subject_key=f"unit:{unit.pk}", once_key=f"{event}:{command.pk}", text=text,
        scope=unit.estate_id, values={"utility": utility, "activation_minimum": minimum},
    )  # fmt: skip
    outbox.enqueue(recipients.addressed([(unit.pk, message)], now=now), now=now)
