"""
What a person says of readings: a fact beside each of them, and what follows from it.

A raw reading stays as it was read. What is derived is derived anew, so that billing charges the
difference; undone, everything is as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from accounts.models import User
from meters import ingest
from meters.models.facts import Reading
from meters.models.quality import Finding, ReadingEdit
from meters.vee.rules import Rule
from meters.vee.validation import OF_A_PERSON, OF_THE_METER, OWN, PARAMETERS

Action = ReadingEdit.Action
MOST_AT_ONCE = 3_000


class NoSuchReading(LookupError):
    """There is no reading of that register at that time."""


class ImpossibleValue(ValueError):
    """The register cannot have shown that, by the readings around it; nothing is changed."""


class NotTheLast(Exception):
    """The edit was undone, or another followed it that must be undone first."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who edits, when and why; `finding` is what gave cause, if anything did."""

    user: User
    now: datetime
    reason: str
    finding: Finding | None = None


@transaction.atomic
def edit(
    *, meter_id: UUID, channel: int, taken_at: datetime, value: int, occasion: Occasion
) -> ReadingEdit:
    """
    Let a value in Wh or litres stand in place of what was read.

    :raises NoSuchReading: if nothing was read at that time; then it is a manual reading.
    :raises ImpossibleValue: if the readings around it contradict the value.
    """
    if not 0 <= value <= PARAMETERS.largest_value:
        raise ImpossibleValue("A register shows no such value.")
    (reading,) = _locked(meter_id, channel, [taken_at])
    made = _say([reading], Action.EDIT, occasion, value=value)
    _check_stands(made)
    return made[0]


@transaction.atomic
def accept(*, meter_id: UUID, channel: int, taken_at: datetime, occasion: Occasion) -> ReadingEdit:
    """
    Let a reading stand whatever the checks say: from it on the register counts anew.

    :raises NoSuchReading: if nothing was read at that time.
    :raises ImpossibleValue: if no register of that span can show it.
    """
    (reading,) = _locked(meter_id, channel, [taken_at])
    made = _say([reading], Action.ACCEPT, occasion, value=reading.edited_value)
    _check_stands(made)
    return made[0]


@transaction.atomic
def reject(
    *, meter_id: UUID, channel: int, instants: Sequence[datetime], occasion: Occasion
) -> list[ReadingEdit]:
    """
    Let readings not count; what was used is estimated between those around them.

    :raises NoSuchReading: if nothing was read at one of these times.
    """
    readings = _locked(meter_id, channel, instants)
    return _say(readings, Action.REJECT, occasion, value=None)


@transaction.atomic
def undo(*, edits: Sequence[ReadingEdit], occasion: Occasion) -> list[ReadingEdit]:
    """
    Take back edits of one register: each reading is again as it was before.

    :raises NotTheLast: if one of them was undone, or a later edit of its reading stands.
    """
    first = edits[0]
    instants = [one.taken_at for one in edits]
    readings = _locked(first.meter_id, first.channel, instants)
    newest = {
        one.taken_at: one.pk
        for one in ReadingEdit.objects.filter(
            meter=first.meter_id, channel=first.channel, taken_at__in=instants
        ).order_by("edited_at", "pk")
        if one.action != Action.UNDO and not hasattr(one, "undone_by")
    }
    if any(newest.get(one.taken_at) != one.pk for one in edits):
        raise NotTheLast("It was undone before, or undo the later edit of the reading first.")
    made = []
    for reading, one in zip(readings, sorted(edits, key=lambda one: one.taken_at), strict=True):
        fact = _fact(reading, Action.UNDO, occasion, value=one.before_value, rules=one.before_rules)
        fact.undoes = one
        made.append(fact)
    return _keep(made, occasion.now)


def _locked(meter_id: UUID, channel: int, instants: Sequence[datetime]) -> list[Reading]:
    """The readings in order of time, their meter being locked as whoever records locks it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM meters_meter WHERE id = %s FOR NO KEY UPDATE", [meter_id])
    if len(instants) > MOST_AT_ONCE:
        raise ImpossibleValue(f"At most {MOST_AT_ONCE} readings are edited at once.")
    found = Reading.objects.filter(meter=meter_id, channel=channel, taken_at__in=list(instants))
    readings = list(found.order_by("taken_at"))
    if len(readings) != len(set(instants)) or not readings:
        raise NoSuchReading("There is no reading of that register at that time.")
    return readings


def _say(
    readings: Sequence[Reading], action: ReadingEdit.Action, occasion: Occasion, value: int | None
) -> list[ReadingEdit]:
    made = []
    for reading in readings:
        rules = reading.rules & int(OWN & ~OF_A_PERSON)
        if action == Action.REJECT:
            rules |= int(Rule.REJECTED)
        else:
            rules &= ~int(OF_THE_METER)
            rules |= int(Rule.ACCEPTED) if action == Action.ACCEPT else 0
            rules |= int(Rule.EDITED) if value is not None else 0
        made.append(_fact(reading, action, occasion, value=value, rules=rules))
    return _keep(made, occasion.now)


def _fact(
    reading: Reading,
    action: ReadingEdit.Action,
    occasion: Occasion,
    *,
    value: int | None,
    rules: int,
) -> ReadingEdit:
    return ReadingEdit(
        meter_id=reading.meter_id,
        channel=reading.channel,
        taken_at=reading.taken_at,
        action=action,
        value=value,
        rules=rules,
        before_value=reading.edited_value,
        before_rules=reading.rules & int(OWN),
        reason=occasion.reason,
        finding=occasion.finding,
        edited_by=occasion.user,
        edited_at=occasion.now,
    )


def _keep(made: list[ReadingEdit], now: datetime) -> list[ReadingEdit]:
    """Store what was said, put it into force, and derive anew."""
    ReadingEdit.objects.bulk_create(made)
    meter_id, channel = made[0].meter_id, made[0].channel
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE meters_reading r SET edited_value = said.value, rules = said.rules"
            " FROM unnest(%s::timestamptz[], %s::bigint[], %s::integer[])"
            " AS said (taken_at, value, rules)"
            " WHERE r.meter_id = %s AND r.channel = %s AND r.taken_at = said.taken_at",
            [
                [one.taken_at for one in made],
                [one.value for one in made],
                [one.rules for one in made],
                meter_id,
                channel,
            ],
        )
    ingest.rejudge(
        keys=[(meter_id, channel)], first=made[0].taken_at, last=made[-1].taken_at, now=now
    )
    return made


def _check_stands(made: Sequence[ReadingEdit]) -> None:
    one = made[0]
    reading = Reading.objects.get(meter=one.meter_id, channel=one.channel, taken_at=one.taken_at)
    if not reading.is_valid:
        broken = ", ".join(name.replace("_", " ") for name in reading.rule_names)
        raise ImpossibleValue(f"The readings around it contradict the value: {broken}.")
    later = Reading.objects.filter(
        meter=one.meter_id, channel=one.channel, taken_at__gt=one.taken_at
    ).order_by("taken_at")[:1]
    if one.action == Action.EDIT and any(
        not after.is_valid and Rule(after.rules) & Rule.NEGATIVE_STEP for after in later
    ):
        raise ImpossibleValue("The next reading is lower: the register cannot have shown that.")
