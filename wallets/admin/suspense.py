"""Money in suspense: recorded, allocated to a wallet, or given back."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from accounts.people import signed_in
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import PortalAdmin, ReadOnlyInline, become
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ReasonForm, ask, object_url
from wallets import amounts, ledger
from wallets.admin.counter import AGAIN
from wallets.admin.counter import REFUSALS as OF_THE_COUNTER
from wallets.admin.wallets import describe, wallet_name
from wallets.models import SuspenseReceipt, SuspenseRelease
from wallets.office import suspense
from wallets.office.forms import AllocationForm

REFUSALS = (*OF_THE_COUNTER, suspense.NotEnoughLeft, suspense.AnotherEstate)
LEFT = columns.money("left")
AMOUNT = columns.money("amount", "Received")
METHOD = columns.choice("payment_method", "Method")


class OpenFilter(DropdownFilter):
    """Receipts that somebody still has to see to."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("settled", "Nothing left")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "open":
                return queryset.filter(left__gt=0)
            case "settled":
                return queryset.filter(left=0)
        return queryset


class ReleaseInline(ReadOnlyInline):
    model = SuspenseRelease
    verbose_name_plural = "where it went"
    fields = ["amount", "transaction", "reason", "released_by", "released_at"]


@admin.register(SuspenseReceipt)
class SuspenseReceiptAdmin(PortalAdmin):
    """Never changed: what is wrong is given back, and recorded again."""

    list_display = [
        columns.moment("received_at", "Received at"),
        columns.text("reference"),
        columns.text("estate.code", "Estate"),
        METHOD,
        AMOUNT,
        LEFT,
        columns.text("recorded_by", "Recorded by"),
    ]
    list_filter = [
        ("estate", EstateFilter),
        OpenFilter,
        ("payment_method", ChoicesDropdownFilter),
    ]
    list_select_related = ["estate", "recorded_by"]
    search_fields = ["reference", "external_key"]
    search_help_text = "Reference or the bank's key"
    ordering = ["-received_at", "-id"]
    autocomplete_fields = ["estate"]
    inlines = [ReleaseInline]
    actions_detail = ["allocate", "give_back"]
    refusals = {
        suspense.ReceiptDiffers: "external_key",
        suspense.InvalidReceipt: "",
        amounts.InvalidAmount: "amount",
    }
    entered = ["estate", "amount", "payment_method", "reference", "external_key", "received_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows: Any = super().get_queryset(request)
        shown: QuerySet = rows.with_left()
        return shown

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.entered if obj is None else [*self.entered, LEFT, "recorded_by", "recorded_at"]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, **kwargs)
        if obj is None:
            # Money of no known estate is for those who see every estate.
            form.base_fields["estate"].required = not signed_in(request).sees_every_estate
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [] if obj is None else [LEFT]

    def save_model(
        self,
        request: HttpRequest,
        obj: SuspenseReceipt,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        done = suspense.record(
            recorded_at=timezone.now(), actor=signed_in(request), **form.cleaned_data
        )
        become(obj, done.receipt)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_release_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Who may allocate, as long as something is left."""
        if not request.user.has_perm("wallets.allocate_suspense"):
            return False
        receipt = self.get_object(request, object_id)
        return receipt is None or receipt.left > 0

    @action("Allocate", permission="release", icon="move_to_inbox")
    def allocate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the home, show how the money will be divided, then post it."""
        receipt = self.object_or_404(request, object_id)
        form = AllocationForm(request.POST or None, user=signed_in(request), receipt=receipt)
        if "_edit" in request.POST or not form.is_valid():
            return self._desk(request, receipt, form)
        if "_confirm" not in request.POST:
            return self._preview(request, receipt, form)
        posted = self._post(request, receipt, form)
        if posted is None:
            return self._desk(request, receipt, form)
        again = f" {AGAIN}" if posted.replayed else ""
        amount = formats.money_text(posted.transaction.amount)
        messages.success(request, f"{posted.transaction}: {amount} was allocated.{again}")
        return HttpResponseRedirect(object_url(posted.transaction))

    @action("Give back", permission="release", icon="undo")
    def give_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give what is left back to the payer, with a reason."""
        receipt = self.object_or_404(request, object_id)
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                release = suspense.return_money(
                    receipt_id=receipt.pk,
                    reason=form.cleaned_data["reason"],
                    returned_at=timezone.now(),
                    actor=signed_in(request),
                )
            except REFUSALS as error:
                form.add_error(None, str(error))
            else:
                amount = formats.money_text(release.amount)
                messages.success(request, f"{amount} is recorded as given back.")
                return HttpResponseRedirect(object_url(receipt))
        return ask(
            request,
            self,
            receipt,
            title="Give money back to the payer",
            intro=f"{formats.money_text(receipt.left)} is left. Pay it back in the bank as well.",
            form=form,
            submit_words="Give back",
        )

    def _desk(
        self, request: HttpRequest, receipt: SuspenseReceipt, form: AllocationForm
    ) -> HttpResponse:
        return ask(
            request,
            self,
            receipt,
            title=f"Allocate: {receipt}",
            intro=f"{formats.money_text(suspense.left(receipt))} is left of it.",
            form=form,
            submit_words="Preview",
            template="portal/counter.html",
        )

    def _preview(
        self, request: HttpRequest, receipt: SuspenseReceipt, form: AllocationForm
    ) -> HttpResponse:
        data = form.cleaned_data
        wallet = data["unit"]
        try:
            parts = suspense.preview(
                receipt=receipt, wallet=wallet, amount=data["amount"], utility=data["utility"]
            )
        except REFUSALS as error:
            form.refuse(error)
            return self._desk(request, receipt, form)
        return ask(
            request,
            self,
            receipt,
            title=f"Confirm the allocation: {wallet_name(wallet)}",
            form=form,
            parts=[(describe(part.account), part.amount) for part in parts],
            method=receipt.get_payment_method_display(),
            amount=data["amount"],
            total_words="Allocated",
            template="portal/top_up_preview.html",
        )

    def _post(
        self, request: HttpRequest, receipt: SuspenseReceipt, form: AllocationForm
    ) -> ledger.Posted | None:
        data = form.cleaned_data
        try:
            return suspense.allocate(
                receipt_id=receipt.pk,
                wallet_id=data["unit"].pk,
                amount=data["amount"],
                utility=data["utility"],
                occurred_at=timezone.now(),
                actor=signed_in(request),
                **form.once(receipt.pk),
            )
        except REFUSALS as error:
            form.refuse(error)
        return None
