"""Transactions and postings: append-only, each explained; undone by a reversal only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from accounts.people import signed_in
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import LedgerAdmin, Related
from quantify.portal.filters import EstateFilter
from wallets import ledger
from wallets.admin import counter
from wallets.admin.counter import Errand
from wallets.admin.effects import effects
from wallets.admin.explanation import explain
from wallets.admin.wallets import wallet_name
from wallets.models import Posting, Transaction
from wallets.office.forms import ReversalForm

KIND = {
    "topup": "success",
    "consumption_electricity": "muted",
    "consumption_water": "muted",
    "consumption_solar": "muted",
    "refund": "warning",
    "adjustment": "warning",
    "reversal": "danger",
}
AMOUNT = columns.money("amount")
BEFORE = columns.money("balance_before", "Before")
AFTER = columns.money("balance_after", "After")
ARREARS_AFTER = columns.money("arrears_after")


@admin.register(Transaction)
class TransactionAdmin(LedgerAdmin):
    list_display = [
        columns.name("Number", order="number"),
        columns.moment("occurred_at", "When"),
        columns.text("wallet.unit.unit_number", "Unit"),
        columns.text("estate.code", "Estate"),
        columns.chip("kind", KIND),
        AMOUNT,
        BEFORE,
        AFTER,
        columns.choice("payment_method", "Method"),
        columns.text("reference"),
    ]
    list_filter = [
        ("estate", EstateFilter),
        ("kind", ChoicesDropdownFilter),
        ("utility", ChoicesDropdownFilter),
        ("payment_method", ChoicesDropdownFilter),
        ("occurred_at", RangeDateTimeFilter),
    ]
    list_select_related = ["wallet__unit", "estate"]
    search_fields = ["=number", "reference", "wallet__unit__unit_number"]
    search_help_text = "Number, reference or unit"
    ordering = ["-number"]
    actions_detail = ["reverse"]
    readonly_fields = ["of_wallet", AMOUNT, BEFORE, AFTER, ARREARS_AFTER, "reversal"]
    fieldsets = [
        (None, {"fields": [("kind", "of_wallet"), (AMOUNT, BEFORE, AFTER, ARREARS_AFTER)]}),
        ("Payment", {"fields": ["payment_method", "reference", "reason"]}),
        ("Who and when", {"fields": ["actor", "occurred_at", "recorded_at", "sequence"]}),
        ("Reversal", {"fields": ["reverses", "reversal"]}),
    ]
    related = [Related("All postings", "list", "wallets.posting", "transaction__id__exact")]
    change_form_outer_before_template = "portal/transaction.html"

    @admin.display(description="Wallet")
    def of_wallet(self, made: Transaction) -> Any:
        return columns.page_link(made.wallet, wallet_name(made.wallet))

    @admin.display(description="Reversed by")
    def reversal(self, made: Transaction) -> Any:
        by = getattr(made, "reversed_by", None)
        return columns.page_link(by, by) if by else formats.NOTHING

    def extra_context_for(self, request: HttpRequest, obj: Transaction) -> dict[str, Any]:
        postings = list(obj.postings.order_by("line"))
        return {"postings": postings, "effects": effects(postings), "explanation": explain(obj)}

    def has_reverse_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("wallets.reverse_transaction"):
            return False
        made = self.get_object(request, object_id)
        return made is None or made.kind != Transaction.Kind.REVERSAL

    @action("Reverse", permission="reverse", icon="undo")
    def reverse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        made = self.object_or_404(request, object_id)
        form = ReversalForm(request.POST or None, user=signed_in(request))
        errand = Errand(
            of=made,
            wallet=made.wallet,
            form=form,
            operation=lambda: ledger.reverse(
                transaction_id=made.pk,
                occurred_at=timezone.now(),
                actor=signed_in(request),
                **form.asked(),
                **form.once(made.pk),
            ),
            verb="Reverse",
            title=f"Reverse {made}",
            intro=(
                f"Posts the equal and opposite of {formats.money_text(made.amount)} "
                f"({made.get_kind_display().lower()}, {wallet_name(made.wallet)}). "
                "It cannot be undone."
            ),
            done=f"of {made} was reversed.",
            look="danger",
        )
        return counter.serve(request, self, errand)


@admin.register(Posting)
class PostingAdmin(LedgerAdmin):
    list_display = [
        columns.link("transaction", "Transaction"),
        columns.text("line"),
        columns.choice("credit", "To"),
        columns.choice("debit", "From"),
        AMOUNT,
        columns.moment("transaction.occurred_at", "When"),
        columns.text("transaction.estate.code", "Estate"),
    ]
    list_display_links = None
    list_filter = [
        ("transaction__estate", EstateFilter),
        ("debit", ChoicesDropdownFilter),
        ("credit", ChoicesDropdownFilter),
    ]
    list_select_related = ["transaction__estate"]
    search_fields = ["=transaction__number"]
    search_help_text = "Transaction number"
    ordering = ["-id"]
