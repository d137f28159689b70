"""
Shapes of objects: what they show and what they take. Serializers never write.

A field nobody knows is refused; a field that is only read may be sent back unchanged, so that
an object can be read, edited and put.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from quantify.api import types
from quantify.api.filters import YEARS
from quantify.api.showing import Direct

CENT = Decimal("0.01")


class Instant(serializers.DateTimeField):
    """An instant; one without its offset from UTC is refused."""

    default_error_messages = {
        "naive": "Give the instant with its offset from UTC.",
        "out_of_range": "Give an instant of this age.",
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("naive")
        if value.year not in YEARS:
            self.fail("out_of_range")
        return super().enforce_timezone(value)


class Money(serializers.DecimalField):
    """Rand and cents."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=14, decimal_places=2, **options)


class Quantity(serializers.DecimalField):
    """kWh or kl with three decimals."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=18, decimal_places=3, **options)


class ScopedRelatedField(serializers.PrimaryKeyRelatedField):
    """Another object by its id; one the caller may not see does not exist."""

    default_error_messages = {"does_not_exist": "There is no such object."}

    def get_queryset(self) -> Any:
        rows: Any = super().get_queryset()
        rows = rows.all()
        if "request" not in self.context:
            return rows
        if hasattr(rows, "visible_to"):
            rows = rows.visible_to(self.context["request"].user)
        if hasattr(rows, "alive"):
            rows = rows.alive()
        return rows


class Strict(serializers.Serializer):
    """Refuses fields it does not know, and changes of fields that are only read."""

    def to_internal_value(self, data: Any) -> Any:
        errors = self._refused(data) if isinstance(data, Mapping) else {}
        try:
            values = super().to_internal_value(data)
        except ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            # What has the wrong type is told once.
            raise ValidationError({**error.detail, **errors}) from error
        errors |= self._moved(values)
        if errors:
            raise ValidationError(errors)
        return values

    def _refused(self, data: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
        errors = {}
        shown: Mapping[str, Any] | None = None
        for name in data:
            field = self.fields.get(name)
            if field is None:
                errors[name] = [ErrorDetail("There is no such field.", "unknown")]
            elif field.read_only:
                shown = self._shown() if shown is None else shown
                if name not in shown or not _same(shown[name], data[name]):
                    errors[name] = [ErrorDetail("This field is only read.", "read_only")]
            elif wrong := types.wrong(field, data[name]):
                errors[name] = [wrong]
        return errors

    def _shown(self) -> Mapping[str, Any]:
        return self.to_representation(self.instance) if self.instance is not None else {}

    def _moved(self, values: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
        """Fields that stand once the object is made."""
        fixed = getattr(getattr(self, "Meta", None), "fixed_fields", ())
        if self.instance is None:
            return {}
        called = {field.source: name for name, field in self.fields.items()}
        return {
            called.get(name, name): [ErrorDetail("This cannot be changed once it is set.", "fixed")]
            for name in fixed
            if name in values and _key(values[name]) != _key_of(self.instance, name)
        }


class Form(Strict):
    """What an operation is asked with."""


class ShownSerializer(Direct, serializers.ModelSerializer):
    """An object of a model that is only read here."""


class ResourceSerializer(Direct, Strict, serializers.ModelSerializer):
    """An object of a model, with what every object has."""

    serializer_related_field = ScopedRelatedField
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: Instant,
    }

    def get_validators(self) -> list[Any]:
        """None of the framework's: the model's constraints name the fields that they are about."""
        return []


def _key(value: Any) -> Any:
    return value.pk if isinstance(value, models.Model) else value


def _key_of(instance: Any, name: str) -> Any:
    return getattr(instance, instance._meta.get_field(name).attname)


def _same(shown: Any, given: Any) -> bool:
    """Whether a value that was sent is the one that was shown, as JSON has it."""
    if isinstance(shown, Mapping) and isinstance(given, Mapping):
        return shown.keys() == given.keys() and all(_same(shown[k], given[k]) for k in shown)
    if isinstance(shown, list | tuple) and isinstance(given, list):
        return len(shown) == len(given) and all(map(_same, shown, given))
    return shown == given or str(shown) == str(given)
