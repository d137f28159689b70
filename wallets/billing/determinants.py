"""What prices are applied to: quantities by local day, by band where needed, and demand."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from rates.engine import Tariff, Usage
from rates.pricing import Terms
from wallets.billing import bands, demand, stretches
from wallets.billing.bands import Banded
from wallets.billing.bill_rows import BillRow
from wallets.billing.demand import Highest
from wallets.billing.metered import Key, Supply
from wallets.billing.stretches import Counted, KeptRow, Part, Stretch

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

    `bills` are those that may keep what their days added up to by band; without them it is not told
    what came since they were charged.
    """

    def __init__(
        self,
        priced: Sequence[tuple[Supply, Sequence[Terms]]],
        *,
        now: datetime,
        bills: Mapping[Key, BillRow] | None = None,
    ) -> None:
        asked = [
            _Asked(supply, one, _kept(bills[supply.key], one) if bills else None)
            for supply, terms in priced
            for one in terms
        ]
        self._counted: dict[Place, Counted] = {}
        self._totals: dict[Place, int] = {}
        self._stretches: dict[Place, list[Stretch]] = {}
        self._banded: dict[Place, Banded] = {}
        self._demand: dict[Place, Highest] = {}
        if priced:
            self._read([supply for supply, _ in priced], asked, bills, now)
        for group in _alike(asked, lambda tariff: tariff.time_of_use):
            self._read_bands(group)
        for group in _alike(asked, lambda tariff: tariff.demand):
            self._read_demand(group)

    def total(self, supply: Supply) -> int:
        """All that a supply used in its days of the month, in Wh or litres."""
        return self._totals.get((supply.key, supply.first_day), 0)

    def stretches(self, supply: Supply) -> list[Stretch]:
        """What its registers counted since its bill was charged."""
        return self._stretches.get((supply.key, supply.first_day), [])

    def kept(self, supply: Supply, terms: Iterable[Terms]) -> dict[str, KeptRow]:
        """What a bill may keep of its days: their sums by band, and their highest demand."""
        rows: dict[str, KeptRow] = {}
        for one in terms:
            place = supply.key, one.first_day
            for found in (self._banded.get(place), self._demand.get(place)):
                if found is not None and found.kept is not None:
                    rows.setdefault(str(one.first_day), found.kept.copy()).update(found.kept)
        return rows

    def counted(self, supply: Supply, terms: Terms) -> Counted:
        """What its days added up to while some terms were in force."""
        return self._counted.get((supply.key, terms.first_day)) or Counted()

    def today(self, supply: Supply, terms: Terms, band: str | None) -> int:
        """What of it was used today, in a band or in all, in Wh or litres."""
        counted = self.counted(supply, terms)
        if band is None:
            return counted.quantity - counted.before
        banded = self._banded.get((supply.key, terms.first_day))
        return banded.today.get(band, 0) if banded else 0

    def of(self, supply: Supply, terms: Terms) -> Usage:
        """What a supply used while some terms were in force."""
        usage = self._quantities(supply, terms)
        if terms.tariff.demand is None:
            return usage
        highest = self._demand.get((supply.key, terms.first_day))
        return replace(usage, demand_w=highest.power if highest else None)

    def _quantities(self, supply: Supply, terms: Terms) -> Usage:
        counted = self.counted(supply, terms)
        if terms.tariff.time_of_use:
            banded = self._banded.get((supply.key, terms.first_day))
            return banded.usage(counted) if banded else NOTHING
        if counted.first_day is None:
            return NOTHING
        return Usage(total=counted.quantity, first_day=counted.first_day, last_day=counted.last_day)

    def _read(
        self,
        supplies: Sequence[Supply],
        asked: Sequence[_Asked],
        bills: Mapping[Key, BillRow] | None,
        now: datetime,
    ) -> None:
        counted, lacking = stretches.metered(
            supplies,
            [one.part for one in asked],
            charged_to=[bills[one.key].charged_to for one in supplies] if bills else None,
            now=now,
        )
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
        terms = group[0].terms
        priced = terms.tariff.demand
        if priced is None:
            raise AssertionError("Only tariffs with a demand are grouped.")
        found = demand.highest(
            [one.part for one in group],
            [self._counted[one.place] for one in group],
            [one.kept for one in group],
            end=min(terms.end_day, group[0].supply.priced_to),
            minutes=priced.interval_minutes,
        )
        self._demand |= {one.place: highest for one, highest in zip(group, found, strict=True)}


def _kept(bill: BillRow, terms: Terms) -> KeptRow | None:
    return bill.banded.get(str(terms.first_day)) if bill.banded else None


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
