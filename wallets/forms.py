"""Forms of the top-up counter."""

import hashlib
import json
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from quantify.ids import uuid7
from rates.models import UTILITIES
from wallets.models import Transaction, Wallet

Method = Transaction.Method
PAID_BY = [(m.value, m.label) for m in (Method.EFT, Method.CARD, Method.INSTANT_EFT, Method.CASH)]


class TopUpForm(forms.Form):
    """
    Money a person takes in for a wallet.

    The hidden key names this one payment, so that a second click is answered with the first
    transaction.
    """

    amount = forms.DecimalField(
        label="Amount, R",
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal", "autofocus": True}),
    )
    payment_method = forms.ChoiceField(choices=PAID_BY, widget=UnfoldAdminSelectWidget)
    reference = forms.CharField(
        max_length=140,
        required=False,
        help_text="As on the bank statement or the receipt.",
        widget=UnfoldAdminTextInputWidget,
    )
    utility = forms.ChoiceField(
        label="For",
        choices=[("", "Any utility"), *UTILITIES],
        required=False,
        help_text="What is owed is cleared first, whatever is chosen.",
        widget=UnfoldAdminSelectWidget,
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].initial = uuid7
        self._user = user
        if user.has_perm("wallets.adjust_wallet"):
            methods = [*PAID_BY, (Method.ADJUSTMENT.value, Method.ADJUSTMENT.label)]
            self.fields["payment_method"].choices = methods  # type: ignore[attr-defined]

    def payment(self) -> dict[str, Any]:
        """What was filled in, without the key."""
        return {name: value for name, value in self.cleaned_data.items() if name != "key"}

    def idempotency_key(self) -> str:
        return f"portal:{self._user.pk}:{self.cleaned_data['key']}"

    def digest(self, wallet: Wallet) -> str:
        """Tells the same payment sent twice from another one under the same key."""
        written = {name: str(value) for name, value in self.payment().items()}
        content = json.dumps([str(wallet.pk), written], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()
