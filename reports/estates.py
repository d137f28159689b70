"""One estate at a glance."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, DecimalField, F, Q, Sum
from django.db.models.functions import Coalesce

from meters.models import DailyConsumption, Meter, Register
from meters.models.devices import CommunicationStatus
from quantify.money import ZERO
from quantify.quantities import Utility
from units.models import Unit
from wallets.limits import limit_of
from wallets.models import Wallet

USED = (Register.Channel.IMPORT, Register.Channel.VOLUME)


@dataclass(frozen=True, slots=True)
class Statistics:
    """
    Counts of what is in use; `consumption_today` is in Wh or litres by utility.

    `balance_total` is all that is in wallets, also of units that were deleted.
    """

    units: int
    occupied: int
    meters: int
    meters_offline: int
    balance_total: Decimal
    low_balance_count: int
    consumption_today: dict[str, int]


def statistics(estate_id: UUID, *, today: date) -> Statistics:
    """What the units, meters and wallets of an estate add up to now; four statements."""
    units = Unit.objects.filter(estate=estate_id, deleted_at=None).aggregate(
        units=Count("pk"), occupied=Count("pk", filter=Q(status=Unit.Status.OCCUPIED))
    )
    meters = Meter.objects.filter(estate=estate_id, deleted_at=None).aggregate(
        meters=Count("pk"),
        meters_offline=Count("pk", filter=~Q(communication_status=CommunicationStatus.ONLINE)),
    )
    wallets = (
        Wallet.objects.filter(unit__estate=estate_id)
        .annotate(limit=limit_of())
        .aggregate(
            balance_total=Coalesce(Sum("balance"), ZERO, output_field=DecimalField()),
            low_balance_count=Count("pk", filter=Q(unit__deleted_at=None, balance__lt=F("limit"))),
        )
    )
    return Statistics(**units, **meters, **wallets, consumption_today=_used(estate_id, today))


def _used(estate_id: UUID, day: date) -> dict[str, int]:
    """What the units used on a local day; bulk meters count the same again."""
    rows = DailyConsumption.objects.filter(
        meter__estate=estate_id, meter__kind__in=list(Utility), channel__in=USED, day=day
    )
    used = dict(rows.values_list("meter__kind").annotate(used=Sum("quantity")))
    return {utility.value: used.get(utility.value, 0) for utility in Utility}
