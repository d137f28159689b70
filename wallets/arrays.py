"""Arrays and JSON as text, for statements over thousands of rows."""

import json
from collections.abc import Iterable
from uuid import UUID

from django.db.models.expressions import RawSQL


def array(values: Iterable[str]) -> str:
    """
    An array of numbers, dates or ids, which need no quotes, and `NULL`s.

    A tenth of the cost of handing over a list, which is escaped one by one.
    """
    return "{" + ",".join(values) + "}"


def ids(values: Iterable[UUID | str]) -> RawSQL:
    """Ids for an `__in` lookup as one parameter: a placeholder each costs more than the query."""
    return RawSQL("SELECT unnest(%s::uuid[])", [array(map(str, values))])


def quoted(value: str) -> str:
    """A text as an element of an array."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


compact = json.JSONEncoder(separators=(",", ":")).encode
"""JSON without spaces."""
