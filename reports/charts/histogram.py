"""A histogram of units by what changes for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from quantify.portal.formats import money_text
from rates.simulation import Bin

WIDTH, HEIGHT = 720, 200
TOP, FOOT = 22, 24
GAP = 2
LOOKS = {1: "more", 0: "same", -1: "less"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram, its words, and where its left edge is labelled."""

    x: int
    y: int
    width: int
    height: int
    middle: int
    units: int
    words: str
    edge: str
    look: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram on its canvas."""

    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = HEIGHT
    base: int = HEIGHT - FOOT


def bars(bins: Sequence[Bin]) -> Bars | None:
    """The bars of a histogram, as wide as there is room; None without any."""
    if not bins:
        return None
    most = max(one.units for one in bins)
    slot = WIDTH // max(len(bins), 4)
    return Bars(tuple(_bar(number, one, slot, most) for number, one in enumerate(bins)))


def _bar(number: int, one: Bin, slot: int, most: int) -> Bar:
    height = (HEIGHT - TOP - FOOT) * one.units // most
    left = number * slot
    return Bar(
        x=left + GAP,
        y=HEIGHT - FOOT - height,
        width=slot - 2 * GAP,
        height=height,
        middle=left + slot // 2,
        units=one.units,
        words=words_of(one),
        edge=_edge(one),
        look=LOOKS[_sign(one)],
    )


def words_of(one: Bin) -> str:
    """The amounts of a bin in words."""
    if one.low == one.high:
        return "No change"
    lower, upper = sorted((abs(one.low), abs(one.high)))
    return f"{money_text(lower)} to {money_text(upper)} {LOOKS[_sign(one)]}"


def _edge(one: Bin) -> str:
    """The edge of a bin that lies further from zero, short enough to stand under a bar."""
    far = one.high if _sign(one) > 0 else one.low
    if not far:
        return "0"
    whole = far == far.to_integral_value()
    return f"{far:+.0f}" if whole else f"{far:+.2f}"


def _sign(one: Bin) -> int:
    return (one.high > Decimal(0)) - (one.low < Decimal(0))
