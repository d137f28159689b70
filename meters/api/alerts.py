"""Alerts about meters, and what people do about them."""

from typing import cast
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from meters.alerts import handling
from meters.api import refusals
from meters.api.filters import AlertFilters
from meters.api.serializers import AcknowledgeForm, AlertSerializer, ResolveForm
from meters.models import MeterAlert
from quantify.api.headers import ETAG, answers_with
from quantify.api.problems import translated
from quantify.api.views import Listed, Shown


class AlertViewSet(Listed, Shown):
    """What people should know about meters and concentrators, once while its cause lasts."""

    queryset = MeterAlert.objects.all()
    serializer_class = AlertSerializer
    filterset_class = AlertFilters
    search_fields = ("message", "meter__serial", "concentrator__serial")
    sort_fields = {
        name: name for name in ("raised_at", "last_seen_at", "severity", "state", "daily_amount")
    }
    default_sort = ("-raised_at", "pk")
    permission_names = {
        "acknowledge": "meters.change_meteralert",
        "resolve": "meters.change_meteralert",
    }
    refusals = {"acknowledge": (refusals.HANDLED,), "resolve": (refusals.HANDLED,)}

    def shaped(self, rows: QuerySet) -> QuerySet:
        return rows.select_related("meter", "handled_by")

    @extend_schema(operation_id="meter_alert_acknowledge", request=AcknowledgeForm)
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def acknowledge(self, request: Request, pk: UUID) -> Response:
        """Take note of an open alert."""
        alert = self.seen_object()
        user = cast("User", request.user)
        asked = self.checked(AcknowledgeForm)
        with translated(refusals.OF_METERS):
            handling.acknowledge(alert_id=alert.pk, user=user, **asked)
        return self.answered(pk)

    @extend_schema(operation_id="meter_alert_resolve", request=ResolveForm)
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def resolve(self, request: Request, pk: UUID) -> Response:
        """Close an alert with what was found and done."""
        alert = self.seen_object()
        user = cast("User", request.user)
        asked = self.checked(ResolveForm)
        with translated(refusals.OF_METERS):
            handling.resolve(alert_id=alert.pk, user=user, now=timezone.now(), **asked)
        return self.answered(pk)
