"""Who pays by which rate table, what it is compared with, and the calendars."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.enums import ActionVariant

from quantify.portal import columns
from quantify.portal.actions import action
from quantify.portal.base import (
    PortalAdmin,
    ReadOnlyAdmin,
    become,
)
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import confirm, list_url, object_url
from rates import assignments, references
from rates.admin.sharing import SHARED, UTILITY, SharedRowsMixin
from rates.admin.sureness import SurenessMixin
from rates.forms import AssignmentForm, ReferenceForm
from rates.models import Assignment, RateTableVersion, ReferenceTable, TariffCalendar

ASSIGNED = ["utility", "rate_table", "estate", "unit", "markup_percentage", "effective_from"]


@admin.register(Assignment)
class AssignmentAdmin(SurenessMixin, SharedRowsMixin, PortalAdmin):
    sureness_of = "rate_table"
    form = AssignmentForm
    list_display = [
        columns.chip("utility", UTILITY),
        columns.text("rate_table.name", "Rate table"),
        "how_sure",
        "scope",
        columns.text("markup_percentage", "Markup %"),
        columns.text("effective_from", "From"),
        columns.text("effective_to", "Until"),
    ]
    list_filter = [("utility", ChoicesDropdownFilter), ("estate", EstateFilter)]
    search_fields = ["rate_table__name", "unit__unit_number", "estate__code"]
    ordering = ["-effective_from", "-id"]
    autocomplete_fields = ["rate_table", "estate", "unit"]
    actions_detail = ["withdraw"]
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
        if (version := _first_version(obj)) is not None:
            known = version.sureness or "nobody said"
            messages.info(request, f"How sure its prices are ({version}): {known}.")
        if obj.utility == "electricity" and obj.markup_percentage > Decimal(0):
            messages.warning(
                request,
                "South African resale rules expect no markup on electricity: "
                "check the licensed tariff before this takes effect.",
            )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # An assignment ends, bills were priced by it; before its first day it is withdrawn.
        return False

    def has_withdraw_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("rates.delete_assignment"):
            return False
        assignment = self.get_object(request, object_id)
        if assignment is None or not self._is_ours(request, assignment):
            return False
        return not assignments.has_begun(assignment, at=timezone.now())

    @action("Withdraw", permission="withdraw", icon="undo", variant=ActionVariant.DANGER)
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a yes, and let what was assigned before hold on."""
        assignment = self.object_or_404(request, object_id)
        if request.method == "POST":
            return self._withdrawn(request, assignment)
        return confirm(
            request, self, assignment, title=f"Withdraw {self.title_of(assignment)}",
            intro=f"It would be in force from {assignment.effective_from:%d %B %Y}. What was "
            "assigned before holds in its place.",
            submit_words="Withdraw", submit_look="danger",
        )  # fmt: skip

    def _withdrawn(self, request: HttpRequest, assignment: Assignment) -> HttpResponse:
        try:
            assignments.withdraw(assignment=assignment, clock=timezone.now)
        except assignments.InForce as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(object_url(assignment))
        except assignments.Withdrawn as error:
            messages.warning(request, str(error))
        else:
            messages.success(request, f"{self.title_of(assignment)} is withdrawn.")
        return HttpResponseRedirect(list_url(self))


def _first_version(assigned: Assignment) -> RateTableVersion | None:
    """The version that prices the first day of an assignment."""
    versions: Any = assigned.rate_table.versions
    found: RateTableVersion | None = versions.on(assigned.effective_from).first()
    return found


@admin.register(ReferenceTable)
class ReferenceTableAdmin(SurenessMixin, PortalAdmin):
    sureness_of = "rate_table"
    form = ReferenceForm
    list_display = [
        columns.text("estate.code", "Estate"),
        columns.chip("utility", UTILITY),
        columns.text("rate_table.name", "Compared with"),
        columns.text("rate_table.licensee", "Licensee"),
        "how_sure",
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
