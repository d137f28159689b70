"""The queue of exceptions: what the checks of readings found, decided on one page."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateTimeFilter,
)
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
)

from accounts.people import signed_in
from meters.admin import surroundings
from meters.models import CheckLimit, Finding, ReadingEdit
from meters.vee import decisions, editing, tails
from meters.vee.editing import Occasion
from meters.vee.rules import BY_CODE, PARAMETERS, OutOfBounds, checked
from quantify.portal import columns
from quantify.portal.actions import action
from quantify.portal.base import PortalAdmin, ReadOnlyAdmin
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ReasonForm, ask, object_url
from quantify.quantities import format_kilo, kilo

STATE = {"open": "danger", "snoozed": "warning", "closed": "success"}
REFUSALS = (
    decisions.Decided, decisions.NotOffered, decisions.NotUndoable, decisions.SnoozeTooShort,
    editing.ImpossibleValue, editing.NoSuchReading, editing.NotTheLast, tails.NothingToGoBy,
)  # fmt: skip


class SnoozeForm(ReasonForm):
    until = forms.SplitDateTimeField(
        widget=UnfoldAdminSplitDateTimeWidget(), help_text="It stands in the queue again from then."
    )


class EditForm(ReasonForm):
    """Which reading, and what the register showed."""

    taken_at = forms.ChoiceField(label="Reading", widget=UnfoldAdminSelectWidget())
    value = forms.DecimalField(
        min_value=0, max_digits=15, decimal_places=3, widget=UnfoldAdminDecimalFieldWidget(),
        help_text="What the register showed then, in kWh or kl.",
    )  # fmt: skip
    field_order = ("taken_at", "value", "reason")

    def __init__(self, *args: Any, finding: Finding, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.readings = {
            one.taken_at.isoformat(): one.taken_at for one in surroundings.draw(finding).readings
        }
        zone = finding.meter.estate.zone
        choices = [
            (
                one.taken_at.isoformat(),
                f"{one.taken_at.astimezone(zone):%Y-%m-%d %H:%M}: {format_kilo(one.value)}",
            )
            for one in surroundings.draw(finding).readings
        ]
        field: Any = self.fields["taken_at"]
        field.choices = choices

    def clean_taken_at(self) -> Any:
        return self.readings[self.cleaned_data["taken_at"]]

    def clean_value(self) -> int:
        return kilo(self.cleaned_data["value"])


class WaitingFilter(DropdownFilter):
    """What waits for a person comes first; all the rest on request."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*Finding.State.choices]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        state = self.value()
        return queryset.in_state(state, timezone.now()) if state else queryset


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    """A finding is made by a check; a person decides on it, with a reason."""

    list_display = [
        columns.text("says", "What was found"),
        columns.choice("rule", "Check"),
        columns.text("meter.serial", "Meter"),
        columns.text("meter.estate.code", "Estate"),
        columns.moment("starts_at", "From"),
        columns.quantity("quantity", "Affected"),
        columns.money("amount", "In rand"),
        columns.chip("state", STATE),
        columns.choice("resolution"),
    ]
    list_filter = [
        ("meter__estate", EstateFilter),
        WaitingFilter,
        ("rule", ChoicesDropdownFilter),
        ("starts_at", RangeDateTimeFilter),
    ]
    list_select_related = ["meter__estate"]
    search_fields = ["meter__serial", "says"]
    search_help_text = "Meter serial, or words of the finding"
    ordering = ["-starts_at", "-id"]
    actions_detail = ["accept", "edit_reading", "reject", "estimate", "snooze", "undo"]
    change_form_outer_after_template = "portal/finding.html"
    readonly_fields = ["advice", columns.quantity("quantity", "Affected")]
    fieldsets = [
        (None, {"fields": ["says", "advice", "rule", "meter", "state", "resolution"]}),
        ("When", {"fields": ["starts_at", "ends_at", "stops_cuts"]}),
        ("At stake", {"fields": [readonly_fields[1], "amount", "amount_basis"]}),
        ("Decided", {"fields": ["handled_by", "handled_at", "note", "snoozed_until"]}),
    ]

    @admin.display(description="What to do")
    def advice(self, finding: Finding) -> str:
        return finding.advice

    def extra_context_for(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        edits = obj.edits.select_related("edited_by").order_by("edited_at", "taken_at")
        return {
            "surroundings": surroundings.draw(obj),
            "edits": list(edits[:100]),
            "check": BY_CODE[obj.rule],
        }

    def has_accept_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self._may(request, object_id, "accept")

    def has_edit_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self._may(request, object_id, "edit")

    def has_reject_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self._may(request, object_id, "reject")

    def has_estimate_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self._may(request, object_id, "estimate")

    def has_snooze_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self._may(request, object_id, "snooze")

    def has_undo_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("meters.decide_finding"):
            return False
        finding = self.get_object(request, object_id)
        closed = finding is None or finding.state == Finding.State.CLOSED
        return closed and (finding is None or finding.resolution != Finding.Resolution.ENDED)

    def _may(self, request: HttpRequest, object_id: str, answer: str) -> bool:
        if not request.user.has_perm("meters.decide_finding"):
            return False
        finding = self.get_object(request, object_id)
        if finding is None:
            return True
        is_open = finding.state != Finding.State.CLOSED
        return is_open and answer in BY_CODE[finding.rule].actions

    @action("Accept", permission="accept", icon="task_alt")
    def accept(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, decisions.accept, "Accept")

    @action("Edit a reading", permission="edit", icon="edit")
    def edit_reading(self, request: HttpRequest, object_id: str) -> HttpResponse:
        finding = self.object_or_404(request, object_id)
        form = EditForm(request.POST or None, finding=finding)
        return self._decide(request, object_id, decisions.edit, "Edit a reading", form)

    @action("Reject", permission="reject", icon="block")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, decisions.reject, "Reject the readings")

    @action("Estimate", permission="estimate", icon="query_stats")
    def estimate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, decisions.estimate, "Estimate")

    @action("Snooze", permission="snooze", icon="snooze")
    def snooze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        form = SnoozeForm(request.POST or None)
        return self._decide(request, object_id, decisions.snooze, "Snooze", form)

    @action("Undo", permission="undo", icon="undo")
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, decisions.undo, "Undo the decision")

    def _decide(
        self,
        request: HttpRequest,
        object_id: str,
        decide: Callable[..., Finding],
        title: str,
        form: forms.Form | None = None,
    ) -> HttpResponse:
        """Ask for the reason, decide, and show what came of it."""
        finding = self.object_or_404(request, object_id)
        form = form or ReasonForm(request.POST or None)
        if form.is_valid():
            asked = dict(form.cleaned_data)
            occasion = Occasion(signed_in(request), timezone.now(), asked.pop("reason"))
            try:
                decided = decide(finding_id=finding.pk, occasion=occasion, **asked)
            except REFUSALS as error:
                form.add_error(None, str(error))
            else:
                self.log_change(request, decided, f"{title}: {occasion.reason}")
                messages.success(request, f"{title}: done. {decided.says}")
                return HttpResponseRedirect(object_url(decided))
        words = f"{finding.says} {finding.advice}"
        return ask(request, self, finding, title=title, intro=words, form=form, submit_words=title)

    def title_of(self, obj: Finding) -> str:
        return f"{obj.get_rule_display()}: {obj.meter.serial}"


@admin.register(ReadingEdit)
class ReadingEditAdmin(ReadOnlyAdmin):
    """What people said of readings; each stands beside what was read."""

    list_display = [
        columns.moment("edited_at", "When"),
        columns.choice("action"),
        columns.text("meter.serial", "Meter"),
        columns.moment("taken_at", "Reading of"),
        columns.quantity("value", "Stands since"),
        columns.text("reason"),
        columns.text("edited_by", "By"),
    ]
    list_filter = [("meter__estate", EstateFilter), ("action", ChoicesDropdownFilter)]
    list_select_related = ["meter__estate", "edited_by"]
    search_fields = ["meter__serial", "reason"]
    ordering = ["-edited_at", "-id"]
    fields = ["meter", "channel", "taken_at", "action", "reason", "edited_by", "edited_at"]

    def title_of(self, obj: ReadingEdit) -> str:
        return f"{obj.get_action_display()}: {obj.meter.serial} at {obj.taken_at:%Y-%m-%d %H:%M}"


class CheckLimitForm(forms.ModelForm):
    class Meta:
        model = CheckLimit
        fields = ("estate", "parameter", "value")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        parameter: str = cleaned.get("parameter") or self.instance.parameter
        value = cleaned.get("value")
        if parameter in PARAMETERS and value is not None:
            try:
                checked(parameter, value)
            except OutOfBounds as error:
                self.add_error("value", str(error))
        return cleaned


@admin.register(CheckLimit)
class CheckLimitAdmin(PortalAdmin):
    """A limit that an estate has set; deleted, the default holds again."""

    form = CheckLimitForm
    list_display = [
        columns.choice("parameter", "Limit"),
        columns.text("estate.code", "Estate"),
        columns.text("value"),
        "default",
    ]
    list_filter = [("estate", EstateFilter)]
    list_select_related = ["estate"]
    search_fields = ["estate__code", "parameter"]
    autocomplete_fields = ["estate"]
    ordering = ["estate__code", "parameter"]
    readonly_fields = ["default"]
    fields = ["estate", "parameter", "value", "default"]

    @admin.display(description="Default")
    def default(self, limit: CheckLimit) -> str:
        parameter = PARAMETERS.get(limit.parameter)
        return f"{parameter.default} {parameter.unit}: {parameter.means}" if parameter else ""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["default"] if obj is None else ["estate", "parameter", "default"]
