"""What a person would send from a page of the portal: its forms as offered, and filled in."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.utils import timezone

from quantify.periods import floor_to_interval
from quantify.tests.access.portal_forms import forms_of
from quantify.tests.access.visiting import shown_in

YES = {"post": "yes", "_confirm": "yes"}
"""What pages that only ask for a yes are sent, and those that ask twice."""


def filled(page: Any) -> dict[str, Any]:
    """What is sent from a page that was asked for."""
    sent: dict[str, Any] = dict(YES)
    for formset in shown_in(page).get("inline_admin_formsets", ()):
        # The rows that hang on the object stay as they are.
        sent |= {f"{formset.formset.prefix}-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    for form in forms_of(page):
        for name, field in form.fields.items():
            value = form[name].value()
            if value in (None, "", []) and field.required:
                value = _example(field)
            sent |= _written(form.add_prefix(name), field, value)
    return sent


EXAMPLES: tuple[tuple[type[forms.Field], Callable[[Any], Any]], ...] = (
    (forms.ModelMultipleChoiceField, lambda field: [one.pk for one in field.queryset[:1]]),
    (forms.ModelChoiceField, lambda field: field.queryset.values_list("pk", flat=True).first()),
    (forms.ChoiceField, lambda field: next(_values(field.choices), "")),
    (forms.BooleanField, lambda field: True),
    (forms.EmailField, lambda field: "someone@example.com"),
    (forms.UUIDField, lambda field: uuid4()),
    (forms.SplitDateTimeField, lambda field: _an_hour_ago()),
    (forms.DateTimeField, lambda field: _an_hour_ago()),
    (forms.DateField, lambda field: timezone.localdate()),
    (forms.IntegerField, lambda field: max(field.min_value or 1, 1)),
    (forms.JSONField, lambda field: "{}"),
    (forms.CharField, lambda field: "Example"[: field.max_length or 7]),
)
"""A value of each kind of field that is like what people fill in."""


def _example(field: forms.Field) -> Any:
    return next((make(field) for kind, make in EXAMPLES if isinstance(field, kind)), None)


def _an_hour_ago() -> datetime:
    return floor_to_interval(timezone.now()) - timedelta(hours=1)


def _values(choices: Any) -> Iterator[Any]:
    """What can be chosen, within groups too."""
    for value, words in choices:
        if isinstance(words, list | tuple):
            yield from _values(words)
        elif value not in (None, ""):
            yield value


def _written(name: str, field: forms.Field, value: Any) -> Mapping[str, Any]:
    """A value as a browser sends it."""
    if isinstance(field.widget, forms.MultiWidget):
        parts = field.widget.decompress(value)
        return {
            f"{name}{ending}": "" if part is None else part
            for ending, part in zip(field.widget.widgets_names, parts, strict=True)
        }
    if value is None or value is False or isinstance(field, forms.FileField):
        return {}
    return {name: "on" if value is True else value}
