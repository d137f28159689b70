"""What the office does to wallets: refunds, adjustments, service charges, second opinions."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import repetitions
from accounts.models import User
from quantify.api import idempotency
from quantify.api.bodies import without_body
from quantify.api.headers import ETAG, LOCATION, REPLAYED, answers_with
from quantify.api.problems import Kind, translated
from quantify.api.serializers import CENT, Form, Money, ShownSerializer
from quantify.api.views import Listed, Resource, Shown, told
from wallets.api import refusals
from wallets.api.answers import IDEMPOTENCY_KEY, moved
from wallets.api.filters import AdjustmentFilters
from wallets.api.serializers import MovedSerializer
from wallets.ledger import Posted
from wallets.models import AdjustmentProposal
from wallets.office import adjustments, refunds, service_charges

LARGEST = Decimal("9999999999.99")
BACK_BY = [(method.value, method.label) for method in refunds.METHODS]


class OfficeForm(Form):
    """An amount moved by hand, and why."""

    amount = Money(min_value=CENT, max_value=LARGEST)
    reason = serializers.CharField(max_length=250)
    reference = serializers.CharField(max_length=140, allow_blank=True, default="")


class RefundForm(OfficeForm):
    payment_method = serializers.ChoiceField(BACK_BY)


class AdjustmentForm(OfficeForm):
    amount = Money(min_value=-LARGEST, max_value=LARGEST)

    def validate_amount(self, amount: Decimal) -> Decimal:
        if amount == 0:
            raise serializers.ValidationError("Give an amount other than zero.", "zero")
        return amount


class DecisionForm(Form):
    note = serializers.CharField(max_length=250, allow_blank=True, default="")


class ProposalSerializer(ShownSerializer):
    """An adjustment that needs, or needed, a second person."""

    unit = serializers.UUIDField(source="wallet.unit_id")
    unit_number = serializers.CharField(source="wallet.unit.unit_number")
    proposed_by = serializers.CharField(source="proposed_by.username")
    decided_by = serializers.CharField(source="decided_by.username", default=None, allow_null=True)

    class Meta:
        model = AdjustmentProposal
        fields = (
            "id", "wallet", "unit", "unit_number", "estate", "amount", "reason", "reference",
            "state", "proposed_by", "proposed_at", "decided_by", "decided_at", "note",
            "transaction", "created_at", "updated_at",
        )  # fmt: skip


class ProposedSerializer(serializers.Serializer):
    """An adjustment that waits for a second person; no money has moved."""

    proposal = ProposalSerializer()


def _with_names(rows: QuerySet) -> QuerySet:
    shown: QuerySet = rows.select_related("wallet__unit", "proposed_by", "decided_by")
    return shown


class OfficeActions(Resource):
    """Actions on a wallet that need a reason."""

    permission_names: ClassVar[Mapping[str, str]] = {
        "refund": "wallets.refund_wallet",
        "adjust": "wallets.adjust_wallet",
        "service_charge": "wallets.adjust_wallet",
    }
    refusals: ClassVar[Mapping[str, Sequence[Kind]]] = {
        "refund": refusals.PURCHASE,
        "adjust": refusals.ADJUSTMENT,
        "service_charge": refusals.SERVICE_CHARGE,
    }

    @extend_schema(
        operation_id="wallet_refund",
        request=RefundForm,
        responses={201: MovedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION, REPLAYED)
    def refund(self, request: Request, pk: UUID) -> Response:
        """Pay money back: what is available above what is owed."""
        return moved(self._asked(refunds.refund, RefundForm)(), MovedSerializer)

    @extend_schema(
        operation_id="wallet_adjust",
        request=AdjustmentForm,
        responses={201: MovedSerializer, 202: ProposedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION, REPLAYED)
    def adjust(self, request: Request, pk: UUID) -> Response:
        """
        Correct a wallet by a signed amount.

        Above the estate's `adjustment_limit` it is proposed (202) for a second person to approve.
        """
        adjusted = self._asked(adjustments.adjust, AdjustmentForm)
        return repetitions.answered_once(request, lambda: _adjusted(adjusted()))

    @extend_schema(
        operation_id="wallet_service_charge",
        request=OfficeForm,
        responses={201: MovedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"], url_path="service-charge")
    @answers_with(LOCATION, REPLAYED)
    def service_charge(self, request: Request, pk: UUID) -> Response:
        """Charge for a service, VAT included; what is not available becomes arrears."""
        return moved(self._asked(service_charges.charge, OfficeForm)(), MovedSerializer)

    def _asked(self, operation: Callable[..., Any], form_class: type[Form]) -> Callable[[], Any]:
        """An operation on the wallet of the address, as the caller asks for it."""
        wallet = self.seen_object()
        asked = self.checked(form_class)

        def done() -> Any:
            with translated(refusals.OF_THE_LEDGER):
                return operation(
                    wallet_id=wallet.pk,
                    occurred_at=timezone.now(),
                    actor=cast("User", self.request.user),
                    **asked,
                    **idempotency.once(self.request),
                )

        return done


def _adjusted(made: Posted | AdjustmentProposal) -> Response:
    if isinstance(made, Posted):
        return moved(made, MovedSerializer)
    proposal = _with_names(AdjustmentProposal.objects.all()).get(pk=made.pk)
    location = {LOCATION: f"/api/v1/adjustments/{made.pk}"}
    return told(ProposedSerializer({"proposal": proposal}).data, HTTPStatus.ACCEPTED, location)


class AdjustmentViewSet(Listed, Shown):
    """Adjustments above an estate's limit, which two people make."""

    http_method_names = ["get", "head", "post"]
    queryset = AdjustmentProposal.objects.all()
    serializer_class = ProposalSerializer
    filterset_class = AdjustmentFilters
    search_fields = ("wallet__unit__unit_number", "reference", "reason")
    sort_fields = {name: name for name in ("proposed_at", "decided_at", "amount", "state")}
    default_sort = ("-proposed_at", "pk")
    permission_names = dict.fromkeys(("approve", "reject", "withdraw"), "wallets.adjust_wallet")
    refusals = {
        "approve": refusals.APPROVAL,
        "reject": refusals.REJECTION,
        "withdraw": refusals.WITHDRAWAL,
    }

    def shaped(self, rows: QuerySet) -> QuerySet:
        return _with_names(rows)

    @extend_schema(
        operation_id="adjustment_approve",
        request=DecisionForm,
        responses={200: ProposalSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @answers_with(ETAG, REPLAYED)
    def approve(self, request: Request, pk: UUID) -> Response:
        """Post what another person proposed."""
        note = self._note()
        return repetitions.answered_once(
            request, lambda: self._decided(adjustments.approve, **note)
        )

    @extend_schema(
        operation_id="adjustment_reject",
        request=DecisionForm,
        responses={200: ProposalSerializer},
    )
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def reject(self, request: Request, pk: UUID) -> Response:
        """Refuse what another person proposed."""
        return self._decided(adjustments.reject, **self._note())

    @extend_schema(operation_id="adjustment_withdraw", responses={200: ProposalSerializer})
    @action(detail=True, methods=["post"])
    @without_body
    @answers_with(ETAG)
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """Take back one's own proposal."""
        return self._decided(adjustments.withdraw)

    def _note(self) -> dict[str, Any]:
        self.seen_object()
        return self.checked(DecisionForm)

    def _decided(self, decide: Callable[..., AdjustmentProposal], **asked: Any) -> Response:
        proposal = self.seen_object()
        with translated(refusals.OF_THE_LEDGER):
            decide(
                proposal_id=proposal.pk,
                decided_at=timezone.now(),
                actor=cast("User", self.request.user),
                **asked,
            )
        return self.answered(proposal.pk)
