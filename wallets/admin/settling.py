"""The button that closes the account of who moved out."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from accounts.people import signed_in
from quantify.periods import local_day
from quantify.portal.actions import action
from quantify.portal.pages import ask, object_url
from units.models import Occupancy
from wallets import ledger
from wallets.models import Wallet
from wallets.office import final_readings, refunds, settlement
from wallets.office.forms import SettleForm

REFUSALS = (
    settlement.NotEnded,
    settlement.SettledBefore,
    settlement.NotBilled,
    settlement.PaidSince,
    final_readings.ReadingMissing,
    refunds.UnknownMethod,
    ledger.LedgerBusy,
)


class SettleAction:
    """Asked, shown with its readings and amounts, then done once."""

    def has_settle_permission(self: Any, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("wallets.add_settlement")

    @action("Settle", permission="settle", icon="no_accounts")
    def settle(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Close the account of the occupancy that ended last."""
        wallet = self.object_or_404(request, object_id)
        today = local_day(timezone.now(), wallet.unit.estate.zone)
        occupancy = settlement.last_ended(wallet.unit_id, today)
        if occupancy is None:
            messages.error(request, "Nobody has moved out of this unit.")
            return HttpResponseRedirect(object_url(wallet))
        form = SettleForm(request.POST or None)
        if request.method != "POST" or "_edit" in request.POST or not form.is_valid():
            return _asked(request, self, wallet, occupancy, form)
        try:
            return _served(request, self, wallet, occupancy, form)
        except REFUSALS as error:
            form.add_error(None, str(error))
            return _asked(request, self, wallet, occupancy, form)


def _asked(
    request: HttpRequest, page: Any, wallet: Wallet, occupancy: Occupancy, form: SettleForm
) -> HttpResponse:
    return ask(
        request,
        page,
        wallet,
        title=f"Settle: {page.title_of(wallet)}",
        intro=f"{occupancy.resident} lived here from {occupancy.starts_on} to {occupancy.ends_on}.",
        form=form,
        submit_words="Preview",
        template="portal/counter.html",
    )


def _served(
    request: HttpRequest, page: Any, wallet: Wallet, occupancy: Occupancy, form: SettleForm
) -> HttpResponse:
    now = timezone.now()
    if "_confirm" in request.POST:
        done = settlement.settle(
            occupancy_id=occupancy.pk,
            settled_at=now,
            actor=signed_in(request),
            **form.cleaned_data,
        )
        again = " It was settled before; nothing was posted twice." if done.replayed else ""
        messages.success(request, f"{done.settlement}: settled.{again}")
        return HttpResponseRedirect(object_url(done.settlement))
    seen = settlement.preview(occupancy_id=occupancy.pk, settled_at=now, **form.cleaned_data)
    if seen.replayed:
        return HttpResponseRedirect(object_url(seen.settlement))
    return ask(
        request,
        page,
        wallet,
        title=f"Confirm the settlement: {page.title_of(wallet)}",
        form=form,
        made=seen.settlement,
        template="portal/settlement_preview.html",
    )
