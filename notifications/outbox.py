"""Messages that are owed: written with their cause, delivered later by workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from notifications.delivering import deliver_due
from notifications.models import Delivery, Notification
from notifications.recipients import Addresses, Recipient
from notifications.wording import Wordings, Words, words

__all__ = ["Message", "deliver_due", "enqueue"]

Channel = Delivery.Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    What is to be told, to whom, about what.

    `once_key` names the occasion: a second message with the same key is not written. `text` is
    what the estate's people read; recipients are written to in the words of the template, with
    `values` in place of its placeholders.
    """

    event: Notification.Event
    subject_key: str
    once_key: str
    text: str
    title: str = ""
    scope: UUID | None = None
    recipients: Sequence[Recipient] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def enqueue(messages: Sequence[Message], *, now: datetime) -> int:
    """
    Write messages within the caller's database transaction; a known occasion is left alone.

    Their number of statements does not depend on how many there are. Returns how many were new.
    """
    if not messages:
        return 0
    pairs = [(_notification(message, now), message) for message in messages]
    Notification.objects.bulk_create([row for row, _ in pairs], ignore_conflicts=True)
    written = set(
        Notification.objects.filter(pk__in=[row.pk for row, _ in pairs]).values_list(
            "pk", flat=True
        )
    )
    new = [(row, message) for row, message in pairs if row.pk in written]
    if any(message.recipients for _, message in new):
        _address(new, now)
    return len(new)


def _notification(message: Message, now: datetime) -> Notification:
    return Notification(
        event=message.event,
        scope=message.scope,
        subject_key=message.subject_key,
        once_key=message.once_key,
        title=message.title,
        text=message.text,
        due_at=now,
    )


def _address(new: Sequence[tuple[Notification, Message]], now: datetime) -> None:
    addresses = Addresses(person for _, message in new for person in message.recipients)
    wordings = Wordings(message.event for _, message in new)
    deliveries = []
    for row, message in new:
        for person in message.recipients:
            said = _said(message, person, addresses.language(person), wordings)
            deliveries += [
                _delivery(row, person, channel, address, said, now)
                for channel, address in addresses.ways(person, message.event)
            ]
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)


def _said(message: Message, person: Recipient, language: str, wordings: Wordings) -> Words:
    template = wordings.find(message.event, message.scope, language)
    if template is None:
        subject = message.values.get("title") or message.event.label
        return Words(subject, message.text, message.text)
    return words(template, {"name": person.name, "text": message.text, **message.values})


def _delivery(
    row: Notification, person: Recipient, channel: str, address: str, said: Words, now: datetime
) -> Delivery:
    in_app = channel == Channel.IN_APP
    return Delivery(
        notification=row,
        channel=channel,
        recipient_key=person.key,
        user_id=person.user_id,
        name=person.name,
        address=address,
        subject=said.subject,
        body=said.short if channel in (Channel.SMS, Channel.PUSH) else said.body,
        state=Delivery.State.DELIVERED if in_app else Delivery.State.DUE,
        due_at=now,
        delivered_at=now if in_app else None,
    )
