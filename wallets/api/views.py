"""Wallets and transactions."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from quantify.api import editing, idempotency, problems
from quantify.api.filters import wants_preview
from quantify.api.headers import LOCATION, REPLAYED, answers_with
from quantify.api.lists import TOO_MANY, Field, ListedAsFile
from quantify.api.problems import Problem, translated
from quantify.api.views import Changed, Shown, told
from quantify.tables.description import Kind
from wallets import ledger, limits, purchases, topups
from wallets.api import numbers, refusals, transactions
from wallets.api.answers import IDEMPOTENCY_KEY, moved, previewed
from wallets.api.explanations import ExplanationSerializer
from wallets.api.filters import TransactionFilters, WalletFilters
from wallets.api.forecast import Forecasts
from wallets.api.office import OfficeActions
from wallets.api.serializers import (
    MovedSerializer,
    PurchaseForm,
    ReversalForm,
    ToppedUpSerializer,
    TopUpForm,
    WalletDetailSerializer,
    WalletSerializer,
)
from wallets.api.statements import Statements
from wallets.api.transactions import (
    TransactionDetailSerializer,
    TransactionSerializer,
)
from wallets.billing.explanation import Explanation
from wallets.models import Charge, Transaction, Wallet

NEWEST = 10
PAID_BACK = ("retrieve", "refund")
"""What is still done with the wallet of a unit that was deleted: its money goes back."""
SHOWN_WHOLE = ("retrieve", "update", "partial_update")


class WalletViewSet(OfficeActions, Forecasts, Statements, ListedAsFile, Shown, Changed):
    """Prepaid money, one wallet for each unit."""

    http_method_names = ["get", "head", "post", "patch"]
    queryset = Wallet.objects.all()
    serializer_class = WalletSerializer
    detail_class = WalletDetailSerializer
    filterset_class = WalletFilters
    search_fields = ("unit__unit_number", "unit__estate__code", "unit__estate__name")
    sort_fields = {
        "unit_number": "unit__unit_number",
        "estate": "unit__estate__code",
        **{name: name for name in ("balance", "arrears", "created_at", "updated_at")},
    }
    default_sort = ("unit__estate__code", "unit__unit_number", "pk")
    file_title = "wallets"
    file_related = ("unit__estate",)
    file_fields = (
        Field("id", "Id"),
        Field("estate", "Estate", source="unit.estate.code"),
        Field("unit_number", "Unit", source="unit.unit_number"),
        *(
            Field(name, name.capitalize(), Kind.MONEY)
            for name in ("balance", "available", "electricity", "water", "solar", "arrears")
        ),
        Field("effective_low_balance_limit", "Low below", Kind.MONEY, "limit"),
        Field("is_suspended", "Suspended", Kind.FLAG),
    )
    parameters = {"topup": ("preview",), "statement": ("from", "to", "format")}
    permission_names = {
        **OfficeActions.permission_names,
        "topup": "wallets.topup_wallet",
        "purchase": "wallets.purchase_wallet",
        "statement": "wallets.view_transaction",
    }
    refusals = {
        **OfficeActions.refusals,
        "list": (TOO_MANY,),
        "topup": refusals.TOPUP,
        "purchase": refusals.PURCHASE,
    }

    def shaped(self, rows: QuerySet) -> QuerySet:
        if self.action not in PAID_BACK:
            rows = rows.filter(unit__deleted_at=None, unit__estate__deleted_at=None)
        rows = limits.with_terms(rows).annotate(limit=limits.limit_of())
        if self.action not in SHOWN_WHOLE:
            return rows
        mine = Transaction.objects.within_stays(self.request.user)
        newest = transactions.shaped(mine.latest_first(), cast("User", self.request.user))[:NEWEST]
        return rows.prefetch_related(Prefetch("transactions", queryset=newest, to_attr="newest"))

    def change(self, instance: Wallet, fields: Mapping[str, Any]) -> None:
        own = dict(fields)
        if terms := own.pop("warning_terms", None):
            limits.override(wallet=instance, terms=terms)
            # They are no fields of the wallet, and of its version all the same.
            instance.save(update_fields=["updated_at"])
        editing.change(instance, own)

    @extend_schema(
        operation_id="wallet_topup",
        request=TopUpForm,
        responses={201: ToppedUpSerializer, 200: ToppedUpSerializer},
        parameters=[
            IDEMPOTENCY_KEY,
            OpenApiParameter("preview", OpenApiTypes.BOOL, description="Show the split alone."),
        ],
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION, REPLAYED)
    def topup(self, request: Request, pk: UUID) -> Response:
        """Pay money in; `?preview=true` shows how it would be split and posts nothing."""
        wallet = self.seen_object()
        asked = self.checked(TopUpForm)
        _check_method(request, asked["payment_method"])
        if wants_preview(request):
            idempotency.check(request)
            with translated(refusals.OF_THE_LEDGER):
                parts = topups.preview(
                    wallet=wallet, amount=asked["amount"], utility=asked["utility"]
                )
            return previewed(wallet, parts)
        with translated(refusals.OF_THE_LEDGER):
            posted = topups.top_up(
                wallet_id=wallet.pk,
                occurred_at=timezone.now(),
                actor=cast("User", request.user),
                **asked,
                **idempotency.once(request),
            )
        return moved(posted, ToppedUpSerializer, split=topups.split_of(posted.transaction))

    @extend_schema(
        operation_id="wallet_purchase",
        request=PurchaseForm,
        responses={201: MovedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION, REPLAYED)
    def purchase(self, request: Request, pk: UUID) -> Response:
        """Bind available money to a utility."""
        wallet = self.seen_object()
        asked = self.checked(PurchaseForm)
        with translated(refusals.OF_THE_LEDGER):
            posted = purchases.purchase(
                wallet_id=wallet.pk,
                occurred_at=timezone.now(),
                actor=cast("User", request.user),
                **asked,
                **idempotency.once(request),
            )
        return moved(posted, MovedSerializer)


class TransactionViewSet(ListedAsFile, Shown):
    """What happened to wallets; never changed, only reversed."""

    queryset = Transaction.objects.all()
    serializer_class = TransactionSerializer
    detail_class = TransactionDetailSerializer
    filterset_class = TransactionFilters
    search_fields = ("reference", "wallet__unit__unit_number")
    sort_fields = {name: name for name in ("number", "occurred_at", "amount")}
    default_sort = ("-number",)
    cursor_fields = ("-number",)
    file_title = "transactions"
    file_related = ("estate",)
    file_fields = (
        Field("number", "Number", source=str),
        Field("occurred_at", "When", Kind.INSTANT),
        Field("estate", "Estate", source="estate.code"),
        Field("unit_number", "Unit", source="wallet.unit.unit_number"),
        Field("kind", "Kind"),
        Field("utility", "Utility"),
        Field("amount", "Amount", Kind.MONEY),
        Field("balance_before", "Balance before", Kind.MONEY),
        Field("balance_after", "Balance after", Kind.MONEY),
        Field("arrears_after", "Arrears after", Kind.MONEY),
        Field("payment_method", "Method"),
        Field("reference", "Reference"),
        Field("reason", "Reason"),
        Field("actor", "By", source="by"),
        Field("id", "Id"),
    )
    permission_names = {
        "explain": "wallets.view_charge",
        "reverse": "wallets.reverse_transaction",
    }
    refusals = {
        "list": (TOO_MANY,),
        "explain": (refusals.NOT_A_CHARGE,),
        "reverse": refusals.REVERSAL,
    }

    def shaped(self, rows: QuerySet) -> QuerySet:
        rows = transactions.shaped(rows, cast("User", self.request.user))
        return rows if self.action == "list" else rows.prefetch_related("postings")

    def found_by(self, word: str) -> Q:
        named = numbers.numbers(word)
        if named is not None:
            return numbers.told_by(named, word)
        found = super().found_by(word)
        return found | Q(number=int(word)) if word.isascii() and word.isdigit() else found

    @extend_schema(operation_id="transaction_explain", responses=ExplanationSerializer)
    @action(detail=True, methods=["get"])
    def explain(self, request: Request, pk: UUID) -> Response:
        """Why a charge has its amount: from reading to reading, line by line."""
        transaction = self.seen_object()
        charges = Charge.objects.select_related("bill", "version__rate_table", "transaction")
        charge = charges.filter(transaction=transaction.pk).first()
        if charge is None:
            raise Problem(refusals.NOT_A_CHARGE)
        return told(ExplanationSerializer(Explanation(charge)).data)

    @extend_schema(
        operation_id="transaction_reverse",
        request=ReversalForm,
        responses={201: MovedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION, REPLAYED)
    def reverse(self, request: Request, pk: UUID) -> Response:
        """
        Post the equal and opposite, once.

        With `override`, money that was spent since becomes arrears instead of a refusal; this
        needs a permission of its own.
        """
        transaction = self.seen_object()
        asked = self.checked(ReversalForm)
        if asked["override"] and not request.user.has_perm("wallets.override_reversal"):
            raise Problem(problems.FORBIDDEN, "Your role does not allow to override.")
        with translated(refusals.OF_THE_LEDGER):
            posted = ledger.reverse(
                transaction_id=transaction.pk,
                occurred_at=timezone.now(),
                actor=cast("User", request.user),
                **asked,
                **idempotency.once(request),
            )
        return moved(posted, MovedSerializer)


def _check_method(request: Request, method: str) -> None:
    """Money that nobody paid in is an adjustment, and not for everyone who takes payments."""
    if method == Transaction.Method.ADJUSTMENT and not request.user.has_perm(
        "wallets.adjust_wallet"
    ):
        raise Problem(problems.FORBIDDEN, "Your role does not allow adjustments.")
