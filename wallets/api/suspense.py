"""Money in suspense: recorded when it comes in, allocated to wallets, or given back."""

from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import repetitions
from accounts.models import User
from estates.models import Estate
from quantify.api import idempotency, problems
from quantify.api.filters import wants_preview
from quantify.api.headers import ETAG, LOCATION, REPLAYED, answers_with
from quantify.api.problems import translated
from quantify.api.serializers import (
    CENT,
    Form,
    Instant,
    Money,
    ScopedRelatedField,
    ShownSerializer,
)
from quantify.api.views import Listed, Shown
from rates.models import UTILITIES
from wallets import topups
from wallets.api import refusals
from wallets.api.answers import IDEMPOTENCY_KEY, moved, previewed
from wallets.api.filters import SuspenseFilters
from wallets.api.serializers import ToppedUpSerializer
from wallets.models import SuspenseReceipt, SuspenseRelease, Wallet
from wallets.office import suspense

LARGEST = Decimal("9999999999.99")


class ReleaseSerializer(ShownSerializer):
    """A part that left suspense; one whose transaction was reversed is back in it."""

    released_by = serializers.CharField(
        source="released_by.username", default=None, allow_null=True
    )
    is_reversed = serializers.SerializerMethodField()

    class Meta:
        model = SuspenseRelease
        fields = (
            "id", "amount", "transaction", "is_reversed", "reason", "released_by", "released_at",
        )  # fmt: skip

    def get_is_reversed(self, release: SuspenseRelease) -> bool:
        made = release.transaction
        return made is not None and hasattr(made, "reversed_by")


class ReceiptSerializer(ShownSerializer):
    """Money received for nobody known; `left` is what still is in suspense."""

    left = Money()
    recorded_by = serializers.CharField(
        source="recorded_by.username", default=None, allow_null=True
    )

    class Meta:
        model = SuspenseReceipt
        fields: tuple[str, ...] = (
            "id", "estate", "amount", "left", "payment_method", "reference", "external_key",
            "received_at", "recorded_by", "recorded_at", "created_at", "updated_at",
        )  # fmt: skip


class ReceiptDetailSerializer(ReceiptSerializer):
    releases = ReleaseSerializer(many=True)

    class Meta(ReceiptSerializer.Meta):
        fields = (*ReceiptSerializer.Meta.fields, "releases")


class ReceiptForm(Form):
    """A payment as the bank or the till knows it; without an estate, for super admins alone."""

    estate = ScopedRelatedField(queryset=Estate.objects.all(), allow_null=True, default=None)
    amount = Money(min_value=CENT, max_value=LARGEST)
    payment_method = serializers.ChoiceField(SuspenseReceipt.Method.choices)
    reference = serializers.CharField(max_length=140, allow_blank=True, default="")
    external_key = serializers.CharField(max_length=200)
    received_at = Instant()


class AllocationForm(Form):
    wallet = ScopedRelatedField(queryset=Wallet.objects.select_related("unit"))
    amount = Money(min_value=CENT, max_value=LARGEST)
    utility = serializers.ChoiceField(UTILITIES, allow_blank=True, default="")


class ReturnForm(Form):
    reason = serializers.CharField(max_length=250)


class SuspenseViewSet(Listed, Shown):
    """Money received that no wallet was named for."""

    http_method_names = ["get", "head", "post"]
    queryset = SuspenseReceipt.objects.all()
    serializer_class = ReceiptSerializer
    detail_class = ReceiptDetailSerializer
    filterset_class = SuspenseFilters
    search_fields = ("reference", "external_key")
    sort_fields = {name: name for name in ("received_at", "amount", "left")}
    default_sort = ("-received_at", "pk")
    parameters = {"allocate": ("preview",)}
    permission_names = {
        "allocate": "wallets.allocate_suspense",
        "return_money": "wallets.allocate_suspense",
    }
    refusals = {
        "create": refusals.RECEIPT,
        "allocate": refusals.ALLOCATION,
        "return_money": refusals.RETURN,
    }

    def shaped(self, rows: QuerySet) -> QuerySet:
        receipts = cast("Any", rows).with_left().select_related("recorded_by")
        if self.action == "list":
            return cast("QuerySet", receipts)
        releases = SuspenseRelease.objects.order_by("released_at", "pk").select_related(
            "released_by", "transaction__reversed_by"
        )
        return cast("QuerySet", receipts.prefetch_related(Prefetch("releases", releases)))

    @extend_schema(
        operation_id="suspense_record",
        request=ReceiptForm,
        responses={201: ReceiptDetailSerializer},
    )
    @answers_with(ETAG, LOCATION, REPLAYED)
    def create(self, request: Request) -> Response:
        """Record money that came in; the same external key again answers the first receipt."""
        asked = self.checked(ReceiptForm)
        user = cast("User", request.user)
        if asked["estate"] is None and not user.sees_every_estate:
            raise problems.invalid("estate", "required", "Name the estate that was paid.")
        with translated(refusals.OF_THE_LEDGER):
            done = suspense.record(recorded_at=timezone.now(), actor=user, **asked)
        headers: Mapping[str, str] = {
            LOCATION: f"/api/v1/suspense/{done.receipt.pk}",
            **idempotency.replayed_header(replayed=done.replayed),
        }
        return self.answered(done.receipt.pk, HTTPStatus.CREATED, headers)

    @extend_schema(
        operation_id="suspense_allocate",
        request=AllocationForm,
        responses={201: ToppedUpSerializer, 200: ToppedUpSerializer},
        parameters=[
            IDEMPOTENCY_KEY,
            OpenApiParameter("preview", OpenApiTypes.BOOL, description="Show the split alone."),
        ],
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION, REPLAYED)
    def allocate(self, request: Request, pk: UUID) -> Response:
        """Top a wallet up from it; `?preview=true` shows the split and posts nothing."""
        receipt = self.seen_object()
        asked = self.checked(AllocationForm)
        wallet = asked.pop("wallet")
        if wants_preview(request):
            idempotency.check(request)
            with translated(refusals.OF_THE_LEDGER):
                parts = suspense.preview(receipt=receipt, wallet=wallet, **asked)
            return previewed(wallet, parts)
        with translated(refusals.OF_THE_LEDGER):
            posted = suspense.allocate(
                receipt_id=receipt.pk,
                wallet_id=wallet.pk,
                occurred_at=timezone.now(),
                actor=cast("User", request.user),
                **asked,
                **idempotency.once(request),
            )
        return moved(posted, ToppedUpSerializer, split=topups.split_of(posted.transaction))

    @extend_schema(
        operation_id="suspense_return",
        request=ReturnForm,
        responses={200: ReceiptDetailSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"], url_path="return")
    @answers_with(ETAG, REPLAYED)
    def return_money(self, request: Request, pk: UUID) -> Response:
        """Give what is left back to the payer."""
        receipt = self.seen_object()
        asked = self.checked(ReturnForm)

        def returned() -> Response:
            with translated(refusals.OF_THE_LEDGER):
                suspense.return_money(
                    receipt_id=receipt.pk,
                    returned_at=timezone.now(),
                    actor=cast("User", request.user),
                    **asked,
                    **idempotency.once(request),
                )
            return self.answered(receipt.pk)

        return repetitions.answered_once(request, returned)
