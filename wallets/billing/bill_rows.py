"""
Bills as plain rows: what a run reads, brings up to date and writes by thousands.

To make an object of the model for each costs more than to price it. Bills that stand are renewed
by arrays of their columns; JSON is parsed by the database, from one text a bill.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from django.db import connection
from django.utils import timezone

from quantify.ids import uuid7
from quantify.money import ZERO
from wallets.arrays import array, compact, quoted
from wallets.billing.lines import LineRow
from wallets.billing.metered import Key, Supply, key_of
from wallets.billing.stretches import KeptRow

KINDS = {
    "id": "uuid", "wallet_id": "uuid", "utility": "text", "month": "date", "since": "date",
    "priced_to": "date", "consumption": "bigint", "revision": "bigint", "lines": "jsonb",
    "subtotal": "numeric", "markup": "numeric", "vat": "numeric", "total": "numeric",
    "charged": "numeric", "charged_to": "timestamptz", "charged_consumption": "bigint",
    "version_id": "uuid", "vat_percent": "numeric", "free_solar": "numeric", "rates": "bigint",
    "banded": "jsonb", "problem": "text", "created_at": "timestamptz",
    "updated_at": "timestamptz", "continues": "jsonb",
}  # fmt: skip
LINES, BANDED = (list(KINDS).index(name) for name in ("lines", "banded"))
STANDING = ("wallet_id", "utility", "month", "since", "created_at")
RENEWED = {name: kind for name, kind in KINDS.items() if name not in STANDING}

# How a bill goes on is said anew whenever it is written here, or not at all.
READ = f"""
SELECT {", ".join(name for name in KINDS if name != "continues")} FROM wallets_bill
"""  # noqa: S608
OF_WALLETS = READ + "WHERE wallet_id = ANY (%s::uuid[]) AND month = ANY (%s::date[])"
OF_IDS = READ + "WHERE id = ANY (%s::uuid[])"
INSERT = """
INSERT INTO wallets_bill ({names}) SELECT {names} FROM unnest({arrays}) AS written ({names})
"""
RENEW = """
UPDATE wallets_bill AS bill SET {changes} FROM unnest({arrays}) AS written ({names})
WHERE bill.id = written.id
"""


class GrowsRow(TypedDict):
    """
    How a line grows: what it counts without what is used today, and at most with it.

    In Wh or litres. `band` is the letter of the quarter hours that count for it; without one all
    of them do.
    """

    base: int
    most: NotRequired[int]
    band: NotRequired[str]


class ContinuationRow(TypedDict):
    """
    How a bill goes on by itself through the local day before `priced_to`.

    It stands while the `days_before` that day, with `before` Wh or litres, have the same `state`
    (`Counted.state`), and the `calendars` theirs. `lines` says of each line of the bill how it
    grows, if it does. `bands` has a letter for each quarter hour of the day where lines grow by
    band; what is used in one without a letter of theirs would make a new line.
    """

    state: int
    days_before: int
    before: int
    calendars: int | None
    lines: list[GrowsRow | None]
    bands: NotRequired[str]


@dataclass(slots=True)
class BillRow:
    """The columns of a `wallets.models.Bill`, which explains them, in the order of `KINDS`."""

    id: UUID
    wallet_id: UUID
    utility: str
    month: date
    since: date | None
    priced_to: date
    consumption: int = 0
    revision: int = 0
    lines: list[LineRow] = field(default_factory=list)
    subtotal: Decimal = ZERO
    markup: Decimal = ZERO
    vat: Decimal = ZERO
    total: Decimal = ZERO
    charged: Decimal = ZERO
    charged_to: datetime | None = None
    charged_consumption: int | None = 0
    version_id: UUID | None = None
    vat_percent: Decimal | None = None
    free_solar: Decimal | None = None
    rates: int | None = None
    banded: Mapping[str, KeptRow] = field(default_factory=dict)
    problem: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    continues: ContinuationRow | None = None

    @property
    def is_new(self) -> bool:
        """Whether it was never written."""
        return self.created_at is None


def of_supplies(supplies: Iterable[Supply]) -> dict[Key, BillRow]:
    """The bills of supplies as they stand; new ones are not stored yet."""
    supplies = list(supplies)
    found = _read(
        OF_WALLETS,
        array(wallet_id.hex for wallet_id in {supply.wallet_id for supply in supplies}),
        array(str(month) for month in {supply.month for supply in supplies}),
    )
    bills: dict[tuple[Key, date | None], BillRow] = {
        (key_of(bill.wallet_id, bill.utility, bill.month), bill.since): bill for bill in found
    }
    return {
        supply.key: bills.get((supply.key, supply.since)) or _new(supply) for supply in supplies
    }


def by_id(ids: Iterable[UUID]) -> dict[UUID, BillRow]:
    """Bills as they stand, by their ids."""
    return {bill.id: bill for bill in _read(OF_IDS, array(pk.hex for pk in ids))}


def write(bills: Iterable[BillRow]) -> None:
    """Write bills, new ones and those that stand; their wallets are locked."""
    new: list[BillRow] = []
    standing: list[BillRow] = []
    written_at = timezone.now()
    for bill in bills:
        (new if bill.is_new else standing).append(bill)
        bill.updated_at = written_at
        bill.created_at = bill.created_at or written_at
    _write(INSERT, KINDS, new)
    _write(RENEW, RENEWED, standing)


def _read(statement: str, *asked: str) -> list[BillRow]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return [_row(row) for row in cursor.fetchall()]


def _row(columns: Sequence[Any]) -> BillRow:
    bill = BillRow(*columns)
    bill.lines, bill.banded = map(json.loads, (columns[LINES], columns[BANDED]))
    return bill


def _new(supply: Supply) -> BillRow:
    return BillRow(
        uuid7(), supply.wallet_id, supply.utility.value, supply.month, supply.since,
        supply.priced_to,
    )  # fmt: skip


def _write(statement: str, columns: Mapping[str, str], bills: Sequence[BillRow]) -> None:
    if not bills:
        return
    asked = statement.format(
        names=", ".join(columns),
        arrays=", ".join(f"%s::{kind}[]" for kind in columns.values()),
        changes=", ".join(f"{name} = written.{name}" for name in columns if name != "id"),
    )
    with connection.cursor() as cursor:
        cursor.execute(asked, [_column(bills, name, kind) for name, kind in columns.items()])


def _column(bills: Sequence[BillRow], name: str, kind: str) -> str:
    values = map(attrgetter(name), bills)
    if kind == "jsonb":
        return array("NULL" if value is None else quoted(compact(value)) for value in values)
    if kind == "text":
        return array(map(quoted, values))
    return array("NULL" if value is None else str(value) for value in values)
