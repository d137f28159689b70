"""
What other prices would have changed: in all, for how many, by how much, and for whom most.

Plain calculation on bills that were rated twice; `reports.simulations` gathers them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from uuid import UUID

from quantify.money import CENT, HUNDRED, ZERO
from rates.engine import Bill

MOST_AFFECTED = 10
BINS = 12
NICE = (Decimal(1), Decimal(2), Decimal(5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a unit's month costs before and after; `consumption` in Wh or litres."""

    unit_id: UUID
    unit_number: str
    consumption: int
    before: Bill
    after: Bill

    @property
    def change(self) -> Decimal:
        return self.after.total - self.before.total

    @property
    def change_percent(self) -> Decimal | None:
        return percent(self.change, self.before.total)


@dataclass(frozen=True, slots=True)
class Bin:
    """
    How many units change by an amount from `low` to `high`; both are zero for no change.

    The edge nearer to zero does not belong to it, the other does.
    """

    low: Decimal
    high: Decimal
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The sums over all units, in rand with VAT; `winners` pay less, `losers` more."""

    revenue_before: Decimal
    revenue_after: Decimal
    winners: int
    losers: int
    unchanged: int
    histogram: tuple[Bin, ...]
    most_affected: tuple[Effect, ...]

    @property
    def units(self) -> int:
        return self.winners + self.losers + self.unchanged

    @property
    def change(self) -> Decimal:
        return self.revenue_after - self.revenue_before

    @property
    def change_percent(self) -> Decimal | None:
        return percent(self.change, self.revenue_before)


def outcome(effects: Sequence[Effect]) -> Outcome:
    """Sum up what prices change for some units."""
    changes = [one.change for one in effects]
    affected = sorted(
        (one for one in effects if one.change),
        key=lambda one: (-abs(one.change), one.unit_number, one.unit_id),
    )
    return Outcome(
        revenue_before=sum((one.before.total for one in effects), ZERO),
        revenue_after=sum((one.after.total for one in effects), ZERO),
        winners=sum(change < 0 for change in changes),
        losers=sum(change > 0 for change in changes),
        unchanged=sum(change == 0 for change in changes),
        histogram=histogram(changes),
        most_affected=tuple(affected[:MOST_AFFECTED]),
    )


def histogram(changes: Sequence[Decimal]) -> tuple[Bin, ...]:
    """
    Count changes by amount, in steps of 1, 2 or 5 times a power of ten from a cent on.

    No change has a bin of its own: who pays the same is neither better nor worse off.
    """
    if not changes:
        return ()
    width = _width(max(changes), min(changes))
    counted = Counter(_step(change, width) for change in changes)
    lowest, highest = min(*counted, 0), max(*counted, 0)
    return tuple(
        Bin(*_edges(step, width), counted[step])
        for step in range(lowest, highest + 1)
        if step or counted[0] or lowest < 0 < highest
    )


def percent(change: Decimal, before: Decimal) -> Decimal | None:
    """A change in percent of what was before, to a hundredth; None of nothing."""
    return (change * HUNDRED / before).quantize(CENT) if before else None


def total_of(bills: Sequence[Bill]) -> Bill:
    """The bills of the parts of a month as one."""
    return Bill(
        lines=tuple(line for one in bills for line in one.lines),
        subtotal=sum((one.subtotal for one in bills), ZERO),
        markup=sum((one.markup for one in bills), ZERO),
        vat=sum((one.vat for one in bills), ZERO),
        total=sum((one.total for one in bills), ZERO),
    )


def _width(highest: Decimal, lowest: Decimal) -> Decimal:
    """The smallest nice step that needs no more than `BINS` bins."""
    span = max(highest, ZERO) - min(lowest, ZERO)
    power = CENT
    while True:
        for nice in NICE:
            if span <= nice * power * (BINS - 2):
                return nice * power
        power *= 10


def _step(change: Decimal, width: Decimal) -> int:
    """Which step a change falls in: 0 for none, 1 the first above zero, -1 the first below."""
    rounding = ROUND_CEILING if change > 0 else ROUND_FLOOR
    return int((change / width).to_integral_value(rounding))


def _edges(step: int, width: Decimal) -> tuple[Decimal, Decimal]:
    if step > 0:
        return (step - 1) * width, step * width
    return (step * width, (step + 1) * width) if step else (ZERO, ZERO)
