"""The problems of devices and readings."""

from http import HTTPStatus

from meters import handling, installations, replacement
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

OF_METERS: dict[type[Exception], problems.Kind] = {
    installations.InstalledElsewhere: TAKEN,
    installations.NotInstalled: NOT_INSTALLED,
    installations.NotAQuarterHour: NOT_A_QUARTER,
    installations.ImpossibleClosing: IMPOSSIBLE,
    handling.AlreadyHandled: HANDLED,
    replacement.CannotReplace: NOT_REPLACEABLE,
    replacement.CannotUndo: NOT_UNDONE,
}
