"""
The lines of a bill as JSON rows, and what came to them from one state of the bill to the next.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from quantify.money import HUNDRED, ZERO, percentage
from rates.engine import Bill as Priced
from rates.engine import Line

type LineRow = dict[str, str | int]


def of(priced: Priced, markups: Sequence[Decimal]) -> list[LineRow]:
    """
    The lines of what was priced, and those of its markup.

    `markups` are the percentages of the segments that it was priced in.
    """
    return [_row(line) for line in priced.lines] + _markup_rows(priced, markups)


def difference(before: Sequence[LineRow], after: Sequence[LineRow]) -> list[LineRow]:
    """Line by line, what came to a bill; lines that did not change are left out."""
    known: dict[tuple[object, ...], LineRow] = {_identity(row): row for row in before}
    changed: list[LineRow] = []
    for row in after:
        changed += _change(row, known.pop(_identity(row), None))
    changed += [negated(row) for row in known.values()]
    return changed


def negated(row: LineRow) -> LineRow:
    """The line that takes another back."""
    quantity, amount = -Decimal(row["quantity"]), -Decimal(row["amount"])
    return {**row, "quantity": str(quantity), "amount": str(amount)}


def summed(rows: Iterable[LineRow]) -> list[LineRow]:
    """Lines with those of the same price added up; what comes to nothing is left out."""
    found: dict[tuple[object, ...], LineRow] = {}
    for row in rows:
        other = found.get(_identity(row))
        if other is None:
            found[_identity(row)] = row
            continue
        quantity = Decimal(other["quantity"]) + Decimal(row["quantity"])
        amount = Decimal(other["amount"]) + Decimal(row["amount"])
        found[_identity(row)] = {**row, "quantity": str(quantity), "amount": str(amount)}
    return [row for row in found.values() if Decimal(row["quantity"]) or Decimal(row["amount"])]


def _row(line: Line) -> LineRow:
    return {
        "what": line.what,
        "quantity": str(line.quantity),
        "unit": line.unit,
        "price": str(line.price),
        "amount": str(line.amount),
        "component": line.component,
        "segment": line.segment,
    }


def _markup_rows(priced: Priced, markups: Sequence[Decimal]) -> list[LineRow]:
    """A row for each percentage of markup, taken on the lines of the segments it is for."""
    marked_up: dict[Decimal, Decimal] = {}
    for line in priced.lines:
        percent = markups[line.segment]
        marked_up[percent] = marked_up.get(percent, ZERO) + line.amount
    return [
        {
            "what": "Markup", "quantity": str(base), "unit": "ZAR", "price": str(percent / HUNDRED),
            "amount": str(percentage(base, percent)), "component": -1, "segment": 0,
        }
        for percent, base in marked_up.items()
        if percent
    ]  # fmt: skip


def _identity(row: Mapping[str, object]) -> tuple[object, ...]:
    return row["component"], row["segment"], row["what"], row["price"]


def _change(row: LineRow, before: LineRow | None) -> list[LineRow]:
    if before is None:
        return [row]
    amount = Decimal(row["amount"]) - Decimal(before["amount"])
    quantity = Decimal(row["quantity"]) - Decimal(before["quantity"])
    if not amount and not quantity:
        return []
    return [{**row, "quantity": str(quantity), "amount": str(amount)}]
