"""The problems of devices and readings."""

from http import HTTPStatus

from meters import installations, registration, replacement
from meters.alerts import handling
from meters.vee import decisions, editing, tails
from quantify.api import problems

INSTALLED = problems.define(
    "meter_installed", HTTPStatus.CONFLICT, "Meter installed",
    "The meter hangs somewhere: remove it with its closing register first.",
)  # fmt: skip
TAKEN = problems.define(
    "installed_elsewhere", HTTPStatus.CONFLICT, "Installed elsewhere",
    "The meter hangs somewhere in that time, or the unit has a meter of its kind.",
)  # fmt: skip
NOT_INSTALLED = problems.define(
    "not_installed", HTTPStatus.BAD_REQUEST, "Not installed",
    "The meter hangs nowhere, or was put up after that time.",
)  # fmt: skip
NOT_A_QUARTER = problems.define(
    "not_a_quarter_hour", HTTPStatus.BAD_REQUEST, "Not a past quarter hour",
    "Meters are installed, removed and read at a quarter of an hour that has come.",
)  # fmt: skip
IMPOSSIBLE = problems.define(
    "impossible_closing", HTTPStatus.BAD_REQUEST, "Impossible register",
    "The register cannot have shown that at removal.",
)  # fmt: skip
NOT_REPLACEABLE = problems.define(
    "not_replaceable", HTTPStatus.BAD_REQUEST, "Not replaceable",
    "The new meter cannot take the place of the old one: kind, estate or registers differ.",
)  # fmt: skip
NOT_UNDONE = problems.define(
    "not_undone", HTTPStatus.CONFLICT, "Cannot be undone",
    "The meter replaced no other, or one of the two was moved since.",
)  # fmt: skip
REJECTED = problems.define(
    "reading_rejected", HTTPStatus.BAD_REQUEST, "Reading rejected",
    "The reading fails the checks that every reading passes; nothing was recorded.",
)  # fmt: skip
CONFLICT = problems.define(
    "reading_conflict", HTTPStatus.CONFLICT, "Another reading stands",
    "The register has another value at that instant. The first one stands, this one is kept apart.",
)  # fmt: skip
HANDLED = problems.define(
    "alert_handled", HTTPStatus.CONFLICT, "Alert handled",
    "The alert is past the state that was asked for.",
)  # fmt: skip
DISABLED = problems.define(
    "concentrator_disabled", HTTPStatus.BAD_REQUEST, "Concentrator disabled",
    "The concentrator is switched off for collection: enable it first.",
)  # fmt: skip
NO_QUEUE = problems.define(
    "queue_unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "Queue unavailable",
    "The work could not be handed on now; the next round does it by itself.",
)  # fmt: skip

DECIDED = problems.define(
    "finding_decided", HTTPStatus.CONFLICT, "Decided already",
    "Somebody decided meanwhile, or what was found ended by itself. Read it again.",
)  # fmt: skip
NOT_OFFERED = problems.define(
    "decision_not_offered", HTTPStatus.BAD_REQUEST, "Not offered",
    "What the check finds cannot be answered so; `actions` lists what can be.",
)  # fmt: skip
NO_SUCH_READING = problems.define(
    "no_such_reading", HTTPStatus.BAD_REQUEST, "No such reading",
    "Nothing was read at that time: enter a manual reading instead.",
)  # fmt: skip
IMPOSSIBLE_VALUE = problems.define(
    "impossible_value", HTTPStatus.BAD_REQUEST, "Impossible value",
    "The readings around it contradict the value; nothing was changed.",
)  # fmt: skip
NOTHING_TO_GO_BY = problems.define(
    "no_history", HTTPStatus.BAD_REQUEST, "Nothing to estimate from",
    "No whole day was measured in the weeks before: enter a reading instead.",
)  # fmt: skip
SNOOZE = problems.define(
    "snooze_in_the_past", HTTPStatus.BAD_REQUEST, "Time has come",
    "A finding is snoozed until a time to come.",
)  # fmt: skip
NOT_UNDOABLE = problems.define(
    "nothing_to_undo", HTTPStatus.CONFLICT, "Nothing to undo",
    "Nobody decided, or what was found ended by itself.",
)  # fmt: skip
NOT_THE_LAST = problems.define(
    "later_edit_stands", HTTPStatus.CONFLICT, "A later edit stands",
    "Another edit of the reading followed: undo that one first.",
)  # fmt: skip

OF_FINDINGS: dict[type[Exception], problems.Kind] = {
    decisions.Decided: DECIDED,
    decisions.NotOffered: NOT_OFFERED,
    decisions.NotUndoable: NOT_UNDOABLE,
    decisions.SnoozeTooShort: SNOOZE,
    editing.NoSuchReading: NO_SUCH_READING,
    editing.ImpossibleValue: IMPOSSIBLE_VALUE,
    editing.NotTheLast: NOT_THE_LAST,
    tails.NothingToGoBy: NOTHING_TO_GO_BY,
}
OF_METERS: dict[type[Exception], problems.Kind] = {
    installations.InstalledElsewhere: TAKEN,
    installations.UnitDeleted: problems.NOT_FOUND,
    installations.NotInstalled: NOT_INSTALLED,
    installations.NotAQuarterHour: NOT_A_QUARTER,
    installations.ImpossibleClosing: IMPOSSIBLE,
    registration.StillInstalled: INSTALLED,
    handling.AlreadyHandled: HANDLED,
    replacement.CannotReplace: NOT_REPLACEABLE,
    replacement.CannotUndo: NOT_UNDONE,
}
