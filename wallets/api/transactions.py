"""Transactions as the API shows them, and their postings."""

from typing import Any

from django.db.models import Case, F, QuerySet, When
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from quantify.api.serializers import Instant, ShownSerializer
from wallets.models import Account, Posting, Transaction

TRANSACTION_FIELDS = (
    "id", "number", "wallet", "unit", "unit_number", "estate", "sequence", "kind", "utility",
    "amount", "balance_before", "balance_after", "arrears_after", "payment_method", "reference",
    "reason", "metadata", "reverses", "reversed_by", "actor", "occurred_at", "created_at",
    "updated_at",
)  # fmt: skip


def account_name(account: int) -> str:
    """The stable name of an account, such as `available` or `clearing_eft`."""
    return Account(account).name.lower()


def shaped(rows: QuerySet, reader: User | None = None) -> QuerySet:
    """
    Transactions with what their answers show.

    To a resident who reads them, nobody is named but themselves.
    """
    name: Any = F("actor__username")
    if reader is not None and reader.is_resident:
        name = Case(When(actor=reader.pk, then=name))
    shown: QuerySet = rows.select_related("wallet__unit").annotate(
        reversal=F("reversed_by"), by=name
    )
    return shown


class TransactionSerializer(ShownSerializer):
    """One thing that happened to a wallet; it never changes."""

    number = serializers.CharField(source="__str__")
    unit = serializers.UUIDField(source="wallet.unit_id")
    unit_number = serializers.CharField(source="wallet.unit.unit_number")
    reversed_by = serializers.UUIDField(source="reversal", allow_null=True)
    actor = serializers.CharField(source="by", allow_null=True)
    created_at = Instant(source="recorded_at")
    updated_at = Instant(source="recorded_at")

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = TRANSACTION_FIELDS


class PostingSerializer(ShownSerializer):
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
