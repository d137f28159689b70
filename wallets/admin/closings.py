"""Closed months, and the exceptions list of what was learned of them since."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from accounts.models import User
from accounts.people import signed_in
from quantify.periods import first_of_month
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import PortalAdmin, ReadOnlyAdmin, become
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ReasonForm, ask, object_url
from wallets import amounts, ledger
from wallets.admin.bills import UTILITY
from wallets.admin.wallets import wallet_name
from wallets.billing import closings, differences
from wallets.models import BillDifference, MonthClosing

STATE = {"open": "warning", "posted": "success", "dismissed": "muted"}
REFUSALS = (
    differences.DifferenceDecided,
    differences.DifferenceChanged,
    amounts.InvalidReason,
    ledger.LedgerBusy,
)
CONSUMPTION = [
    columns.quantity("consumption_before", "Charged for", kind="utility"),
    columns.quantity("consumption_after", "Used by now", kind="utility"),
]
AMOUNTS = [columns.money("charged", "Charged"), columns.money("amount", "Difference")]

type Decide = Callable[[str, User], object]


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
        columns.text("month", "Closed up to"),
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


@admin.register(BillDifference)
class BillDifferenceAdmin(ReadOnlyAdmin):
    """What facts since would change of closed months; a person posts or dismisses it."""

    list_display = [
        columns.text("estate.code", "Estate"),
        columns.text("wallet.unit.unit_number", "Unit"),
        columns.chip("utility", UTILITY),
        columns.text("month"),
        *CONSUMPTION,
        *AMOUNTS,
        columns.choice("cause"),
        columns.chip("state", STATE),
    ]
    list_filter = [
        ("estate", EstateFilter),
        ("state", ChoicesDropdownFilter),
        ("cause", ChoicesDropdownFilter),
        ("utility", ChoicesDropdownFilter),
        ("month", RangeDateFilter),
    ]
    list_select_related = ["estate", "wallet__unit"]
    search_fields = ["wallet__unit__unit_number", "estate__code"]
    ordering = ["-found_at", "-id"]
    readonly_fields = [*CONSUMPTION, *AMOUNTS]
    fieldsets = [
        (None, {"fields": ["wallet", "utility", "month", "since", "bill", "cause", "found_at"]}),
        ("Amounts", {"fields": [*CONSUMPTION, *AMOUNTS]}),
        (
            "Decision",
            {"fields": ["state", "reason", "decided_by", "decided_at", "transaction"]},
        ),
    ]
    actions_detail = ["post_difference", "dismiss"]

    def title_of(self, obj: BillDifference) -> str:
        return f"{wallet_name(obj.wallet)}, {obj.utility} {obj.month:%B %Y}"

    def has_decide_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("wallets.adjust_wallet"):
            return False
        found = self.get_object(request, object_id)
        return found is None or found.state == BillDifference.State.OPEN

    @action("Post", permission="decide", icon="task_alt")
    def post_difference(self, request: HttpRequest, object_id: str) -> HttpResponse:
        found = self.object_or_404(request, object_id)
        charged = "charged" if found.amount > 0 else "given back"
        words = f"{formats.money_text(abs(found.amount))} is {charged} today, linked to the bill."

        def decide(reason: str, actor: User) -> object:
            return differences.post(
                difference_id=found.pk, reason=reason, posted_at=timezone.now(), actor=actor
            )

        return self._ask(request, found, "Post", words, decide)

    @action("Dismiss", permission="decide", icon="block")
    def dismiss(self, request: HttpRequest, object_id: str) -> HttpResponse:
        found = self.object_or_404(request, object_id)
        words = "The month stays as it was charged. The same difference is not shown again."

        def decide(reason: str, actor: User) -> object:
            return differences.dismiss(
                difference_id=found.pk, reason=reason, dismissed_at=timezone.now(), actor=actor
            )

        return self._ask(request, found, "Dismiss", words, decide)

    def _ask(
        self, request: HttpRequest, found: Any, word: str, words: str, decide: Decide
    ) -> HttpResponse:
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                decide(form.cleaned_data["reason"], signed_in(request))
            except REFUSALS as error:
                form.add_error(None, str(error))
            except BillDifference.DoesNotExist:
                messages.info(request, "The facts came back to what was charged: nothing differs.")
                return HttpResponseRedirect(reverse("admin:wallets_billdifference_changelist"))
            else:
                messages.success(request, f"{word}: done.")
                return HttpResponseRedirect(object_url(found))
        return ask(
            request,
            self,
            found,
            title=f"{word} a difference",
            intro=f"{self.title_of(found)}: {found.get_cause_display().lower()}. {words}",
            form=form,
            submit_words=word,
        )
