"""
What the API is held against: the same server answering less.

`urlpatterns` are the product's and, under `/plain/`, a bare Django view, a bare view of the
framework with one SELECT, its plain list of twenty units, and the product's own list of twenty
units with their meters and wallets in raw psycopg.
"""

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.generics import ListAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from quantify.urls import urlpatterns as product
from units.models import Unit

UNITS = """
SELECT json_build_object(
    'data', coalesce(json_agg(row_to_json(one)), '[]'), 'total', (SELECT count(*) FROM units_unit)
)::text
FROM (
    SELECT unit.id, unit.estate_id AS estate, unit.unit_number, unit.building, unit.floor,
        unit.bedrooms, unit.bathrooms, unit.size_m2, unit.status, unit.protected_supply,
        unit.created_at, unit.updated_at,
        (SELECT coalesce(json_agg(row_to_json(meter)), '[]') FROM meters_installation AS hanging
            JOIN meters_meter AS meter ON meter.id = hanging.meter_id
            WHERE hanging.unit_id = unit.id AND hanging.ends_at IS NULL) AS meters,
        (SELECT row_to_json(purse) FROM
            (SELECT wallet.id, wallet.balance, wallet.arrears, wallet.is_suspended) AS purse
        ) AS wallet
    FROM units_unit AS unit JOIN estates_estate AS estate ON estate.id = unit.estate_id
    JOIN wallets_wallet AS wallet ON wallet.unit_id = unit.id
    WHERE unit.deleted_at IS NULL AND estate.deleted_at IS NULL
    ORDER BY estate.code, unit.unit_number, unit.id LIMIT 20
) AS one
"""


class Plain:
    """The framework without anything of the product's."""

    authentication_classes: tuple[type[BaseAuthentication], ...] = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)
    filter_backends = ()
    schema = None


class PlainView(Plain, APIView):
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return Response({"data": cursor.fetchone()[0]})


class PlainUnit(serializers.ModelSerializer):
    class Meta:
        model = Unit
        fields = (
            "id", "estate", "unit_number", "building", "floor", "bedrooms", "bathrooms", "size_m2",
            "status", "protected_supply", "created_at", "updated_at",
        )  # fmt: skip


class Twenty(PageNumberPagination):
    page_size = 20


class PlainList(Plain, ListAPIView):
    queryset = Unit.objects.order_by("estate__code", "unit_number", "pk")
    serializer_class = PlainUnit
    pagination_class: Any = Twenty


def django(_: HttpRequest) -> JsonResponse:
    return JsonResponse({"data": 1})


def raw(_: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(UNITS)
        return HttpResponse(cursor.fetchone()[0], content_type="application/json")


urlpatterns = [
    path("plain/django", django),
    path("plain/view", PlainView.as_view()),
    path("plain/list", PlainList.as_view()),
    path("plain/raw", raw),
    *product,
]
