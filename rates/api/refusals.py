"""The problems of prices, and the errors that they stand for."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from quantify.api import problems
from quantify.api.problems import FieldError, Problem, translated
from rates import assignments, references, tables
from rates.components import InvalidComponents
from rates.engine import InvalidUsage
from rates.pricing import NoTariff

OVERLAP = problems.define(
    "versions_overlap", HTTPStatus.CONFLICT, "Versions overlap",
    "A version begins after the one it follows: choose a later day.",
)  # fmt: skip
USED = problems.define(
    "rate_table_used", HTTPStatus.CONFLICT, "Rate table in use",
    "What priced a bill stands: add the next version, or another rate table.",
)  # fmt: skip
SHARED = problems.define(
    "shared_rate_table", HTTPStatus.FORBIDDEN, "Shared rate table",
    "What prices all estates is changed by those who see all of them.",
)  # fmt: skip
NO_TARIFF = problems.define(
    "no_tariff", HTTPStatus.BAD_REQUEST, "No tariff",
    "No version of the rate table is in force on that day.",
)  # fmt: skip
WRONG_UTILITY = problems.define(
    "wrong_utility", HTTPStatus.BAD_REQUEST, "Wrong utility",
    "The rate table prices another utility than the one it should be assigned to.",
)  # fmt: skip
ASSIGNED_LATER = problems.define(
    "assigned_later", HTTPStatus.CONFLICT, "Assigned already",
    "Another rate table is assigned from that day or a later one. One whose first day is still to "
    "come can be withdrawn.",
)  # fmt: skip
IN_FORCE = problems.define(
    "assignment_in_force", HTTPStatus.CONFLICT, "Assignment in force",
    "What has come into force stands: assign another rate table from a later day.",
)  # fmt: skip
FOREIGN_TABLE = problems.define(
    "foreign_rate_table", HTTPStatus.BAD_REQUEST, "Rate table of another estate",
    "An estate's own rate table prices that estate alone.",
)  # fmt: skip
NO_REFERENCE = problems.define(
    "not_a_reference", HTTPStatus.BAD_REQUEST, "Not a reference",
    "Resale is compared with a licensee's rate table: mark it as a reference first.",
)  # fmt: skip

OF_RATES: dict[type[Exception], problems.Kind] = {
    tables.VersionsOverlap: OVERLAP,
    tables.TableUsed: USED,
    assignments.WrongUtility: WRONG_UTILITY,
    assignments.AssignedLater: ASSIGNED_LATER,
    assignments.AnotherEstate: FOREIGN_TABLE,
    assignments.InForce: IN_FORCE,
    assignments.Withdrawn: problems.NOT_FOUND,
    assignments.NoPrices: NO_TARIFF,
    NoTariff: NO_TARIFF,
    references.NotAReference: NO_REFERENCE,
}
ASSIGNING = (WRONG_UTILITY, ASSIGNED_LATER, FOREIGN_TABLE, NO_TARIFF)


@contextmanager
def refused() -> Iterator[None]:
    """Answer the errors of rates as problems; each finding in components by its path."""
    try:
        with translated(OF_RATES):
            yield
    except InvalidComponents as error:
        errors = [
            FieldError(f"components{found.path}", found.code, found.message)
            for found in error.problems
        ]
        raise Problem(problems.INVALID, errors=errors) from error
    except tables.UnknownCalendar as error:
        raise problems.invalid("calendar", "unknown_calendar", str(error)) from error
    except InvalidUsage as error:
        raise problems.invalid("intervals", "invalid", str(error)) from error
