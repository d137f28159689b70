"""Wallets: what they hold, and what one asks of them."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from estates.models import EstateSettings
from quantify.api.serializers import CENT, Form, Money, ResourceSerializer
from quantify.api.showing import Direct
from quantify.api.withholding import Withholding
from rates.models import UTILITIES
from wallets import limits
from wallets.api import forecast
from wallets.api.forecast import ForecastSerializer
from wallets.api.transactions import TransactionSerializer, account_name
from wallets.models import Transaction, Wallet

METHODS = [choice for choice in Transaction.Method.choices if choice[0] != "system"]
WALLET_FIELDS = (
    "id", "unit", "unit_number", "estate", "estate_code", "balance", "pockets", "arrears",
    "is_suspended", "low_balance_limit", *limits.OWN, "effective_low_balance_limit",
    "warning_terms", "is_low", "created_at", "updated_at",
)  # fmt: skip


class PocketsSerializer(Direct):
    available = Money()
    electricity = Money()
    water = Money()
    solar = Money()


SOURCE = [(limits.ESTATE, "The estate's settings"), (limits.WALLET, "The wallet itself")]


class TermSourcesSerializer(serializers.Serializer):
    """Whether the estate or the wallet sets each term."""

    rule = serializers.ChoiceField(SOURCE)
    limit = serializers.ChoiceField(SOURCE)
    days = serializers.ChoiceField(SOURCE)
    repeat_hours = serializers.ChoiceField(SOURCE)
    critical_percent = serializers.ChoiceField(SOURCE)


class WarningTermsSerializer(serializers.Serializer):
    """When the resident is told that money runs out, and where each term comes from."""

    rule = serializers.ChoiceField(EstateSettings.LowBalanceRule.choices)
    limit = Money()
    days = serializers.IntegerField()
    repeat_hours = serializers.IntegerField()
    critical_percent = serializers.DecimalField(max_digits=5, decimal_places=2)
    sources = TermSourcesSerializer()

    def to_representation(self, wallet: Any) -> Any:
        found = {
            name.removeprefix("low_balance_"): term
            for name, term in limits.inherited(wallet).items()
        }
        shown: dict[str, Any] = {name: term.value for name, term in found.items()}
        shown["sources"] = {name: term.source for name, term in found.items()}
        return super().to_representation(shown)


class OwnRule(serializers.ChoiceField):
    """The rule of a wallet itself, null if it has none."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(value) or None


class WalletSerializer(ResourceSerializer):
    """
    A wallet; `balance` is the sum of its pockets, `arrears` what is owed besides.

    A term of its warnings that is null is its estate's; `warning_terms` are those that hold.
    `is_low` tells of the amount alone, whatever the rule.
    """

    unit_number = serializers.CharField(source="unit.unit_number", read_only=True)
    estate = serializers.UUIDField(source="unit.estate_id", read_only=True)
    estate_code = serializers.CharField(source="unit.estate.code", read_only=True)
    balance = Money(read_only=True)
    pockets = PocketsSerializer(source="*", read_only=True)
    low_balance_limit = Money(allow_null=True, required=False, min_value=Decimal(0))
    low_balance_rule = OwnRule(
        EstateSettings.LowBalanceRule.choices,
        source="warning_terms.low_balance_rule", allow_null=True, required=False,
    )  # fmt: skip
    low_balance_days = serializers.IntegerField(
        source="warning_terms.low_balance_days", allow_null=True, required=False,
        min_value=1, max_value=60,
    )  # fmt: skip
    low_balance_repeat_hours = serializers.IntegerField(
        source="warning_terms.low_balance_repeat_hours", allow_null=True, required=False,
        min_value=1, max_value=720,
    )  # fmt: skip
    low_balance_critical_percent = serializers.DecimalField(
        max_digits=5, decimal_places=2, min_value=Decimal(0), max_value=Decimal(100),
        source="warning_terms.low_balance_critical_percent", allow_null=True, required=False,
    )  # fmt: skip
    effective_low_balance_limit = Money(source="limit", read_only=True)
    warning_terms = WarningTermsSerializer(source="*", read_only=True)
    is_low = serializers.SerializerMethodField()

    class Meta:
        model = Wallet
        fields: tuple[str, ...] = WALLET_FIELDS
        read_only_fields = ("unit", "arrears")

    def get_is_low(self, wallet: Any) -> bool:
        return bool(wallet.balance < wallet.limit)


class WalletDetailSerializer(Withholding, WalletSerializer):
    """A wallet with how long its money lasts, and its newest transactions."""

    forecast = serializers.SerializerMethodField()
    transactions = TransactionSerializer(
        source="newest", many=True, read_only=True, allow_null=True
    )

    withheld_without = {"transactions": "wallets.view_transaction"}

    class Meta(WalletSerializer.Meta):
        fields = (*WALLET_FIELDS, "forecast", "transactions")

    @extend_schema_field(ForecastSerializer())
    def get_forecast(self, wallet: Wallet) -> Any:
        return ForecastSerializer(forecast.at_last_quarter(wallet.pk)).data


class TopUpForm(Form):
    amount = Money(min_value=CENT)
    payment_method = serializers.ChoiceField(METHODS)
    reference = serializers.CharField(max_length=140, allow_blank=True, default="")
    utility = serializers.ChoiceField(UTILITIES, allow_blank=True, default="")
    metadata = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True), default=dict
    )


class PurchaseForm(Form):
    utility = serializers.ChoiceField(UTILITIES)
    amount = Money(min_value=CENT)


class ReversalForm(Form):
    reason = serializers.CharField(max_length=250)
    override = serializers.BooleanField(default=False)


class PartSerializer(serializers.Serializer):
    """A share of a top-up and where it goes."""

    account = serializers.SerializerMethodField()
    amount = Money()

    @extend_schema_field({"type": "string"})
    def get_account(self, part: Any) -> str:
        return account_name(part.account)


class MovedSerializer(serializers.Serializer):
    """What moving money answers: the transaction, and the balance right after it."""

    transaction = TransactionSerializer(allow_null=True)
    balance = Money()


class ToppedUpSerializer(MovedSerializer):
    """`transaction` is null in a preview, and `balance` what it would be."""

    split = PartSerializer(many=True)
