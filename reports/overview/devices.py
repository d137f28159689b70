"""Whether meters answer, whose supply is cut, and what waits for a person."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q

from accounts.models import User
from meters.models import Concentrator, Meter, MeterAlert


@dataclass(frozen=True, slots=True)
class Fleet:
    """Meters by contact; `cut` supplies are disconnected or wait for the button."""

    meters: int
    online: int
    offline: int
    cut: int
    last_contact_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    severity: str
    words: str
    number: int


def fleet(user: User) -> Fleet:
    cut = (Meter.RelayState.DISCONNECTED, Meter.RelayState.READY)
    meters = (
        Meter.objects.visible_to(user)
        .alive()
        .aggregate(
            meters=Count("pk"),
            online=Count("pk", filter=Q(communication_status="online")),
            cut=Count("pk", filter=Q(relay_state__in=cut)),
            contact=Max("last_contact_at"),
        )
    )
    contacts = [at for at in (meters["contact"], _contact_of_concentrators(user)) if at]
    return Fleet(
        meters=meters["meters"],
        online=meters["online"],
        offline=meters["meters"] - meters["online"],
        cut=meters["cut"],
        last_contact_at=max(contacts, default=None),
    )


def _contact_of_concentrators(user: User) -> datetime | None:
    """When one of them answered last, for who may look at them."""
    if not user.has_perm("meters.view_concentrator"):
        return None
    concentrators = Concentrator.objects.visible_to(user).alive()
    at: datetime | None = concentrators.aggregate(at=Max("last_contact_at"))["at"]
    return at


def open_alerts(user: User) -> list[OpenAlerts]:
    """Alerts not resolved yet by severity, the worst first; severities without any too."""
    counted = dict(
        MeterAlert.objects.visible_to(user)
        .unresolved()
        .order_by()
        .values_list("severity")
        .annotate(number=Count("pk"))
    )
    return [
        OpenAlerts(severity.value, severity.label, counted.get(severity.value, 0))
        for severity in reversed(MeterAlert.Severity)
    ]
