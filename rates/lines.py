"""The lines of a bill, and the part of a month they are made from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, Protocol

from quantify.money import to_cents
from rates.usage import Usage

ONE = Decimal(1)


class Line(NamedTuple):
    """
    One line of a bill: quantity times price, and the amount rounded half-up to cents.

    `component` is its position in the rate table, `segment` that of the version in the bill.
    """

    what: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Decimal
    unrounded: Decimal
    component: int
    segment: int


class Growth(NamedTuple):
    """
    That the line named `what` grows by each Wh or litre to come: of a band, or of all without one.

    By `room` of them at most, if that is bounded.
    """

    what: str
    band: str | None = None
    room: int | None = None


class Priced(Protocol):
    """What every component answers to."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    def charge(self, stretch: "Stretch", component: int) -> None:
        """Add its lines to a stretch; `component` is its position."""

    def growth(self, stretch: "Stretch") -> Sequence[Growth] | None:
        """How its lines grow with what is to come on the same day; None if not plainly so."""


@dataclass(slots=True, kw_only=True)
class Stretch:
    """
    The part of a month one version prices: what a component may know, and the lines so far.

    `components` are those of the version, in the order that the lines refer to; `in_force` those
    of them that price the month, with their positions.
    Blocks begin at `block_position` (kWh or kl) with limits for `block_days`. `days_charged` are
    the days of the version begun by now, `days_supplied` those of the unit in the month.
    """

    usage: Usage
    segment: int
    unit: str
    quantity: Decimal
    block_position: Decimal
    block_days: int
    days_charged: int
    days_supplied: int
    days_in_month: int
    components: Sequence[Priced] = ()
    in_force: Sequence[tuple[int, Priced]] = ()
    has_highest_demand: bool = False
    lines: list[Line] = field(default_factory=list)

    @property
    def opens_month(self) -> bool:
        return self.segment == 0

    def add(self, component: int, what: str, quantity: Decimal, unit: str, price: Decimal) -> None:
        """Add a line unless the quantity is nothing."""
        if quantity:
            unrounded = quantity * price
            amount = to_cents(unrounded)
            self.lines.append(
                Line(what, quantity, unit, price, amount, unrounded, component, self.segment)
            )

    def add_per_month(self, component: int, what: str, price: Decimal) -> None:
        """Add a monthly amount, by days if the unit was supplied only part of the month."""
        if self.days_supplied == self.days_in_month:
            self.add(component, what, ONE, "month", price)
            return
        share = Decimal(self.days_supplied) / self.days_in_month
        unrounded = price * self.days_supplied / self.days_in_month
        amount = to_cents(unrounded)
        self.lines.append(
            Line(what, share, "month", price, amount, unrounded, component, self.segment)
        )
