"""The buttons of a wallet's page that move money by hand."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.people import signed_in
from estates.models import EstateSettings
from quantify.portal import formats
from quantify.portal.actions import action
from wallets.admin import counter
from wallets.admin.counter import Errand
from wallets.models import Wallet
from wallets.office import adjustments, refunds, service_charges
from wallets.office.forms import (
    AdjustmentForm,
    CounterForm,
    OfficeForm,
    RefundForm,
    ServiceChargeForm,
)
from wallets.office.rehearsal import Operation
from wallets.pockets import pockets_of


class OfficeActions:
    """Refund, adjust and charge for a service: each asked, previewed and posted once."""

    def has_refund_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("wallets.refund_wallet")

    def has_adjust_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("wallets.adjust_wallet")

    @action("Refund", permission="refund", icon="undo")
    def refund(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Pay back what is available above what is owed."""
        wallet = self.object_or_404(request, object_id)
        free = formats.money_text(pockets_of(wallet).free)
        form = RefundForm(request.POST or None, user=signed_in(request))
        return _serve(
            request,
            self,
            wallet,
            form,
            operation=_posting(refunds.refund, request, wallet, form),
            name="Refund",
            intro=f"{free} can be paid back: what is available less what is owed.",
            done="was refunded.",
        )

    @action("Adjust", permission="adjust", icon="balance")
    def adjust(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Correct the wallet; above the estate's limit it becomes a proposal."""
        wallet = self.object_or_404(request, object_id)
        limit = EstateSettings.objects.get(estate=wallet.unit.estate_id).adjustment_limit
        form = AdjustmentForm(request.POST or None, user=signed_in(request))
        return _serve(
            request,
            self,
            wallet,
            form,
            operation=_posting(adjustments.adjust, request, wallet, form),
            name="Adjust",
            intro=(
                f"{_available(wallet)} Up to {formats.money_text(limit)} you adjust alone; "
                "more is proposed, and a second person decides."
            ),
            done="was adjusted.",
        )

    @action("Service charge", permission="adjust", icon="handyman")
    def service_charge(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Charge for what the office did; what is not available becomes arrears."""
        wallet = self.object_or_404(request, object_id)
        form = ServiceChargeForm(request.POST or None, user=signed_in(request))
        return _serve(
            request,
            self,
            wallet,
            form,
            operation=_posting(service_charges.charge, request, wallet, form),
            name="Charge",
            intro=f"{_available(wallet)} What it does not cover becomes arrears.",
            done="was charged.",
        )


def _serve(
    request: HttpRequest,
    page: Any,
    wallet: Wallet,
    form: CounterForm,
    *,
    operation: Operation,
    name: str,
    **words: str,
) -> HttpResponse:
    errand = Errand(
        of=wallet,
        wallet=wallet,
        form=form,
        operation=operation,
        verb=name,
        title=f"{name}: {page.title_of(wallet)}",
        **words,
    )
    return counter.serve(request, page, errand)


def _posting(operation: Any, request: HttpRequest, wallet: Wallet, form: OfficeForm) -> Operation:
    return lambda: operation(
        wallet_id=wallet.pk,
        occurred_at=timezone.now(),
        actor=signed_in(request),
        **form.asked(),
        **form.once(wallet.pk),
    )


def _available(wallet: Wallet) -> str:
    return f"{formats.money_text(wallet.available)} is available."
