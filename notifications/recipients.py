"""Who is written to, over which channels, by what they chose."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from notifications.models import Delivery, Device, Notification, RecipientSettings, Template

Channel = Delivery.Channel
Event = Notification.Event
MANDATORY = frozenset(
    {
        Event.LOW_BALANCE,
        Event.CRITICAL_BALANCE,
        Event.DISCONNECTION_WARNING,
        Event.DISCONNECTED,
    }
)
"""Legal notices: what precedes and tells of a cut keeps at least one way out of the app."""
FOR_RESIDENTS = (
    Event.LOW_BALANCE, Event.CRITICAL_BALANCE, Event.DISCONNECTION_WARNING, Event.DISCONNECTED,
    Event.RECONNECTED, Event.PAYMENT_RECEIVED, Event.WATER_IN_DEBT, Event.LEAK,
    Event.ANNOUNCEMENT, Event.STATEMENT_READY,
)  # fmt: skip
OUTSIDE = (Channel.EMAIL, Channel.SMS, Channel.PUSH)


class MustBeTold(Exception):
    """A legal notice keeps at least one of e-mail, SMS and push."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A person to write to, and where; `user_id` if they sign in."""

    key: str
    name: str
    email: str = ""
    phone: str = ""
    user_id: UUID | None = None


class Addresses:
    """Where recipients are reached and in which language: two queries for all of them."""

    def __init__(self, recipients: Iterable[Recipient]) -> None:
        people = list(recipients)
        keys = {person.key for person in people}
        rows = RecipientSettings.objects.filter(recipient_key__in=keys)
        self._settings = {row.recipient_key: row for row in rows}
        users = {person.user_id for person in people if person.user_id}
        self._devices: dict[UUID, list[str]] = {}
        for device in Device.objects.filter(user__in=users) if users else ():
            self._devices.setdefault(device.user_id, []).append(f"{device.platform}:{device.token}")

    def language(self, recipient: Recipient) -> str:
        chosen = self._settings.get(recipient.key)
        return chosen.language if chosen else Template.Language.ENGLISH

    def ways(self, recipient: Recipient, event: str) -> list[tuple[str, str]]:
        """Channel and address of each way a message takes; the app always, for who signs in."""
        chosen = self._settings.get(recipient.key)
        off = set(chosen.off) if chosen else set()
        devices = self._devices.get(recipient.user_id, []) if recipient.user_id else []
        ways = [
            *([(Channel.IN_APP, "")] if recipient.user_id else []),
            *([(Channel.EMAIL, recipient.email)] if recipient.email else []),
            *([(Channel.SMS, recipient.phone)] if recipient.phone else []),
            *((Channel.PUSH, address) for address in devices),
        ]
        return [
            (str(channel), address)
            for channel, address in ways
            if channel == Channel.IN_APP or f"{event}/{channel}" not in off
        ]


def key_of(user: User) -> str:
    """Under which key a person's settings are kept: residents as residents."""
    resident = getattr(user, "resident", None) if user.is_resident else None
    return f"resident:{resident.pk}" if resident else f"user:{user.pk}"


def settings_of(key: str) -> RecipientSettings:
    """What a recipient chose; nothing chosen is a row that was never stored."""
    found = RecipientSettings.objects.filter(recipient_key=key).first()
    return found or RecipientSettings(recipient_key=key)


def choose(*, key: str, language: str, off: Mapping[str, Collection[str]]) -> RecipientSettings:
    """
    Store a recipient's language and the channels they do not want, by event.

    :raises MustBeTold: if a legal notice would not leave the app any more.
    """
    for event, channels in off.items():
        if event in MANDATORY and set(channels) >= set(OUTSIDE):
            raise MustBeTold(f"{Event(event).label}: keep at least one of e-mail, SMS and push.")
    pairs = sorted(f"{event}/{channel}" for event in off for channel in off[event])
    stored, _ = RecipientSettings.objects.update_or_create(
        recipient_key=key, defaults={"language": language, "off": pairs}
    )
    return stored
