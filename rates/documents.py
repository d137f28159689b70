"""
One rate table with its versions as a JSON document: what is exported, and read again.

docs/rate-tables.md describes the format. Reading needs no database; everything wrong is reported
at once, with its place in the document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Any

from quantify.quantities import Utility
from rates import components
from rates.calendars import Calendar
from rates.components import DEFAULT_CALENDAR, InvalidComponents
from rates.fields import Fields
from rates.problems import Invalid, Problem
from rates.tariff import MidMonth

FORMAT = "quantify.rate-table/1"
LONGEST_SOURCE = 250


class InvalidDocument(Invalid):
    """The document cannot be imported."""


class Confidence(StrEnum):
    """How well the prices are vouched for."""

    UNSAID = ""
    PRIMARY = "primary"
    PUBLISHED = "published"
    PRESS = "press"
    DERIVED = "derived"


@dataclass(frozen=True, kw_only=True)
class Version:
    """Prices from a day on; `effective_to` is None where the next version or nothing ends them."""

    effective_from: date
    effective_to: date | None
    components: list[dict[str, Any]]
    source: str
    confidence: Confidence
    year_inferred: bool


@dataclass(frozen=True, kw_only=True)
class Document:
    """A rate table, its versions by the day they begin."""

    name: str
    utility: Utility
    licensee: str
    calendar: str
    mid_month: MidMonth
    is_reference: bool
    versions: tuple[Version, ...]
    warnings: tuple[Problem, ...] = ()


def read(written: Any, calendars: Mapping[str, Calendar]) -> Document:
    """
    Read a document as it was parsed from JSON.

    :raises InvalidDocument: with every problem found.
    """
    problems: list[Problem] = []
    fields = Fields(written, "", problems)
    if fields.take("format") != FORMAT:
        fields.report("format", "unknown_format", f'Write "{FORMAT}".')
    calendar = _calendar(fields, calendars)
    document = Document(
        name=fields.text("name", required=True),
        utility=_utility(fields),
        licensee=fields.text("licensee"),
        calendar=calendar,
        mid_month=fields.choice("mid_month", MidMonth, MidMonth.CARRY_MTD),
        is_reference=fields.flag("is_reference"),
        versions=tuple(_version(one, calendar, calendars) for one in fields.items("versions")),
    )
    fields.finish()
    document = replace(
        document, versions=tuple(sorted(document.versions, key=lambda one: one.effective_from))
    )
    problems = problems or _overlaps(document.versions)
    if problems:
        raise InvalidDocument(problems)
    return replace(document, warnings=tuple(_warnings(document, calendars)))


def write(document: Document) -> dict[str, Any]:
    """Write a document that `read` reads back to the same."""
    return {
        "format": FORMAT,
        "name": document.name,
        "utility": str(document.utility),
        "licensee": document.licensee,
        "calendar": document.calendar,
        "mid_month": str(document.mid_month),
        "is_reference": document.is_reference,
        "versions": [
            {
                "effective_from": version.effective_from.isoformat(),
                "effective_to": version.effective_to and version.effective_to.isoformat(),
                "source": version.source,
                "confidence": str(version.confidence),
                "year_inferred": version.year_inferred,
                "components": version.components,
            }
            for version in document.versions
        ],
    }


def _utility(fields: Fields) -> Utility:
    if fields.take("utility") is None:
        fields.report("utility", "missing", f"Give one of {', '.join(Utility)}.")
    return fields.choice("utility", Utility, Utility.ELECTRICITY)


def _calendar(fields: Fields, calendars: Mapping[str, Calendar]) -> str:
    name = fields.text("calendar") or DEFAULT_CALENDAR
    if name not in calendars:
        message = f"There is no calendar {name!r}; there is {', '.join(sorted(calendars))}."
        fields.report("calendar", "unknown_calendar", message)
    return name


def _version(fields: Fields, calendar: str, calendars: Mapping[str, Calendar]) -> Version:
    first = fields.day("effective_from")
    if first is None:
        fields.report("effective_from", "missing", 'Give a day, such as "2026-07-01".')
    end = fields.day("effective_to")
    if first and end and end <= first:
        fields.report("effective_to", "ends_too_early", f"Give a day after {first}, or null.")
    return Version(
        effective_from=first or date.max,
        effective_to=end,
        components=_components(fields, calendar, calendars),
        source=fields.text("source", longest=LONGEST_SOURCE),
        confidence=fields.choice("confidence", Confidence, Confidence.UNSAID),
        year_inferred=fields.flag("year_inferred"),
    )


def _components(
    fields: Fields, calendar: str, calendars: Mapping[str, Calendar]
) -> list[dict[str, Any]]:
    written = fields.take("components")
    if not isinstance(written, list):
        fields.report("components", "missing", "Give a list of components.")
        return []
    try:
        parsed = components.parse(written, calendar=calendar, calendars=calendars)
    except InvalidComponents as error:
        for problem in error.problems:
            fields.report(f"components{problem.path}", problem.code, problem.message)
        return []
    return components.dump(parsed)


def _overlaps(versions: Sequence[Version]) -> list[Problem]:
    problems = []
    for earlier, later in pairwise(versions):
        if earlier.effective_from == later.effective_from:
            message = f"Two versions begin on {later.effective_from}: keep one of them."
        elif earlier.effective_to and earlier.effective_to > later.effective_from:
            message = (
                f"The version from {earlier.effective_from} ends on {earlier.effective_to}, after"
                f" the next one begins: end it by {later.effective_from}."
            )
        else:
            continue
        problems.append(Problem("versions", "versions_overlap", message))
    return problems


def _warnings(document: Document, calendars: Mapping[str, Calendar]) -> list[Problem]:
    return [
        found._replace(path=f"version from {version.effective_from}{found.path}")
        for version in document.versions
        for found in components.warnings(
            components.parse(version.components, calendar=document.calendar, calendars=calendars),
            document.utility,
        )
    ]
