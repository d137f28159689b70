"""The accounts of an estate over some days: its trial balance."""

from typing import Any, cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from estates.models import Estate
from quantify.api.serializers import Money
from quantify.api.views import View, told
from quantify.periods import local_day
from wallets import accounts
from wallets.accounts import Row
from wallets.api import days
from wallets.api.transactions import account_name


class RowSerializer(serializers.Serializer):
    """An account; what it holds is its credits less its debits."""

    account = serializers.SerializerMethodField()
    opening = Money()
    debit = Money()
    credit = Money()
    closing = Money()

    @extend_schema_field({"type": "string"})
    def get_account(self, row: Row) -> str:
        return account_name(row.account)


class TrialBalanceSerializer(serializers.Serializer):
    """Every account over local days, both included; `debit` and `credit` are equal."""

    estate = serializers.UUIDField(source="estate.pk")
    to = serializers.DateField(source="last_day")
    rows = RowSerializer(many=True)
    debit = Money()
    credit = Money()
    in_wallets = Money()

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language.
        return {**super().get_fields(), "from": serializers.DateField(source="first_day")}


class Accounts(View):
    """`GET /estates/{id}/accounts`"""

    http_method_names = ["get", "head"]
    permission_names = {"get": "wallets.view_accountbook", "head": "wallets.view_accountbook"}
    parameters = {"get": ("from", "to"), "head": ("from", "to")}

    @extend_schema(
        operation_id="estate_accounts",
        responses=TrialBalanceSerializer,
        parameters=days.PARAMETERS,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """What was debited and credited to every account of the estate."""
        estates = cast("Any", Estate.objects).visible_to(request.user).alive()
        estate: Estate = get_object_or_404(estates, pk=pk)
        first, last = days.asked(request, local_day(timezone.now(), estate.zone))
        made = accounts.trial_balance(estate, first, last)
        return told(TrialBalanceSerializer(made).data)
