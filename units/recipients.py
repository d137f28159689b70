"""Who is written to about a home: its tenants, or its owners where nobody rents it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from notifications.outbox import Message
from notifications.recipients import Recipient
from quantify.periods import local_day
from units.models import Occupancy, Resident


@dataclass(slots=True)
class Home:
    """A unit as messages name it, with the people of a day."""

    unit_number: str
    estate: str
    tenants: list[Recipient] = field(default_factory=list)
    owners: list[Recipient] = field(default_factory=list)

    @property
    def people(self) -> list[Recipient]:
        return self.tenants or self.owners


def recipient(resident: Resident) -> Recipient:
    """A resident as somebody to write to."""
    return Recipient(
        key=f"resident:{resident.pk}",
        name=str(resident),
        email=resident.email,
        phone=resident.phone,
        user_id=resident.user_id,
    )


def of_units(unit_ids: Iterable[UUID], *, on: date) -> dict[UUID, Home]:
    """The homes somebody lives in or owns on a day, in one query."""
    stays = Occupancy.objects.on(on).filter(unit__in=set(unit_ids), resident__deleted_at=None)
    homes: dict[UUID, Home] = {}
    for stay in stays.select_related("resident", "unit__estate").order_by("starts_on", "pk"):
        unit = stay.unit
        home = homes.setdefault(unit.pk, Home(unit.unit_number, unit.estate.name))
        people = home.tenants if stay.kind == Occupancy.Kind.TENANT else home.owners
        people.append(recipient(stay.resident))
    return homes


def addressed(pairs: Sequence[tuple[UUID, Message]], *, now: datetime) -> list[Message]:
    """Messages about units, each given by its unit, with those who live there now."""
    homes = of_units([unit_id for unit_id, _ in pairs], on=local_day(now))
    return [
        _to(homes[unit_id], message) if unit_id in homes else message for unit_id, message in pairs
    ]


def _to(home: Home, message: Message) -> Message:
    named = {"unit_number": home.unit_number, "estate": home.estate}
    return replace(message, recipients=home.people, values={**named, **message.values})
