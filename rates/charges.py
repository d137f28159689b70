"""
The components of a rate table, and how each turns what was used into lines.

Prices are rand without VAT per kWh, kl, day, month or kVA. Every component may be bound to a
season and carry a name. A component prices one stretch of a month at a time and adds its lines to
it; nothing but the line amounts is rounded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, NamedTuple

from quantify.money import HUNDRED, ZERO, to_cents
from quantify.quantities import DECIMALS, as_kilo
from rates.calendars import SLOT_MINUTES
from rates.lines import ONE, Growth, Priced, Stretch
from rates.usage import InvalidUsage, Usage

NOTHING = Decimal(0)


class BlockMode(StrEnum):
    """How blocks price a quantity."""

    GRADUATED = "graduated"
    """Each unit at the price of the block it falls in: what NERSA means by blocks."""
    VOLUME = "volume"
    """All units at the price of the block the total reaches."""


@dataclass(frozen=True, kw_only=True)
class Energy:
    """One price for every kWh or kl."""

    kind: ClassVar[str] = "energy"

    price: Decimal
    name: str = ""
    season: str | None = None

    def charge(self, stretch: Stretch, component: int) -> None:
        stretch.add(component, self._what, stretch.quantity, stretch.unit, self.price)

    def growth(self, stretch: Stretch) -> Sequence[Growth] | None:
        return [Growth(self._what)]

    @property
    def _what(self) -> str:
        return self.name or "energy"


class BlockLimit(NamedTuple):
    """A block reaching up to, and including, a quantity (None: without end)."""

    upto: Decimal | None
    price: Decimal


@dataclass(frozen=True, kw_only=True)
class Block:
    """
    Prices by how much of the month's quantity was used before.

    Blocks are half-open: the step from 500 to 500.001 is where the next price begins, so a
    published "0-500, 501-1000" leaves no gap. With `scale_days` the limits are for that many
    days and grow with the days supplied: Johannesburg Water clause 1.12 has 30.4375 (a year of
    365.25 days in twelve), Cape Town 30.
    """

    kind: ClassVar[str] = "block"

    blocks: tuple[BlockLimit, ...]
    mode: BlockMode = BlockMode.GRADUATED
    scale_days: Decimal | None = None
    name: str = ""
    season: str | None = None

    @cached_property
    def _labels(self) -> tuple[str, ...]:
        prefix = f"{self.name}: " if self.name else ""
        limits = (None if b.upto is None else f"{b.upto.normalize():f}" for b in self.blocks)
        return tuple(f"{prefix}block upto {limit}" for limit in limits)

    @cached_property
    def _scaled(self) -> dict[tuple[int, Decimal], tuple[Decimal | None, ...]]:
        return {}

    def charge(self, stretch: Stretch, component: int) -> None:
        limits = self._limits(stretch)
        start = stretch.block_position
        split = self._graduated if self.mode is BlockMode.GRADUATED else self._volume
        for block, quantity in split(limits, start, start + stretch.quantity):
            price = self.blocks[block].price
            stretch.add(component, self._labels[block], quantity, stretch.unit, price)

    def growth(self, stretch: Stretch) -> Sequence[Growth] | None:
        """The block that was reached grows until it is full; by volume none grows by itself."""
        if self.mode is BlockMode.VOLUME:
            return None
        end = stretch.block_position + stretch.quantity
        for label, limit in zip(self._labels, self._limits(stretch), strict=True):
            if limit is None:
                return [Growth(label)]
            if end < limit:
                # What reaches the limit is left out: there the next block may begin.
                room = (limit - end).scaleb(DECIMALS).to_integral_value(ROUND_CEILING)
                return [Growth(label, room=int(room) - 1)]
        return None

    def _limits(self, stretch: Stretch) -> tuple[Decimal | None, ...]:
        """The limits for the days of this stretch: a share of the days, or of `scale_days`."""
        days = stretch.block_days
        per = self.scale_days or Decimal(stretch.days_supplied)
        if (days, per) not in self._scaled:
            self._scaled[days, per] = tuple(
                None if block.upto is None else block.upto * days / per for block in self.blocks
            )
        return self._scaled[days, per]

    @staticmethod
    def _graduated(
        limits: tuple[Decimal | None, ...], start: Decimal, end: Decimal
    ) -> Iterator[tuple[int, Decimal]]:
        floor = NOTHING
        for block, limit in enumerate(limits):
            ceiling = end if limit is None or limit > end else limit
            quantity = ceiling - max(start, floor)
            if quantity > 0:
                yield block, quantity
            if ceiling == end:
                return
            floor = ceiling

    @staticmethod
    def _volume(
        limits: tuple[Decimal | None, ...], start: Decimal, end: Decimal
    ) -> Iterator[tuple[int, Decimal]]:
        """The whole at the block reached, less what was priced at the block before."""
        before, after = (
            next(n for n, limit in enumerate(limits) if limit is None or at <= limit)
            for at in (start, end)
        )
        if before == after:
            yield after, end - start
        else:
            yield before, -start
            yield after, end


@dataclass(frozen=True, kw_only=True)
class TimeOfUse:
    """
    A price per band of a calendar; `holidays` names the family whose dates count.

    Lines come by the first day a band was used, bands of the same day as the table lists them.
    """

    kind: ClassVar[str] = "time_of_use"

    prices: tuple[tuple[str, Decimal], ...]
    calendar: str
    holidays: str | None = None
    name: str = ""
    season: str | None = None

    @cached_property
    def _price(self) -> Mapping[str, Decimal]:
        return dict(self.prices)

    def charge(self, stretch: Stretch, component: int) -> None:
        usage = stretch.usage
        if usage.total and not usage.bands:
            raise InvalidUsage("This rate table prices by time of use: give intervals.")
        if unpriced := usage.bands.keys() - self._price.keys():
            raise InvalidUsage(f"No price for the bands {', '.join(sorted(unpriced))}.")
        for band in sorted(self._price, key=usage.first_used):
            quantity = as_kilo(usage.bands.get(band, 0))
            stretch.add(component, self._what(band), quantity, stretch.unit, self._price[band])

    def growth(self, stretch: Stretch) -> Sequence[Growth] | None:
        return [Growth(self._what(band), band) for band in self._price]

    def _what(self, band: str) -> str:
        return f"{self.name}: {band}" if self.name else band


@dataclass(frozen=True, kw_only=True)
class FixedPerDay:
    """An amount for each local day the unit was supplied."""

    kind: ClassVar[str] = "fixed_per_day"

    price: Decimal
    name: str = ""
    season: str | None = None

    def charge(self, stretch: Stretch, component: int) -> None:
        what = self.name or "fixed per day"
        stretch.add(component, what, Decimal(stretch.days_charged), "day", self.price)

    def growth(self, stretch: Stretch) -> Sequence[Growth] | None:
        return ()


@dataclass(frozen=True, kw_only=True)
class FixedPerMonth:
    """An amount once a calendar month, of the version that opens it; by days at a move."""

    kind: ClassVar[str] = "fixed_per_month"

    price: Decimal
    name: str = ""
    season: str | None = None

    def charge(self, stretch: Stretch, component: int) -> None:
        if stretch.opens_month:
            stretch.add_per_month(component, self.name or "fixed per month", self.price)

    def growth(self, stretch: Stretch) -> Sequence[Growth] | None:
        return ()


@dataclass(frozen=True, kw_only=True)
class Demand:
    """
    A price per kVA of the month's highest demand, of the version it fell in.

    The demand is what was given in kVA. Where only energy is metered it is the highest average
    power of a completed interval of `interval_minutes`, divided by `power_factor`.
    """

    kind: ClassVar[str] = "demand"

    price: Decimal
    interval_minutes: int = SLOT_MINUTES
    power_factor: Decimal = ONE
    name: str = ""
    season: str | None = None

    def charge(self, stretch: Stretch, component: int) -> None:
        highest = self.kva(stretch.usage)
        if stretch.has_highest_demand and highest is not None:
            stretch.add(component, self.name or "demand", highest, "kVA", self.price)

    def growth(self, stretch: Stretch) -> Sequence[Growth] | None:
        return None

    def kva(self, usage: Usage) -> Decimal | None:
        """The highest demand in kVA, if it is known or can be told from the intervals."""
        if usage.demand_va is not None:
            return as_kilo(usage.demand_va)
        return None if usage.demand_w is None else as_kilo(usage.demand_w) / self.power_factor


@dataclass(frozen=True, kw_only=True)
class Surcharge:
    """
    A percentage of the lines that stand before it in its version.

    `on` narrows them to those of components of a kind ("energy") or of a name.
    """

    kind: ClassVar[str] = "surcharge"

    percent: Decimal
    on: tuple[str, ...] = ()
    name: str = ""
    season: str | None = None

    def charge(self, stretch: Stretch, component: int) -> None:
        base = sum(
            (
                line.amount
                for line in stretch.lines
                if not self.on or self.is_on(stretch.components[line.component])
            ),
            ZERO,
        )
        stretch.add(component, self.name or "surcharge", base, "ZAR", self.percent / HUNDRED)

    def growth(self, stretch: Stretch) -> Sequence[Growth] | None:
        return None

    def is_on(self, component: Priced) -> bool:
        """Whether `on` names a component, by its kind or by its name."""
        return not {component.kind, component.name or component.kind}.isdisjoint(self.on)


@dataclass(frozen=True, kw_only=True)
class Minimum:
    """The least the lines of a month come to, of the version that opens it; by days at a move."""

    kind: ClassVar[str] = "minimum"

    amount: Decimal
    name: str = ""
    season: str | None = None

    def charge(self, stretch: Stretch, component: int) -> None:
        """The engine calls this last, with the lines of the whole month."""
        least = self.amount * stretch.days_supplied / stretch.days_in_month
        short = to_cents(least) - sum((line.amount for line in stretch.lines), ZERO)
        if short > 0:
            stretch.add(component, self.name or "minimum charge", ONE, "month", short)

    def growth(self, stretch: Stretch) -> Sequence[Growth] | None:
        return None


type Component = (
    Energy | Block | TimeOfUse | FixedPerDay | FixedPerMonth | Demand | Surcharge | Minimum
)
