"""
What people decide about the findings of the checks: accept, edit, reject, estimate, snooze, undo.

Each decision locks its finding, so that of two people at once the second is told. What follows
for readings is an edit beside them (`meters.vee.editing`).
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from meters.models.facts import Reading
from meters.models.quality import Finding, ReadingEdit
from meters.vee import editing, tails
from meters.vee.editing import Occasion
from meters.vee.rules import BY_CODE
from meters.vee.validation import INVALID

State, Resolution = Finding.State, Finding.Resolution
# A decision about these changes the readings that broke them.
OF_READINGS = ("negative_step", "physical_maximum")


class Decided(Exception):
    """Somebody has decided, or it ended by itself; read the finding again."""


class NotOffered(Exception):
    """That is no answer to what this check finds."""


class NotUndoable(Exception):
    """There is nothing to take back: the finding is open, or ended by itself."""


class SnoozeTooShort(ValueError):
    """A finding is snoozed until a time to come."""


@transaction.atomic
def accept(*, finding_id: UUID, occasion: Occasion) -> Finding:
    """
    Let stand what was found; a reading that broke the checks counts from now on.

    :raises Decided: if the finding is not open.
    :raises meters.vee.editing.ImpossibleValue: if no register of that span can show it.
    """
    finding = _open(finding_id, "accept")
    if finding.rule in OF_READINGS and (faulty := _faulty(finding)):
        editing.accept(
            meter_id=finding.meter_id,
            channel=finding.channel,
            taken_at=faulty[0],
            occasion=_because(occasion, finding),
        )
    return _close(finding, Resolution.ACCEPTED, occasion)


@transaction.atomic
def edit(*, finding_id: UUID, taken_at: datetime, value: int, occasion: Occasion) -> Finding:
    """
    Put a register value in Wh or litres in place of a reading of the finding's stretch.

    :raises Decided: if the finding is not open.
    :raises NotOffered: if the check is not about readings, or the time lies elsewhere.
    :raises meters.vee.editing.NoSuchReading: if nothing was read at that time.
    :raises meters.vee.editing.ImpossibleValue: if the readings around it contradict the value.
    """
    finding = _open(finding_id, "edit")
    if not finding.starts_at <= taken_at <= finding.ends_at:
        raise NotOffered("The reading lies outside of what was found.")
    editing.edit(
        meter_id=finding.meter_id,
        channel=finding.channel,
        taken_at=taken_at,
        value=value,
        occasion=_because(occasion, finding),
    )
    return _close(finding, Resolution.EDITED, occasion)


@transaction.atomic
def reject(*, finding_id: UUID, occasion: Occasion) -> Finding:
    """
    Let the readings that broke the checks never count.

    :raises Decided: if the finding is not open.
    """
    finding = _open(finding_id, "reject")
    if faulty := _faulty(finding):
        editing.reject(
            meter_id=finding.meter_id,
            channel=finding.channel,
            instants=faulty,
            occasion=_because(occasion, finding),
        )
    return _close(finding, Resolution.REJECTED, occasion)


@transaction.atomic
def estimate(*, finding_id: UUID, occasion: Occasion) -> Finding:
    """
    Estimate the finding's stretch: between the readings around it, whose total stays exact; or
    since the last reading, from like days, until one comes.

    :raises Decided: if the finding is not open.
    :raises meters.vee.tails.NothingToGoBy: if there is no history to estimate from.
    """
    finding = _open(finding_id, "estimate")
    if finding.rule == "prolonged_estimation":
        tails.estimate(meter_id=finding.meter_id, channel=finding.channel, until=occasion.now)
    else:
        editing.reject(
            meter_id=finding.meter_id,
            channel=finding.channel,
            instants=_within(finding),
            occasion=_because(occasion, finding),
        )
    return _close(finding, Resolution.ESTIMATED, occasion)


@transaction.atomic
def snooze(*, finding_id: UUID, until: datetime, occasion: Occasion) -> Finding:
    """
    Put a finding off until a time to come.

    :raises Decided: if the finding is not open.
    :raises SnoozeTooShort: if that time has come.
    """
    finding = _open(finding_id, "snooze")
    if until <= occasion.now:
        raise SnoozeTooShort("Give a time to come.")
    finding.state, finding.snoozed_until = State.SNOOZED, until
    return _noted(finding, occasion)


@transaction.atomic
def undo(*, finding_id: UUID, occasion: Occasion) -> Finding:
    """
    Take a decision back: what it did to readings is undone, and the finding is open again.

    What was estimated beyond the last reading stays until a reading comes.

    :raises NotUndoable: if nobody decided, or it ended by itself.
    :raises meters.vee.editing.NotTheLast: if a later edit of the readings stands.
    """
    finding = Finding.objects.select_for_update().get(pk=finding_id)
    if finding.state != State.CLOSED or finding.resolution == Resolution.ENDED:
        raise NotUndoable("There is no decision to take back.")
    made = finding.edits.exclude(action=ReadingEdit.Action.UNDO).filter(undone_by=None)
    if edits := list(made.order_by("taken_at")):
        editing.undo(edits=edits, occasion=_because(occasion, finding))
    finding.state, finding.resolution = State.OPEN, Resolution.NONE
    return _noted(finding, occasion)


def _open(finding_id: UUID, action: str) -> Finding:
    finding = Finding.objects.select_for_update().get(pk=finding_id)
    if finding.state == State.CLOSED:
        what = finding.get_resolution_display().lower()
        raise Decided(f"This was decided meanwhile: {what}. Read it again.")
    if action not in BY_CODE[finding.rule].actions:
        raise NotOffered(f"“{finding.get_rule_display()}” cannot be answered so.")
    return finding


def _faulty(finding: Finding) -> list[datetime]:
    """When the readings of the stretch were taken that do not count."""
    return [at for at, rules, valid in _readings(finding) if not valid and rules & INVALID]


def _within(finding: Finding) -> list[datetime]:
    return [at for at, _, _ in _readings(finding)]


def _readings(finding: Finding) -> list[tuple[datetime, int, bool]]:
    taken = Reading.objects.filter(
        meter=finding.meter_id,
        channel=finding.channel,
        taken_at__gte=finding.starts_at,
        taken_at__lte=finding.ends_at,
    ).order_by("taken_at")
    return list(taken.values_list("taken_at", "rules", "is_valid"))


def _because(occasion: Occasion, finding: Finding) -> Occasion:
    return Occasion(occasion.user, occasion.now, occasion.reason, finding)


def _close(finding: Finding, resolution: Finding.Resolution, occasion: Occasion) -> Finding:
    finding.state, finding.resolution = State.CLOSED, resolution
    finding.snoozed_until = None
    return _noted(finding, occasion)


def _noted(finding: Finding, occasion: Occasion) -> Finding:
    if finding.state != State.SNOOZED:
        finding.snoozed_until = None
    finding.handled_by, finding.handled_at = occasion.user, occasion.now
    finding.note = occasion.reason
    finding.save(
        update_fields=[
            "state", "resolution", "snoozed_until", "handled_by", "handled_at", "note",
            "updated_at",
        ]
    )  # fmt: skip
    return finding
