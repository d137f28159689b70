"""Adjustments above the estate's limit: proposed by one person, decided by another."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from accounts.people import signed_in
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import ReadOnlyAdmin
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ReasonForm, ask, object_url
from wallets import ledger
from wallets.admin.wallets import wallet_name
from wallets.models import AdjustmentProposal
from wallets.office import adjustments
from wallets.pockets import InsufficientBalance

STATE = {
    "proposed": "warning", "approved": "success", "rejected": "danger", "withdrawn": "muted",
}  # fmt: skip
REFUSALS = (
    adjustments.ProposalDecided,
    adjustments.OwnProposal,
    InsufficientBalance,
    ledger.WalletSuspended,
    ledger.EstateClosed,
    ledger.LedgerBusy,
)

type Decide = Callable[[AdjustmentProposal, str], object]


@admin.register(AdjustmentProposal)
class AdjustmentProposalAdmin(ReadOnlyAdmin):
    """What waits for a second person, and what became of the others."""

    list_display = [
        columns.moment("proposed_at", "Proposed"),
        columns.text("wallet.unit.unit_number", "Unit"),
        columns.text("estate.code", "Estate"),
        columns.money("amount"),
        columns.text("reason"),
        columns.chip("state", STATE),
        columns.text("proposed_by", "By"),
        columns.text("decided_by", "Decided by"),
    ]
    list_filter = [("estate", EstateFilter), ("state", ChoicesDropdownFilter)]
    list_select_related = ["wallet__unit", "estate", "proposed_by", "decided_by"]
    search_fields = ["reason", "reference", "wallet__unit__unit_number"]
    ordering = ["-proposed_at", "-id"]
    fields = [
        "wallet", "amount", "reason", "reference", "state", "proposed_by", "proposed_at",
        "decided_by", "decided_at", "note", "transaction",
    ]  # fmt: skip
    actions_detail = ["approve", "reject"]

    def has_decide_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("wallets.adjust_wallet"):
            return False
        proposal = self.get_object(request, object_id)
        return proposal is None or (
            proposal.state == AdjustmentProposal.State.PROPOSED
            and proposal.proposed_by_id != request.user.pk
        )

    @action("Approve", permission="decide", icon="task_alt")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def decide(proposal: AdjustmentProposal, note: str) -> object:
            return adjustments.approve(
                proposal_id=proposal.pk,
                note=note,
                decided_at=timezone.now(),
                actor=signed_in(request),
            )

        return self._ask(request, object_id, "Approve", decide)

    @action("Reject", permission="decide", icon="block")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def decide(proposal: AdjustmentProposal, note: str) -> object:
            return adjustments.reject(
                proposal_id=proposal.pk,
                note=note,
                decided_at=timezone.now(),
                actor=signed_in(request),
            )

        return self._ask(request, object_id, "Reject", decide)

    def _ask(self, request: HttpRequest, object_id: str, word: str, decide: Decide) -> HttpResponse:
        proposal = self.object_or_404(request, object_id)
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                decide(proposal, form.cleaned_data["reason"])
            except REFUSALS as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, f"{word}: done.")
                return HttpResponseRedirect(object_url(proposal))
        return ask(
            request,
            self,
            proposal,
            title=f"{word} an adjustment",
            intro=(
                f"{formats.money_text(proposal.amount)} for {wallet_name(proposal.wallet)}, "
                f"proposed by {proposal.proposed_by}: {proposal.reason}"
            ),
            form=form,
            submit_words=word,
        )
