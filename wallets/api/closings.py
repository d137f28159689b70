"""Closed months, and what was learned of them since."""

from collections.abc import Callable
from datetime import date
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import ISO_8601, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import repetitions
from accounts.models import User
from estates.models import Estate
from meters.api.serializers import Kilo
from quantify.api.headers import ETAG, REPLAYED, answers_with
from quantify.api.problems import translated
from quantify.api.serializers import (
    Form,
    ResourceSerializer,
    ScopedRelatedField,
    ShownSerializer,
)
from quantify.api.views import Created, Listed, Shown
from quantify.periods import first_of_month
from wallets.api import refusals
from wallets.api.answers import IDEMPOTENCY_KEY
from wallets.api.filters import ClosingFilters, DifferenceFilters
from wallets.billing import closings, differences
from wallets.models import BillDifference, MonthClosing

MONTH = r"^[12]\d{3}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$"


@extend_schema_field({"type": "string", "pattern": MONTH})
class MonthField(serializers.DateField):
    """A month, shown by its first day; asked for as 2026-07 or by any day of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=["%Y-%m", ISO_8601], **options)
        self.error_messages["invalid"] = "Give a month such as 2026-07, or a day of it."

    def to_internal_value(self, value: Any) -> date:
        return first_of_month(super().to_internal_value(value))


class MonthClosingSerializer(ResourceSerializer):
    """A closed month, its first day; those before it are closed too."""

    estate = ScopedRelatedField(queryset=Estate.objects.all())
    month = MonthField()
    closed_by = serializers.CharField(
        source="closed_by.username", default=None, allow_null=True, read_only=True
    )

    class Meta:
        model = MonthClosing
        fields = ("id", "estate", "month", "closed_at", "closed_by", "created_at", "updated_at")
        read_only_fields = ("closed_at",)


class MonthClosingViewSet(Listed, Shown, Created):
    """Months to which billing by itself posts nothing any more."""

    http_method_names = ["get", "head", "post"]
    queryset = MonthClosing.objects.all()
    serializer_class = MonthClosingSerializer
    filterset_class = ClosingFilters
    sort_fields = {name: name for name in ("month", "closed_at")}
    default_sort = ("-month", "pk")
    refusals = {"create": refusals.CLOSING}

    def shaped(self, rows: QuerySet) -> QuerySet:
        shown: QuerySet = rows.select_related("closed_by")
        return shown

    def add(self, fields: Any) -> MonthClosing:
        with translated(refusals.OF_THE_LEDGER):
            return closings.close(
                estate=fields["estate"],
                month=fields["month"],
                actor=cast("User", self.request.user),
                closed_at=timezone.now(),
            )


class BillDifferenceSerializer(ShownSerializer):
    """What facts since would change of a closed month's bill; consumption in kWh or kl."""

    unit = serializers.UUIDField(source="wallet.unit_id")
    unit_number = serializers.CharField(source="wallet.unit.unit_number")
    consumption_before = Kilo()
    consumption_after = Kilo()
    decided_by = serializers.CharField(source="decided_by.username", default=None, allow_null=True)

    class Meta:
        model = BillDifference
        fields = (
            "id", "wallet", "unit", "unit_number", "estate", "utility", "month", "since", "bill",
            "amount", "charged", "consumption_before", "consumption_after", "cause", "found_at",
            "state", "decided_by", "decided_at", "reason", "transaction", "created_at",
            "updated_at",
        )  # fmt: skip


class ReasonForm(Form):
    reason = serializers.CharField(max_length=250)


class BillDifferenceViewSet(Listed, Shown):
    """What late or corrected facts would change of closed months."""

    http_method_names = ["get", "head", "post"]
    queryset = BillDifference.objects.all()
    serializer_class = BillDifferenceSerializer
    filterset_class = DifferenceFilters
    search_fields = ("wallet__unit__unit_number",)
    sort_fields = {name: name for name in ("month", "amount", "found_at")}
    default_sort = ("-found_at", "pk")
    permission_names = dict.fromkeys(("post_difference", "dismiss"), "wallets.adjust_wallet")
    refusals = {
        "post_difference": refusals.DIFFERENCE,
        "dismiss": refusals.DISMISSAL,
    }

    def shaped(self, rows: QuerySet) -> QuerySet:
        shown: QuerySet = rows.select_related("wallet__unit", "decided_by")
        return shown

    @extend_schema(
        operation_id="bill_difference_post",
        request=ReasonForm,
        responses={200: BillDifferenceSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"], url_path="post")
    @answers_with(ETAG, REPLAYED)
    def post_difference(self, request: Request, pk: UUID) -> Response:
        """Charge it, or give it back, linked to its bill; once."""

        def decide(reason: str, actor: User) -> BillDifference:
            return differences.post(
                difference_id=pk, reason=reason, actor=actor, posted_at=timezone.now()
            )

        return repetitions.answered_once(request, self._decided(decide))

    @extend_schema(
        operation_id="bill_difference_dismiss",
        request=ReasonForm,
        responses={200: BillDifferenceSerializer},
    )
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def dismiss(self, request: Request, pk: UUID) -> Response:
        """Leave the month as it was charged."""

        def decide(reason: str, actor: User) -> BillDifference:
            return differences.dismiss(
                difference_id=pk, reason=reason, actor=actor, dismissed_at=timezone.now()
            )

        return self._decided(decide)()

    def _decided(self, decide: Callable[[str, User], BillDifference]) -> Callable[[], Response]:
        """What is decided of the difference of the address, for the caller's reason."""
        self.seen_object()
        asked = self.checked(ReasonForm)

        def decided() -> Response:
            with translated(refusals.OF_THE_LEDGER):
                made = decide(asked["reason"], cast("User", self.request.user))
            return self.answered(made.pk, status.HTTP_200_OK)

        return decided
