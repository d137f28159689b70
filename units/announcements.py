"""What an estate's office tells the people of a home, of a building, or of all."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from estates.models import Estate
from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from notifications.recipients import Recipient
from quantify.ids import uuid7
from quantify.periods import local_day
from units import recipients
from units.models import Unit


class NobodyThere(Exception):
    """Nobody lives in, or owns, what was named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who is meant: one unit, a building, or the whole estate."""

    estate: Estate
    building: str = ""
    unit: Unit | None = None

    def units(self) -> QuerySet[Unit]:
        rows = Unit.objects.alive().filter(estate=self.estate)
        if self.unit is not None:
            return rows.filter(pk=self.unit.pk)
        return rows.filter(building__iexact=self.building) if self.building else rows

    def __str__(self) -> str:
        if self.unit is not None:
            return f"unit {self.unit.unit_number}"
        return f"building {self.building}" if self.building else f"all of {self.estate.name}"


def reached(audience: Audience, *, now: datetime) -> list[Recipient]:
    """The people an announcement would be written to, each once."""
    units = audience.units().values_list("pk", flat=True)
    homes = recipients.of_units(units, on=local_day(now, audience.estate.zone)).values()
    people = {person.key: person for home in homes for person in home.people}
    return sorted(people.values(), key=lambda person: (person.name, person.key))


def announce(*, audience: Audience, title: str, text: str, now: datetime) -> Notification:
    """
    Owe an announcement to everybody it is meant for; it cannot be taken back.

    :raises NobodyThere: if that is nobody.
    """
    people = reached(audience, now=now)
    if not people:
        raise NobodyThere(f"Nobody lives in or owns {audience}.")
    key = f"{Notification.Event.ANNOUNCEMENT}:{uuid7()}"
    outbox.enqueue(
        [
            Message(
                event=Notification.Event.ANNOUNCEMENT,
                subject_key=_subject(audience),
                once_key=key,
                title=f"{title} (to {audience})"[:150],
                text=text,
                scope=audience.estate.pk,
                recipients=people,
                values={"title": title, "estate": audience.estate.name},
            )
        ],
        now=now,
    )
    return Notification.objects.get(once_key=key)


def _subject(audience: Audience) -> str:
    return f"unit:{audience.unit.pk}" if audience.unit else f"estate:{audience.estate.pk}"
