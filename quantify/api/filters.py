"""
Filters, search and sorting of lists; what is unknown or not acceptable is refused.

An unknown parameter that were ignored would answer another question than the one asked.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.http import Http404
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from quantify import written
from quantify.api import problems
from quantify.api.problems import FieldError, Problem
from quantify.periods import midnight

PAGING = ("page", "per_page")
ORDERS = ("asc", "desc")
YEARS = range(1900, 3000)
LONGEST_SEARCH = 100
AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?")
INSTANT: Mapping[str, Any] = {
    "type": "string",
    "anyOf": [{"format": "date-time"}, {"format": "date"}],
    "description": "An instant with offset, or a local day.",
}


def wants_preview(request: Request) -> bool:
    """Whether `?preview=true` asks to be shown what would be done."""
    wanted = request.query_params.get("preview", "false")
    if wanted not in ("true", "false"):
        raise problems.invalid("preview", "invalid_choice", "Use true or false.")
    return wanted == "true"


def check(request: Request, allowed: Iterable[str]) -> None:
    """
    Refuse parameters nobody reads, given twice or left empty.

    :raises Problem: 422 with every such parameter.
    """
    known = set(allowed)
    errors = []
    for name, values in request.query_params.lists():
        if name not in known:
            errors.append(FieldError(name, "unknown", "There is no such parameter here."))
        elif len(values) > 1:
            errors.append(FieldError(name, "repeated", "Give this parameter once."))
        elif not values[0] and name not in ("q", "cursor"):
            errors.append(FieldError(name, "blank", "Give a value or leave the parameter out."))
    if errors:
        raise Problem(problems.INVALID, errors=errors)


class InstantField(forms.Field):
    """An instant with its offset, or a local day, which means its beginning."""

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        # A plus sign that was not escaped arrives as a space.
        text = str(value).strip().replace(" ", "+") if "T" in str(value) else str(value)
        day = written.day(text)
        instant = midnight(day) if day else written.instant(text)
        if instant is None:
            raise ValidationError("Give 2026-07-01T00:00:00+02:00, or 2026-07-01.", code="invalid")
        if instant.year not in YEARS:
            raise ValidationError("Give an instant of this age.", code="out_of_range")
        if instant.tzinfo is None:
            raise ValidationError("Give the instant with its offset from UTC.", code="naive")
        return instant.astimezone(UTC)


class InstantFilter(django_filters.Filter):
    field_class = InstantField
    schema = INSTANT


class AmountField(forms.DecimalField):
    """Rand and cents as they are written, without an exponent."""

    def to_python(self, value: Any) -> Any:
        if value not in self.empty_values and not AMOUNT.fullmatch(str(value)):
            raise ValidationError("Give an amount such as 12.50.", code="invalid")
        return super().to_python(value)


class AmountFilter(django_filters.Filter):
    """An amount of money, plain as in a body."""

    field_class = AmountField
    schema = {"type": "string", "pattern": f"^{AMOUNT.pattern}$"}


class BooleanFilter(django_filters.TypedChoiceFilter):
    """Exactly `true` or `false`."""

    schema = {"type": "boolean"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        choices = [("true", "true"), ("false", "false")]
        super().__init__(*args, choices=choices, coerce=lambda text: text == "true", **kwargs)


class RelatedFilter(django_filters.UUIDFilter):
    """Rows of one object; an object the caller may not see is not found."""

    can_miss = True
    schema = {"type": "string", "format": "uuid"}

    def __init__(self, model: type[models.Model], *args: Any, **kwargs: Any) -> None:
        self.related = model
        super().__init__(*args, **kwargs)

    def filter(self, qs: models.QuerySet, value: UUID | None) -> models.QuerySet:
        if value is None:
            return qs
        user = self.parent.request.user
        if not self.related.objects.visible_to(user).filter(pk=value).exists():  # type: ignore[attr-defined]
            raise Http404
        rows: models.QuerySet = super().filter(qs, value)
        return rows


class StrictFilterBackend(BaseFilterBackend):
    """`q`, `sort`, `order` and the filters of a list, from `filterset_class` and the view."""

    def filter_queryset(
        self, request: Request, queryset: models.QuerySet, view: Any
    ) -> models.QuerySet:
        queryset = self._filtered(request, queryset, view)
        queryset = _searched(queryset, view, request)
        return _sorted(queryset, view, request)

    @staticmethod
    def _filtered(request: Request, queryset: models.QuerySet, view: Any) -> models.QuerySet:
        filterset_class = getattr(view, "filterset_class", None)
        if filterset_class is None or request.query_params.keys().isdisjoint(
            filterset_class.base_filters
        ):
            return queryset
        filterset = filterset_class(request.query_params, queryset=queryset, request=request)
        if not filterset.is_valid():
            raise Problem(problems.INVALID, errors=list(_form_errors(filterset.form)))
        rows: models.QuerySet = filterset.qs
        return rows

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = [_parameter(name, schema) for name, schema in described(view).items()]
        return parameters if getattr(view, "action", "") == "list" else []


def names(view: Any) -> list[str]:
    """The parameters that a list of the view reads, apart from paging."""
    return list(described(view))


def described(view: Any) -> dict[str, dict[str, Any]]:
    """The parameters of a list with their schemas."""
    filterset_class = getattr(view, "filterset_class", None)
    filters = filterset_class.base_filters if filterset_class else {}
    schemas = {name: _schema(one) for name, one in filters.items()}
    if getattr(view, "search_fields", ()):
        schemas["q"] = {"type": "string", "maxLength": LONGEST_SEARCH}
    if sortable := getattr(view, "sort_fields", {}):
        schemas["sort"] = {"type": "string", "enum": list(sortable)}
        schemas["order"] = {"type": "string", "enum": list(ORDERS)}
    return schemas


def _schema(one: django_filters.Filter) -> dict[str, Any]:
    if known := getattr(one, "schema", None):
        return dict(known)
    if choices := one.extra.get("choices"):
        values = [value for value, _ in getattr(choices, "choices", choices)]
        return {"type": "string", "enum": values}
    if isinstance(one, django_filters.NumberFilter):
        return {"type": "number", "maximum": one.get_max_validator().limit_value}
    return {"type": "string", "minLength": 1}


def _parameter(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    inner = {key: value for key, value in schema.items() if key != "description"}
    parameter = {"name": name, "in": "query", "required": False, "schema": inner}
    return parameter | ({"description": schema["description"]} if "description" in schema else {})


def _form_errors(form: forms.Form) -> Iterable[FieldError]:
    for name, errors in form.errors.as_data().items():
        for error in errors:
            yield FieldError(name, error.code or "invalid", error.messages[0])


def _searched(queryset: models.QuerySet, view: Any, request: Request) -> models.QuerySet:
    """Every word where the view looks for it."""
    text = request.query_params.get("q", "") if getattr(view, "search_fields", ()) else ""
    if "\0" in text:
        raise problems.invalid("q", "null_characters_not_allowed", "Leave null characters out.")
    if len(text) > LONGEST_SEARCH:
        raise problems.invalid("q", "max_length", f"Give at most {LONGEST_SEARCH} characters.")
    for word in text.split():
        queryset = queryset.filter(view.found_by(word))
    return queryset


def _sorted(queryset: models.QuerySet, view: Any, request: Request) -> models.QuerySet:
    fields: Mapping[str, str] = getattr(view, "sort_fields", {})
    default: tuple[str, ...] = getattr(view, "default_sort", ())
    order = request.query_params.get("order", "asc")
    sort = request.query_params.get("sort")
    if order not in ORDERS:
        raise problems.invalid("order", "invalid_choice", "Use asc or desc.")
    if sort is None:
        explicit = "order" in request.query_params
        return queryset.order_by(*(_turned(default, order) if explicit else default))
    if sort not in fields:
        raise problems.invalid("sort", "invalid_choice", f"Use one of {', '.join(fields)}.")
    return queryset.order_by(*_turned((fields[sort],), order), "pk")


def _turned(fields: Iterable[str], order: str) -> list[str]:
    """The same fields in the order asked for, led by the first."""
    names = list(fields)
    descending = order == "desc"
    turn = bool(names) and names[0].startswith("-") != descending
    return [_opposite(name) if turn else name for name in names]


def _opposite(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def instant(request: Request, name: str) -> datetime | None:
    """
    Read a parameter that is an instant or a local day.

    :raises Problem: 422 if it is neither.
    """
    text = request.query_params.get(name)
    try:
        return InstantField().to_python(text)
    except ValidationError as error:
        raise problems.invalid(name, error.code or "invalid", error.messages[0]) from error


def within[F: type[django_filters.FilterSet]](field: str) -> Callable[[F], F]:
    """Give a set of filters `from` and `to`: the start belongs to them, the end does not."""

    def add(filters: F) -> F:
        filters.base_filters["from"] = InstantFilter(field_name=field, lookup_expr="gte")
        filters.base_filters["to"] = InstantFilter(field_name=field, lookup_expr="lt")
        return filters

    return add
