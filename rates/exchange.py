"""Rate tables out to a document and in again; an import changes all that it says, or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from estates.models import Estate
from quantify.quantities import Utility
from rates import components, documents, pricing, tables
from rates.calendars import Calendar
from rates.components import InvalidComponents
from rates.documents import Confidence, Document, InvalidDocument, Version
from rates.models import RateTable, RateTableVersion
from rates.problems import Problem
from rates.tariff import MidMonth

OWN_FIELDS = ("components", "source", "confidence", "year_inferred")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did to a rate table, in versions."""

    table: RateTable
    created: int
    changed: int
    unchanged: int
    warnings: Sequence[Problem]

    def __str__(self) -> str:
        return (
            f"{self.table.name}: {self.created} versions created, {self.changed} changed,"
            f" {self.unchanged} as they were"
        )


def export_table(table: RateTable) -> dict[str, Any]:
    """The document of a rate table with all its versions."""
    versions = table.versions.order_by("effective_from")
    return documents.write(
        Document(
            name=table.name,
            utility=Utility(table.utility),
            licensee=table.licensee,
            calendar=table.calendar,
            mid_month=MidMonth(table.mid_month),
            is_reference=table.is_reference,
            versions=tuple(
                Version(
                    effective_from=version.effective_from,
                    effective_to=version.effective_to,
                    components=version.components,
                    source=version.source,
                    confidence=Confidence(version.confidence),
                    year_inferred=version.year_inferred,
                )
                for version in versions
            ),
        )
    )


@transaction.atomic
def import_table(written: Any, *, estate: Estate | None = None) -> Outcome:
    """
    Have a rate table, of an estate or shared by all, as a document says.

    Versions that the document does not name stay. One that priced a bill is never changed, but
    may be ended by the next.

    :raises InvalidDocument: with every problem found; nothing is changed then.
    """
    calendars = pricing.calendars()
    document = documents.read(written, calendars)
    table = _table(document, estate)
    stored = {one.effective_from: one for one in _versions_of(table, calendars)}
    ends = _ends(document, stored)
    if problems := _conflicts(document, table, stored, ends):
        raise InvalidDocument(problems)
    _save(table, document)
    changed = [row for row in stored.values() if _follow(row, document, ends)]
    created = _create(document, table, stored, ends)
    unchanged = sum(one.effective_from in stored for one in document.versions)
    unchanged -= sum(row.effective_from in _named(document) for row in changed)
    return Outcome(table, created, len(changed), unchanged, document.warnings)


def _table(document: Document, estate: Estate | None) -> RateTable:
    own = {
        "name": document.name,
        "utility": document.utility.value,
        "licensee": document.licensee,
        "estate": estate,
    }
    found = RateTable.objects.alive().filter(**own).select_for_update(of=("self",)).first()
    return found or RateTable(**own)


def _versions_of(table: RateTable, calendars: Mapping[str, Calendar]) -> Iterator[RateTableVersion]:
    for row in RateTableVersion.objects.filter(rate_table=table.pk).select_for_update():
        # The same prices may be stored in other words: only what they come to is compared.
        with suppress(InvalidComponents):
            parsed = components.parse(row.components, calendar=table.calendar, calendars=calendars)
            row.components = components.dump(parsed)
        yield row


def _named(document: Document) -> dict[date, Version]:
    return {version.effective_from: version for version in document.versions}


def _ends(document: Document, stored: Mapping[date, RateTableVersion]) -> dict[date, date | None]:
    """The day that ends each version, of the document or not, by the day that begins it."""
    named = _named(document)
    firsts = sorted(stored.keys() | named.keys())
    ends: dict[date, date | None] = {}
    for first, following in pairwise([*firsts, None]):
        if first is None:
            continue
        version = named.get(first)
        end = version.effective_to if version else stored[first].effective_to
        ends[first] = end if version and end else _earlier(end, following)
    return ends


def _earlier(one: date | None, other: date | None) -> date | None:
    return min((day for day in (one, other) if day), default=None)


def _conflicts(
    document: Document,
    table: RateTable,
    stored: Mapping[date, RateTableVersion],
    ends: Mapping[date, date | None],
) -> list[Problem]:
    """What the document says against what priced bills, or against versions it does not name."""
    problems = []
    newest = max(stored, default=date.min)
    for number, version in enumerate(document.versions):
        row, path = stored.get(version.effective_from), f"versions[{number}]"
        if row is None and version.effective_from <= newest:
            message = f"The newest version begins on {newest}: a new one begins on a later day."
            problems.append(Problem(path, "not_later", message))
        elif row and row.used_at and not _is_as_used(row, version, ends):
            message = "This version has priced a bill: leave it as it is, and add the next one."
            problems.append(Problem(path, "version_used", message))
    for first, following in pairwise(sorted(ends)):
        if (end := ends[first]) and end > following:
            message = f"The version from {first} ends on {end}, after the one from {following}."
            problems.append(Problem("versions", "versions_overlap", message))
    rules = [
        name for name in tables.PRICING_RULES if getattr(table, name) != getattr(document, name)
    ]
    if rules and any(row.used_at for row in stored.values()):
        message = f"Bills were priced by another {rules[0]}: import it under another name."
        problems.append(Problem(rules[0], "rate_table_used", message))
    return problems


def _is_as_used(row: RateTableVersion, version: Version, ends: Mapping[date, date | None]) -> bool:
    """Whether the prices are those that were used, and no day that had them loses them."""
    keeps_days = row.effective_to in (None, ends[version.effective_from])
    return keeps_days and row.components == version.components


def _save(table: RateTable, document: Document) -> None:
    table.calendar = document.calendar
    table.mid_month = document.mid_month.value
    table.is_reference = document.is_reference
    try:
        table.full_clean()
    except ValidationError as error:
        raise InvalidDocument(
            [
                Problem(field, "refused", " ".join(messages))
                for field, messages in error.message_dict.items()
            ]
        ) from error
    table.save()


def _follow(row: RateTableVersion, document: Document, ends: Mapping[date, date | None]) -> bool:
    """Change a stored version to what the document says; answer whether it was another."""
    wanted: dict[str, Any] = {"effective_to": ends[row.effective_from]}
    if version := _named(document).get(row.effective_from):
        wanted |= {name: getattr(version, name) for name in OWN_FIELDS}
    # A bill counts as outdated once a version is written: write only what differs.
    changed = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        row.save(update_fields=[*changed, "updated_at"])
    return bool(changed)


def _create(
    document: Document,
    table: RateTable,
    stored: Mapping[date, RateTableVersion],
    ends: Mapping[date, date | None],
) -> int:
    number = max((row.number for row in stored.values()), default=0)
    new = [version for version in document.versions if version.effective_from not in stored]
    for place, version in enumerate(new, start=1):
        RateTableVersion.objects.create(
            rate_table=table,
            number=number + place,
            effective_from=version.effective_from,
            effective_to=ends[version.effective_from],
            **{name: getattr(version, name) for name in OWN_FIELDS},
        )
    return len(new)
