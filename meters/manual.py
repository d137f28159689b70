"""Readings that a person took: the same checks, with an answer for each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from django.db import transaction

from meters import ingest
from meters.batches import RawReading, ReadingArrays, microseconds
from meters.models.devices import Meter
from meters.models.facts import Reading
from meters.vee.rules import Rule
from meters.vee.validation import INTERVAL, PARAMETERS
from quantify.periods import EPOCH
from quantify.quantities import NotAQuantity, kilo

type Result = Literal["created", "duplicate", "conflict", "rejected"]

REASONS = {
    Rule.NEGATIVE_STEP: "The register cannot have gone back since the reading before it.",
    Rule.PHYSICAL_MAXIMUM: "That is more than the meter can carry since the reading before it.",
    Rule.IN_THE_FUTURE: "The reading lies in the future.",
}


@dataclass(frozen=True, slots=True)
class ManualEntry:
    """
    What a person read off a meter, in kWh or kl.

    Without ``channel`` it is the meter's main register.
    """

    taken_at: datetime
    value: Decimal
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class ManualOutcome:
    """What became of an entry; ``reason`` says why it was not created."""

    entry: ManualEntry
    result: Result
    reason: str = ""


class Rejected(Exception):
    """An entry that cannot be right; nothing of it is kept, so that it can be corrected."""


def record_manual(
    *, meter: Meter, entries: Sequence[ManualEntry], now: datetime
) -> list[ManualOutcome]:
    """
    Record what a person read, oldest first, each on its own; the answers keep the given order.

    Unlike a meter's own faulty reading, a person's is not kept when it fails the checks.
    """
    channels = list(meter.registers.order_by("channel").values_list("channel", flat=True))
    outcomes: dict[int, ManualOutcome] = {}
    for number in sorted(range(len(entries)), key=lambda number: _when(entries[number])):
        entry = entries[number]
        try:
            outcomes[number] = _enter(meter, entry, channels, now)
        except Rejected as rejected:
            outcomes[number] = ManualOutcome(entry, "rejected", str(rejected))
    return [outcomes[number] for number in range(len(entries))]


def main_channel(channels: Sequence[int]) -> int:
    """
    The register that stands for the meter: import before export.

    :raises Rejected: if the meter has no register.
    """
    if not channels:
        raise Rejected("The meter has no register.")
    return min(channels)


def _when(entry: ManualEntry) -> float:
    return entry.taken_at.timestamp()


def _enter(
    meter: Meter, entry: ManualEntry, channels: Sequence[int], now: datetime
) -> ManualOutcome:
    reading = as_reading(meter, entry, channels)
    with transaction.atomic():
        recorded = ingest.take_in(
            ReadingArrays.of_rows([reading]), source=Reading.Source.MANUAL, received_at=now
        )
        if recorded.refused:
            raise Rejected("The reading lies too far in the past or in the future.")
        if recorded.invalid:
            raise Rejected(_reason(reading))
        if recorded.overturned:
            raise Rejected("Readings that were taken later contradict it.")
    if recorded.conflicts:
        return ManualOutcome(entry, "conflict", "There is another reading at that time; it stands.")
    if recorded.duplicates:
        return ManualOutcome(entry, "duplicate", "This reading was recorded before.")
    return ManualOutcome(entry, "created")


def as_reading(meter: Meter, entry: ManualEntry, channels: Sequence[int]) -> RawReading:
    """:raises Rejected: if the entry is no reading of this meter at a quarter hour."""
    channel = main_channel(channels) if entry.channel is None else entry.channel
    if channel not in channels:
        raise Rejected(f"The meter has no register for channel {channel}.")
    if entry.taken_at.tzinfo is None:
        raise Rejected("Give the time with its time zone.")
    if microseconds(entry.taken_at) % INTERVAL:
        raise Rejected("Give a quarter hour, such as 08:00, 08:15, 08:30 or 08:45.")
    try:
        value = kilo(entry.value)
    except NotAQuantity as error:
        raise Rejected(str(error)) from error
    if not 0 <= value <= PARAMETERS.largest_value:
        raise Rejected("A register shows no such value.")
    return RawReading(meter.pk, channel, entry.taken_at.astimezone(EPOCH.tzinfo), value)


def _reason(reading: RawReading) -> str:
    rules = Reading.objects.values_list("rules", flat=True).get(
        meter_id=reading.meter_id, channel=reading.channel, taken_at=reading.taken_at
    )
    return reason_of(rules)


def reason_of(rules: int) -> str:
    """The checks that a reading broke, in words for the person who took it."""
    reasons = [reason for rule, reason in REASONS.items() if rule in Rule(rules)]
    return " ".join(reasons) or f"The reading breaks: {', '.join(Rule(rules).names)}."
