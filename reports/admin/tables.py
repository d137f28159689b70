"""A table of the portal: its cells as people read them, without the ids that programs need."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.safestring import SafeString

from quantify.portal import formats
from quantify.tables.description import Column, Kind, Table, Value

HIDDEN = frozenset({"id", "unit", "wallet", "settlement", "command", "weekday"})
"""For programs: ids, and the number of a day that has its name beside it."""
LINKS: Mapping[str, tuple[str, str]] = {
    "unit_number": ("unit", "admin:units_unit_change"),
    "number": ("id", "admin:wallets_transaction_change"),
}
"""A column whose text leads to the page of the object that another column names by its id."""
FIGURE = "q-right q-number"
LOOKS = {
    Kind.COUNT: FIGURE, Kind.MONEY: FIGURE, Kind.QUANTITY: FIGURE, Kind.NUMBER: FIGURE,
    Kind.INSTANT: "q-nowrap", Kind.DATE: "q-nowrap",
}  # fmt: skip
UNBROKEN = frozenset({"serial", "meter", "unit_number"})
"""Names with hyphens, which are one word all the same."""
IN_WORDS = frozenset(
    {"utility", "kind", "payment_method", "method", "account", "state", "cause", "action",
     "status", "level", "debtor"}
)  # fmt: skip

WRITTEN: Mapping[Kind, Callable[[Any], SafeString | str]] = {
    Kind.MONEY: formats.money,
    Kind.QUANTITY: lambda value: formats.quantity_text(value, ""),
    Kind.COUNT: lambda value: f"{value:,}".replace(",", formats.THIN),
    Kind.FLAG: lambda value: "Yes" if value else "No",
    Kind.DATE: lambda value: f"{value:%a %d %b %Y}",
    Kind.INSTANT: lambda value: f"{value:%Y-%m-%d %H:%M}",
}


class Cell(NamedTuple):
    """What stands in it, and the classes of its look."""

    text: SafeString | str
    look: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A table to be drawn: titles, rows and totals of cells."""

    titles: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    totals: Sequence[Sequence[Cell]]


def shown(table: Table, totals: Iterable[Sequence[Value]] = ()) -> Shown:
    """A table and what it adds up to, as people read it."""
    columns = table.columns
    visible = [(at, one) for at, one in enumerate(columns) if one.name not in HIDDEN]
    places = {one.name: at for at, one in enumerate(columns)}

    def cells(row: Sequence[Value], *, is_total: bool) -> list[Cell]:
        return [
            Cell(_text(one, row[at], row, places, is_total=is_total), _look(one))
            for at, one in visible
        ]

    return Shown(
        titles=[Cell(one.title, _look(one)) for _, one in visible],
        rows=[cells(row, is_total=False) for row in table.rows],
        totals=[cells(row, is_total=True) for row in totals],
    )


def _look(column: Column) -> str:
    return "q-nowrap" if column.name in UNBROKEN else LOOKS.get(column.kind, "")


def _text(
    column: Column, value: Value, row: Sequence[Value], places: Mapping[str, int], *, is_total: bool
) -> SafeString | str:
    if value is None or value == "":
        return "" if is_total or value == "" else formats.NOTHING
    if column.name in LINKS:
        other, page = LINKS[column.name]
        pk = row[places[other]] if other in places else None
        return formats.link(reverse(page, args=[pk]), value) if pk else str(value)
    if column.name in IN_WORDS:
        return str(value).replace("_", " ").capitalize()
    return WRITTEN.get(column.kind, str)(value)
