"""Rate tables, their versions and calendars, and who pays from which."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from accounts.people import signed_in
from quantify.portal import columns
from quantify.portal.base import (
    ArchiveAdmin,
    PortalAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    Related,
    become,
)
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import object_url
from rates import assignments, references, tables
from rates.components import InvalidComponents
from rates.forms import AssignmentForm, NewRateTableForm, ReferenceForm, VersionForm
from rates.models import (
    Assignment,
    RateTable,
    RateTableVersion,
    ReferenceTable,
    TariffCalendar,
)

UTILITY = {"electricity": "warning", "water": "info", "solar": "success"}
SHARED = "All estates"
PRICES = ("effective_from", "components", "source")
ASSIGNED = ["utility", "rate_table", "estate", "unit", "markup_percentage", "effective_from"]


class SharedRowsMixin:
    """What belongs to all estates is changed by those who see all of them."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._is_ours(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._is_ours(request, obj)  # type: ignore[misc]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
        if field and db_field.name == "estate" and not signed_in(request).sees_every_estate:
            field.required = True
        return field

    def _is_ours(self, request: HttpRequest, obj: Any) -> bool:
        if obj is None or signed_in(request).sees_every_estate:
            return True
        return self.estate_id_of(obj) is not None

    def estate_id_of(self, obj: Any) -> Any:
        return obj.estate_id


class VersionInline(ReadOnlyInline):
    model = RateTableVersion
    fields = ["number", "effective_from", "effective_to", "source", "used_at"]
    readonly_fields = ["used_at"]
    ordering = ["-effective_from"]


@admin.register(RateTable)
class RateTableAdmin(SharedRowsMixin, ArchiveAdmin):
    list_display = [
        "name",
        columns.chip("utility", UTILITY),
        "licensee",
        "owner",
        columns.text("calendar"),
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
    refusals = {tables.TableUsed: "", InvalidComponents: "components"}
    add_fieldsets = [
        *fieldsets,
        ("First version", {"fields": ["effective_from", "components", "source"]}),
    ]

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

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().delete_view(request, object_id, extra_context)
        except tables.TableUsed as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(object_url(self.object_or_404(request, object_id)))
        return response

    def delete_model(self, request: HttpRequest, obj: RateTable) -> None:
        tables.remove(table=obj, at=timezone.now())

    @admin.display(description="Estate", ordering="estate__code")
    def owner(self, table: RateTable) -> str:
        return str(table.estate or SHARED)


@admin.register(RateTableVersion)
class RateTableVersionAdmin(SharedRowsMixin, PortalAdmin):
    """A draft is edited; what priced a bill is only followed by the next version."""

    form = VersionForm
    list_display = [
        columns.text("rate_table.name", "Rate table"),
        columns.chip("rate_table.utility", UTILITY, "Utility"),
        columns.text("number", "Version"),
        columns.text("effective_from", "From"),
        columns.text("effective_to", "Until"),
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


@admin.register(Assignment)
class AssignmentAdmin(SharedRowsMixin, PortalAdmin):
    form = AssignmentForm
    list_display = [
        columns.chip("utility", UTILITY),
        columns.text("rate_table.name", "Rate table"),
        "scope",
        columns.text("markup_percentage", "Markup %"),
        columns.text("effective_from", "From"),
        columns.text("effective_to", "Until"),
    ]
    list_filter = [("utility", ChoicesDropdownFilter), ("estate", EstateFilter)]
    search_fields = ["rate_table__name", "unit__unit_number", "estate__code"]
    ordering = ["-effective_from", "-id"]
    autocomplete_fields = ["rate_table", "estate", "unit"]
    refusals = {
        assignments.WrongUtility: "rate_table",
        assignments.AnotherEstate: "rate_table",
        assignments.NoPrices: "effective_from",
        assignments.AssignedLater: "effective_from",
    }

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*ASSIGNED, "effective_to"] if obj else ASSIGNED

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """An assignment only ends: what it was, bills were priced by."""
        return ASSIGNED if obj else []

    @admin.display(description="For", ordering="estate__code")
    def scope(self, assignment: Assignment) -> str:
        if assignment.unit:
            return f"Unit {assignment.unit.unit_number} ({assignment.unit.estate.code})"
        return str(assignment.estate or SHARED)

    def title_of(self, obj: Assignment) -> str:
        return f"{obj.rate_table.name} for {self.scope(obj)}"

    def save_model(
        self,
        request: HttpRequest,
        obj: Assignment,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        filled = form.cleaned_data
        if change:
            become(obj, assignments.end(assignment=obj, day=filled["effective_to"]))
            return
        become(obj, assignments.assign(**{name: filled[name] for name in ASSIGNED}))
        if obj.utility == "electricity" and obj.markup_percentage > Decimal(0):
            messages.warning(
                request,
                "South African resale rules expect no markup on electricity: "
                "check the licensed tariff before this takes effect.",
            )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # An assignment ends; bills were priced by it.
        return False


@admin.register(ReferenceTable)
class ReferenceTableAdmin(PortalAdmin):
    form = ReferenceForm
    list_display = [
        columns.text("estate.code", "Estate"),
        columns.chip("utility", UTILITY),
        columns.text("rate_table.name", "Compared with"),
        columns.text("rate_table.licensee", "Licensee"),
    ]
    list_filter = [("utility", ChoicesDropdownFilter), ("estate", EstateFilter)]
    list_select_related = ["estate", "rate_table"]
    search_fields = ["estate__code", "rate_table__name", "rate_table__licensee"]
    ordering = ["estate__code", "utility"]
    autocomplete_fields = ["estate", "rate_table"]
    refusals = {
        assignments.WrongUtility: "rate_table",
        assignments.AnotherEstate: "rate_table",
        references.NotAReference: "rate_table",
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["estate", "utility"] if obj else []

    def title_of(self, obj: ReferenceTable) -> str:
        return f"Reference for {obj.utility} of {obj.estate}"

    def save_model(
        self,
        request: HttpRequest,
        obj: ReferenceTable,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        made = references.name(
            estate=obj.estate, utility=obj.utility, rate_table=form.cleaned_data["rate_table"]
        )
        become(obj, made)


@admin.register(TariffCalendar)
class TariffCalendarAdmin(ReadOnlyAdmin):
    list_display = ["name", "valid_from", "valid_to", "source"]
    search_fields = ["name", "source"]
    ordering = ["name", "-valid_from", "id"]
    fields = ["name", "valid_from", "valid_to", "source", "definition"]
