"""Wallets: what they hold, and what one asks of them."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from quantify.api.serializers import CENT, Form, Money, ResourceSerializer
from rates.models import UTILITIES
from wallets.api.transactions import TransactionSerializer, account_name
from wallets.models import Transaction, Wallet

METHODS = [choice for choice in Transaction.Method.choices if choice[0] != "system"]
WALLET_FIELDS = (
    "id", "unit", "unit_number", "estate", "estate_code", "balance", "pockets", "arrears",
    "is_suspended", "low_balance_limit", "effective_low_balance_limit", "is_low", "created_at",
    "updated_at",
)  # fmt: skip


class PocketsSerializer(serializers.Serializer):
    available = Money()
    electricity = Money()
    water = Money()
    solar = Money()


class WalletSerializer(ResourceSerializer):
    """A wallet; `balance` is the sum of its pockets, `arrears` what is owed besides."""

    unit_number = serializers.CharField(source="unit.unit_number", read_only=True)
    estate = serializers.UUIDField(source="unit.estate_id", read_only=True)
    estate_code = serializers.CharField(source="unit.estate.code", read_only=True)
    balance = Money(read_only=True)
    pockets = PocketsSerializer(source="*", read_only=True)
    low_balance_limit = Money(allow_null=True, required=False, min_value=Decimal(0))
    effective_low_balance_limit = Money(source="limit", read_only=True)
    is_low = serializers.SerializerMethodField()

    class Meta:
        model = Wallet
        fields: tuple[str, ...] = WALLET_FIELDS
        read_only_fields = ("unit", "arrears")

    def get_is_low(self, wallet: Any) -> bool:
        return bool(wallet.balance < wallet.limit)


class WalletDetailSerializer(WalletSerializer):
    """A wallet with its newest transactions."""

    transactions = TransactionSerializer(source="newest", many=True, read_only=True)

    class Meta(WalletSerializer.Meta):
        fields = (*WALLET_FIELDS, "transactions")


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
