"""
Columns of lists and fields of detail pages, made from a dotted path.

    list_display = [columns.moment("occurred_at"), columns.money("amount", "Amount")]
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Model
from django.urls import reverse

from quantify.portal import formats

type Column = Callable[[Any], Any]


def text(path: str, title: str = "", *, order: str = "") -> Column:
    """What stands at the path, as it is; `order` sorts by another path than that."""
    return _column(path, title, lambda value, row: _or_nothing(value), order=order)


def name(title: str, *, order: str = "") -> Column:
    """What the row itself is called; `order` sorts by another path than its key."""
    return _column("pk", title, lambda value, row: str(row), order=order)


def choice(path: str, title: str = "") -> Column:
    """The words of a choice."""
    return _column(path, title, lambda value, row: _or_nothing(_words(row, path, value)))


def money(path: str, title: str = "") -> Column:
    return _right(_column(path, title, lambda value, row: formats.money(value)))


def quantity(path: str, title: str = "", *, kind: str = "meter.kind") -> Column:
    """Wh or litres in kWh or kl; `kind` leads to the meter kind or utility."""

    def show(value: Any, row: Any) -> Any:
        return formats.quantity(value, formats.unit_of(follow(row, kind)))

    return _right(_column(path, title, show))


def moment(path: str, title: str = "") -> Column:
    return _column(path, title, lambda value, row: formats.moment(value))


def month(path: str, title: str = "") -> Column:
    """The month that a date lies in."""
    return _column(path, title, lambda value, row: f"{value:%B %Y}" if value else formats.NOTHING)


def chip(path: str, looks: Mapping[Any, str], title: str = "") -> Column:
    """A choice as a chip with its words; `looks` says which values are good or bad."""

    def show(value: Any, row: Any) -> Any:
        words = _words(row, path, value)
        return formats.chip(words, looks.get(value, "muted")) if words else formats.NOTHING

    return _column(path, title, show)


def flag(path: str, title: str, *, yes: tuple[str, str], no: tuple[str, str] = ("", "")) -> Column:
    """A yes or no as a chip: the words and look of either."""

    def show(value: Any, row: Any) -> Any:
        words, look = yes if value else no
        return formats.chip(words, look) if words else formats.NOTHING

    return _column(path, title, show)


def link(path: str, title: str = "", *, label: Callable[[Any], object] = str) -> Column:
    """A related object, linked to its page."""

    def show(value: Model | None, row: Any) -> Any:
        return page_link(value, label(value)) if value is not None else formats.NOTHING

    return _column(path, title, show)


def page_link(obj: Model, label: object) -> Any:
    """A link to an object's page in the portal."""
    meta = obj._meta
    name = f"admin:{meta.app_label}_{meta.model_name}_change"
    return formats.link(reverse(name, args=[obj.pk]), label)


def follow(row: Any, path: str) -> Any:
    """The value at a dotted path; None as soon as a step is missing."""
    for step in path.split("."):
        if row is None:
            return None
        row = getattr(row, step)
    return row


def _column(path: str, title: str, show: Callable[[Any, Any], Any], *, order: str = "") -> Column:
    def column(row: Any) -> Any:
        return show(follow(row, path), row)

    name = path.replace(".", "_")
    column.__name__ = name
    column.short_description = title or path.rpartition(".")[2].replace("_", " ")  # type: ignore[attr-defined]
    column.admin_order_field = order or path.replace(".", "__")  # type: ignore[attr-defined]
    return column


def _right(column: Column) -> Column:
    # django-unfold aligns what it calls prices to the right.
    column.formatting = "price"  # type: ignore[attr-defined]
    return column


def _words(row: Any, path: str, value: Any) -> Any:
    owner_path, _, name = path.rpartition(".")
    owner = follow(row, owner_path) if owner_path else row
    return getattr(owner, f"get_{name}_display", lambda: value)()


def _or_nothing(value: object) -> object:
    return formats.NOTHING if value is None or value == "" else value
