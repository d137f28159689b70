"""Columns over days, units or methods: stacked on each other, or side by side."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

WIDTH, HEIGHT = 960, 260
LEFT, TOP, FOOT = 64, 12, 26
STEPS = 4
WIDEST = 72
SIGN = 7
"""About as wide is a sign of a label."""
ZERO = Decimal(0)

type Number = Decimal | int


@dataclass(frozen=True, slots=True)
class Slot:
    """What stands above one label: a value of each series."""

    label: str
    values: Sequence[Number]


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle, the series it belongs to (from 1), and its words."""

    x: int
    y: int
    width: int
    height: int
    look: int
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the scale with its number."""

    y: int
    text: str
    is_base: bool


@dataclass(frozen=True, slots=True)
class Label:
    x: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A chart on its canvas; `says` is what it shows, for those who do not see it."""

    title: str
    says: str
    series: Sequence[tuple[int, str]]
    marks: Sequence[Mark]
    lines: Sequence[Line]
    labels: Sequence[Label]
    template: str = "portal/charts/columns.html"
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    foot: int = HEIGHT - 8


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to heights; whole steps from below the least to above the most."""

    low: Decimal
    high: Decimal
    step: Decimal

    def y(self, value: Number) -> int:
        room = HEIGHT - TOP - FOOT
        return TOP + int(room * (self.high - value) / (self.high - self.low))

    def lines(self) -> Iterator[Line]:
        at = self.low
        while at <= self.high:
            whole = at.quantize(Decimal(1)) if at == at.to_integral_value() else at.normalize()
            yield Line(self.y(at), f"{whole:,f}".replace(",", "\u00a0"), at == 0)
            at += self.step


def columns(
    title: str,
    names: Sequence[str],
    slots: Sequence[Slot],
    write: Callable[[Number], str],
    *,
    is_stacked: bool = True,
) -> Columns | None:
    """The chart of some series; None if nothing in it is above or below zero."""
    if not any(value for slot in slots for value in slot.values):
        return None
    scale = _scale(slots, is_stacked=is_stacked)
    each = Decimal(WIDTH - LEFT) / len(slots)
    place = _stacked if is_stacked else _side_by_side
    return Columns(
        title=title,
        says=f"{title}: {', '.join(names)}. The table below has the same figures.",
        series=[(number, name) for number, name in enumerate(names, start=1)],
        marks=[
            mark
            for number, slot in enumerate(slots)
            for mark in place(slot, names, LEFT + number * each, each, scale, write)
        ],
        lines=list(scale.lines()),
        labels=_labels(slots, each),
    )


def _scale(slots: Sequence[Slot], *, is_stacked: bool) -> _Scale:
    tops = [ZERO]
    for slot in slots:
        values = [Decimal(value) for value in slot.values]
        if is_stacked:
            tops += [sum((one for one in values if one > 0), ZERO)]
            tops += [sum((one for one in values if one < 0), ZERO)]
        else:
            tops += values
    step = _step(max(tops) - min(tops))
    return _Scale(_whole(min(tops), step), -_whole(-max(tops), step), step)


def _step(span: Decimal) -> Decimal:
    """A round number, about a quarter of the span."""
    raw = span / STEPS
    power = Decimal(1).scaleb(raw.adjusted())
    return next(power * times for times in (1, 2, 5, 10) if power * times >= raw)


def _whole(value: Decimal, step: Decimal) -> Decimal:
    """The whole step at or below a value."""
    return (value / step).to_integral_value("ROUND_FLOOR") * step


def _stacked(
    slot: Slot, names: Sequence[str], left: Decimal, each: Decimal, scale: _Scale,
    write: Callable[[Number], str],
) -> Iterator[Mark]:  # fmt: skip
    above = below = ZERO
    for number, value in enumerate(slot.values):
        if value > 0:
            start, above = above, above + value
            yield _mark(left, each, scale, start, above, number, _words(slot, names, number, write))
        elif value < 0:
            start, below = below, below + value
            yield _mark(left, each, scale, below, start, number, _words(slot, names, number, write))


def _side_by_side(
    slot: Slot, names: Sequence[str], left: Decimal, each: Decimal, scale: _Scale,
    write: Callable[[Number], str],
) -> Iterator[Mark]:  # fmt: skip
    own = each / len(slot.values)
    for number, value in enumerate(slot.values):
        if value:
            low, high = sorted((ZERO, Decimal(value)))
            words = _words(slot, names, number, write)
            yield _mark(left + number * own, own, scale, low, high, number, words)


def _mark(
    left: Decimal, each: Decimal, scale: _Scale, low: Decimal, high: Decimal, number: int,
    words: str,
) -> Mark:  # fmt: skip
    gap = max(min(Decimal(2), each / 6), (each - WIDEST) / 2)
    top, bottom = scale.y(high), scale.y(low)
    return Mark(
        x=int(left + gap),
        y=top,
        width=max(int(each - 2 * gap), 1),
        height=max(bottom - top, 1),
        look=number + 1,
        words=words,
    )


def _words(slot: Slot, names: Sequence[str], number: int, write: Callable[[Number], str]) -> str:
    return f"{slot.label}, {names[number]}: {write(slot.values[number])}"


def _labels(slots: Sequence[Slot], each: Decimal) -> list[Label]:
    """As many labels as there is room for, each in the middle of its slot."""
    longest = max(len(slot.label) for slot in slots)
    every = max(1, -(-(longest + 2) * SIGN // max(int(each), 1)))
    return [
        Label(int(LEFT + number * each + each / 2), slot.label)
        for number, slot in enumerate(slots)
        if number % every == 0
    ]
