"""Accounts that were closed when people moved out, and what they pay since."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from accounts.people import signed_in
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import ReadOnlyAdmin
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ask, object_url
from wallets.admin.counter import REFUSALS as OF_THE_COUNTER
from wallets.models import Settlement
from wallets.office import former_residents
from wallets.office.forms import CollectForm

REFUSALS = (*OF_THE_COUNTER, former_residents.NotOwed)
AMOUNTS = [columns.money(name) for name in ("charged", "held", "owed", "refunded", "kept", "debt")]


@admin.register(Settlement)
class SettlementAdmin(ReadOnlyAdmin):
    list_display = [
        columns.text("ends_on", "Up to"),
        columns.text("resident"),
        columns.text("wallet.unit.unit_number", "Unit"),
        columns.text("estate.code", "Estate"),
        *AMOUNTS[3:],
    ]
    list_filter = [("estate", EstateFilter)]
    list_select_related = ["wallet__unit", "estate"]
    search_fields = ["resident", "wallet__unit__unit_number"]
    ordering = ["-ends_on", "-id"]
    actions_detail = ["collect"]
    readonly_fields = [*AMOUNTS, "still_owed"]
    fieldsets = [
        (None, {"fields": ["resident", "occupancy", ("starts_on", "ends_on")]}),
        ("Amounts", {"fields": [*AMOUNTS, "still_owed"]}),
        ("Paid back", {"fields": ["payment_method", "reference", "transaction"]}),
        ("Who and when", {"fields": ["settled_by", "settled_at"]}),
    ]
    change_form_outer_after_template = "portal/final_readings.html"

    @admin.display(description="Still owed")
    def still_owed(self, made: Settlement) -> str:
        """Below zero: what is kept for the person."""
        return formats.money_text(former_residents.outstanding(made))

    def extra_context_for(self, request: HttpRequest, obj: Settlement) -> dict[str, Any]:
        return {"readings": obj.readings}

    def has_collect_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("wallets.collect_settlement"):
            return False
        made = self.get_object(request, object_id)
        return made is None or former_residents.outstanding(made) > 0

    @action("Take a payment", permission="collect", icon="payments")
    def collect(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Money that a former resident pays of what is owed."""
        made = self.object_or_404(request, object_id)
        form = CollectForm(request.POST or None, user=signed_in(request))
        if form.is_valid():
            try:
                posted = former_residents.collect(
                    settlement_id=made.pk,
                    occurred_at=timezone.now(),
                    actor=signed_in(request),
                    **form.asked(),
                    **form.once(made.pk),
                )
            except REFUSALS as error:
                form.refuse(error)
            else:
                amount = formats.money_text(posted.transaction.amount)
                messages.success(request, f"{posted.transaction}: {amount} was paid.")
                return HttpResponseRedirect(object_url(made))
        return ask(
            request,
            self,
            made,
            title=f"Take a payment: {made}",
            intro=f"{formats.money_text(former_residents.outstanding(made))} is owed.",
            form=form,
            submit_words="Take the payment",
        )
