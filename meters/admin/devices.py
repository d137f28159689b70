"""Concentrators, meters and where they hang."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from meters.forms import InstallationForm, MeterForm
from meters.models import Concentrator, Installation, Meter, Register
from quantify.portal import columns
from quantify.portal.actions import action
from quantify.portal.base import ArchiveAdmin, PortalAdmin, ReadOnlyInline, Related
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import confirm, object_url

COMMUNICATION = {"online": "success", "offline": "danger", "error": "danger"}
RELAY = {"connected": "success", "disconnected": "danger", "ready": "warning", "unknown": "muted"}


@admin.register(Concentrator)
class ConcentratorAdmin(ArchiveAdmin):
    list_display = [
        "serial",
        "name",
        columns.text("estate", "Estate", order="estate__code"),
        columns.text("host", "Address"),
        columns.text("port"),
        columns.chip("communication_status", COMMUNICATION, "Contact"),
        columns.moment("last_contact_at", "Last contact"),
        columns.flag("is_enabled", "Collection", yes=("On", "success"), no=("Off", "warning")),
    ]
    list_display_links = ["serial", "name"]
    list_filter = [
        ("estate", EstateFilter),
        ("communication_status", ChoicesDropdownFilter),
        "is_enabled",
    ]
    search_fields = ["serial", "name", "host", "estate__code"]
    ordering = ["estate__code", "serial", "id"]
    autocomplete_fields = ["estate"]
    actions_detail = ["collect_now", "restore"]
    readonly_fields = ["communication_status", "last_contact_at", "last_error"]
    fieldsets = [
        (None, {"fields": ["estate", "serial", "name", "is_enabled"]}),
        (
            "Connection",
            {
                "fields": [
                    "host",
                    "port",
                    "addressing",
                    "client_address",
                    "timeout_seconds",
                    "keeps_clocks",
                ]
            },
        ),
        ("State", {"fields": ["communication_status", "last_contact_at", "last_error"]}),
    ]
    related = [Related("Meters", "speed", "meters.meter", "concentrator__id__exact")]

    def title_of(self, obj: Concentrator) -> str:
        return f"{obj} ({obj.estate.code})"

    def has_collect_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("meters.collect_concentrator")

    @action("Collect now", permission="collect", icon="download")
    def collect_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        concentrator = self.object_or_404(request, object_id)
        if request.method != "POST":
            intro = "All meters behind it are asked for what is new since the last time."
            return confirm(
                request, self, concentrator, title="Collect now", intro=intro, submit="Collect"
            )
        from meters.tasks import collect

        collect.delay(concentrator_id=str(concentrator.pk))
        messages.success(request, "Collection was asked for; new readings appear within minutes.")
        return HttpResponseRedirect(object_url(concentrator))


class RegisterInline(ReadOnlyInline):
    model = Register
    fields = ["channel", "obis", "profile_obis", "span"]
    ordering = ["channel"]
    show_change_link = False


class InstallationInline(ReadOnlyInline):
    model = Installation
    fields = ["unit", "starts_at", "ends_at", "opening_value", "closing_value"]
    ordering = ["-starts_at"]


@admin.register(Meter)
class MeterAdmin(ArchiveAdmin):
    form = MeterForm
    list_display = [
        "serial",
        columns.choice("kind"),
        columns.text("estate", "Estate", order="estate__code"),
        columns.text("concentrator"),
        columns.chip("communication_status", COMMUNICATION, "Contact"),
        columns.moment("last_contact_at", "Last contact"),
        columns.chip("relay_state", RELAY, "Supply"),
    ]
    list_filter = [
        ("estate", EstateFilter),
        ("kind", ChoicesDropdownFilter),
        ("communication_status", ChoicesDropdownFilter),
        ("relay_state", ChoicesDropdownFilter),
    ]
    search_fields = ["serial", "installations__unit__unit_number", "estate__code"]
    search_help_text = "Serial, unit or estate code"
    ordering = ["estate__code", "serial", "id"]
    autocomplete_fields = ["estate", "concentrator"]
    readonly_fields = [
        "communication_status",
        "last_contact_at",
        "last_reading_at",
        "clock_drift_seconds",
        "relay_state",
        "relay_read_at",
        "control_mode",
    ]
    fieldsets = [
        (None, {"fields": ["estate", "serial", "kind", "manufacturer", "model"]}),
        (
            "Communication",
            {
                "fields": [
                    "communication_type",
                    "concentrator",
                    "logical_device",
                    "communication_status",
                    "last_contact_at",
                    "last_reading_at",
                    "clock_drift_seconds",
                ]
            },
        ),
        ("Supply", {"fields": ["has_relay", "relay_state", "relay_read_at", "control_mode"]}),
        ("Checks", {"fields": ["maximum_per_interval"]}),
    ]
    inlines = [InstallationInline, RegisterInline]
    related = [
        Related("Readings", "table_rows", "meters.reading", "meter__id__exact"),
        Related("Intervals", "timeline", "meters.interval", "meter__id__exact"),
        Related("Days", "calendar_month", "meters.dailyconsumption", "meter__id__exact"),
        Related("Alerts", "notifications", "meters.meteralert", "meter__id__exact"),
        Related("Commands", "settings_remote", "meters.command", "meter__id__exact"),
    ]

    def title_of(self, obj: Meter) -> str:
        return f"{obj.serial} {obj.get_kind_display().lower()} ({obj.estate.code})"


@admin.register(Installation)
class InstallationAdmin(PortalAdmin):
    form = InstallationForm
    list_display = [
        columns.text("meter.serial", "Meter"),
        columns.choice("kind"),
        columns.text("unit.unit_number", "Unit"),
        columns.text("meter.estate", "Estate", order="meter__estate__code"),
        columns.moment("starts_at", "From"),
        columns.moment("ends_at", "Until"),
        columns.quantity("opening_value", "Opening", kind="kind"),
        columns.quantity("closing_value", "Closing", kind="kind"),
    ]
    list_filter = [("meter__estate", EstateFilter), ("kind", ChoicesDropdownFilter)]
    search_fields = ["meter__serial", "unit__unit_number"]
    autocomplete_fields = ["meter", "unit"]
    ordering = ["-starts_at", "-id"]
    fields = ["meter", "unit", "starts_at", "ends_at", "opening_value", "closing_value"]

    def title_of(self, obj: Installation) -> str:
        return f"{obj.meter.serial} at {obj.unit or obj.meter.estate}"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # An installation ends; that it was is what the unit's consumption rests on.
        return False


@admin.register(Register)
class RegisterAdmin(PortalAdmin):
    list_display = [
        columns.text("meter.serial", "Meter"),
        columns.text("meter.estate", "Estate", order="meter__estate__code"),
        columns.choice("channel"),
        "obis",
        "profile_obis",
        columns.quantity("span"),
    ]
    list_filter = [("meter__estate", EstateFilter), ("channel", ChoicesDropdownFilter)]
    search_fields = ["meter__serial", "obis"]
    autocomplete_fields = ["meter"]
    ordering = ["meter__serial", "channel", "id"]

    def title_of(self, obj: Register) -> str:
        return f"{obj.meter.serial}: {obj.get_channel_display().lower()}"
