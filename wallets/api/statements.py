"""Statements as JSON, for spreadsheets and to print."""

from typing import Any, cast
from uuid import UUID

from django.db.models import FETCH_RAISE
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from quantify.api.files import CsvRenderer, FormatFirst, Ready
from quantify.api.headers import FILE_NAME, answers_with
from quantify.api.serializers import Instant, Money, Quantity
from quantify.api.views import Resource, told
from quantify.periods import local_day
from wallets.api import days
from wallets.models import Wallet
from wallets.statements import files, statement, tables

FORMAT = OpenApiParameter(
    "format", OpenApiTypes.STR, enum=["json", "csv", "pdf"], description="Goes before `Accept`."
)


class PdfRenderer(Ready):
    media_type = "application/pdf"
    format = "pdf"
    charset = None
    render_style = "binary"


class StandingSerializer(serializers.Serializer):
    balance = Money()
    arrears = Money()


class PlaceSerializer(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    address = serializers.CharField()
    contact = serializers.CharField()
    footer = serializers.CharField()


class HomeSerializer(serializers.Serializer):
    number = serializers.CharField()
    building = serializers.CharField()


class StatementMovementSerializer(serializers.Serializer):
    """A transaction; `effect` is what it did to the balance."""

    sequence = serializers.IntegerField()
    number = serializers.CharField()
    occurred_at = Instant()
    kind = serializers.CharField()
    utility = serializers.CharField()
    payment_method = serializers.CharField()
    reference = serializers.CharField()
    amount = Money()
    effect = Money()
    balance = Money()
    arrears = Money()


class StatementReadingSerializer(serializers.Serializer):
    """A meter's register at the beginning and the end; null if it was not read."""

    meter = serializers.CharField()
    utility = serializers.CharField()
    unit = serializers.CharField()
    opening = Quantity(allow_null=True)
    opening_at = Instant(allow_null=True)
    closing = Quantity(allow_null=True)
    closing_at = Instant(allow_null=True)


class UsedDaySerializer(serializers.Serializer):
    day = serializers.DateField()
    utility = serializers.CharField()
    quantity = Quantity()
    charged = Money()


class UsedSerializer(serializers.Serializer):
    """What a utility used and was charged; `paid` of it from the wallet, `owed` became arrears."""

    utility = serializers.CharField()
    unit = serializers.CharField()
    quantity = Quantity()
    charged = Money()
    paid = Money()
    owed = Money()


class PriceLineSerializer(serializers.Serializer):
    what = serializers.CharField()
    quantity = serializers.CharField()
    unit = serializers.CharField()
    price = serializers.CharField()
    amount = Money()


class MonthBillSerializer(serializers.Serializer):
    """The bill of a month that the days touch, as it stands now."""

    utility = serializers.CharField()
    month = serializers.DateField()
    rate_table = serializers.CharField()
    lines = PriceLineSerializer(many=True)
    subtotal = Money()
    vat = Money()
    total = Money()


class SharesSerializer(serializers.Serializer):
    """Where the money went; with the refunds these are all movements in and out."""

    paid_in = Money()
    energy = Money()
    water = Money()
    vat = Money()
    fees = Money()
    refunds = Money()
    adjustments = Money()


class StatementSerializer(serializers.Serializer):
    """What came in, what was used and what it cost over some local days."""

    wallet = serializers.UUIDField()
    estate = PlaceSerializer()
    unit = HomeSerializer()
    occupants = serializers.ListField(child=serializers.CharField())
    to = serializers.DateField()
    opening = StandingSerializer()
    closing = StandingSerializer()
    movements = StatementMovementSerializer(many=True)
    readings = StatementReadingSerializer(many=True)
    days = UsedDaySerializer(many=True)
    used = UsedSerializer(many=True)
    bills = MonthBillSerializer(many=True)
    shares = SharesSerializer()

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language.
        return {**super().get_fields(), "from": serializers.DateField()}


class Statements(Resource):
    """`GET /wallets/{id}/statement`"""

    @extend_schema(
        operation_id="wallet_statement",
        responses={
            (200, "application/json"): StatementSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/pdf"): OpenApiTypes.BINARY,
        },
        parameters=[*days.PARAMETERS, FORMAT],
    )
    @action(
        detail=True,
        methods=["get"],
        renderer_classes=[JSONRenderer, CsvRenderer, PdfRenderer],
        content_negotiation_class=FormatFirst,
    )
    @answers_with(FILE_NAME)
    def statement(self, request: Request, pk: UUID) -> Response:
        """A statement over local days, both included, as JSON, CSV or PDF as `Accept` says."""
        person = cast("User", request.user)
        mine = self.shaped(Wallet.objects.of_any_stay(person)).select_related("unit__estate")
        wallet = get_object_or_404(mine.fetch_mode(FETCH_RAISE), pk=pk)
        today = local_day(timezone.now(), wallet.unit.estate.zone)
        first_day, last_day = days.of_stay(request, wallet, *days.asked(request, today))
        made = statement.of(wallet, first_day=first_day, last_day=last_day, asked_by=person)
        kind = request.accepted_renderer.format
        if kind == "json":
            return told(files.as_data(made))
        name = f"statement-{first_day}-{last_day}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if kind == "csv":
            return Response(tables.as_csv(made).encode(), headers=headers)
        return Response(files.as_pdf(made, made_at=timezone.now()), headers=headers)
