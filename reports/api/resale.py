"""The resale check of an estate's months, as JSON and for spreadsheets."""

from typing import Any

from django.http import FileResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from meters.api.serializers import Kilo
from quantify.api import problems
from quantify.api.files import TabularView
from quantify.api.headers import FILE_NAME, answers_with
from quantify.api.serializers import Money
from quantify.api.views import told
from quantify.quantities import Utility
from quantify.tables.files import FORMATS, download
from reports import resale_tables
from reports.api import asked, months
from reports.api.rates import NotPricedSerializer
from reports.resale_tables import GroupBy
from reports.simulations import MonthNotBegun


class ResaleRowSerializer(serializers.Serializer):
    """
    What was charged, and what the licensed price allows on the same use; with VAT.

    A row is a unit's month, a month or a utility, as `group_by` says.
    """

    month = months.Month(required=False)
    utility = serializers.CharField()
    unit = serializers.UUIDField(required=False, allow_null=True)
    unit_number = serializers.CharField(required=False, allow_null=True)
    units = serializers.IntegerField(required=False)
    over = serializers.IntegerField(required=False)
    consumption = Kilo(allow_null=True)
    measure = serializers.CharField(allow_null=True)
    charged = Money(allow_null=True)
    allowed = Money(allow_null=True)
    difference = Money(allow_null=True)
    excess = Money(allow_null=True)
    markup = Money(allow_null=True)
    is_up_to_date = serializers.BooleanField(required=False, allow_null=True)
    not_up_to_date = serializers.IntegerField(required=False)
    not_compared = serializers.IntegerField(required=False)
    remark = serializers.CharField()


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
    not_priced = NotPricedSerializer(many=True)


class MonthCheckedSerializer(serializers.Serializer):
    month = months.Month()
    is_running = serializers.BooleanField()
    utilities = CheckedSerializer(many=True)


class ResaleSerializer(serializers.Serializer):
    """The bills of some months against the licensed prices; every month that a day touches."""

    estate = serializers.UUIDField()
    to = serializers.DateField()
    group_by = serializers.ChoiceField([one.value for one in GroupBy])
    rows = ResaleRowSerializer(many=True)
    months = MonthCheckedSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language.
        return {**super().get_fields(), "from": serializers.DateField()}


class ResaleCompliance(TabularView):
    """`GET /reports/resale-compliance`"""

    http_method_names = ["get", "head"]
    permission_names = {"get": "reports.view_report", "head": "reports.view_report"}
    parameters = {"get": asked.NAMES, "head": asked.NAMES}
    refusals = {"get": (problems.NOT_FOUND,), "head": (problems.NOT_FOUND,)}

    @extend_schema(
        operation_id="report_resale_compliance",
        responses={
            (200, "application/json"): ResaleSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, FORMATS["xlsx"].media_type): OpenApiTypes.BINARY,
        },
        parameters=asked.parameters(GroupBy),
    )
    @answers_with(FILE_NAME)
    def get(self, request: Request) -> Response | FileResponse:
        """
        Every bill of an estate's months, rated again on its licensed rate table.

        Bills are monthly: the months that `from` and `to` touch are told whole.
        """
        estate, now = asked.estate(request), timezone.now()
        first, last = asked.period(request, estate, now)
        utility = asked.choice(request, "utility", Utility)
        group_by = asked.choice(request, "group_by", GroupBy) or GroupBy.UNIT
        try:
            checks = resale_tables.over(
                estate=estate, first_day=first, last_day=last, utility=utility, now=now
            )
        except MonthNotBegun as error:
            named = "to" if "to" in request.query_params else "month"
            raise problems.invalid(named, "not_begun", str(error)) from error
        table = resale_tables.table(checks, group_by)
        kind = request.accepted_renderer.format
        if kind in FORMATS:
            return download(table, kind, f"resale-{estate.code}-{first:%Y-%m}-{last:%Y-%m}")
        return told(
            {
                "estate": str(estate.pk), "from": first.isoformat(), "to": last.isoformat(),
                "group_by": group_by.value, "rows": list(table.as_json()),
                "months": MonthCheckedSerializer(checks, many=True).data,
            }
        )  # fmt: skip
