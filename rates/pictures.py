"""
The prices of a version as they are drawn and listed: block steps, day clocks, and a table.

Only numbers and words of the real components and calendar; templates do the drawing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby, pairwise
from math import cos, pi, sin

from quantify.quantities import Utility
from rates.calendars import DAY_TYPES, SLOTS_PER_DAY, Calendar, NoCalendar
from rates.charges import Block, BlockMode, Component, Demand, Minimum, Surcharge, TimeOfUse

STEP_WIDTH, STEP_HEIGHT = 480, 150
STEP_TOP, STEP_FOOT = 20, 22
BEYOND = Decimal("1.25")
"""How far an open block is drawn, in times of the limit where it begins."""
LABELLED, MARKED = 44, 26
"""How wide a block must be to bear its price, and its limit; the table has all of them."""
CENTRE, OUTER, INNER = 60, 54, 34
MINUTES_A_SLOT = 15
BAND_LOOKS = ("peak", "standard", "off_peak")


@dataclass(frozen=True, slots=True)
class Row:
    """A price in words: what it is for, when, the amount and for what."""

    what: str
    season: str
    price: str
    per: str


@dataclass(frozen=True, slots=True)
class Step:
    """A block drawn: its place, its limits in words, its price; `label` if there is room."""

    x: int
    y: int
    width: int
    height: int
    middle: int
    limits: str
    price: Decimal
    label: str
    upto: str


@dataclass(frozen=True, slots=True)
class Steps:
    """The blocks of one component on their canvas."""

    title: str
    steps: tuple[Step, ...]
    unit: str
    width: int = STEP_WIDTH
    height: int = STEP_HEIGHT
    base: int = STEP_HEIGHT - STEP_FOOT


@dataclass(frozen=True, slots=True)
class Arc:
    """Hours of one band on a day clock, midnight on top."""

    band: str
    look: str
    path: str
    hours: str


@dataclass(frozen=True, slots=True)
class Clock:
    """The bands of a day of one kind in a season, and the hours of each."""

    season: str
    day_type: str
    arcs: tuple[Arc, ...]
    hours: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """What is shown of a version."""

    rows: tuple[Row, ...]
    steps: tuple[Steps, ...]
    clocks: tuple[Clock, ...]
    bands: tuple[tuple[str, str], ...]


def draw(
    components: Sequence[Component], *, utility: Utility, calendar: Calendar | None, day: date
) -> Picture:
    """Draw components; `day` says which version of the calendar the clocks show."""
    blocks = [one for one in components if isinstance(one, Block)]
    clocks = tuple(_clocks(components, calendar, day))
    bands = {arc.band: arc.look for clock in clocks for arc in clock.arcs}
    return Picture(
        rows=tuple(row for one in components for row in _rows(one, utility)),
        steps=tuple(_steps(one, utility) for one in blocks),
        clocks=clocks,
        bands=tuple(sorted(bands.items(), key=lambda one: BAND_LOOKS.index(one[1]))),
    )


def words(name: str) -> str:
    """A kind, band or season as a person reads it."""
    return name.replace("_", " ").replace("off peak", "off-peak")


def _rows(one: Component, utility: Utility) -> Iterator[Row]:
    season, what = words(one.season or ""), one.name or words(one.kind)
    match one:
        case Block(mode=mode):
            how = " (all units at the block reached)" if mode is BlockMode.VOLUME else ""
            for limits, price in _limits(one):
                yield Row(
                    f"{what}, {limits} {utility.unit}{how}", season, f"R{price}", utility.unit
                )
        case TimeOfUse(prices=prices):
            for band, price in prices:
                yield Row(f"{what}, {words(band)}", season, f"R{price}", utility.unit)
        case Surcharge(percent=percent, on=on):
            base = ", ".join(map(words, on)) or "the lines before it"
            yield Row(what, season, f"{percent:f} %", base)
        case Minimum(amount=amount):
            yield Row(what, season, f"R{amount}", "month")
        case Demand(price=price):
            yield Row(what, season, f"R{price}", "kVA")
        case _:
            per = one.kind.rpartition("_")[2] if "per_" in one.kind else utility.unit
            yield Row(what, season, f"R{one.price}", per)


def _limits(block: Block) -> Iterator[tuple[str, Decimal]]:
    low = Decimal(0)
    for upto, price in block.blocks:
        if upto is None:
            yield (f"above {low.normalize():f}" if low else "all"), price
        else:
            yield f"{low.normalize():f} to {upto.normalize():f}", price
            low = upto


def _steps(block: Block, utility: Utility) -> Steps:
    limits = [one.upto for one in block.blocks if one.upto is not None]
    end = limits[-1] * BEYOND if limits else Decimal(1)
    edges = [Decimal(0), *limits, end]
    highest = max(one.price for one in block.blocks) or Decimal(1)
    room = STEP_HEIGHT - STEP_TOP - STEP_FOOT
    steps = []
    for (low, high), (words_of, price), one in zip(
        pairwise(edges), _limits(block), block.blocks, strict=True
    ):
        left, right = (int(edge * STEP_WIDTH / end) for edge in (low, high))
        height = int(room * price / highest)
        wide = right - left
        upto = f"{one.upto.normalize():f}" if one.upto and wide >= MARKED else ""
        label = f"R{price}" if wide >= LABELLED else ""
        steps.append(
            Step(
                x=left, y=STEP_HEIGHT - STEP_FOOT - height, width=max(wide - 2, 1),
                height=height, middle=(left + right) // 2, limits=words_of, price=price,
                label=label, upto=upto,
            )
        )  # fmt: skip
    season = f", {words(block.season)} season" if block.season else ""
    return Steps(f"{block.name or 'Blocks'}{season}", tuple(steps), utility.unit)


def _clocks(
    components: Sequence[Component], calendar: Calendar | None, day: date
) -> Iterator[Clock]:
    """One for each season that is priced by band and each kind of day."""
    priced = [one.season for one in components if isinstance(one, TimeOfUse)]
    if not priced or calendar is None:
        return
    try:
        version = calendar.on(day)
    except NoCalendar:
        return
    ordered = sorted(version.hours, key=lambda one: (one[0], DAY_TYPES.index(one[1])))
    for season, day_type, slots in ordered:
        if None in priced or season in priced:
            arcs = tuple(_arcs(slots))
            yield Clock(words(season), day_type, arcs, tuple(_hours(arcs)))


def _arcs(slots: Sequence[str]) -> Iterator[Arc]:
    first = 0
    for band, run in groupby(slots):
        end = first + len(list(run))
        look = band if band in BAND_LOOKS else "standard"
        yield Arc(words(band), look, _path(first, end), f"{_time(first)}-{_time(end)}")
        first = end


def _hours(arcs: Sequence[Arc]) -> Iterator[tuple[str, str]]:
    for band in dict.fromkeys(arc.band for arc in arcs):
        yield band, ", ".join(arc.hours for arc in arcs if arc.band == band)


def _time(slot: int) -> str:
    return f"{slot * MINUTES_A_SLOT // 60:02d}:{slot * MINUTES_A_SLOT % 60:02d}"


def _path(first: int, end: int) -> str:
    """A ring segment; a whole day is drawn as two halves, for an arc must end elsewhere."""
    if end - first == SLOTS_PER_DAY:
        half = SLOTS_PER_DAY // 2
        return f"{_path(first, first + half)} {_path(first + half, end)}"
    large = int(end - first > SLOTS_PER_DAY // 2)
    outer, inner = ((_at(first, r), _at(end, r)) for r in (OUTER, INNER))
    return (
        f"M{outer[0]} A{OUTER} {OUTER} 0 {large} 1 {outer[1]} "
        f"L{inner[1]} A{INNER} {INNER} 0 {large} 0 {inner[0]} Z"
    )


def _at(slot: int, radius: int) -> str:
    angle = 2 * pi * slot / SLOTS_PER_DAY
    return f"{CENTRE + radius * sin(angle):.2f} {CENTRE - radius * cos(angle):.2f}"
