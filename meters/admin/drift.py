"""Relays that stand wrong: since when, why, and what is done about it."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from meters.models import RelayDrift
from quantify.portal import columns
from quantify.portal.base import ReadOnlyAdmin
from quantify.portal.filters import EstateFilter, StandingFilter

KIND = {
    "switched_off": "danger", "switched_on": "danger", "left_off": "warning", "unknown": "muted",
}  # fmt: skip
RELAY = {"connected": "success", "disconnected": "danger", "ready": "warning", "unknown": "muted"}


@admin.register(RelayDrift)
class RelayDriftAdmin(ReadOnlyAdmin):
    list_display = [
        columns.link("meter", "Meter"),
        columns.text("meter.estate.code", "Estate"),
        columns.chip("kind", KIND, "What is wrong"),
        columns.chip("wanted", RELAY, "Should be"),
        columns.chip("stands", RELAY, "Reads"),
        columns.text("says", "Why"),
        columns.choice("remedy", "What is done"),
        columns.moment("since"),
        columns.moment("ended_at", "Right again"),
    ]
    list_display_links = [list_display[5]]
    list_filter = [
        ("meter__estate", EstateFilter),
        StandingFilter,
        ("kind", ChoicesDropdownFilter),
        ("remedy", ChoicesDropdownFilter),
    ]
    list_select_related = ["meter__estate"]
    search_fields = ["meter__serial", "says"]
    ordering = ["-since", "-id"]
    fieldsets = [
        (None, {"fields": ["meter", "kind", "says", "remedy"]}),
        ("Relay", {"fields": ["wanted", "stands"]}),
        ("When", {"fields": ["since", "seen_at", "ended_at"]}),
    ]
