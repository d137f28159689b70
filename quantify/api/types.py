"""
The types of a body's fields, as JSON has them; nothing is guessed from another type.

A number in the place of a text, or a text that reads like yes, is a slip of the caller's program.
Decimals alone come either way: `"12.50"` keeps its places, and 12.5 is accepted.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from quantify import written

_TEXTS = (
    serializers.CharField,
    serializers.DateField,
    serializers.DateTimeField,
    serializers.UUIDField,
)


def wrong(field: serializers.Field, value: Any) -> ErrorDetail | None:
    """What is wrong with the type of a value that was sent for a field; None if nothing is."""
    if value is None:
        return None
    child, values = _within(field, value)
    if child is not None:
        return next(filter(None, (wrong(child, one) for one in values)), None)
    if expected := _expected(field, value):
        return ErrorDetail(f"Give {expected}.", "invalid")
    if isinstance(field, serializers.CharField) and _is_too_long(field, value):
        return ErrorDetail(f"Give at most {field.max_length} characters.", "max_length")
    return None


def _within(field: serializers.Field, value: Any) -> tuple[Any, Any]:
    """The field of each value of a list or an object, and these values; nothing of another."""
    match field, value:
        case serializers.ListField(), list():
            return field.child, value
        case serializers.ManyRelatedField(), list():
            return field.child_relation, value
        case serializers.DictField(), Mapping():
            return field.child, value.values()
    return None, ()


def _expected(field: serializers.Field, value: Any) -> str:
    """What a value should be, in words, if it is something else."""
    match field:
        case serializers.JSONField() | serializers.ChoiceField():
            return ""
        case serializers.RelatedField():
            # The framework would take an empty text for null, and a number for an id.
            return "" if value and isinstance(value, str) else "the name of an object"
        case serializers.BooleanField():
            return "" if isinstance(value, bool) else "true or false"
        case serializers.IntegerField():
            return "" if _is_whole(value) else "a whole number"
        case serializers.DecimalField():
            return "" if _is_decimal(value) else 'a decimal such as "12.50"'
    return _expected_text(field, value) if isinstance(field, _TEXTS) else ""


def _expected_text(field: serializers.Field, value: Any) -> str:
    if not isinstance(value, str):
        return "a text"
    # What is more than a day, such as a month, says itself what it takes.
    if type(field) is serializers.DateField and not written.DAY.fullmatch(value):
        return "a day such as 2026-07-01"
    if isinstance(field, serializers.DateTimeField) and not written.INSTANT.fullmatch(value):
        return "an instant such as 2026-07-01T00:00:00+02:00"
    return ""


def _is_too_long(field: serializers.CharField, value: str) -> bool:
    """Whether a text is, as it was sent: the document counts the spaces around it too."""
    return field.max_length is not None and len(value) > field.max_length


def _is_whole(value: Any) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_decimal(value: Any) -> bool:
    if isinstance(value, str):
        return written.NUMBER.fullmatch(value) is not None
    return not isinstance(value, bool) and isinstance(value, int | float | Decimal)


def decimal_taken(field: serializers.DecimalField) -> dict[str, Any]:
    """What a decimal field takes, as OpenAPI writes it: a plain decimal, or a number."""
    most = Decimal(10) ** (field.max_whole_digits or 0) - Decimal(10) ** -(
        field.decimal_places or 0
    )
    least = -most if field.min_value is None else field.min_value
    return {
        "type": ["string", "number"],
        "format": "decimal",
        "pattern": f"^{_sign(field)}{_digits(field)}$",
        "minimum": _number(least),
        "maximum": _number(most if field.max_value is None else field.max_value),
    }


def decimal_shown(field: serializers.DecimalField) -> dict[str, Any]:
    """How a decimal field is answered: with all its places."""
    if not getattr(field, "has_all_places", True):
        return {"type": "string", "format": "decimal", "pattern": f"^-?[0-9]+{_places(field)}$"}
    places = rf"\.[0-9]{{{field.decimal_places}}}" if field.decimal_places else ""
    return {"type": "string", "format": "decimal", "pattern": f"^-?[0-9]+{places}$"}


def _sign(field: serializers.DecimalField) -> str:
    if field.min_value is None or field.min_value < 0:
        return "-?"
    return r"(?!0+(\.0+)?$)" if field.min_value > 0 else ""


def _digits(field: serializers.DecimalField) -> str:
    """The digits up to the maximum, if that is a power of ten or all nines, else all kept."""
    zeros = rf"(\.0{{1,{field.decimal_places}}})?" if field.decimal_places else ""
    power = str(field.max_value) if field.max_value is not None else ""
    if re.fullmatch("10+", power):
        whole = len(power) - 1
        return f"({power}{zeros}|[0-9]{{1,{whole}}}{_places(field)})"
    is_nines = re.fullmatch(rf"9+\.9{{{field.decimal_places}}}", power)
    whole = len(power.partition(".")[0]) if is_nines else field.max_whole_digits or 0
    return f"[0-9]{{1,{whole}}}{_places(field)}"


def _places(field: serializers.DecimalField) -> str:
    return rf"(\.[0-9]{{1,{field.decimal_places}}})?" if field.decimal_places else ""


def _number(value: Any) -> int | float:
    return int(value) if value == int(value) else float(value)
