"""
Columns of models for statements that are written once, and their rows as plain values.

A queryset makes its statement and its objects anew each time, which costs several times what the
database needs; that is worth sparing where the same is asked with each request.
"""

from collections import namedtuple
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db.models import Field, Model


def written(model: type[Model], fields: Iterable[str] | None = None) -> str:
    """Columns of a model as a statement selects them; of all its fields if none is named."""
    table = model._meta.db_table
    return ", ".join(f'"{table}"."{one.column}"' for one in _columns(model, fields))


def attributes(model: type[Model], fields: Iterable[str] | None = None) -> list[str]:
    """What an object of the model calls the values of these columns, in the same order."""
    return [str(one.attname) for one in _columns(model, fields)]


@cache
def shape(model: type[Model], fields: Sequence[str]) -> Any:
    """A named tuple of these values, which reads like an object of the model without its ways."""
    return namedtuple(model.__name__, attributes(model, fields))


def _columns(model: type[Model], fields: Iterable[str] | None) -> "list[Field[Any, Any]]":
    if fields is None:
        return list(model._meta.concrete_fields)
    found = (model._meta.get_field(name) for name in fields)
    return [one for one in found if isinstance(one, Field)]
