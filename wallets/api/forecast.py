"""How long a wallet's money lasts."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from quantify.api.serializers import Instant
from quantify.api.views import Resource, told
from quantify.periods import floor_to_interval
from wallets.forecasting import forecast
from wallets.forecasting.forecast import Forecast

EXAMPLE = OpenApiExample(
    "Lasts until Tuesday evening",
    value={
        "data": {
            "as_of": "2026-07-13T08:00:00+02:00",
            "days_left": "1.5",
            "expected_at": "2026-07-14T19:00:00+02:00",
            "earliest_at": "2026-07-13T22:00:00+02:00",
            "latest_at": "2026-07-15T12:00:00+02:00",
            "horizon_days": 60,
            "reason": "",
        }
    },
    response_only=True,
)


class ForecastSerializer(serializers.Serializer):
    """
    When the credit reaches zero; an instant that is null lies beyond `horizon_days`.

    With a `reason` nothing can be said, and all instants are null.
    """

    as_of = Instant()
    days_left = serializers.DecimalField(max_digits=4, decimal_places=1, allow_null=True)
    expected_at = Instant(allow_null=True)
    earliest_at = Instant(allow_null=True)
    latest_at = Instant(allow_null=True)
    horizon_days = serializers.IntegerField(default=forecast.HORIZON.days)
    reason = serializers.CharField(allow_blank=True)


def at_last_quarter(wallet_id: UUID) -> Forecast:
    """The forecast as of the last quarter of an hour: with it an answer stays the same so long."""
    return forecast.of(wallet_id, now=floor_to_interval(timezone.now()))


class Forecasts(Resource):
    """`GET /wallets/{id}/forecast`"""

    @extend_schema(operation_id="wallet_forecast", responses=ForecastSerializer, examples=[EXAMPLE])
    @action(detail=True, methods=["get"])
    def forecast(self, request: Request, pk: UUID) -> Response:
        """When the money runs out: as expected, and with high and low use."""
        wallet: Any = self.seen_object()
        made = forecast.of(wallet.pk, now=timezone.now())
        return told(ForecastSerializer(made).data)
