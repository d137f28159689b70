"""Units with what supplies them: their meters and their wallet."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from meters.models import Meter
from quantify.api import problems
from quantify.api.filters import BooleanFilter
from quantify.api.problems import Problem, translated
from quantify.api.serializers import Money, ShownSerializer
from quantify.api.withholding import Withholding
from units.api.filters import UnitFilters
from units.api.serializers import UNIT_FIELDS, UnitDetailSerializer, UnitSerializer
from units.api.views import UnitViewSet
from units.models import Unit
from wallets.api import refusals, supplies
from wallets.api.settlements import Settling
from wallets.limits import limit_of
from wallets.models import Wallet
from wallets.office import retirement


class UnitMeterSerializer(ShownSerializer):
    """A meter that hangs at the unit."""

    class Meta:
        model = Meter
        fields = supplies.METER


class UnitWalletSerializer(ShownSerializer):
    balance = Money()

    class Meta:
        model = Wallet
        fields = supplies.WALLET


class SuppliedUnitSerializer(Withholding, UnitSerializer):
    """A unit with its meters and its wallet."""

    meters = UnitMeterSerializer(source="supply.meters", many=True, read_only=True, allow_null=True)
    wallet = UnitWalletSerializer(source="supply.wallet", read_only=True, allow_null=True)

    withheld_without = {"meters": "meters.view_meter", "wallet": "wallets.view_wallet"}

    class Meta(UnitSerializer.Meta):
        fields = (*UNIT_FIELDS, "meters", "wallet")


class SuppliedUnitDetailSerializer(SuppliedUnitSerializer, UnitDetailSerializer):
    """A unit with who lives there, its meters and its wallet."""

    withheld_without = {
        **SuppliedUnitSerializer.withheld_without,
        "occupancy": "units.view_resident",
    }

    class Meta(UnitDetailSerializer.Meta):
        fields = (*UNIT_FIELDS, "occupancy", "meters", "wallet")


class SuppliedUnitFilters(UnitFilters):
    low_balance = BooleanFilter(method="filter_low_balance")

    def filter_low_balance(self, units: QuerySet, _: str, value: bool) -> QuerySet:  # noqa: FBT001
        if not self.request.user.has_perm("wallets.view_wallet"):
            raise Problem(problems.FORBIDDEN)
        units = units.annotate(limit=limit_of("wallet__"))
        low = {"wallet__balance__lt": F("limit")}
        return units.filter(**low) if value else units.exclude(**low)


class SuppliedUnitViewSet(Settling, UnitViewSet):
    """Homes of an estate, with their meters and wallets."""

    permission_names = {**UnitViewSet.permission_names, **Settling.permission_names}
    refusals = {
        **UnitViewSet.refusals,
        **Settling.refusals,
        "destroy": (refusals.UNIT_IN_USE, problems.BUSY),
    }
    parameters = {**UnitViewSet.parameters, **Settling.parameters}

    serializer_class = SuppliedUnitSerializer
    detail_class = SuppliedUnitDetailSerializer
    filterset_class = SuppliedUnitFilters

    def remove(self, instance: Unit) -> None:
        with translated(refusals.OF_THE_LEDGER):
            retirement.retire(unit_id=instance.pk, at=timezone.now())

    def complete(self, rows: Sequence[Any]) -> None:
        found = supplies.of_units([unit.pk for unit in rows], at=timezone.now())
        for unit in rows:
            unit.supply = found[unit.pk]
