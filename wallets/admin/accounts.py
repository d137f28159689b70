"""The accounts of an estate, as a trial balance over the days that are asked for."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from quantify.periods import first_of_month, local_day
from quantify.portal import columns
from quantify.portal.base import ReadOnlyAdmin
from quantify.portal.filters import EstateFilter
from wallets import accounts
from wallets.models import AccountBook


class DaysForm(forms.Form):
    """The first and the last local day."""

    first = forms.DateField(label="From", widget=UnfoldAdminTextInputWidget({"type": "date"}))
    last = forms.DateField(label="To", widget=UnfoldAdminTextInputWidget({"type": "date"}))

    def clean(self) -> dict[str, Any]:
        days: dict[str, Any] = super().clean() or {}
        if days.get("first") and days.get("last") and days["first"] > days["last"]:
            raise forms.ValidationError("The last day is not before the first.")
        return days


@admin.register(AccountBook)
class AccountBookAdmin(ReadOnlyAdmin):
    list_display = [
        columns.text("estate.code", "Estate"),
        columns.text("estate.name", "Name"),
        columns.text("closed_to", "Days summed up to"),
    ]
    list_filter = [("estate", EstateFilter)]
    list_select_related = ["estate"]
    search_fields = ["estate__code", "estate__name"]
    ordering = ["estate__code"]
    fields = ["estate", "closed_to", "time_zone"]
    change_form_outer_after_template = "portal/trial_balance.html"

    def title_of(self, obj: AccountBook) -> str:
        return f"Accounts of {obj.estate}"

    def extra_context_for(self, request: HttpRequest, obj: AccountBook) -> dict[str, Any]:
        today = local_day(timezone.now(), obj.estate.zone)
        chosen: dict[str, date] = {"first": first_of_month(today), "last": today}
        form = DaysForm(request.GET if "first" in request.GET else None, initial=chosen)
        if form.is_bound and form.is_valid():
            chosen = form.cleaned_data
        balance = accounts.trial_balance(obj.estate, chosen["first"], chosen["last"])
        return {"days_form": form, "balance": balance}
