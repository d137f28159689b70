"""
A CSV file of readings as entries; knows no database.

Columns, in any order, named in the first line: `meter` (serial), `taken_at` (a quarter of an hour;
without an offset it is local time of the meter's estate), `value` (kWh or kl) and, where a meter
has more than one, `register` (import, export or volume). Separated by comma, semicolon or tab; a
decimal comma is read where the separator is another.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from quantify import written

LARGEST = 4 * 1024 * 1024
MOST_LINES = 50_000
LONGEST_FIELD = 200
SEPARATORS = ",;\t"
REQUIRED = ("meter", "taken_at", "value")
OPTIONAL = ("register",)
YEARS = range(2000, 2200)


class NotATable(ValueError):
    """The file as a whole cannot be read; nothing of it is used."""


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of a file; ``number`` as an editor shows it, ``fault`` why it cannot be a reading.

    ``value`` is in kWh or kl.
    """

    number: int
    meter: str
    taken_at: datetime | None = None
    value: Decimal | None = None
    register: str = ""
    fault: str = ""


def read(content: bytes) -> list[Line]:
    """
    The lines of a file, each with what is wrong with it by itself.

    :raises NotATable: if it is too large, no text, or lacks columns.
    """
    if len(content) > LARGEST:
        raise NotATable(f"The file is larger than {LARGEST // 1024**2} MB: divide it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotATable("The file is not UTF-8 text: save it as CSV UTF-8.") from error
    if "\0" in text:
        raise NotATable("The file is not text.")
    head = text.split("\n", 1)[0]
    separator = max(SEPARATORS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        _check(names)
        return list(_lines(reader, names, separator))
    except csv.Error as error:
        raise NotATable(f"Line {reader.line_num}: {error}.") from error


def _check(names: list[str]) -> None:
    if missing := [name for name in REQUIRED if name not in names]:
        raise NotATable(f"The first line must name the columns; missing: {', '.join(missing)}.")
    if unknown := [name for name in names if name not in (*REQUIRED, *OPTIONAL)]:
        raise NotATable(f"Unknown column: {unknown[0][:40] or '(without a name)'}.")
    if len(set(names)) < len(names):
        raise NotATable("A column stands twice.")


def _lines(reader: Iterator[list[str]], names: list[str], separator: str) -> Iterator[Line]:
    for count, cells in enumerate(reader, start=1):
        if count > MOST_LINES:
            raise NotATable(f"The file has more than {MOST_LINES} lines: divide it.")
        if any(cell.strip() for cell in cells):
            yield _line(count + 1, cells, names, separator)


def _line(number: int, cells: list[str], names: list[str], separator: str) -> Line:
    if len(cells) != len(names):
        words = f"The line has {len(cells)} cells, the first line {len(names)}."
        return Line(number, cells[0].strip()[:LONGEST_FIELD], fault=words)
    found = dict(zip(names, (cell.strip()[:LONGEST_FIELD] for cell in cells), strict=True))
    serial, register = found["meter"], found.get("register", "").lower()
    taken_at = written.instant(found["taken_at"])
    if taken_at is None or taken_at.year not in YEARS:
        fault = f"{found['taken_at']!r} is no time: write 2026-07-01 08:15."
        return Line(number, serial, register=register, fault=fault)
    decimal = found["value"].replace(",", ".") if separator != "," else found["value"]
    value = written.number(decimal)
    if value is None:
        fault = f"{found['value']!r} is no number."
        return Line(number, serial, taken_at, register=register, fault=fault)
    return Line(number, serial, taken_at, value, register)
