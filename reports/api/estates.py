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
from quantify.periods import local_day
from reports import estates


class ConsumptionTodaySerializer(serializers.Serializer):
    electricity = Kilo()
    water = Kilo()
    solar = Kilo()


class StatisticsSerializer(serializers.Serializer):
    """The estate at a glance; consumption is that of the local day so far, in kWh or kl."""

    units = serializers.IntegerField()
    occupied = serializers.IntegerField()
    meters = serializers.IntegerField()
    meters_offline = serializers.IntegerField()
    balance_total = Money()
    low_balance_count = serializers.IntegerField()
    consumption_today = ConsumptionTodaySerializer()


class EstateDetailSerializer(EstateSerializer):
    stats = serializers.SerializerMethodField()

    class Meta(EstateSerializer.Meta):
        fields = (*ESTATE_FIELDS, "stats")

    @extend_schema_field(StatisticsSerializer())
    def get_stats(self, estate: Estate) -> Any:
        today = local_day(timezone.now(), estate.zone)
        return StatisticsSerializer(estates.statistics(estate.pk, today=today)).data


class EstateWithStatisticsViewSet(EstateViewSet):
    """Estates; one alone with its statistics."""

    detail_class = EstateDetailSerializer
