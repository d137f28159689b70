"""
Objects as plain values, field by field, without the framework's detours.

The framework makes a serializer's fields anew for each request and asks each field of each row how
it is to be read. Here a class is looked at once: what depends on the class alone becomes functions
that are kept. What comes out is the same, which the tests hold.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, cached_property
from itertools import takewhile
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils import timezone
from rest_framework import serializers
from rest_framework.fields import Field, SkipField
from rest_framework.relations import PKOnlyObject, PrimaryKeyRelatedField, RelatedField

type Show = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """Shows a value that is in the row itself: it is there, and there is none to call."""

    attribute: str
    convert: Show

    def __call__(self, row: Any) -> Any:
        value = getattr(row, self.attribute)
        return None if value is None else self.convert(value)


class Direct(serializers.Serializer):
    """Shows objects as every serializer does, in less time."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        if not isinstance(instance, Mapping):
            with suppress(SkipField):
                row = _leading(type(self))(instance)
                for name, show in self._shows:
                    row[name] = show(instance)
                return row
        shown: dict[str, Any] = super().to_representation(instance)
        return shown

    @cached_property
    def _shows(self) -> list[tuple[str, Show]]:
        """Fields that may ask the request are made for it; others need not be made at all."""
        kind = type(self)
        return [(name, show or self._own(name)) for name, show in _plan(kind)[_columns(kind) :]]

    def _own(self, name: str) -> Show:
        if method := _methods(type(self)).get(name):
            return cast("Show", getattr(self, method))
        return _show(self.fields[name])


@cache
def _plan(kind: type[Direct]) -> list[tuple[str, Show | None]]:
    """The readable fields of a class in their order, each with its function if it is fixed."""
    return [
        (str(one.field_name), _show(one) if _is_fixed(one) else None)
        for one in kind()._readable_fields
    ]


@cache
def _columns(kind: type[Direct]) -> int:
    """How many columns a class begins with."""
    return len(list(takewhile(lambda one: isinstance(one[1], Column), _plan(kind))))


@cache
def _leading(kind: type[Direct]) -> Callable[[Any], dict[str, Any]]:
    """Shows the columns a class begins with, which are read in one go."""
    fields = [(name, cast("Column", show)) for name, show in _plan(kind)[: _columns(kind)]]
    shows = [(name, column.convert) for name, column in fields]
    # With one name alone the value would come without a tuple around it.
    attributes = [column.attribute for _, column in fields] or ["__class__"]
    read = attrgetter(*attributes, attributes[0])

    def show(row: Any) -> dict[str, Any]:
        return {
            name: None if value is None else convert(value)
            for (name, convert), value in zip(shows, read(row), strict=False)
        }

    return show


@cache
def _methods(kind: type[Direct]) -> dict[str, str]:
    """The methods of a class that show a field, by the field's name."""
    return {
        str(one.field_name): str(one.method_name)
        for one in kind()._readable_fields
        if type(one) is serializers.SerializerMethodField
    }


def _is_fixed(field: Any) -> bool:
    """Whether the class alone decides how the field is shown, not the request."""
    if isinstance(field, serializers.ListSerializer):
        return _is_fixed(field.child)
    if isinstance(field, Direct):
        return all(show for _, show in _plan(type(field)))
    module = type(field).__module__
    return module in FIXED and not isinstance(field, serializers.SerializerMethodField)


def _show(field: Any) -> Show:
    kind = type(field)
    if kind.get_attribute is Field.get_attribute and field.source_attrs:
        return _read(field, _conversion(field))
    if kind.to_representation is PrimaryKeyRelatedField.to_representation:
        return _key(field)
    return _as_the_framework_does(field)


def _key(field: Any) -> Show:
    """The key of a related object stands in the row itself."""
    column = _column(field)
    if (
        column is None
        or type(field).get_attribute is not RelatedField.get_attribute
        or field.pk_field is not None
        or not column.target_field.primary_key
    ):
        return _as_the_framework_does(field)
    return Column(column.attname, _as_in_json)


def _column(field: Any) -> Any:
    """The column of the model that a field shows as it stands, if it shows one."""
    model: type[models.Model] | None = getattr(getattr(field.parent, "Meta", None), "model", None)
    columns = model._meta.concrete_fields if model else ()
    return next((one for one in columns if one.name == field.source), None)


def _read(field: Any, convert: Show) -> Show:
    if _column(field) is not None:
        return Column(field.source, convert)
    attribute = attrgetter(".".join(field.source_attrs))
    otherwise = _as_the_framework_does(field)

    def show(instance: Any) -> Any:
        try:
            value = attribute(instance)
        except (AttributeError, ObjectDoesNotExist):
            return otherwise(instance)
        if callable(value):
            return otherwise(instance)
        return None if value is None else convert(value)

    return show


def _as_the_framework_does(field: Any) -> Show:
    def show(instance: Any) -> Any:
        value = field.get_attribute(instance)
        found = value.pk if isinstance(value, PKOnlyObject) else value
        return None if found is None else field.to_representation(value)

    return show


def _conversion(field: Any) -> Show:
    """How the field's values are shown: what needs nothing of the field, or the field's own way."""
    method = type(field).to_representation
    if method is serializers.DecimalField.to_representation:
        return _decimal(field)
    if method is serializers.BooleanField.to_representation:
        return _flag(field)
    if method is serializers.ChoiceField.to_representation:
        return _choice(field)
    if method is serializers.UUIDField.to_representation and field.uuid_format == "hex_verbose":
        return str
    return CONVERSIONS.get(method, field.to_representation)


def _flag(field: Any) -> Show:
    def convert(value: Any) -> Any:
        return value if value is True or value is False else field.to_representation(value)

    return convert


def _choice(field: Any) -> Show:
    """Words stay the words they are."""
    words = {name for name in field.choices if type(name) is str}

    def convert(value: Any) -> Any:
        known = type(value) is str and value in words
        return value if known else field.to_representation(value)

    return convert


def _decimal(field: Any) -> Show:
    """Decimals as they are stored, with the field's places, need no rounding."""
    exponent = -field.decimal_places if field.decimal_places is not None else None
    if field.localize or field.normalize_output:
        exponent = None

    def convert(value: Any) -> Any:
        if type(value) is Decimal and value.as_tuple().exponent == exponent:
            return f"{value:f}"
        return field.to_representation(value)

    return convert


def _as_in_json(key: Any) -> Any:
    """A key as the text that JSON makes of it, at less cost."""
    return str(key) if isinstance(key, UUID) else key


def _instant(value: datetime) -> str:
    # Nothing here turns to another zone than the project's; to ask whether something did is slow.
    text = value.astimezone(timezone.get_default_timezone()).isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


# Fields of these modules look at nothing but the value.
FIXED = ("rest_framework.fields", "rest_framework.relations", "quantify.api.serializers")
CONVERSIONS: Mapping[Any, Show] = {
    serializers.CharField.to_representation: str,
    serializers.IntegerField.to_representation: int,
    serializers.DateTimeField.to_representation: _instant,
}
