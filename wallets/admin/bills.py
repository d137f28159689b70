"""What each month costs, and the steps in which it was charged."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from quantify.portal import columns, formats
from quantify.portal.base import LedgerAdmin, ReadOnlyAdmin, Related
from quantify.portal.filters import EstateFilter
from wallets.admin.explanation import line
from wallets.admin.wallets import wallet_name
from wallets.models import Bill, Charge

UTILITY = {"electricity": "warning", "water": "info", "solar": "success"}
MONTH = columns.month("month")
CONSUMPTION = columns.quantity("consumption", kind="utility")
AMOUNTS = [columns.money(name) for name in ("subtotal", "markup", "vat", "total", "charged")]
BEFORE = columns.money("total_before", "Bill before")
AFTER = columns.money("total_after", "Bill after")
VAT = columns.money("vat", "Of it VAT")


@admin.register(Bill)
class BillAdmin(ReadOnlyAdmin):
    list_display = [
        MONTH,
        columns.text("wallet.unit.unit_number", "Unit"),
        columns.text("wallet.unit.estate.code", "Estate"),
        columns.chip("utility", UTILITY),
        CONSUMPTION,
        *AMOUNTS[-2:],
        columns.text("priced_to", "Priced to"),
        columns.flag("problem", "State", yes=("Problem", "danger"), no=("In order", "success")),
    ]
    list_filter = [
        ("wallet__unit__estate", EstateFilter),
        ("utility", ChoicesDropdownFilter),
        ("month", RangeDateFilter),
    ]
    list_select_related = ["wallet__unit__estate"]
    search_fields = ["wallet__unit__unit_number", "wallet__unit__estate__code"]
    ordering = ["-month", "-id"]
    readonly_fields = ["of_wallet", MONTH, CONSUMPTION, *AMOUNTS, "tariff"]
    fieldsets = [
        (None, {"fields": ["of_wallet", "utility", MONTH, "priced_to", CONSUMPTION, "problem"]}),
        ("Amounts", {"fields": AMOUNTS}),
        ("Prices", {"fields": ["tariff"]}),
    ]
    related = [Related("Charges", "receipt", "wallets.charge", "bill__id__exact")]
    change_form_outer_after_template = "portal/bill.html"

    @admin.display(description="Wallet")
    def of_wallet(self, bill: Bill) -> Any:
        return columns.page_link(bill.wallet, wallet_name(bill.wallet))

    @admin.display(description="Rate-table version")
    def tariff(self, bill: Bill) -> Any:
        if bill.version is None:
            return formats.NOTHING
        known = f" ({bill.version.sureness})" if bill.version.sureness else ""
        return columns.page_link(bill.version, f"{bill.version.rate_table}, {bill.version}{known}")

    def title_of(self, obj: Bill) -> str:
        return f"{obj} of {obj.wallet.unit} ({obj.wallet.unit.estate.code})"

    def extra_context_for(self, request: HttpRequest, obj: Bill) -> dict[str, Any]:
        return {"lines": [line(row) for row in obj.lines], "net": obj.subtotal + obj.markup}


@admin.register(Charge)
class ChargeAdmin(LedgerAdmin):
    """The list of charges; each is explained on the page of its transaction."""

    list_display = [
        columns.link("transaction", "Transaction"),
        columns.moment("transaction.occurred_at", "When"),
        columns.text("bill.wallet.unit.unit_number", "Unit"),
        columns.chip("bill.utility", UTILITY, "Utility"),
        columns.quantity("consumption_before", "Month before", kind="bill.utility"),
        columns.quantity("consumption_after", "Month after", kind="bill.utility"),
        columns.money("transaction.amount", "Charged"),
        VAT,
    ]
    list_display_links = None
    list_filter = [
        ("transaction__estate", EstateFilter),
        ("bill__utility", ChoicesDropdownFilter),
    ]
    list_select_related = ["transaction", "bill__wallet__unit"]
    search_fields = ["=transaction__number", "bill__wallet__unit__unit_number"]
    ordering = ["-transaction"]
    readonly_fields = [BEFORE, AFTER, VAT]
    fields = ["transaction", "bill", "version", BEFORE, AFTER, VAT]
