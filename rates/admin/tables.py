"""Rate tables and their versions: drawn, previewed, and followed by the next."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from quantify.portal import columns
from quantify.portal.base import (
    ArchiveAdmin,
    PortalAdmin,
    ReadOnlyInline,
    Related,
    become,
)
from quantify.portal.filters import EstateFilter
from rates import tables
from rates.admin.sharing import SHARED, UTILITY, SharedRowsMixin
from rates.admin.sureness import SurenessMixin, chip
from rates.components import InvalidComponents
from rates.forms import NewRateTableForm, VersionForm
from rates.models import RateTable, RateTableVersion
from rates.pages import PreviewMixin, history_of, picture_of

PRICES = ("effective_from", "components", "source")


class VersionInline(ReadOnlyInline):
    model = RateTableVersion
    fields = ["number", "effective_from", "effective_to", "source", "how_sure", "used_at"]
    readonly_fields = ["used_at", "how_sure"]
    ordering = ["-effective_from"]

    @admin.display(description="How sure")
    def how_sure(self, version: RateTableVersion) -> Any:
        return chip(version.confidence, year_inferred=version.year_inferred)


@admin.register(RateTable)
class RateTableAdmin(PreviewMixin, SurenessMixin, SharedRowsMixin, ArchiveAdmin):
    undeletable = (tables.TableUsed,)
    change_form_outer_after_template = "portal/rate_picture.html"
    list_display = [
        "name",
        columns.chip("utility", UTILITY),
        "licensee",
        "owner",
        columns.text("calendar"),
        "how_sure",
        columns.flag("is_reference", "Use", yes=("Reference", "info")),
    ]
    list_filter = [
        ("utility", ChoicesDropdownFilter),
        ("estate", EstateFilter),
        "is_reference",
    ]
    search_fields = ["name", "licensee"]
    ordering = ["utility", "name", "id"]
    autocomplete_fields = ["estate"]
    inlines = [VersionInline]
    fieldsets = [
        (None, {"fields": ["name", "utility", "licensee", "estate", "is_reference"]}),
        ("Rules", {"fields": ["calendar", "mid_month"]}),
    ]
    related = [
        Related("Versions", "history_edu", "rates.ratetableversion", "rate_table__id__exact"),
        Related("Assignments", "assignment", "rates.assignment", "rate_table__id__exact"),
    ]

    # None in bulk: each is asked by itself whether it was used.
    actions = None
    refusals = {
        tables.TableUsed: "",
        tables.UnknownCalendar: "calendar",
        InvalidComponents: "components",
    }
    add_fieldsets = [
        *fieldsets,
        ("First version", {"fields": ["effective_from", "components", "source"]}),
    ]

    def extra_context_for(self, request: HttpRequest, obj: RateTable) -> dict[str, Any]:
        past = history_of(obj)
        if not past:
            return {}
        newest = past[0].version
        return {"drawn_version": newest, "picture": picture_of(newest), "past": past}

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        may = {"may_preview": True}
        answer: HttpResponse = super().add_view(request, form_url, {**(extra_context or {}), **may})
        return answer

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(self.inlines) if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewRateTableForm
        return super().get_form(request, obj, **kwargs)

    def save_model(
        self,
        request: HttpRequest,
        obj: RateTable,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        if change:
            changed = {name: form.cleaned_data[name] for name in form.changed_data}
            become(obj, tables.change(table=RateTable.objects.get(pk=obj.pk), fields=changed))
        else:
            become(obj, tables.create_table(**form.cleaned_data))

    def delete_model(self, request: HttpRequest, obj: RateTable) -> None:
        tables.remove(table=obj, at=timezone.now())

    @admin.display(description="Estate", ordering="estate__code")
    def owner(self, table: RateTable) -> str:
        return str(table.estate or SHARED)


@admin.register(RateTableVersion)
class RateTableVersionAdmin(SharedRowsMixin, PortalAdmin):
    """A draft is edited; what priced a bill is only followed by the next version."""

    change_form_outer_after_template = "portal/rate_picture.html"
    form = VersionForm
    list_display = [
        columns.text("rate_table.name", "Rate table"),
        columns.chip("rate_table.utility", UTILITY, "Utility"),
        columns.text("number", "Version"),
        columns.text("effective_from", "From"),
        columns.text("effective_to", "Until"),
        "how_sure",
        columns.flag("used_at", "State", yes=("In use", "success"), no=("Draft", "muted")),
    ]
    list_filter = [
        ("rate_table__utility", ChoicesDropdownFilter),
        ("effective_from", RangeDateFilter),
    ]
    search_fields = ["rate_table__name", "source"]
    ordering = ["-effective_from", "-id"]
    autocomplete_fields = ["rate_table"]
    fields = ["rate_table", "effective_from", "components", "source"]
    refusals = {
        tables.TableUsed: "",
        tables.VersionsOverlap: "effective_from",
        InvalidComponents: "components",
    }

    def save_model(
        self,
        request: HttpRequest,
        obj: RateTableVersion,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        prices = {name: form.cleaned_data[name] for name in PRICES}
        if change:
            stored = RateTableVersion.objects.get(pk=obj.pk)
            become(obj, tables.update_draft(version=stored, **prices))
        else:
            become(obj, tables.create_version(table=form.cleaned_data["rate_table"], **prices))

    def extra_context_for(self, request: HttpRequest, obj: RateTableVersion) -> dict[str, Any]:
        return {
            "drawn_version": obj,
            "picture": picture_of(obj),
            "may_preview": self.has_change_permission(request, obj),
            "preview_table": obj.rate_table_id,
        }

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        may = {"may_preview": True}
        answer: HttpResponse = super().add_view(request, form_url, {**(extra_context or {}), **may})
        return answer

    @admin.display(description="How sure", ordering="confidence")
    def how_sure(self, version: RateTableVersion) -> Any:
        return chip(version.confidence, year_inferred=version.year_inferred)

    def title_of(self, obj: RateTableVersion) -> str:
        return f"{obj.rate_table.name}, {obj}"

    def estate_id_of(self, obj: RateTableVersion) -> Any:
        return obj.rate_table.estate_id

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["rate_table", "effective_to", "used_at"] if obj else []

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.fields, "effective_to", "used_at"] if obj else self.fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.used_at is not None:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
