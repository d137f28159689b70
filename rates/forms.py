"""Forms for prices: what a person enters is checked as the API checks it."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from rates import pricing
from rates.components import InvalidComponents, parse
from rates.models import Assignment, RateTable, RateTableVersion, ReferenceTable

EXAMPLE = 'A list such as [{"kind": "energy", "price": "2.10"}], excluding VAT.'


class VersionForm(forms.ModelForm):
    """Prices of a rate table from a day on."""

    class Meta:
        model = RateTableVersion
        fields = ("rate_table", "effective_from", "components", "source")
        help_texts = {
            "effective_from": "The version before ends on this day.",
            "components": EXAMPLE,
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        table, components = cleaned.get("rate_table"), cleaned.get("components")
        if table is None or "components" in self.errors:
            return cleaned
        if not isinstance(components, list):
            self.add_error("components", "Write a list of components.")
            return cleaned
        try:
            parse(components, calendar=table.calendar, calendars=pricing.calendars())
        except InvalidComponents as error:
            for problem in error.problems:
                self.add_error("components", f"{problem.path}: {problem.message}".lstrip(": "))
        return cleaned


class NewRateTableForm(forms.ModelForm):
    """A rate table starts with its first version."""

    effective_from = forms.DateField(widget=UnfoldAdminSingleDateWidget)
    components = forms.JSONField(
        help_text=EXAMPLE,
        widget=UnfoldAdminTextareaWidget,
    )
    source = forms.CharField(
        max_length=250,
        required=False,
        help_text="Where the prices were published.",
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = RateTable
        fields = (
            "name", "utility", "licensee", "estate", "is_reference", "calendar", "mid_month",
        )  # fmt: skip


class AssignmentForm(forms.ModelForm):
    """Which rate table a unit, an estate or everybody pays from when."""

    class Meta:
        model = Assignment
        fields = (
            "utility", "rate_table", "estate", "unit", "markup_percentage", "effective_from",
            "effective_to",
        )  # fmt: skip
        help_texts = {
            "estate": "Empty, with no unit: for everybody.",
            "unit": "Empty: for the whole estate.",
            "effective_from": "What was assigned before ends on this day.",
            "effective_to": "The first day on which it no longer holds.",
        }

    def clean(self) -> dict[str, Any]:
        """What is assigned to a unit is its estate's; the rest is `rates.assignments`' to say."""
        cleaned = super().clean() or self.cleaned_data
        unit = cleaned.get("unit")
        if unit and cleaned.get("estate") not in (None, unit.estate):
            self.add_error("unit", "This unit stands in another estate.")
        elif unit:
            cleaned["estate"] = self.instance.estate = unit.estate
        return cleaned

    def validate_constraints(self) -> None:
        """Not here: what was assigned before is ended first."""


class ReferenceForm(forms.ModelForm):
    """The licensed prices that resale in an estate is compared with."""

    class Meta:
        model = ReferenceTable
        fields = ("estate", "utility", "rate_table")
        help_texts = {"rate_table": "The licensee's, marked as a reference on its own page."}

    def validate_constraints(self) -> None:
        """Not here: what was named before is replaced."""
