"""
The counter of the office: ask, show what would happen, post once, lead to the transaction.

A refusal is shown beside the field it is about, with everything that was typed still there.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from quantify.portal import formats
from quantify.portal.pages import ask, object_url
from wallets import amounts, ledger, topups
from wallets.ledger import Posted
from wallets.models import AdjustmentProposal, Wallet
from wallets.office import refunds
from wallets.office.forms import CounterForm
from wallets.office.rehearsal import Operation, Rehearsed, rehearse
from wallets.pockets import InsufficientBalance, Pockets

REFUSALS = (
    amounts.InvalidAmount,
    amounts.InvalidReason,
    refunds.UnknownMethod,
    topups.BelowMinimum,
    topups.AboveMaximum,
    InsufficientBalance,
    ledger.WalletSuspended,
    ledger.EstateClosed,
    ledger.AlreadyReversed,
    ledger.NotReversible,
    ledger.IdempotencyKeyReused,
    ledger.LedgerBusy,
)
SHARES = ("available", "electricity", "water", "solar")
AGAIN = "It was posted before; nothing was posted twice."
PROPOSED = "Proposed. No money has moved: a second person approves or rejects it."


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What an operator asks the ledger for: the words of its pages, its form, the operation."""

    of: Any
    wallet: Wallet
    verb: str
    title: str
    intro: str
    done: str
    form: CounterForm
    operation: Operation
    look: str = "primary"


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a wallet's money, now and then."""

    what: str
    before: Decimal
    after: Decimal
    is_sum: bool = False

    @property
    def change(self) -> Decimal:
        return self.after - self.before


def serve(request: HttpRequest, page: ModelAdmin, errand: Errand) -> HttpResponse:
    """Answer each step of an errand."""
    form = errand.form
    if "_edit" in request.POST or not form.is_valid():
        return _asked(request, page, errand)
    try:
        if "_confirm" in request.POST:
            return _finished(request, errand, errand.operation())
        rehearsed = rehearse(errand.wallet.pk, errand.operation)
    except REFUSALS as error:
        form.refuse(error)
        return _asked(request, page, errand)
    if isinstance(rehearsed.answer, Posted) and rehearsed.answer.replayed:
        return _finished(request, errand, rehearsed.answer)
    return _previewed(request, page, errand, rehearsed)


def _asked(request: HttpRequest, page: ModelAdmin, errand: Errand) -> HttpResponse:
    return ask(
        request,
        page,
        errand.of,
        title=errand.title,
        intro=errand.intro,
        form=errand.form,
        submit_words="Preview",
        template="portal/counter.html",
    )


def _previewed(
    request: HttpRequest, page: ModelAdmin, errand: Errand, rehearsed: Rehearsed
) -> HttpResponse:
    proposal = isinstance(rehearsed.answer, AdjustmentProposal)
    return ask(
        request,
        page,
        errand.of,
        title=f"Confirm: {errand.title}",
        form=errand.form,
        filled_in=_filled_in(errand.form),
        steps=_steps(rehearsed.before, rehearsed.after),
        new_arrears=max(rehearsed.after.arrears - rehearsed.before.arrears, Decimal(0)),
        proposal=rehearsed.answer if proposal else None,
        submit_words="Propose" if proposal else errand.verb,
        submit_look=errand.look,
        template="portal/counter_preview.html",
    )


def _finished(
    request: HttpRequest, errand: Errand, answer: Posted | AdjustmentProposal
) -> HttpResponse:
    if isinstance(answer, AdjustmentProposal):
        messages.success(request, PROPOSED)
        return HttpResponseRedirect(object_url(answer))
    again = f" {AGAIN}" if answer.replayed else ""
    amount = formats.money_text(abs(answer.transaction.amount))
    messages.success(request, f"{answer.transaction}: {amount} {errand.done}{again}")
    return HttpResponseRedirect(object_url(answer.transaction))


def _steps(before: Pockets, after: Pockets) -> list[Step]:
    """The pockets, their sum and what is owed; a pocket that is and stays empty is left out."""
    shares = [Step(name, getattr(before, name), getattr(after, name)) for name in SHARES]
    return [
        *(step for step in shares if step.before or step.after),
        Step("balance", before.balance, after.balance, is_sum=True),
        Step("arrears", before.arrears, after.arrears),
    ]


def _filled_in(form: CounterForm) -> list[tuple[str, object]]:
    """What was typed or chosen, in the words of the form."""
    rows = [(str(field.label), _words(field)) for field in form.visible_fields()]
    return [(label, words) for label, words in rows if words != ""]


def _words(field: BoundField) -> object:
    value = field.form.cleaned_data[field.name]
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Decimal):
        return formats.money_text(value)
    return dict(getattr(field.field, "choices", ())).get(value, value)
