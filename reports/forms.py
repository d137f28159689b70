"""What a report is asked with in the portal."""

from datetime import date
from typing import Any, cast

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.models import User
from estates.models import Estate
from quantify.periods import first_of_month, previous_month
from rates.models import RateTable
from reports.simulations import Scope

MONTHS = 13
SCOPES = [
    (Scope.ASSIGNED.value, "Units that pay by this rate table"),
    (Scope.ALL.value, "All units of the estate, as if it were assigned to them"),
]


class MonthForm(forms.Form):
    """One of the last months; the last whole one first."""

    month = forms.ChoiceField(widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        months = [first_of_month(today)]
        while len(months) < MONTHS:
            months.append(previous_month(months[-1]))
        field: Any = self.fields["month"]
        field.choices = [(month.isoformat(), f"{month:%B %Y}") for month in months]
        field.initial = months[1].isoformat()

    def first_day(self) -> date:
        return date.fromisoformat(self.cleaned_data["month"])


class SimulationForm(MonthForm):
    """Which prices to try, on what."""

    estate = forms.ModelChoiceField(Estate.objects.none(), widget=UnfoldAdminSelectWidget)
    version = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    components = forms.JSONField(
        required=False,
        help_text="To try prices that are not stored: a list of components. Empty: the version.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
    )
    scope = forms.ChoiceField(label="For", choices=SCOPES, widget=UnfoldAdminSelectWidget)
    field_order = ["estate", "month", "version", "components", "scope"]

    def __init__(self, *args: Any, table: RateTable, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        estates = cast("Any", Estate.objects).visible_to(user).alive().order_by("code")
        if table.estate_id is not None:
            estates = estates.filter(pk=table.estate_id)
        estate: Any = self.fields["estate"]
        estate.queryset = estates
        version: Any = self.fields["version"]
        version.choices = [
            (one.number, f"Version {one.number} from {one.effective_from}, {_state(one)}")
            for one in table.versions.order_by("-number")
        ]

    def clean_components(self) -> list[Any] | None:
        written = self.cleaned_data["components"]
        if written is not None and not isinstance(written, list):
            raise forms.ValidationError("Write a list of components.")
        return written


def _state(version: Any) -> str:
    state = "in use" if version.used_at else "draft"
    return ": ".join(filter(None, (state, version.sureness)))
