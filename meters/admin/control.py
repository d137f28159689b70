"""Alerts that wait for a person, and orders that were given to meters."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.people import signed_in
from meters import handling
from meters.models import Command, MeterAlert
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import ReadOnlyAdmin
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ask, object_url

SEVERITY = {"info": "info", "warning": "warning", "error": "danger", "critical": "danger"}
ALERT_STATE = {"open": "danger", "acknowledged": "warning", "resolved": "success"}
COMMAND_STATE = {
    "blocked": "warning", "queued": "info", "sent": "info", "acknowledged": "info",
    "unknown": "warning", "retrying": "warning", "verified": "success", "expired": "muted",
    "superseded": "muted", "dead": "danger",
}  # fmt: skip
ACTION = {"disconnect": "danger", "reconnect": "success", "read": "info"}


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
        columns.text("message"),
        columns.choice("kind"),
        columns.text("meter.serial", "Meter"),
        columns.text("meter.estate.code", "Estate"),
        columns.chip("state", ALERT_STATE),
        columns.moment("raised_at", "Raised"),
        columns.moment("last_seen_at", "Last seen"),
    ]
    list_display_links = [list_display[1]]
    list_filter = [
        ("meter__estate", EstateFilter),
        ("state", ChoicesDropdownFilter),
        ("severity", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
    ]
    search_fields = ["meter__serial", "message"]
    ordering = ["-raised_at", "-id"]
    actions_detail = ["acknowledge", "resolve"]
    fieldsets = [
        (None, {"fields": ["message", "kind", "severity", "state", "meter"]}),
        ("When", {"fields": ["raised_at", "last_seen_at", "resolved_at"]}),
        ("Handled", {"fields": ["handled_by", "note"]}),
    ]

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


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    list_display = [
        columns.text("meter.serial", "Meter"),
        columns.text("meter.estate.code", "Estate"),
        columns.chip("action", ACTION),
        columns.chip("state", COMMAND_STATE),
        columns.choice("cause"),
        columns.text("reason"),
        columns.moment("requested_at", "Requested"),
        columns.moment("verified_at", "Verified"),
    ]
    list_filter = [
        ("meter__estate", EstateFilter),
        ("state", ChoicesDropdownFilter),
        ("action", ChoicesDropdownFilter),
        ("cause", ChoicesDropdownFilter),
    ]
    search_fields = ["meter__serial", "reason"]
    ordering = ["-requested_at", "-id"]
    readonly_fields = ["policy_trace", "log"]
    fieldsets = [
        (None, {"fields": ["meter", "action", "state", "outcome"]}),
        ("Why", {"fields": ["cause", "reason", "requested_by", "policy_trace"]}),
        (
            "Life",
            {
                "fields": [
                    "requested_at",
                    "due_at",
                    "expires_at",
                    "attempts",
                    "sent_at",
                    "acknowledged_at",
                    "verified_at",
                ]
            },
        ),
        ("Log", {"fields": ["log"]}),
    ]

    @admin.display(description="Policy trace")
    def policy_trace(self, command: Command) -> object:
        """The reasons of the decision, in order."""
        return _checks(command.trace)

    @admin.display(description="Log")
    def log(self, command: Command) -> object:
        """Each step of its life, with what the guards saw at it."""
        rows = [
            (formats.moment(step.at), step.get_state_display(), step.attempt or formats.NOTHING,
             step.outcome or formats.NOTHING, _checks(step.checks))
            for step in command.steps.order_by("pk")
        ]  # fmt: skip
        row = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        return format_html(
            '<table class="q-table"><thead><tr><th>When</th><th>State</th><th>Attempt</th>'
            "<th>Outcome</th><th>What the guards saw</th></tr></thead><tbody>{}</tbody></table>",
            format_html_join("", row, rows),
        )

    def title_of(self, obj: Command) -> str:
        return f"{obj.get_action_display()} {obj.meter.serial}"


def _checks(trace: list[dict[str, Any]]) -> object:
    if not trace:
        return formats.NOTHING
    rows = (
        (step["check"], "passed" if step["passed"] else "REFUSED", step["says"]) for step in trace
    )
    row = '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>'
    return format_html(
        '<table class="q-table"><tbody>{}</tbody></table>', format_html_join("", row, rows)
    )
