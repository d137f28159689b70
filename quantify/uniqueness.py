"""
Which fields are meant when something exists already: asked of the constraint that says so.

Of the fields of a constraint those are named that somebody would change: not the objects
within which it holds (the estate of a unit number), unless there is nothing else, and of a span of
time its beginning.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.postgres.constraints import ExclusionConstraint
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F
from django.db.models.constraints import BaseConstraint


class Duplicate(ValidationError):
    """Another object has these values, or covers this time."""

    def __init__(self, error: ValidationError, fields: Sequence[str]) -> None:
        super().__init__(error.message, "duplicate", error.params)
        self.fields = tuple(fields)


def fields_of(model: type[models.Model], constraint: BaseConstraint) -> tuple[str, ...]:
    """The fields that a constraint of uniqueness is about; none if it is of another kind."""
    names = list(dict.fromkeys(_names(constraint)))
    own = [name for name in names if not _is_reference(model._meta.get_field(name))]
    return tuple(own or names)


def fields_by_name(table: str, constraint: str) -> tuple[str, ...]:
    """The same by the name that the database tells; none if nothing of that name is known."""
    if constraint in _declared():
        return _declared()[constraint]
    # What is `unique=True` has a name that Django makes of table and column.
    columns = [name for name in _unique_columns(table) if constraint.startswith(f"{table}_{name}_")]
    return (_unique_columns(table)[max(columns, key=len)],) if columns else ()


def _names(constraint: BaseConstraint) -> Iterator[str]:
    match constraint:
        case models.UniqueConstraint():
            yield from constraint.fields
            for expression in constraint.expressions:
                yield from _referred(expression)
        case ExclusionConstraint():
            for ranged, _ in constraint.expressions:
                yield from [ranged] if isinstance(ranged, str) else _referred(ranged)[:1]


def _referred(expression: Any) -> list[str]:
    """The fields that an expression reads, in its order."""
    parts = [expression] if isinstance(expression, F) else expression.flatten()
    return [part.name for part in parts if isinstance(part, F)]  # type: ignore[attr-defined]


def _is_reference(field: object) -> bool:
    """Whether it names another object, by key or by value."""
    return isinstance(field, models.ForeignKey | models.UUIDField)


@cache
def _declared() -> dict[str, tuple[str, ...]]:
    return {
        str(constraint.name): fields_of(model, constraint)
        for model in apps.get_models()
        for constraint in model._meta.constraints
    }


@cache
def _unique_columns(table: str) -> dict[str, str]:
    return {
        str(field.column): field.name
        for model in apps.get_models()
        if model._meta.db_table == table
        for field in model._meta.local_concrete_fields
        if field.unique
    }
