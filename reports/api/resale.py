"""The resale check of an estate's month, as JSON and for spreadsheets."""

import csv
import io
from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from estates.models import Estate
from meters.api.serializers import Kilo
from quantify.api import problems
from quantify.api.serializers import Money
from quantify.api.views import View, told
from quantify.quantities import format_kilo
from reports import resale
from reports.api import months
from reports.api.rates import NotPricedSerializer
from reports.resale import ResaleCheck
from reports.simulations import MonthNotBegun
from wallets.api.statements import CsvRenderer

COLUMNS = (
    "utility", "unit", "consumption", "charged", "allowed", "difference", "excess", "markup",
    "up_to_date", "remark",
)  # fmt: skip


class ComparedSerializer(serializers.Serializer):
    """What a unit was charged, and what the licensed price allows on the same use; with VAT."""

    unit = serializers.UUIDField(source="unit_id")
    unit_number = serializers.CharField()
    consumption = Kilo()
    charged = Money()
    allowed = Money()
    difference = Money()
    excess = Money()
    markup = Money()
    is_up_to_date = serializers.BooleanField()


class ReferencedSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="pk")
    name = serializers.CharField()
    licensee = serializers.CharField()


class CheckedSerializer(serializers.Serializer):
    """One utility; `reference` is null where nothing was named to compare it with."""

    utility = serializers.CharField()
    reference = ReferencedSerializer(allow_null=True)
    charged = Money(source="found.charged")
    allowed = Money(source="found.allowed")
    excess = Money(source="found.excess")
    over = serializers.IntegerField(source="found.over")
    not_up_to_date = serializers.IntegerField(source="found.not_up_to_date")
    not_billed = serializers.IntegerField()
    is_in_order = serializers.BooleanField()
    warnings = serializers.ListField(child=serializers.CharField())
    units = ComparedSerializer(many=True, source="found.units")
    not_priced = NotPricedSerializer(many=True)


class ResaleSerializer(serializers.Serializer):
    """The bills of a month against the licensed prices."""

    estate = serializers.UUIDField(source="estate.pk")
    month = months.Month()
    is_running = serializers.BooleanField()
    utilities = CheckedSerializer(many=True)


class ResaleCompliance(View):
    """`GET /reports/resale-compliance`"""

    http_method_names = ["get", "head"]
    permission_names = {"get": "reports.view_report", "head": "reports.view_report"}
    parameters = {"get": ("estate", "month"), "head": ("estate", "month")}
    refusals = {"get": (problems.NOT_FOUND,), "head": (problems.NOT_FOUND,)}
    renderer_classes = [JSONRenderer, CsvRenderer]

    @extend_schema(
        operation_id="report_resale_compliance",
        responses={
            (200, "application/json"): ResaleSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
        },
        parameters=[
            OpenApiParameter("estate", OpenApiTypes.UUID, required=True),
            OpenApiParameter("month", OpenApiTypes.STR, description="2026-07; the last one."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Every bill of an estate's month, rated again on its licensed rate table."""
        estate, now = _estate(request), timezone.now()
        month = months.asked(request, estate, now)
        try:
            made = resale.check(estate=estate, month=month, now=now)
        except MonthNotBegun as error:
            raise problems.invalid("month", "not_begun", str(error)) from error
        if request.accepted_renderer.format == "json":
            return told(ResaleSerializer(made).data)
        name = f"resale-{estate.code}-{month:%Y-%m}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(as_csv(made).encode(), headers=headers)


def as_csv(made: ResaleCheck) -> str:
    """A row for each unit compared, and for each that could not be."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    for one in made.utilities:
        if one.reference is None:
            rows.writerow([one.utility, *[""] * (len(COLUMNS) - 2), "no reference rate table"])
        for unit in one.found.units:
            amounts = (unit.charged, unit.allowed, unit.difference, unit.excess, unit.markup)
            rows.writerow(
                [
                    one.utility, _cell(unit.unit_number), format_kilo(unit.consumption), *amounts,
                    "yes" if unit.is_up_to_date else "no", "",
                ]
            )  # fmt: skip
        for refused in one.not_priced:
            blank = [""] * (len(COLUMNS) - 3)
            rows.writerow([one.utility, _cell(refused.unit_number), *blank, _cell(refused.reason)])
    return written.getvalue()


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _estate(request: Request) -> Estate:
    asked = request.query_params.get("estate")
    if asked is None:
        raise problems.invalid("estate", "required", "Name the estate by its id.")
    try:
        pk = UUID(asked)
    except ValueError as error:
        raise Http404 from error
    estates: Any = Estate.objects
    found: Estate = get_object_or_404(estates.visible_to(request.user).alive(), pk=pk)
    return found
