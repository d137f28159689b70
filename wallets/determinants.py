"""What prices are applied to: quantities by local day, by band where needed, and demand."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from quantify.periods import days
from rates.engine import Tariff, Usage
from rates.pricing import Terms
from wallets import metered, stretches
from wallets.metered import DayBands, DayUsed, Key, Supply
from wallets.stretches import StretchRow


class Usages:
    """The metered quantities of some supplies, read in a handful of statements."""

    def __init__(self, priced: Sequence[tuple[Supply, Sequence[Terms]]], *, now: datetime) -> None:
        self._days: dict[Key, list[DayUsed]] = {}
        self._stretches: dict[Key, list[StretchRow]] = {}
        if priced:
            supplies = [supply for supply, _ in priced]
            self._days, self._stretches = stretches.metered(supplies, now=now)
        self._bands: dict[tuple[Key, date], list[tuple[date, str, int]]] = {}
        for (_, terms), supplies in _alike(priced, lambda tariff: tariff.time_of_use).items():
            read = metered.bands_of(supplies, _clock(terms, supplies[0]))
            for key, rows in read.items():
                self._bands[key, terms.first_day] = rows
        self._demand: dict[tuple[Key, date], int] = {}
        for (_, terms), supplies in _alike(priced, lambda tariff: tariff.demand).items():
            for key, highest in _demand(terms, supplies).items():
                self._demand[key, terms.first_day] = highest

    def total(self, supply: Supply) -> int:
        """All that a supply used in its days of the month, in Wh or litres."""
        return sum(
            used.quantity
            for used in self._days.get(supply.key, ())
            if supply.first_day <= used.day < supply.end_day
        )

    def stretches(self, supply: Supply) -> list[StretchRow]:
        """What its registers counted since its bill was charged."""
        return self._stretches.get(supply.key, [])

    def of(self, supply: Supply, terms: Terms) -> Usage:
        """What a supply used while some terms were in force."""
        usage = self._quantities(supply, terms)
        if terms.tariff.demand is None:
            return usage
        return replace(usage, demand_w=self._demand.get((supply.key, terms.first_day)))

    def _quantities(self, supply: Supply, terms: Terms) -> Usage:
        if terms.tariff.time_of_use:
            rows = self._bands.get((supply.key, terms.first_day), [])
            return Usage.from_rows(row for row in rows if row[0] < supply.priced_to)
        within = [
            used
            for used in self._days.get(supply.key, ())
            if terms.first_day <= used.day < terms.end_day
        ]
        if not within:
            return Usage.of_total(0)
        return Usage(
            total=sum(used.quantity for used in within),
            first_day=within[0].day,
            last_day=within[-1].day,
        )


type _Group = tuple[tuple[Tariff, date, date, date], Terms]


def _alike(
    priced: Iterable[tuple[Supply, Sequence[Terms]]], by: Callable[[Tariff], object]
) -> Mapping[_Group, list[Supply]]:
    """Supplies with the same tariff on the same days, where it has what is asked for."""
    first_of: dict[tuple[Tariff, date, date, date], Terms] = {}
    groups: dict[_Group, list[Supply]] = {}
    for supply, terms in priced:
        for one in terms:
            if by(one.tariff) and one.first_day < supply.priced_to:
                same = (one.tariff, supply.month, one.first_day, one.end_day)
                groups.setdefault((same, first_of.setdefault(same, one)), []).append(supply)
    return groups


def _clock(terms: Terms, supply: Supply) -> list[DayBands]:
    calendar, bands = terms.tariff.calendar, terms.tariff.time_of_use
    if calendar is None or bands is None:
        raise AssertionError("Only tariffs with a calendar are grouped.")
    end = min(terms.end_day, supply.priced_to)
    return [(day, calendar.band_slots(day, bands.holidays)) for day in days(terms.first_day, end)]


def _demand(terms: Terms, supplies: Sequence[Supply]) -> Mapping[Key, int]:
    demand = terms.tariff.demand
    if demand is None:
        raise AssertionError("Only tariffs with a demand are grouped.")
    return metered.demand_of(
        supplies,
        first=terms.first_day,
        end=min(terms.end_day, supplies[0].priced_to),
        minutes=demand.interval_minutes,
    )
