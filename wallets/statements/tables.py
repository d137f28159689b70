"""
A statement as one table for spreadsheets.

Each row belongs to a `section`: about, movement, reading, day, used, price, money. Columns that a
section has no use for are empty.
"""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

from quantify.tables.files import harmless
from wallets.statements.files import as_data
from wallets.statements.statement import Statement

FIGURES = (
    "sequence", "amount", "effect", "balance", "arrears", "quantity", "price", "opening", "closing",
    "paid", "owed",
)  # fmt: skip
COLUMNS = (
    "section", "sequence", "number", "occurred_at", "kind", "utility", "payment_method",
    "reference", "amount", "effect", "balance", "arrears", "what", "value", "quantity", "unit",
    "price", "meter", "opening", "opening_at", "closing", "closing_at", "paid", "owed",
)  # fmt: skip

type Row = dict[str, Any]


def as_csv(statement: Statement) -> str:
    """All that a statement says; text cannot become a formula."""
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for row in _rows(as_data(statement)):
        writer.writerow({name: _cell(name, value) for name, value in row.items()})
    return out.getvalue()


def _cell(name: str, value: Any) -> Any:
    return value if name in FIGURES or not isinstance(value, str) else harmless(value)


def _rows(data: dict[str, Any]) -> Iterator[Row]:
    yield from _in("about", _about(data))
    yield from _in("movement", _movements(data))
    yield from _in("reading", data["readings"])
    yield from _in("day", (_used(one, occurred_at=one["day"]) for one in data["days"]))
    yield from _in("used", map(_used, data["used"]))
    yield from _in("price", _prices(data))
    yield from _in("money", ({"what": k, "amount": v} for k, v in data["shares"].items()))


def _in(section: str, rows: Any) -> Iterator[Row]:
    return ({"section": section, **row} for row in rows)


def _about(data: dict[str, Any]) -> Iterator[Row]:
    estate, unit = data["estate"], data["unit"]
    facts = [
        ("estate", estate["name"]),
        ("address", estate["address"]),
        ("contact", estate["contact"]),
        ("unit", unit["number"]),
        ("building", unit["building"]),
        *(("occupant", name) for name in data["occupants"]),
        ("from", data["from"]),
        ("to", data["to"]),
        ("footer", estate["footer"]),
    ]
    return ({"what": what, "value": value} for what, value in facts if value)


def _movements(data: dict[str, Any]) -> Iterator[Row]:
    yield {"kind": "opening", "occurred_at": data["from"], **data["opening"]}
    yield from data["movements"]
    yield {"kind": "closing", "occurred_at": data["to"], **data["closing"]}


def _used(one: dict[str, Any], **more: str) -> Row:
    return {**one, "amount": one["charged"], **more}


def _prices(data: dict[str, Any]) -> Iterator[Row]:
    for bill in data["bills"]:
        of = {"utility": bill["utility"], "occurred_at": bill["month"], "value": bill["rate_table"]}
        for line in bill["lines"]:
            yield {**of, **line}
        yield {**of, "what": "VAT", "amount": bill["vat"]}
        yield {**of, "what": "month so far", "amount": bill["total"]}
