"""The wallet's page, and taking money in."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter, RangeNumericListFilter

from accounts.people import signed_in
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import PortalAdmin, Related
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ask, object_url
from units.models import Unit
from wallets import ledger, limits, topups
from wallets.admin import outlook, terms
from wallets.admin.counter import AGAIN
from wallets.admin.office import OfficeActions
from wallets.admin.settling import SettleAction
from wallets.admin.statements import StatementAction
from wallets.admin.terms import WalletForm
from wallets.models import Account, Transaction, Wallet
from wallets.office.forms import TopUpForm

POCKETS = [columns.money(name) for name in ("available", "electricity", "water", "solar")]
BALANCE = columns.money("balance")
ARREARS = columns.money("arrears")
LATEST = 10


class MoneyFilter(DropdownFilter):
    """Wallets that need somebody's attention."""

    title = "money"
    parameter_name = "money"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("empty", "Empty"), ("arrears", "In arrears"), ("water", "Water in debt")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "empty":
                return queryset.filter(balance__lte=0)
            case "arrears":
                return queryset.filter(arrears__gt=0)
            case "water":
                return queryset.filter(water__lt=0)
        return queryset


class BalanceFilter(RangeNumericListFilter):
    title = "balance"
    parameter_name = "balance"


REFUSALS = (
    topups.BelowMinimum,
    topups.AboveMaximum,
    ledger.WalletSuspended,
    ledger.EstateClosed,
    ledger.LedgerBusy,
    ledger.IdempotencyKeyReused,
)


@admin.register(Wallet)
class WalletAdmin(OfficeActions, SettleAction, StatementAction, PortalAdmin):
    """Opened with its unit; its money moves through the ledger alone."""

    form = WalletForm
    list_display = [
        columns.text("unit.unit_number", "Unit"),
        columns.text("unit.estate.code", "Estate"),
        BALANCE,
        *POCKETS,
        ARREARS,
        columns.flag("is_suspended", "State", yes=("Suspended", "danger"), no=("Open", "success")),
    ]
    list_filter = [
        ("unit__estate", EstateFilter),
        MoneyFilter,
        "is_suspended",
        BalanceFilter,
    ]
    list_select_related = ["unit__estate"]
    search_fields = ["unit__unit_number", "unit__estate__code"]
    search_help_text = "Unit or estate code"
    ordering = ["unit__estate__code", "unit__unit_number", "id"]
    actions_detail = ["top_up", "refund", "adjust", "service_charge", "settle", "statement"]
    actions_row = ["top_up"]
    readonly_fields = ["home", "lasts", "warned", BALANCE, *POCKETS, ARREARS]
    fieldsets = [
        (None, {"fields": ["home", (BALANCE, ARREARS), tuple(POCKETS), "lasts"]}),
        ("Rules", {"fields": ["is_suspended"]}),
        ("Warnings", {"fields": ["warned", *limits.ALL]}),
    ]
    related = [
        Related("Transactions", "receipt_long", "wallets.transaction", "wallet__id__exact"),
        Related("Bills", "description", "wallets.bill", "wallet__id__exact"),
    ]
    change_form_outer_after_template = "portal/wallet_movements.html"

    @admin.display(description="Unit")
    def home(self, wallet: Wallet) -> Any:
        return columns.page_link(wallet.unit, f"{wallet.unit} in {wallet.unit.estate}")

    @admin.display(description="Forecast")
    def lasts(self, wallet: Wallet) -> str:
        return outlook.lasts(wallet)

    @admin.display(description="What holds")
    def warned(self, wallet: Wallet) -> str:
        return terms.in_words(wallet)

    def save_model(
        self,
        request: HttpRequest,
        obj: Wallet,
        form: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        super().save_model(request, obj, form, change)
        if own := form.own_terms():
            limits.override(wallet=obj, terms=own)

    def title_of(self, obj: Wallet) -> str:
        return wallet_name(obj)

    def extra_context_for(self, request: HttpRequest, obj: Wallet) -> dict[str, Any]:
        if not request.user.has_perm("wallets.view_transaction"):
            return {}
        return {"movements": obj.transactions.latest_first()[:LATEST]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_topup_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("wallets.topup_wallet")

    @action("Top up", permission="topup", icon="add_card", in_menu=False)
    def top_up(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the payment, show how it will be divided, then post it."""
        wallet = self.object_or_404(request, object_id)
        form = TopUpForm(request.POST or None, user=signed_in(request))
        if "_edit" in request.POST or not form.is_valid():
            return self._counter(request, wallet, form)
        if "_confirm" not in request.POST:
            return self._preview(request, wallet, form)
        posted = self._post(request, wallet, form)
        if posted is None:
            return self._counter(request, wallet, form)
        again = f" {AGAIN}" if posted.replayed else ""
        amount = formats.money_text(posted.transaction.amount)
        messages.success(request, f"{posted.transaction}: {amount} was paid in.{again}")
        return HttpResponseRedirect(object_url(posted.transaction))

    def _counter(self, request: HttpRequest, wallet: Wallet, form: TopUpForm) -> HttpResponse:
        return ask(
            request,
            self,
            wallet,
            title=f"Top up: {wallet_name(wallet)}",
            intro=f"The wallet holds {formats.money_text(wallet.balance)}.",
            form=form,
            submit_words="Preview",
            template="portal/counter.html",
        )

    def _preview(self, request: HttpRequest, wallet: Wallet, form: TopUpForm) -> HttpResponse:
        data = form.cleaned_data
        try:
            parts = topups.preview(wallet=wallet, amount=data["amount"], utility=data["utility"])
        except (topups.BelowMinimum, topups.AboveMaximum) as error:
            form.refuse(error)
            return self._counter(request, wallet, form)
        return ask(
            request,
            self,
            wallet,
            title=f"Confirm the top-up: {wallet_name(wallet)}",
            form=form,
            parts=[(describe(part.account), part.amount) for part in parts],
            method=Transaction.Method(data["payment_method"]).label,
            amount=data["amount"],
            template="portal/top_up_preview.html",
        )

    def _post(self, request: HttpRequest, wallet: Wallet, form: TopUpForm) -> ledger.Posted | None:
        try:
            return topups.top_up(
                wallet_id=wallet.pk,
                **form.asked(),
                metadata={"channel": "portal"},
                occurred_at=timezone.now(),
                actor=signed_in(request),
                **form.once(wallet.pk),
            )
        except REFUSALS as error:
            form.refuse(error)
        return None


def describe(account: Account) -> str:
    """What a share of a top-up does, in words."""
    match account:
        case Account.ARREARS:
            return "Clears arrears"
        case Account.AVAILABLE:
            return "For any utility"
        case _:
            return account.label.removeprefix("Wallet: ").capitalize()


def wallet_name(wallet: Wallet) -> str:
    unit: Unit = wallet.unit
    return f"Wallet of {unit.unit_number} ({unit.estate.code})"
