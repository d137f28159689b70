"""Moving out: settling an occupancy, and what former residents pay afterwards."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import repetitions
from accounts.models import User
from quantify.api import idempotency
from quantify.api.filters import wants_preview
from quantify.api.headers import LOCATION, REPLAYED, answers_with
from quantify.api.problems import Kind, Problem, translated
from quantify.api.serializers import (
    CENT,
    Form,
    Instant,
    Money,
    Quantity,
    ScopedRelatedField,
    ShownSerializer,
)
from quantify.api.views import Listed, Resource, Shown, told
from quantify.periods import local_day
from quantify.quantities import as_kilo
from units.models import Occupancy
from wallets.api import refusals
from wallets.api.answers import IDEMPOTENCY_KEY, moved
from wallets.api.filters import SettlementFilters
from wallets.api.serializers import MovedSerializer
from wallets.models import Settlement
from wallets.office import former_residents, refunds, settlement

LARGEST = Decimal("9999999999.99")
METHODS = [(method.value, method.label) for method in refunds.METHODS]


class KeptInstant(Instant):
    """An instant as a settlement keeps it: in words, with its offset."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(datetime.fromisoformat(value))


class FinalReadingSerializer(serializers.Serializer):
    """A meter's register when the occupancy ended, in kWh or kl."""

    meter = serializers.CharField()
    utility = serializers.CharField()
    value = serializers.SerializerMethodField()
    taken_at = KeptInstant()

    def get_fields(self) -> dict[str, Any]:
        # `source` is a word of the serializers.
        return {**super().get_fields(), "source": serializers.CharField()}

    @extend_schema_field(Quantity())
    def get_value(self, reading: Any) -> str:
        return str(as_kilo(reading["value"]))


class SettlementSerializer(ShownSerializer):
    """
    The last account of an occupancy; the closing statement is that of its days.

    `held` and `owed` are what the wallet came to; `id` and `transaction` are null in a preview.
    """

    id = serializers.UUIDField(source="shown_id", allow_null=True)
    unit = serializers.UUIDField(source="wallet.unit_id")
    unit_number = serializers.CharField(source="wallet.unit.unit_number")
    readings = FinalReadingSerializer(many=True)
    transaction = serializers.UUIDField(source="shown_transaction", allow_null=True)
    settled_by = serializers.CharField(source="settled_by.username", default=None, allow_null=True)

    class Meta:
        model = Settlement
        fields: tuple[str, ...] = (
            "id", "occupancy", "wallet", "unit", "unit_number", "estate", "resident", "starts_on",
            "ends_on", "readings", "charged", "held", "owed", "refunded", "kept", "debt",
            "payment_method", "reference", "transaction", "settled_by", "settled_at",
        )  # fmt: skip

    def to_representation(self, instance: Any) -> Any:
        is_kept = not getattr(instance, "is_preview", False)
        instance.shown_id = instance.pk if is_kept else None
        instance.shown_transaction = instance.transaction_id if is_kept else None
        return super().to_representation(instance)


class SettlementDetailSerializer(SettlementSerializer):
    outstanding = serializers.SerializerMethodField()

    class Meta(SettlementSerializer.Meta):
        fields = (*SettlementSerializer.Meta.fields, "outstanding")

    @extend_schema_field(Money())
    def get_outstanding(self, made: Settlement) -> str:
        """What is still owed; below zero, what is kept for the person."""
        return str(former_residents.outstanding(made))


class SettleForm(Form):
    """Which occupancy (the last that ended), how the rest goes back (else it is kept)."""

    occupancy = ScopedRelatedField(queryset=Occupancy.objects.all(), required=False)
    payment_method = serializers.ChoiceField(METHODS, allow_blank=True, default="")
    reference = serializers.CharField(max_length=140, allow_blank=True, default="")
    accept_estimates = serializers.BooleanField(default=False)


class CollectForm(Form):
    amount = Money(min_value=CENT, max_value=LARGEST)
    payment_method = serializers.ChoiceField(METHODS)
    reference = serializers.CharField(max_length=140, allow_blank=True, default="")


class Settling(Resource):
    """`POST /units/{id}/settle`"""

    permission_names: ClassVar[Mapping[str, str]] = {"settle": "wallets.add_settlement"}
    refusals: ClassVar[Mapping[str, Sequence[Kind]]] = {"settle": refusals.SETTLEMENT}
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {"settle": ("preview",)}

    @extend_schema(
        operation_id="unit_settle",
        request=SettleForm,
        responses={201: SettlementSerializer, 200: SettlementSerializer},
        parameters=[
            IDEMPOTENCY_KEY,
            OpenApiParameter("preview", OpenApiTypes.BOOL, description="Show it alone."),
        ],
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION, REPLAYED)
    def settle(self, request: Request, pk: UUID) -> Response:
        """Close the account of who moved out; settled before, or as a preview, it answers 200."""
        unit = self.seen_object()
        asked = self.checked(SettleForm)
        today = local_day(timezone.now())
        occupancy = asked.pop("occupancy", None) or settlement.last_ended(unit.pk, today)
        if occupancy is None or occupancy.unit_id != unit.pk:
            raise Problem(refusals.NOTHING_TO_SETTLE)
        if wants_preview(request):
            idempotency.check(request)
            return _previewed(occupancy.pk, asked)
        return repetitions.answered_once(request, lambda: self._settled(occupancy.pk, asked))

    def _settled(self, occupancy_id: UUID, asked: Mapping[str, Any]) -> Response:
        with translated(refusals.OF_THE_LEDGER):
            done = settlement.settle(
                occupancy_id=occupancy_id,
                settled_at=timezone.now(),
                actor=cast("User", self.request.user),
                **asked,
            )
        made = _named(Settlement.objects.all()).get(pk=done.settlement.pk)
        shown = SettlementSerializer(made).data
        if done.replayed:
            return told(shown)
        return told(shown, HTTPStatus.CREATED, {LOCATION: f"/api/v1/settlements/{made.pk}"})


def _previewed(occupancy_id: UUID, asked: Mapping[str, Any]) -> Response:
    with translated(refusals.OF_THE_LEDGER):
        done = settlement.preview(occupancy_id=occupancy_id, settled_at=timezone.now(), **asked)
    seen: Any = done.settlement
    seen.is_preview = not done.replayed
    return told(SettlementSerializer(seen).data)


def _named(rows: QuerySet) -> QuerySet:
    shown: QuerySet = rows.select_related("wallet__unit", "settled_by")
    return shown


class SettlementViewSet(Listed, Shown):
    """Accounts that were closed when people moved out."""

    http_method_names = ["get", "head", "post"]
    queryset = Settlement.objects.all()
    serializer_class = SettlementSerializer
    detail_class = SettlementDetailSerializer
    filterset_class = SettlementFilters
    search_fields = ("resident", "wallet__unit__unit_number")
    sort_fields = {name: name for name in ("ends_on", "settled_at", "debt")}
    default_sort = ("-ends_on", "pk")
    permission_names = {"collect": "wallets.collect_settlement"}
    refusals = {"collect": refusals.COLLECTION}

    def shaped(self, rows: QuerySet) -> QuerySet:
        return _named(rows)

    @extend_schema(
        operation_id="settlement_collect",
        request=CollectForm,
        responses={201: MovedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION, REPLAYED)
    def collect(self, request: Request, pk: UUID) -> Response:
        """Take a former resident's payment of what they owe."""
        made = self.seen_object()
        asked = self.checked(CollectForm)
        with translated(refusals.OF_THE_LEDGER):
            posted = former_residents.collect(
                settlement_id=made.pk,
                occurred_at=timezone.now(),
                actor=cast("User", request.user),
                **asked,
                **idempotency.once(request),
            )
        return moved(posted, MovedSerializer)
