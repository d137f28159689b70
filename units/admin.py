"""Units, and the people in them."""

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from quantify.portal import columns
from quantify.portal.base import ArchiveAdmin, PortalAdmin, Related, ScopedInline
from quantify.portal.filters import EstateFilter
from units.models import Occupancy, Resident, Unit

STATUS = {"occupied": "success", "vacant": "muted", "maintenance": "warning"}
KIND = {"tenant": "info", "owner": "muted"}


class OccupancyInline(ScopedInline):
    model = Occupancy
    verbose_name_plural = "who lives here"
    fields = ["resident", "kind", "is_primary", "starts_on", "ends_on"]
    autocomplete_fields = ["resident"]


@admin.register(Unit)
class UnitAdmin(ArchiveAdmin):
    list_display = [
        "unit_number",
        columns.text("estate.code", "Estate"),
        "building",
        "floor",
        columns.chip("status", STATUS),
        columns.flag("protected_supply", "Supply", yes=("Never cut", "info")),
    ]
    list_filter = [
        ("estate", EstateFilter),
        ("status", ChoicesDropdownFilter),
        "protected_supply",
    ]
    search_fields = ["unit_number", "building", "estate__code"]
    search_help_text = "Unit, building or estate code"
    ordering = ["estate__code", "unit_number", "id"]
    autocomplete_fields = ["estate"]
    inlines = [OccupancyInline]
    fieldsets = [
        (None, {"fields": ["estate", "unit_number", "status", "protected_supply"]}),
        ("Place", {"fields": ["building", "floor", "bedrooms", "bathrooms", "size_m2"]}),
    ]
    related = [
        Related("Wallet", "wallet", "wallets.wallet", "unit__id__exact"),
        Related("Transactions", "receipt_long", "wallets.transaction", "wallet__unit__id__exact"),
        Related("Meters", "speed", "meters.installation", "unit__id__exact"),
        Related("Rates", "sell", "rates.assignment", "unit__id__exact"),
    ]

    def title_of(self, obj: Unit) -> str:
        return f"{obj.unit_number} ({obj.estate.code})"


@admin.register(Resident)
class ResidentAdmin(ArchiveAdmin):
    list_display = [
        "first_name",
        "last_name",
        columns.text("estate.code", "Estate"),
        "phone",
        "email",
    ]
    list_filter = [("estate", EstateFilter)]
    search_fields = ["first_name", "last_name", "phone", "email"]
    ordering = ["last_name", "first_name", "id"]
    autocomplete_fields = ["estate"]
    fields = ["estate", "first_name", "last_name", "phone", "email"]
    related = [Related("Occupancies", "key", "units.occupancy", "resident__id__exact")]


@admin.register(Occupancy)
class OccupancyAdmin(PortalAdmin):
    list_display = [
        columns.text("unit.unit_number", "Unit"),
        columns.text("unit.estate.code", "Estate"),
        columns.text("resident", "Resident", order="resident__last_name"),
        columns.chip("kind", KIND),
        columns.flag("is_primary", "Primary", yes=("Primary", "success")),
        columns.text("starts_on", "From"),
        columns.text("ends_on", "Until"),
    ]
    list_filter = [
        ("unit__estate", EstateFilter),
        ("kind", ChoicesDropdownFilter),
        ("starts_on", RangeDateFilter),
    ]
    search_fields = ["unit__unit_number", "resident__last_name", "resident__first_name"]
    autocomplete_fields = ["unit", "resident"]
    ordering = ["-starts_on", "-id"]
    fields = ["unit", "resident", "kind", "is_primary", "starts_on", "ends_on"]

    def title_of(self, obj: Occupancy) -> str:
        return f"{obj.resident} in {obj.unit} from {obj.starts_on}"

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        # An occupancy ends; that it was is history.
        return False
