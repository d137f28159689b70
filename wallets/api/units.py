"""Units with what supplies them: their meters and their wallet."""

from typing import Any

from django.db.models import F, Prefetch, QuerySet
from django.utils import timezone

from meters.api.serializers import METER_FIELDS
from meters.models import Installation, Meter
from quantify.api.filters import BooleanFilter
from quantify.api.serializers import Money, ShownSerializer
from units.api.filters import UnitFilters
from units.api.serializers import UNIT_FIELDS, UnitDetailSerializer, UnitSerializer
from units.api.views import UnitViewSet
from wallets.api.settlements import Settling
from wallets.limits import limit_of
from wallets.models import Wallet


class UnitMeterSerializer(ShownSerializer):
    """A meter that hangs at the unit."""

    class Meta:
        model = Meter
        fields = tuple(name for name in METER_FIELDS if name != "unit")

    def to_representation(self, installation: Installation) -> Any:
        return super().to_representation(installation.meter)


class UnitWalletSerializer(ShownSerializer):
    balance = Money()

    class Meta:
        model = Wallet
        fields = ("id", "balance", "arrears", "is_suspended")


class SuppliedUnitSerializer(UnitSerializer):
    """A unit with its meters and its wallet."""

    meters = UnitMeterSerializer(source="current_installations", many=True, read_only=True)
    wallet = UnitWalletSerializer(read_only=True)

    class Meta(UnitSerializer.Meta):
        fields = (*UNIT_FIELDS, "meters", "wallet")


class SuppliedUnitDetailSerializer(SuppliedUnitSerializer, UnitDetailSerializer):
    """A unit with who lives there, its meters and its wallet."""

    class Meta(UnitDetailSerializer.Meta):
        fields = (*UNIT_FIELDS, "occupancy", "meters", "wallet")


class SuppliedUnitFilters(UnitFilters):
    low_balance = BooleanFilter(method="filter_low_balance")

    def filter_low_balance(self, units: QuerySet, _: str, value: bool) -> QuerySet:  # noqa: FBT001
        units = units.annotate(limit=limit_of("wallet__"))
        low = {"wallet__balance__lt": F("limit")}
        return units.filter(**low) if value else units.exclude(**low)


class SuppliedUnitViewSet(Settling, UnitViewSet):
    """Homes of an estate, with their meters and wallets."""

    permission_names = {**UnitViewSet.permission_names, **Settling.permission_names}
    refusals = {**UnitViewSet.refusals, **Settling.refusals}
    parameters = {**UnitViewSet.parameters, **Settling.parameters}

    serializer_class = SuppliedUnitSerializer
    detail_class = SuppliedUnitDetailSerializer
    filterset_class = SuppliedUnitFilters

    def shaped(self, rows: QuerySet) -> QuerySet:
        rows = super().shaped(rows)
        current = Installation.objects.at(timezone.now()).select_related("meter").order_by("kind")
        hanging = Prefetch("installations", queryset=current, to_attr="current_installations")
        return rows.select_related("wallet").prefetch_related(hanging)
