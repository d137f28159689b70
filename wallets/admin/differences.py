"""What was learned of closed months since: differences that a person posts or dismisses."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from accounts.models import User
from accounts.people import signed_in
from quantify.money import ZERO
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import ReadOnlyAdmin
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ReasonForm, ask, object_url, selection
from wallets import amounts, ledger
from wallets.admin.bills import MONTH, UTILITY
from wallets.admin.wallets import wallet_name
from wallets.billing import differences
from wallets.models import BillDifference
from wallets.models.closings import BillDifferenceQuerySet

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
OF_WALLET = columns.link("wallet", label=wallet_name)
AMOUNTS = [columns.money("charged", "Charged"), columns.money("amount", "Difference")]

CAME_BACK = "The facts came back to what was charged: nothing differs."
# Each is priced anew under the lock of its wallet.
AT_ONCE = 200

type Decide = Callable[[BillDifference, str, User], object]


@admin.register(BillDifference)
class BillDifferenceAdmin(ReadOnlyAdmin):
    """What facts since would change of closed months; a person posts or dismisses it."""

    list_display = [
        columns.text("estate.code", "Estate"),
        columns.text("wallet.unit.unit_number", "Unit"),
        columns.chip("utility", UTILITY),
        MONTH,
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
    readonly_fields = [OF_WALLET, MONTH, *CONSUMPTION, *AMOUNTS]
    fieldsets = [
        (None, {"fields": [OF_WALLET, "utility", MONTH, "since", "bill", "cause", "found_at"]}),
        ("Amounts", {"fields": [*CONSUMPTION, *AMOUNTS]}),
        (
            "Decision",
            {"fields": ["state", "reason", "decided_by", "decided_at", "transaction"]},
        ),
    ]
    actions_detail = ["post_difference", "dismiss"]
    actions = ["post_selected", "dismiss_selected"]

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
        return self._ask(request, found, "Post", words, _post)

    @action("Dismiss", permission="decide", icon="block")
    def dismiss(self, request: HttpRequest, object_id: str) -> HttpResponse:
        found = self.object_or_404(request, object_id)
        words = "The month stays as it was charged. The same difference is not shown again."
        return self._ask(request, found, "Dismiss", words, _dismiss)

    @admin.action(description="Post the selected", permissions=["decide"])
    def post_selected(
        self, request: HttpRequest, queryset: BillDifferenceQuerySet
    ) -> HttpResponse | None:
        words = (
            "What is owed is charged today, what is due is given back; each is linked to its bill."
        )
        return self._ask_for_all(request, queryset, "Post", words, _post)

    @admin.action(description="Dismiss the selected", permissions=["decide"])
    def dismiss_selected(
        self, request: HttpRequest, queryset: BillDifferenceQuerySet
    ) -> HttpResponse | None:
        words = "The months stay as they were charged. The same differences are not shown again."
        return self._ask_for_all(request, queryset, "Dismiss", words, _dismiss)

    def _ask_for_all(
        self,
        request: HttpRequest,
        selected: BillDifferenceQuerySet,
        word: str,
        words: str,
        decide: Decide,
    ) -> HttpResponse | None:
        """One reason for many; each is decided by itself, so that one refusal stops no other."""
        found = list(selected.open()[: AT_ONCE + 1])
        if not found or len(found) > AT_ONCE:
            messages.warning(request, f"Select from 1 to {AT_ONCE} open differences.")
            return None
        form = ReasonForm(request.POST if "_confirm" in request.POST else None)
        if not form.is_valid():
            total = formats.money_text(sum((one.amount for one in found), ZERO))
            return ask(
                request,
                self,
                None,
                title=f"{word} differences",
                intro=f"{len(found)} differences, {total} in all. {words}",
                form=form,
                submit_words=word,
                hidden=selection(request, (one.pk for one in found)),
            )
        self._decide_all(request, found, word, form.cleaned_data["reason"], decide)
        return None

    def _decide_all(
        self,
        request: HttpRequest,
        found: Sequence[BillDifference],
        word: str,
        reason: str,
        decide: Decide,
    ) -> None:
        done = 0
        for one in found:
            try:
                decide(one, reason, signed_in(request))
            except REFUSALS as error:
                messages.error(request, f"{self.title_of(one)}: {error}")
            except BillDifference.DoesNotExist:
                messages.info(request, f"{self.title_of(one)}: {CAME_BACK}")
            else:
                done += 1
        messages.success(request, f"{word}: {done} of {len(found)} done.")

    def _ask(
        self, request: HttpRequest, found: Any, word: str, words: str, decide: Decide
    ) -> HttpResponse:
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                decide(found, form.cleaned_data["reason"], signed_in(request))
            except REFUSALS as error:
                form.add_error(None, str(error))
            except BillDifference.DoesNotExist:
                messages.info(request, CAME_BACK)
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


def _post(difference: BillDifference, reason: str, actor: User) -> object:
    return differences.post(
        difference_id=difference.pk, reason=reason, posted_at=timezone.now(), actor=actor
    )


def _dismiss(difference: BillDifference, reason: str, actor: User) -> object:
    return differences.dismiss(
        difference_id=difference.pk, reason=reason, dismissed_at=timezone.now(), actor=actor
    )
