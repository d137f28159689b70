"""The checks of readings with the limits that hold in an estate."""

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from estates.models import Estate
from meters.vee import limits
from meters.vee.rules import BY_CODE, PARAMETERS, OutOfBounds, UnknownParameter
from quantify.api import problems
from quantify.api.serializers import Form
from quantify.api.views import View, told


class Limit(serializers.DecimalField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=10, decimal_places=3, **options)


class CheckLimitSerializer(serializers.Serializer):
    """A limit of a check: what holds, what would without the estate's own, and its bounds."""

    parameter = serializers.CharField()
    check = serializers.CharField()
    means = serializers.CharField()
    unit = serializers.CharField()
    value = Limit()
    default = Limit()
    lowest = Limit()
    highest = Limit()


class CheckLimitsForm(Form):
    """Limits by their names, such as `spike.ratio`; null takes one back to its default."""

    limits = serializers.DictField(child=Limit(allow_null=True), allow_empty=False)


class EstateChecks(View):
    """`/estates/{id}/checks`"""

    permission_names = {
        "get": "meters.view_checklimit",
        "patch": "meters.change_checklimit",
    }

    @extend_schema(operation_id="estate_checks", responses=CheckLimitSerializer(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        """Every limit of the checks as it holds in the estate."""
        return _answer(self._estate(pk))

    @extend_schema(
        operation_id="estate_checks_change",
        request=CheckLimitsForm,
        responses=CheckLimitSerializer(many=True),
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        """Set limits of the estate; readings that are stored are validated again on request."""
        estate = self._estate(pk)
        form = CheckLimitsForm(data=request.data)
        form.is_valid(raise_exception=True)
        values: dict[str, Decimal | None] = form.validated_data["limits"]
        try:
            limits.change(estate=estate, values=values)
        except UnknownParameter as error:
            raise problems.invalid("limits", "unknown", str(error.args[0])) from error
        except OutOfBounds as error:
            raise problems.invalid("limits", "out_of_bounds", str(error)) from error
        return _answer(estate)

    def _estate(self, pk: UUID) -> Estate:
        estates = cast("Any", Estate.objects).visible_to(self.request.user).alive()
        return cast("Estate", get_object_or_404(estates, pk=pk))


def _answer(estate: Estate) -> Response:
    holding = limits.of_estate(estate.pk)
    rows = [
        {
            "parameter": key,
            "check": BY_CODE[key.partition(".")[0]].name,
            "means": one.means,
            "unit": one.unit,
            "value": holding[key],
            "default": one.default,
            "lowest": one.lowest,
            "highest": one.highest,
        }
        for key, one in PARAMETERS.items()
    ]
    return told(CheckLimitSerializer(rows, many=True).data)
