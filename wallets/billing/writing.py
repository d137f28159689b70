"""Charges copied in, as a run makes them by thousands."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection


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


def explain(charges: Sequence[ChargeRow]) -> None:
    """Write charges, each for its transaction."""
    if not charges:
        return
    # COPY's text form: no JSON holds a tab or the end of a line as such.
    rows = "".join("\t".join(map(str, row)) + "\n" for row in charges).replace("\\", "\\\\")
    statement = f"COPY wallets_charge ({', '.join(ChargeRow._fields)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(rows)
