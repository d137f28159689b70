"""Relays that do not stand as they should."""

from django.db.models import QuerySet
from django_filters import ChoiceFilter, FilterSet
from rest_framework import serializers

from estates.models import Estate
from meters.models import Meter, RelayDrift
from quantify.api.filters import BooleanFilter, RelatedFilter
from quantify.api.serializers import ShownSerializer
from quantify.api.views import Listed, Shown


class RelayDriftSerializer(ShownSerializer):
    """What stands wrong since when and why, and what is done about it."""

    meter_serial = serializers.CharField(source="meter.serial")
    estate = serializers.UUIDField(source="meter.estate_id")
    remedy_says = serializers.CharField(source="get_remedy_display")

    class Meta:
        model = RelayDrift
        fields = (
            "id", "meter", "meter_serial", "estate", "kind", "wanted", "stands", "says", "remedy",
            "remedy_says", "since", "seen_at", "ended_at", "created_at", "updated_at",
        )  # fmt: skip


class RelayDriftFilters(FilterSet):
    estate = RelatedFilter(Estate, field_name="meter__estate")
    meter = RelatedFilter(Meter)
    kind = ChoiceFilter(choices=RelayDrift.Kind.choices)
    remedy = ChoiceFilter(choices=RelayDrift.Remedy.choices)
    standing = BooleanFilter(method="filter_standing")

    def filter_standing(self, rows: QuerySet, _: str, value: bool) -> QuerySet:  # noqa: FBT001
        return rows.filter(ended_at__isnull=value)


class RelayDriftViewSet(Listed, Shown):
    """Relays that stand or stood otherwise than they should; the newest first."""

    queryset = RelayDrift.objects.all()
    serializer_class = RelayDriftSerializer
    filterset_class = RelayDriftFilters
    search_fields = ("says", "meter__serial")
    sort_fields = {name: name for name in ("since", "seen_at", "ended_at", "kind")}
    default_sort = ("-since", "pk")

    def shaped(self, rows: QuerySet) -> QuerySet:
        return rows.select_related("meter")
