"""Transactions and postings: append-only, each explained; undone by a reversal only."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from accounts.people import signed_in
from quantify.ids import uuid7
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import LedgerAdmin, Related
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ReasonForm, ask, object_url
from wallets import ledger
from wallets.admin.explanation import explain
from wallets.admin.wallets import wallet_name
from wallets.models import Posting, Transaction

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
        columns.text("__str__", "Number", order="number"),
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
        return {"postings": obj.postings.order_by("line"), "explanation": explain(obj)}

    def has_reverse_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("wallets.reverse_transaction"):
            return False
        made = self.get_object(request, object_id)
        return made is None or made.kind != Transaction.Kind.REVERSAL

    @action("Reverse", permission="reverse", icon="undo")
    def reverse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        made = self.object_or_404(request, object_id)
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                posted = self._post_reversal(request, made, form.cleaned_data["reason"])
            except (ledger.AlreadyReversed, ledger.NotReversible, ledger.LedgerBusy) as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, f"{made} was reversed by {posted.transaction}.")
                return HttpResponseRedirect(object_url(posted.transaction))
        return ask(
            request,
            self,
            made,
            title=f"Reverse {made}",
            intro=(
                f"Posts the equal and opposite of {formats.money_text(made.amount)} "
                f"({made.get_kind_display().lower()}, {wallet_name(made.wallet)}). "
                "It cannot be undone."
            ),
            form=form,
            submit_words="Reverse",
            submit_look="danger",
        )

    def _post_reversal(self, request: HttpRequest, made: Transaction, reason: str) -> ledger.Posted:
        # Reversed once whatever is sent: the ledger itself refuses a second one.
        return ledger.reverse(
            transaction_id=made.pk,
            reason=reason,
            occurred_at=timezone.now(),
            actor=signed_in(request),
            idempotency_key=f"portal:{uuid7()}",
        )


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
