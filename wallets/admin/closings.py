"""Closed months."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from accounts.people import signed_in
from quantify.periods import first_of_month
from quantify.portal import columns
from quantify.portal.base import PortalAdmin, become
from quantify.portal.filters import EstateFilter
from wallets import ledger
from wallets.billing import closings
from wallets.models import MonthClosing


class ClosingForm(forms.ModelForm):
    """Any day of the month is enough."""

    class Meta:
        model = MonthClosing
        fields = ("estate", "month")
        help_texts = {
            "month": "Any day of it. Months before it are closed too. This cannot be undone."
        }

    def clean_month(self) -> date:
        month: date = self.cleaned_data["month"]
        return first_of_month(month)

    def validate_constraints(self) -> None:
        """Not here: `wallets.billing.closings` says what is closed."""


@admin.register(MonthClosing)
class MonthClosingAdmin(PortalAdmin):
    form = ClosingForm
    list_display = [
        columns.text("estate.code", "Estate"),
        columns.month("month", "Closed up to"),
        columns.moment("closed_at", "Closed"),
        columns.text("closed_by", "By"),
    ]
    list_filter = [("estate", EstateFilter)]
    list_select_related = ["estate", "closed_by"]
    search_fields = ["estate__code", "estate__name"]
    ordering = ["-month", "estate__code"]
    autocomplete_fields = ["estate"]
    fields = ["estate", "month"]
    refusals = {
        closings.MonthNotOver: "month",
        closings.ClosedBefore: "month",
        ledger.LedgerBusy: "month",
    }

    def title_of(self, obj: MonthClosing) -> str:
        return f"{obj.month:%B %Y} of {obj.estate}"

    def save_model(
        self,
        request: HttpRequest,
        obj: MonthClosing,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        become(
            obj,
            closings.close(
                estate=obj.estate,
                month=obj.month,
                actor=signed_in(request),
                closed_at=timezone.now(),
            ),
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
