"""Alerts that wait for a person: what is the matter, why, what to do, and what was done."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.people import signed_in
from meters.admin import surroundings
from meters.alerts import handling
from meters.alerts.kinds import KINDS
from meters.models import MeterAlert
from quantify.portal import columns
from quantify.portal.actions import action
from quantify.portal.base import ReadOnlyAdmin
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ask, object_url

SEVERITY = {"info": "info", "warning": "warning", "error": "danger", "critical": "danger"}
ALERT_STATE = {"open": "danger", "acknowledged": "warning", "resolved": "success"}


class NoteForm(forms.Form):
    note = forms.CharField(
        help_text="What was found, and what was done.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )


@admin.register(MeterAlert)
class MeterAlertAdmin(ReadOnlyAdmin):
    """An alert is raised by the system; a person takes note of it and says what came of it."""

    list_display = [
        columns.chip("severity", SEVERITY),
        columns.text("says", "What is the matter", order="message"),
        columns.choice("kind"),
        columns.text("estate.code", "Estate"),
        columns.money("daily_amount", "Rand a day"),
        columns.chip("state", ALERT_STATE),
        columns.moment("raised_at", "Raised"),
        columns.moment("last_seen_at", "Last seen"),
        columns.text("times"),
    ]
    list_display_links = [list_display[1]]
    list_select_related = ["estate", "meter", "concentrator"]
    list_filter = [
        ("estate", EstateFilter),
        ("state", ChoicesDropdownFilter),
        ("severity", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
    ]
    search_fields = ["meter__serial", "concentrator__serial", "message"]
    search_help_text = "Serial, unit, or words of the alert"
    ordering = ["-raised_at", "-id"]
    actions_detail = ["acknowledge", "resolve"]
    readonly_fields = ["says", "means", "what_to_do", "how_it_ends"]
    change_form_outer_after_template = "portal/alert.html"
    fieldsets = [
        (None, {"fields": ["says", "means", "what_to_do", "how_it_ends"]}),
        ("What", {"fields": ["kind", "severity", "state", "meter", "concentrator", "source"]}),
        ("At stake", {"fields": ["daily_amount", "amount_basis"]}),
        (
            "When",
            {"fields": ["raised_at", "last_seen_at", "times", "escalated_at", "resolved_at"]},
        ),
        ("Handled", {"fields": ["handled_by", "note"]}),
    ]

    @admin.display(description="What is the matter")
    def says(self, alert: MeterAlert) -> str:
        return alert.says

    @admin.display(description="What it means")
    def means(self, alert: MeterAlert) -> str:
        return KINDS[MeterAlert.Kind(alert.kind)].means

    @admin.display(description="What to do")
    def what_to_do(self, alert: MeterAlert) -> str:
        return KINDS[MeterAlert.Kind(alert.kind)].do

    @admin.display(description="How it ends")
    def how_it_ends(self, alert: MeterAlert) -> str:
        return KINDS[MeterAlert.Kind(alert.kind)].ends

    def extra_context_for(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            "surroundings": surroundings.of_alert(obj),
            "evidence": obj.evidence,
            "events": list(obj.events.order_by("-occurred_at")[:100]),
        }

    @action("Acknowledge", permission="acknowledge", icon="visibility")
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._handle(request, object_id, MeterAlert.State.ACKNOWLEDGED, "Acknowledge")

    @action("Resolve", permission="resolve", icon="task_alt")
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._handle(request, object_id, MeterAlert.State.RESOLVED, "Resolve")

    def has_acknowledge_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self._may_handle(request, object_id, MeterAlert.State.OPEN)

    def has_resolve_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        waiting = (MeterAlert.State.OPEN, MeterAlert.State.ACKNOWLEDGED)
        return self._may_handle(request, object_id, *waiting)

    def _may_handle(self, request: HttpRequest, object_id: str, *states: str) -> bool:
        if not request.user.has_perm("meters.change_meteralert"):
            return False
        alert = self.get_object(request, object_id)
        return alert is None or alert.state in states

    def _handle(
        self, request: HttpRequest, object_id: str, state: MeterAlert.State, title: str
    ) -> HttpResponse:
        alert = self.object_or_404(request, object_id)
        form = NoteForm(request.POST or None, initial={"note": alert.note})
        if not form.is_valid():
            words = {"title": title, "intro": alert.message, "submit_words": title}
            return ask(request, self, alert, form=form, **words)
        note, person = form.cleaned_data["note"], signed_in(request)
        try:
            if state == MeterAlert.State.RESOLVED:
                now = timezone.now()
                alert = handling.resolve(alert_id=alert.pk, user=person, note=note, now=now)
            else:
                alert = handling.acknowledge(alert_id=alert.pk, user=person, note=note)
        except handling.AlreadyHandled as error:
            messages.warning(request, str(error))
            return HttpResponseRedirect(object_url(alert))
        self.log_change(request, alert, f"{title}: {note}")
        messages.success(request, f"{alert.get_state_display()}: {alert.message}")
        return HttpResponseRedirect(object_url(alert))
