"""Estates, how they run, and who works for them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from accounts.admin import SuperAdminMixin, UserAdmin
from accounts.models import User
from estates import registration
from estates.key_pages import ApiKeyAdmin
from estates.models import Estate, EstateSettings, Membership
from quantify.portal import columns
from quantify.portal.base import ArchiveAdmin, PortalAdmin, Related, ScopedInline, become
from quantify.portal.filters import EstateFilter, ScopedRelatedFilter

__all__ = ["ApiKeyAdmin", "EstateAdmin", "MemberAdmin", "MembershipAdmin"]


class MembershipInline(SuperAdminMixin, ScopedInline):
    model = Membership
    autocomplete_fields = ["user", "estate"]
    verbose_name = "membership"
    verbose_name_plural = "who works here"

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return self.has_change_permission(request, obj)


@admin.register(Estate)
class EstateAdmin(ArchiveAdmin):
    undeletable = (registration.EstateInUse,)
    list_display = [
        "code",
        "name",
        "city",
        columns.text("units_in_use", "Units"),
        columns.text("contact_name", "Contact"),
        columns.text("contact_phone", "Phone"),
        columns.flag("is_active", "State", yes=("Active", "success"), no=("Off", "danger")),
    ]
    list_display_links = ["code", "name"]
    list_filter = ["is_active"]
    search_fields = ["code", "name", "city"]
    ordering = ["code"]
    inlines = [MembershipInline]
    fieldsets = [
        (None, {"fields": ["code", "name", "is_active", "total_units"]}),
        (
            "Place",
            {"fields": ["address", "city", "postal_code", "time_zone", "latitude", "longitude"]},
        ),
        ("Contact", {"fields": ["contact_name", "contact_phone", "contact_email"]}),
        ("Solar", {"fields": ["solar_free_allocation_kwh"]}),
    ]
    related = [
        Related("Settings", "tune", "estates.estatesettings", "estate__id__exact"),
        Related("Units", "home", "units.unit", "estate__id__exact"),
        Related("Residents", "group", "units.resident", "estate__id__exact"),
        Related("Meters", "speed", "meters.meter", "estate__id__exact"),
        Related("Wallets", "wallet", "wallets.wallet", "unit__estate__id__exact"),
        Related("Transactions", "receipt_long", "wallets.transaction", "estate__id__exact"),
        Related("Alerts", "notifications", "meters.meteralert", "estate__id__exact"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        alive = Count("units", filter=Q(units__deleted_at=None), distinct=True)
        estates: QuerySet = super().get_queryset(request).annotate(units_in_use=alive)
        return estates

    def save_model(
        self,
        request: HttpRequest,
        obj: Estate,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        become(obj, registration.register(**form.cleaned_data))

    def delete_model(self, request: HttpRequest, obj: Estate) -> None:
        registration.retire(estate_id=obj.pk, at=timezone.now())


@admin.register(EstateSettings)
class EstateSettingsAdmin(PortalAdmin):
    """Made with their estate, never alone."""

    list_display = [
        columns.text("estate", "Estate", order="estate__code"),
        columns.choice("low_balance_rule", "Warns"),
        columns.money("low_balance_limit", "Low below"),
        columns.money("activation_minimum", "Restored at"),
        columns.money("topup_minimum", "Top-up from"),
        columns.money("topup_maximum", "Top-up to"),
        columns.flag(
            "automatic_disconnection",
            "Cuts",
            yes=("Automatic", "warning"),
            no=("By hand only", "info"),
        ),
        columns.choice("disconnect_window", "When"),
    ]
    list_filter = [("estate", EstateFilter), ("disconnect_window", ChoicesDropdownFilter)]
    search_fields = ["estate__code", "estate__name"]
    ordering = ["estate__code"]
    readonly_fields = ["estate"]
    fieldsets = [
        (None, {"fields": ["estate"]}),
        ("Top-ups", {"fields": ["topup_minimum", "topup_maximum", "debt_recovery_percent"]}),
        ("Adjustments", {"fields": ["adjustment_limit"]}),
        (
            "Billing",
            {"fields": ["billing_cadence", "vat_registered", "month_closes_after_days"]},
        ),
        ("Statements", {"fields": ["statement_template", "statement_footer"]}),
        (
            "Warning",
            {
                "fields": [
                    "low_balance_rule",
                    "low_balance_limit",
                    "low_balance_days",
                    "low_balance_repeat_hours",
                    "low_balance_critical_percent",
                ]
            },
        ),
        (
            "Cut, restore",
            {
                "fields": [
                    "activation_minimum",
                    "automatic_disconnection",
                    "disconnect_window",
                    "minimum_on_minutes",
                    "minimum_off_minutes",
                ]
            },
        ),
        (
            "Safety",
            {
                "fields": [
                    "reading_freshness_minutes",
                    "offline_after_minutes",
                    "breaker_cuts",
                    "breaker_percent",
                ]
            },
        ),
    ]

    def title_of(self, obj: EstateSettings) -> str:
        return f"Settings of {obj.estate}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(SuperAdminMixin, PortalAdmin):
    list_display = [
        columns.text("user", "Person", order="user__username"),
        columns.text("user.role.name", "Role"),
        columns.text("estate", "Estate", order="estate__code"),
        columns.moment("created_at", "Since"),
    ]
    list_filter = [("estate", EstateFilter), ("user", ScopedRelatedFilter)]
    search_fields = ["user__username", "user__full_name", "estate__code"]
    autocomplete_fields = ["user", "estate"]
    ordering = ["user__username", "estate__code"]

    def title_of(self, obj: Membership) -> str:
        return f"{obj.user} in {obj.estate}"

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return self.has_change_permission(request, obj)


# Accounts stand below estates, so what a person may reach is added to their page from here.
admin.site.unregister(User)


@admin.register(User)
class MemberAdmin(UserAdmin):
    """A person, with the estates they work for."""

    inlines = [MembershipInline]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[Any]:
        return [MembershipInline] if obj else []
