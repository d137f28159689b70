"""What the meters of a unit tell for its statement: registers at both ends, use by day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet

from meters.models import DailyConsumption, Installation, Reading
from quantify.periods import Period, local_day, midnight
from quantify.quantities import Utility
from wallets.billing.metered import BILLED_CHANNELS
from wallets.models import Wallet

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReadings:
    """A meter of the unit and its register at the begin and the end, in Wh or litres."""

    serial: str
    utility: Utility
    opening: int | None
    opening_at: datetime | None
    closing: int | None
    closing_at: datetime | None


def _installations(wallet: Wallet, period: Period) -> QuerySet[Installation]:
    return Installation.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=period.start),
        unit=wallet.unit_id,
        kind__in=list(Utility),
        starts_at__lt=period.end,
    ).select_related("meter")


def readings(wallet: Wallet, period: Period) -> list[MeterReadings]:
    """The registers at the begin and the end, or where a meter came or went in between."""
    rows = _installations(wallet, period).order_by("kind", "starts_at")
    return [_readings_of(one, period) for one in rows]


def _readings_of(one: Installation, period: Period) -> MeterReadings:
    opening: tuple[datetime, int] | None = (one.starts_at, one.opening_value)
    if one.starts_at < period.start:
        opening = _register(one, period.start)
    if one.ends_at and one.ends_at <= period.end and one.closing_value is not None:
        closing: tuple[datetime, int] | None = (one.ends_at, one.closing_value)
    else:
        closing = _register(one, period.end)
    return MeterReadings(
        serial=one.meter.serial,
        utility=Utility(one.kind),
        opening=opening[1] if opening else None,
        opening_at=opening[0] if opening else None,
        closing=closing[1] if closing else None,
        closing_at=closing[0] if closing else None,
    )


def _register(one: Installation, at: datetime) -> tuple[datetime, int] | None:
    """The last valid reading of an installed meter up to an instant."""
    readings = Reading.objects.filter(
        meter=one.meter_id,
        channel__in=BILLED_CHANNELS,
        taken_at__lte=at,
        taken_at__gte=one.starts_at,
        is_valid=True,
    )
    return readings.order_by("-taken_at").values_list("taken_at", "stands").first()


def quantities(wallet: Wallet, first_day: date, last_day: date) -> dict[tuple[date, Utility], int]:
    """What was used (Wh or litres), by local day and utility."""
    zone = wallet.unit.estate.zone
    period = Period(midnight(first_day, zone), midnight(last_day + DAY, zone))
    found: dict[tuple[date, Utility], int] = {}
    for one in _installations(wallet, period):
        first = max(first_day, local_day(one.starts_at, zone))
        end = local_day(one.ends_at, zone) if one.ends_at else last_day + DAY
        rows = DailyConsumption.objects.filter(
            meter=one.meter_id, channel__in=BILLED_CHANNELS, day__gte=first, day__lte=last_day
        ).filter(day__lt=max(end, first + DAY))
        for day, quantity in rows.values_list("day", "quantity"):
            key = (day, Utility(one.kind))
            found[key] = found.get(key, 0) + quantity
    return found
