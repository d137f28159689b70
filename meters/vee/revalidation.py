"""Validating again what is stored: after a limit changed, or where something looks wrong."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from meters import ingest
from meters.ingest import Recorded
from meters.models.devices import Register
from meters.models.facts import DailyConsumption

DAY = timedelta(days=1)


def revalidate(
    *, meter_ids: Sequence[UUID], first: datetime, last: datetime, now: datetime
) -> Recorded:
    """
    Judge the readings of meters anew, and derive intervals and days again where they differ.

    One transaction for each meter. Billing charges the differences with its next run, and the
    checks of finished days look at these days again. Done again, it changes nothing.
    """
    total = Recorded()
    registers = Register.objects.filter(meter__in=list(meter_ids)).order_by("meter_id", "channel")
    for meter_id, channel in registers.values_list("meter_id", "channel"):
        total += ingest.rejudge(keys=[(meter_id, channel)], first=first, last=last, now=now)
    DailyConsumption.objects.filter(
        meter__in=list(meter_ids),
        day__gte=(first - DAY).date(),
        day__lte=(last + DAY).date(),
    ).update(checked_revision=0)
    return total
