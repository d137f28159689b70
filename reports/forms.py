"""What a report is asked with in the portal."""

from datetime import date, datetime, timedelta
from typing import Any, cast

from django import forms
from django.utils.http import urlencode
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from estates.models import Estate
from quantify.periods import first_of_month, local_day, previous_month
from quantify.quantities import Utility
from rates.models import RateTable
from reports.report import BEGINNING, Question, Report, Starts
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


class ReportForm(forms.Form):
    """
    What the API is asked, by the same names; what is not given is as the report has it unasked.

    Without an estate that is named it is the first that the person sees.
    """

    def __init__(self, data: Any, *, report: Report, user: User, now: datetime) -> None:
        self._report, self._user, self._now = report, user, now
        estates = list(cast("Any", Estate.objects).visible_to(user).alive().order_by("code"))
        self.has_estates = bool(estates)
        first, last = _unasked(report.starts, local_day(now))
        groups = list(report.groups)
        given = {
            "estate": str(estates[0].pk) if estates else "", "from": first, "to": last,
            "group_by": groups[0].value,
        }  # fmt: skip
        super().__init__({**given, **data.dict()})
        self._estates = {str(one.pk): one for one in estates}
        self.fields["estate"] = forms.ChoiceField(
            choices=[(pk, str(one)) for pk, one in self._estates.items()],
            widget=UnfoldAdminSelectWidget,
        )
        self.fields["from"] = forms.DateField(
            required=report.starts is not Starts.BEGINNING, widget=DayInput
        )
        self.fields["to"] = forms.DateField(widget=DayInput)
        self.fields["utility"] = forms.ChoiceField(
            required=False,
            choices=[("", "All"), *((one.value, one.value.capitalize()) for one in Utility)],
            widget=UnfoldAdminSelectWidget,
        )
        self.fields["group_by"] = forms.ChoiceField(
            choices=[(one.value, one.value.capitalize()) for one in groups],
            widget=UnfoldAdminSelectWidget,
        )

    def clean(self) -> None:
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if first and last and first > last:
            raise forms.ValidationError("The last day comes before the first.")
        if (group := self.cleaned_data.get("group_by")) and first and last:
            longest = self._report.longest(self._report.groups(group))
            if last - first > longest:
                problem = f"This report reads at most {longest.days} days."
                raise forms.ValidationError(problem)

    def question(self) -> Question:
        """What is asked, of a form that is valid."""
        asked = self.cleaned_data
        return Question(
            estate=self._estates[asked["estate"]],
            first_day=asked["from"] or BEGINNING,
            last_day=asked["to"],
            utility=Utility(asked["utility"]) if asked["utility"] else None,
            group_by=self._report.groups(asked["group_by"]),
            now=self._now,
            sees_people=self._user.has_perm("units.view_resident"),
        )

    def asked(self) -> str:
        """The same again as the parameters of an address."""
        return urlencode({name: self[name].value() or "" for name in self.fields})


class DayInput(UnfoldAdminTextInputWidget):
    """A day as the browser lets it be picked."""

    input_type = "date"


def _unasked(starts: Starts, today: date) -> tuple[date | str, date]:
    """The first and the last day of a report that names none."""
    if starts is Starts.BEGINNING:
        return "", today
    if starts is Starts.TODAY:
        return first_of_month(today), today
    return previous_month(today), first_of_month(today) - timedelta(days=1)


def _state(version: Any) -> str:
    state = "in use" if version.used_at else "draft"
    return ": ".join(filter(None, (state, version.sureness)))
