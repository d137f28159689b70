"""A map of the hours of the week: the fuller its colour, the higher the share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

LEFT, TOP = 44, 18
CELL_WIDTH, CELL_HEIGHT = 38, 24
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LEAST = Decimal("0.06")
FULL = Decimal(1)


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour: how full its colour is, its share as text, and its words."""

    x: int
    y: int
    opacity: Decimal
    look: str
    text: str
    words: str

    @property
    def middle(self) -> int:
        return self.x + CELL_WIDTH // 2

    @property
    def line(self) -> int:
        return self.y + CELL_HEIGHT // 2 + 4


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """The map on its canvas."""

    title: str
    says: str
    cells: Sequence[Cell]
    hours: Sequence[tuple[int, int]]
    days: Sequence[tuple[int, str]]
    template: str = "portal/charts/heat_map.html"
    width: int = LEFT + 24 * CELL_WIDTH
    height: int = TOP + 7 * CELL_HEIGHT
    cell_width: int = CELL_WIDTH - 1
    cell_height: int = CELL_HEIGHT - 1


def heat_map(title: str, shares: Mapping[tuple[int, int], Decimal]) -> HeatMap | None:
    """The map of percents by weekday (1 is Monday) and hour; None without any."""
    if not shares:
        return None
    most = max(abs(share) for share in shares.values()) or FULL
    return HeatMap(
        title=title,
        says=f"{title} by weekday and hour; the table below has the same figures.",
        cells=[_cell(weekday, hour, share, most) for (weekday, hour), share in shares.items()],
        hours=[(LEFT + hour * CELL_WIDTH + CELL_WIDTH // 2, hour) for hour in range(24)],
        days=[(TOP + number * CELL_HEIGHT + CELL_HEIGHT // 2 + 4, day)
              for number, day in enumerate(DAYS)],
    )  # fmt: skip


def _cell(weekday: int, hour: int, share: Decimal, most: Decimal) -> Cell:
    full = (LEAST + (FULL - LEAST) * abs(share) / most).quantize(Decimal("0.01"))
    return Cell(
        x=LEFT + hour * CELL_WIDTH,
        y=TOP + (weekday - 1) * CELL_HEIGHT,
        opacity=full * Decimal("0.7"),
        look="less" if share < 0 else "more",
        text=f"{share:.0f}",
        words=f"{DAYS[weekday - 1]} {hour:02}:00: {share} %",
    )
