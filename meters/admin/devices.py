"""Concentrators, meters and where they hang."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from meters import installations, registration
from meters.admin.asking import AskingMixin
from meters.admin.entering import EnteringMixin
from meters.admin.radio import device_summary
from meters.admin.replacing import ReplacingMixin
from meters.forms import InstallationForm, MeterForm
from meters.models import Concentrator, Installation, Meter, Register
from meters.tasks import collect
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import ArchiveAdmin, PortalAdmin, ReadOnlyInline, Related, become
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import confirm, object_url

COMMUNICATION = {"online": "success", "offline": "danger", "error": "danger"}
RELAY = {"connected": "success", "disconnected": "danger", "ready": "warning", "unknown": "muted"}


@admin.register(Concentrator)
class ConcentratorAdmin(ArchiveAdmin):
    list_display = [
        "serial",
        "name",
        columns.text("estate.code", "Estate"),
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
                    "network_id",
                    "client_address",
                    "timeout_seconds",
                    "connections",
                    "outstanding",
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
                request,
                self,
                concentrator,
                title="Collect now",
                intro=intro,
                submit_words="Collect",
            )
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
class MeterAdmin(EnteringMixin, AskingMixin, ReplacingMixin, ArchiveAdmin):
    form = MeterForm
    undeletable = (registration.StillInstalled,)
    list_display = [
        "serial",
        columns.choice("kind"),
        columns.text("estate.code", "Estate"),
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
        "radio",
        "last_contact_at",
        "last_reading_at",
        "clock_drift_seconds",
        "visit_after",
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
                    "gateway_address",
                    "ipv6_address",
                    "communication_status",
                    "radio",
                    "last_contact_at",
                    "visit_after",
                    "last_reading_at",
                    "clock_drift_seconds",
                ]
            },
        ),
        ("Supply", {"fields": ["has_relay", "relay_state", "relay_read_at", "control_mode"]}),
        ("Checks", {"fields": ["rating", "maximum_per_interval"]}),
    ]
    inlines = [InstallationInline, RegisterInline]
    related = [
        Related("Readings", "table_rows", "meters.reading", "meter__id__exact"),
        Related("Intervals", "timeline", "meters.interval", "meter__id__exact"),
        Related("Days", "calendar_month", "meters.dailyconsumption", "meter__id__exact"),
        Related("Keys", "key", "meters.meterkeys", "meter__id__exact"),
        Related("Events", "history", "meters.meterevent", "meter__id__exact"),
        Related("Alerts", "notifications", "meters.meteralert", "meter__id__exact"),
        Related("Commands", "settings_remote", "meters.command", "meter__id__exact"),
    ]

    @admin.display(description="Battery and signal")
    def radio(self, meter: Meter) -> str:
        """How the meter's LoRaWAN device fares, with a link to it."""
        device = meter.lora_devices.first()
        return device_summary(device) if device else formats.NOTHING

    def save_model(
        self,
        request: HttpRequest,
        obj: Meter,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            become(obj, registration.register(**form.cleaned_data))

    def delete_model(self, request: HttpRequest, obj: Meter) -> None:
        registration.retire(meter=obj, at=timezone.now())

    def title_of(self, obj: Meter) -> str:
        return f"{obj.serial} {obj.get_kind_display().lower()} ({obj.estate.code})"


@admin.register(Installation)
class InstallationAdmin(PortalAdmin):
    form = InstallationForm
    refusals = {
        installations.NotAQuarterHour: "",
        installations.UnitTaken: "unit",
        installations.UnitDeleted: "unit",
        installations.InstalledElsewhere: "meter",
        installations.NotInstalled: "meter",
        installations.ImpossibleClosing: "closing_value",
    }
    list_display = [
        columns.text("meter.serial", "Meter"),
        columns.choice("kind"),
        columns.text("unit.unit_number", "Unit"),
        columns.text("meter.estate.code", "Estate"),
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

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None:
            return ["ends_at", "closing_value"]
        return ["meter", "unit", "starts_at", "opening_value"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An installation changes once, when it ends."""
        if obj is not None and obj.ends_at is not None:
            return False
        return bool(super().has_change_permission(request, obj))

    def save_model(
        self,
        request: HttpRequest,
        obj: Installation,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        now, filled = timezone.now(), form.cleaned_data
        if not change:
            become(obj, installations.install(now=now, **filled))
        elif filled["ends_at"] and filled["closing_value"] is not None:
            become(obj, installations.remove(meter=obj.meter, now=now, **filled))

    def title_of(self, obj: Installation) -> str:
        return f"{obj.meter.serial} at {obj.unit or obj.meter.estate}"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # An installation ends; that it was is what the unit's consumption rests on.
        return False


@admin.register(Register)
class RegisterAdmin(PortalAdmin):
    undeletable = (registration.RegisterUsed,)
    list_display = [
        columns.text("meter.serial", "Meter"),
        columns.text("meter.estate.code", "Estate"),
        columns.choice("channel"),
        "obis",
        "profile_obis",
        columns.quantity("span"),
    ]
    list_filter = [("meter__estate", EstateFilter), ("channel", ChoicesDropdownFilter)]
    search_fields = ["meter__serial", "obis"]
    autocomplete_fields = ["meter"]
    ordering = ["meter__serial", "channel", "id"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Readings name their register by meter and channel: both stand once it is made."""
        return ["meter", "channel"] if obj else []

    def delete_model(self, request: HttpRequest, obj: Register) -> None:
        registration.discard(register=obj)

    def title_of(self, obj: Register) -> str:
        return f"{obj.meter.serial}: {obj.get_channel_display().lower()}"
