"""
Recording the readings of a file, with an answer for each line.

The file goes through the path of all readings twice: once to see what each line comes to, and is
taken back; then without the lines that fail the checks. A preview is the first half.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from accounts.models import User
from meters import readings
from meters.importing.files import Line
from meters.manual import Rejected, as_reading, main_channel, reason_of
from meters.models.devices import Meter, Register
from meters.models.facts import Reading
from meters.readings import ManualEntry, RawReading
from quantify.tables.description import Column, Table
from quantify.tables.description import Kind as CellKind

type Result = Literal["created", "duplicate", "conflict", "rejected"]
type Key = tuple[UUID, int, datetime]

RESULTS: tuple[Result, ...] = ("created", "duplicate", "conflict", "rejected")
CONTRADICTED = "Readings that were taken later contradict it."
NO_METER = "There is no such meter."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a line came to; ``reason`` says why it was not created."""

    line: Line
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file came to, line by line."""

    outcomes: Sequence[Outcome]

    @property
    def counts(self) -> dict[Result, int]:
        found = Counter(outcome.result for outcome in self.outcomes)
        return {result: found[result] for result in RESULTS}

    @property
    def failures(self) -> list[Outcome]:
        """The lines that a person should look at."""
        return [one for one in self.outcomes if one.result in ("conflict", "rejected")]


def preview(lines: Sequence[Line], *, user: User | AnonymousUser, now: datetime) -> Imported:
    """What an import would come to; nothing is recorded."""
    with transaction.atomic():
        told = _import(lines, user, now)
        transaction.set_rollback(True)
    return told


@transaction.atomic
def record(lines: Sequence[Line], *, user: User | AnonymousUser, now: datetime) -> Imported:
    """Record what passes the checks; importing the same again changes nothing."""
    return _import(lines, user, now)


def failures(told: Imported) -> Table:
    """The lines that were not taken, as a table to correct."""
    columns = [
        Column("line", "Line", CellKind.COUNT),
        Column("meter", "Meter"),
        Column("taken_at", "Taken at"),
        Column("value", "Value"),
        Column("result", "Result"),
        Column("reason", "Reason"),
    ]
    rows = (
        (
            one.line.number,
            one.line.meter,
            str(one.line.taken_at or ""),
            "" if one.line.value is None else str(one.line.value),
            one.result,
            one.reason,
        )
        for one in told.failures
    )
    return Table("Readings not imported", columns, rows)


def _import(lines: Sequence[Line], user: User | AnonymousUser, now: datetime) -> Imported:
    found = _resolved(lines, user)
    rows = {number: row for number, row in found.items() if isinstance(row, RawReading)}
    before = _stored(rows.values())
    rejected = _rejected(rows, before, now)
    accepted = [row for number, row in rows.items() if number not in rejected]
    readings.record(accepted, source=Reading.Source.MANUAL, received_at=now)
    first: dict[Key, int] = {key: value for key, (value, _, _) in before.items()}
    outcomes = []
    for line in lines:
        row = found[line.number]
        if not isinstance(row, RawReading):
            outcomes.append(Outcome(line, "rejected", row))
        elif line.number in rejected:
            outcomes.append(Outcome(line, "rejected", rejected[line.number]))
        else:
            outcomes.append(_outcome(line, row, first))
    return Imported(outcomes)


def _outcome(line: Line, row: RawReading, first: dict[Key, int]) -> Outcome:
    """What an accepted line came to, given the values that stood before it."""
    known = first.setdefault(_key(row), -1)
    if known == -1:
        first[_key(row)] = row.value
        return Outcome(line, "created")
    if known == row.value:
        return Outcome(line, "duplicate", "This reading was recorded before.")
    return Outcome(line, "conflict", "There is another reading at that time; it stands.")


def _resolved(lines: Sequence[Line], user: User | AnonymousUser) -> dict[int, RawReading | str]:
    """The reading of each line by its number, or why it is none."""
    serials = {line.meter for line in lines}
    visible = Meter.objects.visible_to(user).alive().filter(serial__in=serials)
    meters = {
        meter.serial: meter
        for meter in visible.select_related("estate").prefetch_related("registers")
    }
    return {line.number: _reading(line, meters.get(line.meter)) for line in lines}


def _reading(line: Line, meter: Meter | None) -> RawReading | str:
    if line.fault or line.taken_at is None or line.value is None:
        return line.fault
    if meter is None:
        return NO_METER
    channels = [register.channel for register in meter.registers.all()]
    at = line.taken_at if line.taken_at.tzinfo else line.taken_at.replace(tzinfo=meter.estate.zone)
    try:
        channel = _channel(line.register) if line.register else main_channel(channels)
        return as_reading(meter, ManualEntry(at, line.value, channel), channels)
    except Rejected as rejected:
        return str(rejected)


def _channel(name: str) -> int:
    try:
        return Register.Channel[name.upper()].value
    except KeyError as error:
        raise Rejected(f"{name!r} is no register: use import, export or volume.") from error


def _rejected(
    rows: dict[int, RawReading], before: dict[Key, tuple[int, bool, int]], now: datetime
) -> dict[int, str]:
    """Rehearse the rows together; the numbers of those that fail, and why."""
    new = {number: row for number, row in rows.items() if _key(row) not in before}
    with transaction.atomic():
        told = readings.record(new.values(), source=Reading.Source.MANUAL, received_at=now)
        after = _stored(new.values())
        turned = list(_invalid_beside(new)) if told.overturned else []
        transaction.set_rollback(True)
    turned = [key for key, stands in _stored_at(turned).items() if stands[1]]
    rejected: dict[int, str] = {}
    for number, row in new.items():
        stands = after.get(_key(row))
        if stands is None:
            rejected[number] = "The reading lies too far in the past or in the future."
        elif not stands[1]:
            rejected[number] = reason_of(stands[2])
        elif any(_contradicts(row, one) for one in turned):
            rejected[number] = CONTRADICTED
    return rejected


def _invalid_beside(new: dict[int, RawReading]) -> Iterator[Key]:
    """Stored readings that are invalid beside these."""
    fresh = {_key(row) for row in new.values()}
    meters = {row.meter_id for row in new.values()}
    begin = min(row.taken_at for row in new.values())
    invalid = Reading.objects.filter(meter__in=meters, taken_at__gte=begin, is_valid=False)
    for key in invalid.values_list("meter_id", "channel", "taken_at"):
        if key not in fresh:
            yield key


def _contradicts(row: RawReading, turned: Key) -> bool:
    return (row.meter_id, row.channel) == turned[:2] and row.taken_at < turned[2]


def _stored(rows: Iterable[RawReading]) -> dict[Key, tuple[int, bool, int]]:
    return _stored_at(map(_key, rows))


def _stored_at(keys: Iterable[Key]) -> dict[Key, tuple[int, bool, int]]:
    """Value, validity and broken rules of the stored readings at these places."""
    wanted: dict[tuple[UUID, int], list[datetime]] = {}
    for meter_id, channel, at in keys:
        wanted.setdefault((meter_id, channel), []).append(at)
    found: dict[Key, tuple[int, bool, int]] = {}
    for (meter_id, channel), instants in wanted.items():
        stored = Reading.objects.filter(meter=meter_id, channel=channel, taken_at__in=instants)
        for at, value, is_valid, rules in stored.values_list(
            "taken_at", "value", "is_valid", "rules"
        ):
            found[meter_id, channel, at] = value, is_valid, rules
    return found


def _key(row: RawReading) -> Key:
    return row.meter_id, row.channel, row.taken_at
