"""What prices are applied to: quantities by local day, by band where needed, and demand."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from rates.engine import Tariff, Usage
from rates.pricing import Terms
from wallets import bands, demand, stretches
from wallets.bands import Banded, KeptRow
from wallets.metered import Key, Supply
from wallets.models import Bill
from wallets.stretches import Counted, Part, StretchRow

NOTHING = Usage.of_total(0)

type Place = tuple[Key, date]
"""A supply or a part of it: the supply's key, and its first day."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A part whose use is asked for: its supply, its terms, and what its bill keeps of it."""

    supply: Supply
    terms: Terms
    kept: KeptRow | None

    @property
    def place(self) -> Place:
        return self.supply.key, self.terms.first_day

    @property
    def part(self) -> Part:
        kept_to = date.fromisoformat(self.kept["to"]) if self.kept else None
        return Part(self.supply, self.terms.first_day, self.terms.end_day, kept_to)


class Usages:
    """
    The metered quantities of some supplies, read in a handful of statements.

    `bills` are those that may keep what their days added up to by band.
    """

    def __init__(
        self,
        priced: Sequence[tuple[Supply, Sequence[Terms]]],
        *,
        now: datetime,
        bills: Mapping[Key, Bill] | None = None,
    ) -> None:
        asked = [
            _Asked(supply, one, _kept(bills[supply.key], one) if bills else None)
            for supply, terms in priced
            for one in terms
        ]
        self._counted: dict[Place, Counted] = {}
        self._totals: dict[Place, int] = {}
        self._stretches: dict[Place, list[StretchRow]] = {}
        self._banded: dict[Place, Banded] = {}
        self._demand: dict[Place, int] = {}
        if priced:
            self._read([supply for supply, _ in priced], asked, now)
        for group in _alike(asked, lambda tariff: tariff.time_of_use):
            self._read_bands(group)
        for group in _alike(asked, lambda tariff: tariff.demand):
            self._read_demand(group)

    def total(self, supply: Supply) -> int:
        """All that a supply used in its days of the month, in Wh or litres."""
        return self._totals.get((supply.key, supply.first_day), 0)

    def stretches(self, supply: Supply) -> list[StretchRow]:
        """What its registers counted since its bill was charged."""
        return self._stretches.get((supply.key, supply.first_day), [])

    def kept(self, supply: Supply, terms: Iterable[Terms]) -> dict[str, KeptRow]:
        """What a bill may keep of what its days added up to by band."""
        rows: dict[str, KeptRow] = {}
        for one in terms:
            banded = self._banded.get((supply.key, one.first_day))
            if banded is not None and banded.kept is not None:
                rows[str(one.first_day)] = banded.kept
        return rows

    def of(self, supply: Supply, terms: Terms) -> Usage:
        """What a supply used while some terms were in force."""
        usage = self._quantities(supply, terms)
        if terms.tariff.demand is None:
            return usage
        return replace(usage, demand_w=self._demand.get((supply.key, terms.first_day)))

    def _quantities(self, supply: Supply, terms: Terms) -> Usage:
        place = supply.key, terms.first_day
        counted = self._counted.get(place)
        if terms.tariff.time_of_use:
            banded = self._banded.get(place)
            return banded.usage(counted or Counted()) if banded else NOTHING
        if counted is None or counted.first_day is None:
            return NOTHING
        return Usage(total=counted.quantity, first_day=counted.first_day, last_day=counted.last_day)

    def _read(self, supplies: Sequence[Supply], asked: Sequence[_Asked], now: datetime) -> None:
        counted, lacking = stretches.metered(supplies, [one.part for one in asked], now=now)
        for supply, rows in zip(supplies, lacking, strict=True):
            if rows:
                self._stretches[supply.key, supply.first_day] = rows
        for one, sums in zip(asked, counted, strict=True):
            whole = one.supply.key, one.supply.first_day
            self._counted[one.place] = sums
            self._totals[whole] = self._totals.get(whole, 0) + sums.quantity

    def _read_bands(self, group: Sequence[_Asked]) -> None:
        reading = bands.Reading(group[0].terms, [one.part for one in group])
        counted = [self._counted[one.place] for one in group]
        found = reading.banded(counted, [one.kept for one in group])
        self._banded |= {one.place: banded for one, banded in zip(group, found, strict=True)}

    def _read_demand(self, group: Sequence[_Asked]) -> None:
        terms, supplies = group[0].terms, [one.supply for one in group]
        priced = terms.tariff.demand
        if priced is None:
            raise AssertionError("Only tariffs with a demand are grouped.")
        highest = demand.highest(
            supplies,
            first=terms.first_day,
            end=min(terms.end_day, supplies[0].priced_to),
            minutes=priced.interval_minutes,
        )
        self._demand |= {(key, terms.first_day): power for key, power in highest.items()}


def _kept(bill: Bill, terms: Terms) -> KeptRow | None:
    found: KeptRow | None = bill.banded.get(str(terms.first_day)) if bill.banded else None
    return found


def _alike(asked: Iterable[_Asked], by: Callable[[Tariff], object]) -> list[list[_Asked]]:
    """
    Parts of the same tariff in the same days, where it has what is asked for.

    A tariff is built once, so that it is the same one; to compare its components takes longer.
    """
    groups: dict[tuple[int, date, date, date, date], list[_Asked]] = {}
    for one in asked:
        supply, terms = one.supply, one.terms
        if by(terms.tariff) and terms.first_day < supply.priced_to:
            same = id(terms.tariff), supply.month, terms.first_day, terms.end_day, supply.priced_to
            groups.setdefault(same, []).append(one)
    return list(groups.values())
