"""Transactions as the API shows them: list, postings, and why a charge has its amount."""

from typing import Any

from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from quantify.api.serializers import Instant, Money, Quantity
from quantify.quantities import as_kilo
from wallets.models import Account, Charge, Posting, Transaction

TRANSACTION_FIELDS = (
    "id", "number", "wallet", "unit", "unit_number", "estate", "sequence", "kind", "utility",
    "amount", "balance_before", "balance_after", "arrears_after", "payment_method", "reference",
    "reason", "metadata", "reverses", "reversed_by", "actor", "occurred_at", "created_at",
    "updated_at",
)  # fmt: skip


def account_name(account: int) -> str:
    """The stable name of an account, such as `available` or `clearing_eft`."""
    return Account(account).name.lower()


def shaped(rows: QuerySet) -> QuerySet:
    """Transactions with what their answers show."""
    shown: QuerySet = rows.select_related("wallet__unit", "actor").annotate(
        reversal=F("reversed_by")
    )
    return shown


class TransactionSerializer(serializers.ModelSerializer):
    """One thing that happened to a wallet; it never changes."""

    number = serializers.CharField(source="__str__")
    unit = serializers.UUIDField(source="wallet.unit_id")
    unit_number = serializers.CharField(source="wallet.unit.unit_number")
    reversed_by = serializers.UUIDField(source="reversal", allow_null=True)
    actor = serializers.CharField(source="actor.username", default=None, allow_null=True)
    created_at = Instant(source="recorded_at")
    updated_at = Instant(source="recorded_at")

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = TRANSACTION_FIELDS


class PostingSerializer(serializers.ModelSerializer):
    """An amount moved from the credited to the debited account."""

    debit = serializers.SerializerMethodField()
    credit = serializers.SerializerMethodField()

    class Meta:
        model = Posting
        fields = ("line", "debit", "credit", "amount")

    @extend_schema_field({"type": "string"})
    def get_debit(self, posting: Posting) -> str:
        return account_name(posting.debit)

    @extend_schema_field({"type": "string"})
    def get_credit(self, posting: Posting) -> str:
        return account_name(posting.credit)


class TransactionDetailSerializer(TransactionSerializer):
    postings = PostingSerializer(many=True)

    class Meta(TransactionSerializer.Meta):
        fields = (*TRANSACTION_FIELDS, "postings")


class ChargeLineSerializer(serializers.Serializer):
    """How much fell in which block or band, at which price."""

    what = serializers.CharField()
    quantity = serializers.CharField()
    unit = serializers.CharField()
    price = serializers.CharField()
    amount = serializers.CharField()


class ChargeSerializer(serializers.ModelSerializer):
    """
    Why a charge has its amount: the step of the month's bill from one total to the next.

    Quantities are those of the month to date, in kWh or kl.
    """

    transaction = serializers.UUIDField(source="transaction_id")
    utility = serializers.CharField(source="bill.utility")
    month = serializers.DateField(source="bill.month")
    rate_table = serializers.UUIDField(source="version.rate_table_id")
    rate_table_name = serializers.CharField(source="version.rate_table.name")
    version = serializers.IntegerField(source="version.number")
    version_effective_from = serializers.DateField(source="version.effective_from")
    consumption_before = serializers.SerializerMethodField()
    consumption_after = serializers.SerializerMethodField()
    consumption = serializers.SerializerMethodField()
    lines = ChargeLineSerializer(many=True)
    net = serializers.SerializerMethodField()
    amount = Money(source="transaction.amount")

    class Meta:
        model = Charge
        fields = (
            "transaction", "utility", "month", "rate_table", "rate_table_name", "version",
            "version_effective_from", "consumption_before", "consumption_after", "consumption",
            "lines", "net", "vat", "amount", "total_before", "total_after",
        )  # fmt: skip

    @extend_schema_field(Quantity())
    def get_consumption_before(self, charge: Charge) -> str:
        return str(as_kilo(charge.consumption_before))

    @extend_schema_field(Quantity())
    def get_consumption_after(self, charge: Charge) -> str:
        return str(as_kilo(charge.consumption_after))

    @extend_schema_field(Quantity())
    def get_consumption(self, charge: Charge) -> str:
        return str(as_kilo(charge.consumption_after - charge.consumption_before))

    @extend_schema_field(Money())
    def get_net(self, charge: Any) -> str:
        return str(charge.transaction.amount - charge.vat)
