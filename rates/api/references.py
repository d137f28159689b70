"""What the resale of an estate is compared with."""

from typing import Any, cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from estates.models import Estate
from quantify.api.serializers import Form, ResourceSerializer, ScopedRelatedField
from quantify.api.views import Listed, told
from rates import references
from rates.api import refusals
from rates.api.refusals import refused
from rates.models import UTILITIES, RateTable, ReferenceTable


class ReferenceSerializer(ResourceSerializer):
    rate_table_name = serializers.CharField(source="rate_table.name", read_only=True)
    licensee = serializers.CharField(source="rate_table.licensee", read_only=True)

    class Meta:
        model = ReferenceTable
        fields = (
            "id", "estate", "utility", "rate_table", "rate_table_name", "licensee", "created_at",
            "updated_at",
        )  # fmt: skip


class ReferenceForm(Form):
    """The licensed rate table of a utility; null: resale is compared with nothing."""

    utility = serializers.ChoiceField(UTILITIES)
    rate_table = ScopedRelatedField(queryset=RateTable.objects.all(), allow_null=True)


class ReferenceViewSet(Listed):
    """`/estates/{id}/reference-rates`"""

    http_method_names = ["get", "head", "put"]
    queryset = ReferenceTable.objects.all()
    serializer_class = ReferenceSerializer
    sort_fields = {"utility": "utility"}
    default_sort = ("utility", "pk")
    refusals = {"update": (refusals.WRONG_UTILITY, refusals.FOREIGN_TABLE, refusals.NO_REFERENCE)}

    def shaped(self, rows: Any) -> Any:
        return rows.filter(estate=self.kwargs.get("pk")).select_related("rate_table")

    def list(self, request: Request, **address: Any) -> Response:
        self._estate(address["pk"])
        return super().list(request)

    @extend_schema(request=ReferenceForm, responses={200: ReferenceSerializer, 204: None})
    def update(self, request: Request, pk: UUID) -> Response:
        """Name what a utility is compared with, in place of what was named before."""
        estate = self._estate(pk)
        asked = self.checked(ReferenceForm)
        if asked["rate_table"] is None:
            references.forget(estate=estate, utility=asked["utility"])
            return Response(status=status.HTTP_204_NO_CONTENT)
        with refused():
            named = references.name(estate=estate, **asked)
        return told(ReferenceSerializer(named).data)

    def _estate(self, pk: UUID) -> Estate:
        estates = cast("Any", Estate.objects).visible_to(self.request.user).alive()
        return cast("Estate", get_object_or_404(estates, pk=pk))
