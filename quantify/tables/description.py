"""What a table says: columns with their kinds, and rows of plain values in their order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, auto

from quantify.quantities import format_kilo

type Value = str | int | bool | Decimal | date | datetime | None


class Kind(Enum):
    """What the values of a column are; any of them may be None, which is left blank."""

    TEXT = auto()
    COUNT = auto()
    MONEY = auto()
    """Rand as `Decimal`, with two places."""
    QUANTITY = auto()
    """Whole Wh or litres; written in kWh or kl with three places."""
    DATE = auto()
    INSTANT = auto()
    """Aware, in the zone it is to be read in."""
    FLAG = auto()
    NUMBER = auto()
    """A `Decimal` as it is: a share in percent, days, a rate."""


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is for programs (JSON, CSV), `title` for people; `optional`: it may be blank."""

    name: str
    title: str
    kind: Kind = Kind.TEXT
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows may be made while they are read, once: a table of many is never in memory."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Value]]

    def as_json(self) -> Iterator[dict[str, str | int | bool | None]]:
        """Each row by names, as the API writes values."""
        for row in self.rows:
            yield {
                column.name: json_value(column.kind, value)
                for column, value in zip(self.columns, row, strict=True)
            }


def json_value(kind: Kind, value: Value) -> str | int | bool | None:
    """Counts and flags are themselves, everything else is text: nothing is rounded on its way."""
    if value is None or kind in (Kind.COUNT, Kind.FLAG):
        return value  # type: ignore[return-value]
    return text_of(kind, value)


def text_of(kind: Kind, value: Value) -> str:
    """A value as text that loses nothing; blank for None."""
    if value is None:
        return ""
    if kind is Kind.MONEY:
        return f"{value:.2f}"
    if kind is Kind.QUANTITY and isinstance(value, int):
        return format_kilo(value)
    if kind is Kind.FLAG:
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, date) else str(value)
