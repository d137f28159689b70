"""
From rows to the engine: which rate table is in force for a unit, and its tariff ready to price.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import Q

from quantify.quantities import Utility
from rates import components
from rates.calendar_files import load
from rates.calendars import Calendar
from rates.engine import MidMonth, Tariff, free_allocation
from rates.models import Assignment, RateTable, RateTableVersion, TariffCalendar

ALWAYS = date.max


class NoTariff(Exception):
    """No rate table is in force: charging stops there until one is assigned."""


@dataclass(frozen=True, slots=True)
class Place:
    """What decides the price of a unit: itself, its estate, and the estate's free solar."""

    unit_id: UUID
    estate_id: UUID
    free_solar_kwh: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The price of a utility at a place from a day up to but without another."""

    first_day: date
    end_day: date
    version: RateTableVersion
    tariff: Tariff
    markup_percent: Decimal


def tariff_of(version: RateTableVersion) -> Tariff:
    """
    The engine's tariff of a version, built once for each state of the version.

    :raises rates.components.InvalidComponents: if the version cannot be priced.
    """
    return _built(_Key(version.pk, str(version.updated_at), version))


def tariff_from(table: RateTable, written: Sequence[Any]) -> Tariff:
    """
    The engine's tariff of components as they are written, by the rules of a rate table.

    :raises rates.components.InvalidComponents: with every problem found.
    """
    return components.build(
        written,
        utility=Utility(table.utility),
        calendar=table.calendar,
        mid_month=MidMonth(table.mid_month),
        calendars=calendars(),
    )


def tariff_at(place: Place, utility: Utility, tariff: Tariff) -> Tariff:
    """
    A tariff with what a place gives away: the first units of solar.

    :raises rates.engine.NoFreeAllocation: if the tariff has no first units.
    """
    return _with_free(tariff, place.free_solar_kwh) if utility is Utility.SOLAR else tariff


def calendars() -> dict[str, Calendar]:
    """The calendars by name, from the database."""
    return load(
        [
            {
                **row.definition,
                "name": row.name,
                "valid_from": row.valid_from,
                "valid_to": row.valid_to,
            }
            for row in TariffCalendar.objects.order_by("name", "valid_from")
        ]
    )


class PriceBook:
    """The assignments and versions that may matter to a run, read once."""

    def __init__(self, *, estates: Iterable[UUID], first_day: date) -> None:
        current = Q(effective_to=None) | Q(effective_to__gt=first_day)
        assignments = Assignment.objects.filter(
            current, Q(estate__in=set(estates)) | Q(estate=None)
        )
        self._assignments: dict[tuple[UUID | None, UUID | None, str], list[Assignment]] = {}
        for assignment in assignments.order_by("effective_from"):
            scope = (assignment.estate_id, assignment.unit_id, assignment.utility)
            self._assignments.setdefault(scope, []).append(assignment)
        self._versions: dict[UUID, list[RateTableVersion]] = {}
        versions = RateTableVersion.objects.filter(current).select_related("rate_table")
        for version in versions.order_by("effective_from"):
            self._versions.setdefault(version.rate_table_id, []).append(version)
        self._told: dict[tuple[object, ...], list[Terms]] = {}

    def terms(self, place: Place, utility: Utility, first_day: date, end_day: date) -> list[Terms]:
        """
        The prices in force one after the other over some days.

        Units without an assignment of their own share what is found for the first of them.

        :raises NoTariff: if a day has none.
        """
        own = place.unit_id if (place.estate_id, place.unit_id, utility) in self._assignments else 0
        asked = place.estate_id, own, place.free_solar_kwh, utility, first_day, end_day
        if asked not in self._told:
            self._told[asked] = self._terms(place, utility, first_day, end_day)
        return self._told[asked]

    def _terms(self, place: Place, utility: Utility, first_day: date, end_day: date) -> list[Terms]:
        scopes = [
            self._assignments.get(scope, [])
            for scope in (
                (place.estate_id, place.unit_id, utility.value),
                (place.estate_id, None, utility.value),
                (None, None, utility.value),
            )
        ]
        edges = sorted({first_day, end_day, *self._edges(scopes, first_day, end_day)})
        return [self._on(place, utility, scopes, start, end) for start, end in pairwise(edges)]

    def terms_by(
        self, rate_table: RateTable, place: Place, first_day: date, end_day: date
    ) -> list[Terms]:
        """
        The prices of one rate table over some days, without markup, whatever is assigned.

        :raises NoTariff: if a day has none.
        """
        utility = Utility(rate_table.utility)
        versions = self._versions.get(rate_table.pk, [])
        ends = {one.effective_to for one in versions if one.effective_to}
        inside = {*ends, *(one.effective_from for one in versions)}
        edges = sorted({first_day, end_day, *(e for e in inside if first_day < e < end_day)})
        return [
            self._by(rate_table.pk, place, utility, start, end) for start, end in pairwise(edges)
        ]

    def _edges(
        self, scopes: Sequence[Sequence[Assignment]], first_day: date, end_day: date
    ) -> Iterator[date]:
        for assignment in (one for scope in scopes for one in scope):
            versions = self._versions.get(assignment.rate_table_id, [])
            rows: list[Assignment | RateTableVersion] = [assignment, *versions]
            for row in rows:
                for edge in (row.effective_from, row.effective_to):
                    if edge and first_day < edge < end_day:
                        yield edge

    def _on(
        self,
        place: Place,
        utility: Utility,
        scopes: Sequence[Sequence[Assignment]],
        start: date,
        end: date,
    ) -> Terms:
        assignment = next((one for scope in scopes for one in scope if _in_force(one, start)), None)
        if assignment is None:
            raise NoTariff(f"No rate table is assigned for {utility} on {start}.")
        terms = self._by(assignment.rate_table_id, place, utility, start, end)
        return replace(terms, markup_percent=assignment.markup_percentage)

    def _by(
        self, rate_table_id: UUID, place: Place, utility: Utility, start: date, end: date
    ) -> Terms:
        versions = self._versions.get(rate_table_id, [])
        version = next((one for one in versions if _in_force(one, start)), None)
        if version is None:
            raise NoTariff(f"The rate table for {utility} has no version in force on {start}.")
        tariff = tariff_of(version)
        if not tariff.knows(start):
            raise NoTariff(
                f"The calendar of {version.rate_table} has no hours or holidays on {start}."
            )
        return Terms(start, end, version, tariff_at(place, utility, tariff), Decimal(0))


def _in_force(row: Assignment | RateTableVersion, day: date) -> bool:
    return row.effective_from <= day < (row.effective_to or ALWAYS)


@dataclass(frozen=True)
class _Key:
    """A version in one of its states; the row itself does not count for equality."""

    pk: UUID
    state: str
    version: RateTableVersion

    def __hash__(self) -> int:
        return hash((self.pk, self.state))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and (self.pk, self.state) == (other.pk, other.state)


@lru_cache(maxsize=512)
def _built(key: _Key) -> Tariff:
    return tariff_from(key.version.rate_table, key.version.components)


@lru_cache(maxsize=512)
def _with_free(tariff: Tariff, kwh: Decimal) -> Tariff:
    return free_allocation(tariff, kwh)
