"""Estates with what their units, meters and wallets add up to."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from estates.api.serializers import ESTATE_FIELDS, EstateSerializer
from estates.api.views import EstateViewSet
from estates.models import Estate
from meters.api.serializers import Kilo
from quantify.api.serializers import Money
from quantify.api.withholding import Withholding
from quantify.periods import local_day
from reports import estates


class ConsumptionTodaySerializer(serializers.Serializer):
    electricity = Kilo()
    water = Kilo()
    solar = Kilo()


class StatisticsSerializer(Withholding):
    """The estate at a glance; consumption is that of the local day so far, in kWh or kl."""

    units = serializers.IntegerField(allow_null=True)
    occupied = serializers.IntegerField(allow_null=True)
    meters = serializers.IntegerField(allow_null=True)
    meters_offline = serializers.IntegerField(allow_null=True)
    balance_total = Money(allow_null=True)
    low_balance_count = serializers.IntegerField(allow_null=True)
    consumption_today = ConsumptionTodaySerializer(allow_null=True)

    withheld_without = {
        **dict.fromkeys(("units", "occupied"), "units.view_unit"),
        **dict.fromkeys(("meters", "meters_offline"), "meters.view_meter"),
        **dict.fromkeys(("balance_total", "low_balance_count"), "wallets.view_wallet"),
        "consumption_today": "meters.view_dailyconsumption",
    }


class EstateDetailSerializer(EstateSerializer):
    stats = serializers.SerializerMethodField()

    class Meta(EstateSerializer.Meta):
        fields = (*ESTATE_FIELDS, "stats")

    @extend_schema_field(StatisticsSerializer())
    def get_stats(self, estate: Estate) -> Any:
        today = local_day(timezone.now(), estate.zone)
        found = estates.statistics(estate.pk, today=today)
        return StatisticsSerializer(found, context=self.context).data


class EstateWithStatisticsViewSet(EstateViewSet):
    """Estates; one alone with its statistics."""

    detail_class = EstateDetailSerializer
