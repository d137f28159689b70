"""Forms of the office's counter: money taken in, paid back, corrected, charged, reversed."""

import hashlib
import json
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.models import User
from quantify.ids import uuid7
from rates.models import UTILITIES
from wallets import amounts, topups
from wallets.ledger import NotReversible
from wallets.models import SuspenseReceipt, Transaction, Wallet
from wallets.office import refunds, suspense
from wallets.pockets import InsufficientBalance

Method = Transaction.Method
PAID_BY = [(m.value, m.label) for m in (Method.EFT, Method.CARD, Method.INSTANT_EFT, Method.CASH)]
BACK_BY = [(m.value, m.label) for m in refunds.METHODS]
GIVE, TAKE = "give", "take"


class CounterForm(forms.Form):
    """
    What a person asks the ledger for.

    The hidden key names this one request, so that a second click is answered with the first
    transaction. `beside` says which field an error of the ledger belongs to.
    """

    key = forms.UUIDField(widget=forms.HiddenInput)
    beside: dict[type[Exception], str] = {}

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].initial = uuid7
        self._user = user

    def asked(self) -> dict[str, Any]:
        """What was filled in, without the key."""
        return {name: value for name, value in self.cleaned_data.items() if name != "key"}

    def once(self, subject: object) -> dict[str, Any]:
        """
        The key as the ledger takes it, and what tells the same request from another under it.

        `subject` is what the request is about: the wallet, or the transaction.
        """
        written = {name: str(value) for name, value in self.asked().items()}
        content = json.dumps([str(subject), written], sort_keys=True)
        return {
            "idempotency_key": f"portal:{self._user.pk}:{self.cleaned_data['key']}",
            "request_digest": hashlib.sha256(content.encode()).hexdigest(),
        }

    def refuse(self, error: Exception) -> None:
        """Show why the ledger refused, beside the field that it is about."""
        for kind, name in self.beside.items():
            if isinstance(error, kind) and name in self.fields:
                self.add_error(name, str(error))
                return
        self.add_error(None, str(error))


def _amount(label: str = "Amount, R", help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        max_digits=12,
        decimal_places=2,
        help_text=help_text,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal", "autofocus": True}),
    )


def _reason() -> forms.CharField:
    return forms.CharField(
        max_length=250,
        help_text="Kept for ever with your name, and shown on the transaction.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


def _reference(help_text: str) -> forms.CharField:
    return forms.CharField(
        max_length=140, required=False, help_text=help_text, widget=UnfoldAdminTextInputWidget
    )


class TopUpForm(CounterForm):
    """Money a person takes in for a wallet."""

    amount = _amount()
    payment_method = forms.ChoiceField(choices=PAID_BY, widget=UnfoldAdminSelectWidget)
    reference = _reference("As on the bank statement or the receipt.")
    utility = forms.ChoiceField(
        label="For",
        choices=[("", "Any utility"), *UTILITIES],
        required=False,
        help_text="What is owed is cleared first, whatever is chosen.",
        widget=UnfoldAdminSelectWidget,
    )
    beside = {topups.BelowMinimum: "amount", topups.AboveMaximum: "amount"}

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        if user.has_perm("wallets.adjust_wallet"):
            methods = [*PAID_BY, (Method.ADJUSTMENT.value, Method.ADJUSTMENT.label)]
            self.fields["payment_method"].choices = methods  # type: ignore[attr-defined]


class OfficeForm(CounterForm):
    """An amount moved by hand, and why."""

    amount = _amount()
    reason = _reason()
    reference = _reference("Optional: a letter, a job card, an invoice.")
    beside = {
        amounts.InvalidAmount: "amount",
        InsufficientBalance: "amount",
        amounts.InvalidReason: "reason",
    }


class RefundForm(OfficeForm):
    """Money paid back to the resident."""

    payment_method = forms.ChoiceField(
        label="Paid back by",
        choices=BACK_BY,
        help_text="Quantify does not send money: pay it out, then post it here.",
        widget=UnfoldAdminSelectWidget,
    )
    field_order = ("amount", "payment_method", "reason", "reference")
    beside = {**OfficeForm.beside, refunds.UnknownMethod: "payment_method"}


class ServiceChargeForm(OfficeForm):
    """What the office did for the resident, and its price."""

    amount = _amount("Amount, R, VAT included")


class AdjustmentForm(OfficeForm):
    """A correction in either direction; the direction is chosen, so that no sign is missed."""

    direction = forms.ChoiceField(
        choices=[(GIVE, "Give to the wallet"), (TAKE, "Take from the wallet")],
        widget=UnfoldAdminSelectWidget,
    )
    field_order = ("direction", "amount", "reason", "reference")

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if amount < 0:
            raise forms.ValidationError("Give the amount without a sign; choose the direction.")
        return amount

    def asked(self) -> dict[str, Any]:
        """What was filled in, with the amount signed."""
        asked = super().asked()
        if asked.pop("direction") == TAKE:
            asked["amount"] = -asked["amount"]
        return asked


class ReversalForm(CounterForm):
    """Why a transaction is undone; who may override is asked whether spent money becomes owed."""

    reason = _reason()
    override = forms.BooleanField(
        label="Also if the money was spent since",
        required=False,
        help_text="What the wallet no longer holds becomes arrears of the resident.",
        widget=UnfoldBooleanWidget,
    )
    beside = {amounts.InvalidReason: "reason", NotReversible: "override"}

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        if not user.has_perm("wallets.override_reversal"):
            del self.fields["override"]


class AllocationForm(CounterForm):
    """Money in suspense and the home that it was meant for."""

    amount = _amount()
    unit = forms.CharField(
        max_length=60,
        help_text="As WC001 A-101; the number alone where the estate is known.",
        widget=UnfoldAdminTextInputWidget(),
    )
    utility = forms.ChoiceField(
        label="For",
        choices=[("", "Any utility"), *UTILITIES],
        required=False,
        help_text="What is owed is cleared first, whatever is chosen.",
        widget=UnfoldAdminSelectWidget,
    )

    beside = {
        amounts.InvalidAmount: "amount",
        suspense.NotEnoughLeft: "amount",
        suspense.AnotherEstate: "unit",
    }

    def __init__(self, *args: Any, receipt: SuspenseReceipt, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].initial = suspense.left(receipt)
        self._receipt = receipt

    def clean_unit(self) -> Wallet:
        *code, number = self.cleaned_data["unit"].split(maxsplit=1)
        wallets = Wallet.objects.visible_to(self._user).select_related("unit__estate")
        wallets = wallets.filter(unit__unit_number__iexact=number, unit__deleted_at=None)
        if code:
            wallets = wallets.filter(unit__estate__code__iexact=code[0])
        elif self._receipt.estate_id:
            wallets = wallets.filter(unit__estate=self._receipt.estate_id)
        found = list(wallets[:2])
        if len(found) != 1:
            raise forms.ValidationError("Name one home: the estate's code and the unit's number.")
        return found[0]


class SettleForm(forms.Form):
    """How the account of a person who moved out is closed."""

    payment_method = forms.ChoiceField(
        label="What is left",
        choices=[("", "Is kept for the person"), *BACK_BY],
        required=False,
        help_text="Quantify does not send money: pay it out, then settle.",
        widget=UnfoldAdminSelectWidget,
    )
    reference = _reference("Optional: as on the payment or the letter.")
    accept_estimates = forms.BooleanField(
        label="Accept estimated final readings", required=False, widget=UnfoldBooleanWidget
    )


class CollectForm(CounterForm):
    """A former resident's payment."""

    amount = _amount()
    payment_method = forms.ChoiceField(choices=PAID_BY, widget=UnfoldAdminSelectWidget)
    reference = _reference("As on the bank statement or the receipt.")
