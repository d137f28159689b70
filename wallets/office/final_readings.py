"""The registers of a unit's meters when an occupancy ended, by value."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from meters.models import Installation, Reading
from quantify.quantities import Utility
from wallets.billing.metered import BILLED_CHANNELS


class ReadingMissing(Exception):
    """A meter was not read at the end of an occupancy."""


type FinalReading = dict[str, str | int]


def of_unit(unit_id: UUID, end: datetime, *, accept_estimates: bool) -> list[FinalReading]:
    """
    The register of each meter of a unit: its first valid reading at an instant or after.

    :raises ReadingMissing: naming every meter that has none, or an estimate that is not accepted.
    """
    hanging = Installation.objects.filter(
        Q(ends_at=None) | Q(ends_at__gte=end),
        unit=unit_id,
        kind__in=list(Utility),
        starts_at__lt=end,
    ).select_related("meter__estate")
    found: list[FinalReading] = []
    missing: list[str] = []
    for one in hanging.order_by("kind", "starts_at"):
        final = _reading_at(one, end)
        if final is None:
            missing.append(f"{one.meter.serial} ({one.kind}) was not read")
        elif final.source == Reading.Source.ESTIMATED and not accept_estimates:
            missing.append(f"{one.meter.serial} ({one.kind}) was only estimated")
        else:
            found.append(_named(one, final))
    if missing:
        raise ReadingMissing(f"At the end of the occupancy or since: {'; '.join(missing)}.")
    return found


def _reading_at(one: Installation, end: datetime) -> Reading | None:
    readings = Reading.objects.filter(
        meter=one.meter_id, channel__in=BILLED_CHANNELS, is_valid=True, taken_at__gte=end
    )
    if one.ends_at is not None:
        readings = readings.filter(taken_at__lte=one.ends_at)
    return readings.order_by("taken_at").first()


def _named(one: Installation, final: Reading) -> FinalReading:
    return {
        "meter": one.meter.serial,
        "utility": one.kind,
        "value": final.stands,
        "taken_at": final.taken_at.isoformat(),
        "source": final.source,
    }
