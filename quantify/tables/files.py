"""Tables as files for spreadsheets. No text of ours, or of anybody else, becomes a formula."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import TextIOWrapper
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import xlsxwriter
from django.http import FileResponse

from quantify.quantities import as_kilo
from quantify.tables.description import Column, Kind, Table, Value, text_of

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
IN_MEMORY = 1 << 20
LONGEST_SHEET = 1_048_575
LONGEST_NAME = 31
NAME_SIGNS = str.maketrans("[]:*?/\\'", "        ")

NUMBERS = {
    Kind.COUNT: "#,##0",
    Kind.MONEY: "#,##0.00",
    Kind.QUANTITY: "#,##0.000",
    Kind.DATE: "yyyy-mm-dd",
    Kind.INSTANT: "yyyy-mm-dd hh:mm:ss",
    Kind.NUMBER: "#,##0.0##",
}
WIDTHS = {Kind.TEXT: 24, Kind.INSTANT: 20, Kind.FLAG: 10}
WIDTH = 14


class TooManyRows(Exception):
    """A worksheet has no room for them."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    media_type: str
    write: Callable[[Table, IO[bytes]], None]


def harmless(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def write_csv(table: Table, out: IO[bytes]) -> None:
    """Names of the columns, then the rows, as UTF-8."""
    written = TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(written)
    rows.writerow([column.name for column in table.columns])
    kinds = [column.kind for column in table.columns]
    for row in table.rows:
        rows.writerow([_csv_cell(kind, value) for kind, value in zip(kinds, row, strict=True)])
    written.detach()


def write_xlsx(table: Table, out: IO[bytes]) -> None:
    """
    One worksheet: titles that stay in sight, numbers and days as such, text as text.

    Rows go to the disk as they come, so that a million need no more memory than one.

    :raises TooManyRows: beyond the 1 048 575 that a worksheet holds below its titles.
    """
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet(table.title.translate(NAME_SIGNS)[:LONGEST_NAME].strip())
        sheet.freeze_panes(1, 0)
        _titles(sheet, table.columns, book.add_format({"bold": True, "bottom": 1}))
        formats = {kind: book.add_format({"num_format": shown}) for kind, shown in NUMBERS.items()}
        number = 0
        for number, row in enumerate(table.rows, start=1):
            if number > LONGEST_SHEET:
                raise TooManyRows(
                    f"A worksheet holds {LONGEST_SHEET} rows: ask for fewer, or for CSV."
                )
            for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
                _write_cell(sheet, (number, place), column.kind, value, formats)
        sheet.autofilter(0, 0, number, max(len(table.columns) - 1, 0))


FORMATS = {
    "csv": FileFormat("text/csv", write_csv),
    "xlsx": FileFormat(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx
    ),
}


def download(table: Table, file_format: str, name: str) -> FileResponse:
    """
    A table as a file to keep, `name` without its ending.

    It is whole before it is sent: a download that breaks off could be taken for all there is.

    :raises TooManyRows: if it does not fit the format.
    """
    form = FORMATS[file_format]
    # The answer closes it when it was sent.
    made: Any = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    form.write(table, made)
    made.seek(0)
    return FileResponse(
        made,
        as_attachment=True,
        filename=f"{plain_name(name)}.{file_format}",
        content_type=form.media_type,
    )


def plain_name(name: str) -> str:
    """A file name that every system takes."""
    return "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in "-.") else "_" for sign in name
    )


def _csv_cell(kind: Kind, value: Value) -> str:
    text = text_of(kind, value)
    return harmless(text) if kind is Kind.TEXT else text


def _titles(sheet: Any, columns: Sequence[Column], bold: Any) -> None:
    for place, column in enumerate(columns):
        sheet.set_column(place, place, max(WIDTHS.get(column.kind, WIDTH), len(column.title) + 2))
        sheet.write_string(0, place, column.title, bold)


def _write_cell(
    sheet: Any, at: tuple[int, int], kind: Kind, value: Value, formats: dict[Kind, Any]
) -> None:
    if value is None:
        return
    if kind is Kind.QUANTITY and isinstance(value, int):
        value = as_kilo(value)
    if isinstance(value, date):
        # A worksheet knows no zones: the instant is written as its clock shows it.
        naive = value.replace(tzinfo=None) if isinstance(value, datetime) else value
        sheet.write_datetime(*at, naive, formats[kind])
    elif isinstance(value, int | Decimal) and kind in formats:
        sheet.write_number(*at, value, formats[kind])
    else:
        sheet.write_string(*at, text_of(kind, value))
