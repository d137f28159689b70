"""Asking a report in a test, and reading its answer by the names of its columns."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from estates.models import Estate
from quantify.quantities import Utility
from reports.report import Answer, Question, Report

JULY = date(2026, 7, 1)
END_OF_JULY = date(2026, 7, 31)
AUGUST = datetime(2026, 8, 3, 10, tzinfo=UTC)


def question(report: Report, estate: Estate, **asked: Any) -> Question:
    """July 2026, asked on 3 August by somebody who may see people."""
    utility = asked.pop("utility", None)
    group = asked.pop("group_by", report.default_group)
    fields = {
        "first_day": JULY, "last_day": END_OF_JULY, "now": AUGUST, "sees_people": True, **asked,
    }  # fmt: skip
    return Question(
        estate=estate,
        utility=Utility(utility) if utility else None,
        group_by=report.groups(group),
        **fields,
    )


def ask(report: Report, estate: Estate, **asked: Any) -> Answer:
    return report.answer(question(report, estate, **asked))


def rows(report: Report, estate: Estate, *names: str, **asked: Any) -> list[Any]:
    """The rows with some of their columns alone."""
    group = report.groups(asked.get("group_by", report.default_group))
    made = ask(report, estate, **asked)
    return picked([column.name for column in report.columns[group]], made.rows, names)


def totals(report: Report, estate: Estate, *names: str, **asked: Any) -> list[Any]:
    group = report.groups(asked.get("group_by", report.default_group))
    made = ask(report, estate, **asked)
    return picked([column.name for column in report.columns[group]], made.totals, names)


def section(report: Report, estate: Estate, name: str, *names: str, **asked: Any) -> list[Any]:
    columns = [column.name for column in report.sections[name].columns]
    return picked(columns, ask(report, estate, **asked).sections[name], names)


def picked(columns: Sequence[str], found: Any, names: Sequence[str]) -> list[Any]:
    places = [columns.index(name) for name in names]
    made = [tuple(row[place] for place in places) for row in found]
    return [row[0] for row in made] if len(names) == 1 else made


def rand(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(amount) for amount in amounts)
