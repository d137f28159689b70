"""What readings by hand would mean: recorded, looked at, and taken back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from meters.manual import ManualEntry, ManualOutcome, main_channel, record_manual
from meters.models.devices import Meter
from meters.models.facts import DailyConsumption, Interval, Reading
from meters.vee import limits
from meters.vee.rules import Rule
from quantify.periods import Period, local_day

DAY = timedelta(days=1)
LOOKED_BACK, ENOUGH_DAYS = timedelta(days=28), 7
"""
What is usual is the mean of the days before the last reading, if there are enough. Days between
two readings count too: their shape is estimated, their total is not.
"""
NO_BASE = "There is no valid reading before it: nothing is counted from it until the next one."
STARTED_AGAIN = "The register started again at zero: it is taken as having passed its end."
HAS_LATER = "There are later readings: this one only divides what was used between its neighbours."


@dataclass(frozen=True, slots=True)
class Meaning:
    """
    What an entry would come to, in whole Wh or litres.

    ``previous`` is the valid reading before it, ``used`` what is counted from there (None where
    the entry would not be created), ``usual_per_day`` None where too little is known.
    """

    outcome: ManualOutcome
    previous: Reading | None = None
    used: int | None = None
    usual_per_day: int | None = None
    warnings: Sequence[str] = ()


def preview_manual(*, meter: Meter, entries: Sequence[ManualEntry], now: datetime) -> list[Meaning]:
    """Say what recording these entries together would mean, in the given order."""
    channels = list(meter.registers.values_list("channel", flat=True))
    with transaction.atomic():
        outcomes = record_manual(meter=meter, entries=entries, now=now)
        told = [_meaning(meter, outcome, channels) for outcome in outcomes]
        transaction.set_rollback(True)
    return told


def _meaning(meter: Meter, outcome: ManualOutcome, channels: Sequence[int]) -> Meaning:
    entry = outcome.entry
    if not channels or entry.taken_at.tzinfo is None:
        return Meaning(outcome)
    channel = main_channel(channels) if entry.channel is None else entry.channel
    of_register = meter.readings.filter(channel=channel)
    before = of_register.filter(is_valid=True, taken_at__lt=entry.taken_at)
    previous = before.order_by("-taken_at").first()
    if outcome.result != "created":
        return Meaning(outcome, previous)
    if previous is None:
        return Meaning(outcome, warnings=[NO_BASE])
    counted = Interval.objects.filter(meter=meter, channel=channel)
    used = counted.within(Period(previous.taken_at, entry.taken_at)).total()
    usual = _usual_per_day(meter, channel, previous.taken_at)
    warnings = list(_warnings(meter, entry, previous, used, usual))
    made = of_register.get(taken_at=entry.taken_at)
    if Rule.ROLLOVER in Rule(made.rules):
        warnings.append(STARTED_AGAIN)
    if of_register.filter(taken_at__gt=entry.taken_at).exists():
        warnings.append(HAS_LATER)
    return Meaning(outcome, previous, used, usual, warnings)


def _usual_per_day(meter: Meter, channel: int, at: datetime) -> int | None:
    last = local_day(at, meter.estate.zone)
    days = DailyConsumption.objects.filter(
        meter=meter, channel=channel, day__gte=last - LOOKED_BACK, day__lt=last
    )
    used = list(days.values_list("quantity", flat=True))
    return round(sum(used) / len(used)) if len(used) >= ENOUGH_DAYS else None


def _warnings(
    meter: Meter, entry: ManualEntry, previous: Reading, used: int, usual: int | None
) -> Iterator[str]:
    """Against what is usual, by the limits that whole weeks are checked with."""
    passed = entry.taken_at - previous.taken_at
    if passed > DAY:
        yield f"{passed / DAY:.0f} days were not read: their use is spread as on like days."
    if not usual or passed < DAY:
        return
    limit = limits.of_estate(meter.estate_id)
    times = Decimal(used) / (usual * Decimal(passed / DAY))
    if times > limit["high_low.high"]:
        yield f"That is {times:.1f} times what is usual here: check the figures."
    elif times < limit["high_low.low"]:
        yield f"That is {times:.0%} of what is usual here: check the figures."
