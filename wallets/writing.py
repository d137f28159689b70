"""
Bills and charges written in sets, as a run makes them by thousands.

Charges are copied in; bills that stand are renewed by arrays of their columns. JSON is made as
text once and parsed once, by the database: as one JSON document the same rows cost twice as much.
"""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from wallets.arrays import array, quoted
from wallets.models import Bill

BILL = {
    "id": "uuid", "created_at": "timestamptz", "updated_at": "timestamptz", "wallet_id": "uuid",
    "utility": "text", "month": "date", "since": "date", "priced_to": "date",
    "consumption": "bigint", "revision": "bigint", "lines": "jsonb", "subtotal": "numeric",
    "markup": "numeric", "vat": "numeric", "total": "numeric", "charged": "numeric",
    "charged_to": "timestamptz", "charged_consumption": "bigint", "version_id": "uuid",
    "vat_percent": "numeric", "free_solar": "numeric", "rates": "bigint", "banded": "jsonb",
    "problem": "text",
}  # fmt: skip
STANDING = ("created_at", "wallet_id", "utility", "month", "since")
RENEWED = {name: kind for name, kind in BILL.items() if name not in STANDING}

INSERT = """
INSERT INTO wallets_bill ({names}) SELECT {names} FROM unnest({arrays}) AS written ({names})
"""
RENEW = """
UPDATE wallets_bill AS bill SET {changes} FROM unnest({arrays}) AS written ({names})
WHERE bill.id = written.id
"""


class ChargeRow(NamedTuple):
    """A row of `Charge`; its lines and evidence are JSON."""

    transaction_id: UUID
    bill_id: UUID
    version_id: UUID
    consumption_before: int
    consumption_after: int
    total_before: Decimal
    total_after: Decimal
    vat: Decimal
    lines: str
    evidence: str


def store(bills: Iterable[Bill]) -> None:
    """Write bills, new ones and those that stand; their wallets are locked."""
    new: list[Bill] = []
    standing: list[Bill] = []
    written_at = timezone.now()
    for bill in bills:
        bill.updated_at = written_at
        if bill._state.adding:
            bill.created_at, bill._state.adding = written_at, False
            new.append(bill)
        else:
            standing.append(bill)
    _write(INSERT, BILL, new)
    _write(RENEW, RENEWED, standing)


def explain(charges: Sequence[ChargeRow]) -> None:
    """Write charges, each for its transaction."""
    if not charges:
        return
    # COPY's text form: no JSON holds a tab or the end of a line as such.
    rows = "".join("\t".join(map(str, row)) + "\n" for row in charges).replace("\\", "\\\\")
    statement = f"COPY wallets_charge ({', '.join(ChargeRow._fields)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(rows)


def compact(content: object) -> str:
    """JSON without spaces."""
    return json.dumps(content, separators=(",", ":"))


def _write(statement: str, columns: dict[str, str], bills: Sequence[Bill]) -> None:
    if not bills:
        return
    asked = statement.format(
        names=", ".join(columns),
        arrays=", ".join(f"%s::{kind}[]" for kind in columns.values()),
        changes=", ".join(f"{name} = written.{name}" for name in columns if name != "id"),
    )
    rows = [bill.__dict__ for bill in bills]
    with connection.cursor() as cursor:
        cursor.execute(asked, [_column(rows, name, kind) for name, kind in columns.items()])


def _column(rows: Sequence[dict[str, object]], name: str, kind: str) -> str:
    values = [row[name] for row in rows]
    if kind == "jsonb":
        return array(quoted(compact(value)) for value in values)
    if kind == "text":
        return array(quoted(str(value)) for value in values)
    return array("NULL" if value is None else str(value) for value in values)
