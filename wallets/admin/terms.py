"""The terms on which a wallet is warned: its own beside those of its estate."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from estates.models import EstateSettings
from quantify.portal import formats
from wallets import limits
from wallets.limits import Inherited
from wallets.models import Wallet

RULES = EstateSettings.LowBalanceRule


class WalletForm(forms.ModelForm):
    """What the office sets on a wallet; an empty term is as the estate has it."""

    low_balance_rule = forms.ChoiceField(
        label="Warn", choices=[], required=False, widget=UnfoldAdminSelectWidget
    )
    low_balance_days = forms.IntegerField(
        label="Low balance days",
        min_value=1,
        max_value=60,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    low_balance_repeat_hours = forms.IntegerField(
        label="Repeat after hours",
        min_value=1,
        max_value=720,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    low_balance_critical_percent = forms.DecimalField(
        label="Critical below percent",
        min_value=0,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget,
    )

    class Meta:
        model = Wallet
        fields = ("is_suspended", "low_balance_limit")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = getattr(self.instance, "warning_terms", None)
        settings = self.instance.unit.estate.settings
        for name in limits.OWN:
            self.initial.setdefault(name, getattr(own, name, None))
        for name in set(limits.ALL) & set(self.fields):
            theirs = _value(name, getattr(settings, name))
            self.fields[name].help_text = f"Empty: as the estate has it, {theirs}."
        if (rule := self.fields.get("low_balance_rule")) is not None:
            rule.choices = [("", "As the estate does"), *RULES.choices]  # type: ignore[attr-defined]

    def own_terms(self) -> dict[str, Any]:
        """The wallet's own terms that were changed."""
        return {name: self.cleaned_data[name] for name in limits.OWN if name in self.changed_data}


def in_words(wallet: Wallet) -> str:
    """What holds for a wallet and where each part comes from."""
    return "; ".join(
        f"{NAMES[name]} {_value(name, term.value)}{_source(term)}"
        for name, term in limits.inherited(wallet).items()
    )


NAMES = {
    "low_balance_rule": "rule:",
    "low_balance_limit": "amount",
    "low_balance_days": "days",
    "low_balance_repeat_hours": "repeated after hours:",
    "low_balance_critical_percent": "critical below percent:",
}


def _source(term: Inherited) -> str:
    return " (this wallet)" if term.source == limits.WALLET else " (estate)"


def _value(name: str, value: Any) -> str:
    if name == "low_balance_rule":
        return RULES(value).label.lower()
    return formats.money_text(value) if name == "low_balance_limit" else f"{value}"
