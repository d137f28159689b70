"""Rate tables, with what other prices would have changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from estates.models import Estate
from meters.api.serializers import Kilo
from quantify.api import problems
from quantify.api.serializers import Form, Money, ScopedRelatedField
from quantify.api.views import told
from rates.api import refusals
from rates.api.refusals import refused
from rates.api.serializers import Components, QuoteSerializer
from rates.api.views import RateTableViewSet
from reports import simulations
from reports.api import months
from reports.simulations import MonthNotBegun, NoSuchVersion, Scope

SCOPES = [(scope.value, scope.value) for scope in Scope]


class SimulateForm(Form):
    """
    Prices to try on a month of an estate: `components`, else a `version`, else the newest one.

    `scope` is `assigned` for the units that pay by the rate table, `all` for every unit. Without it
    it is `assigned`, or `all` if no unit pays by the rate table; the answer says which.
    """

    estate = ScopedRelatedField(queryset=Estate.objects.all())
    month = months.Month(required=False)
    version = serializers.IntegerField(min_value=1, max_value=2_147_483_647, required=False)
    components = Components(required=False, allow_empty=False)
    scope = serializers.ChoiceField(SCOPES, required=False)

    def validate(self, attrs: Any) -> Any:
        if "version" in attrs and "components" in attrs:
            raise serializers.ValidationError(
                {"version": "Give a version or components, not both."}, code="exclusive"
            )
        return attrs


class Percent(serializers.DecimalField):
    """To a hundredth; null where there was nothing before."""

    def __init__(self) -> None:
        super().__init__(max_digits=16, decimal_places=2, allow_null=True)


class BinSerializer(serializers.Serializer):
    """Units whose month changes by more than the edge nearer to zero, up to the other one."""

    low = Money()
    high = Money()
    units = serializers.IntegerField()


class EffectSerializer(serializers.Serializer):
    """A unit's bill before and after, in kWh or kl and in rand with VAT."""

    unit = serializers.UUIDField(source="unit_id")
    unit_number = serializers.CharField()
    consumption = Kilo()
    before = QuoteSerializer()
    after = QuoteSerializer()
    change = Money()
    change_percent = Percent()


class NotPricedSerializer(serializers.Serializer):
    unit = serializers.UUIDField(source="unit_id")
    unit_number = serializers.CharField()
    reason = serializers.CharField()


class SimulatedOutcomeSerializer(serializers.Serializer):
    units = serializers.IntegerField()
    revenue_before = Money()
    revenue_after = Money()
    change = Money()
    change_percent = Percent()
    winners = serializers.IntegerField()
    losers = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    histogram = BinSerializer(many=True)
    most_affected = EffectSerializer(many=True)


class SimulationSerializer(serializers.Serializer):
    """
    What other prices would have changed in a month, with VAT.

    `charged` is what the bills of the units were really charged: it differs from
    `outcome.revenue_before` only by the bills that are `not_up_to_date`.
    """

    estate = serializers.UUIDField(source="estate.pk")
    rate_table = serializers.UUIDField(source="table.pk")
    month = months.Month()
    scope = serializers.ChoiceField(SCOPES)
    is_running = serializers.BooleanField()
    outcome = SimulatedOutcomeSerializer()
    charged = Money()
    not_up_to_date = serializers.IntegerField()
    elsewhere = serializers.IntegerField()
    not_priced = NotPricedSerializer(many=True)


@contextmanager
def simulation_refused() -> Iterator[None]:
    try:
        with refused():
            yield
    except MonthNotBegun as error:
        raise problems.invalid("month", "not_begun", str(error)) from error
    except NoSuchVersion as error:
        raise problems.invalid("version", "does_not_exist", str(error)) from error


class SimulatedRateTableViewSet(RateTableViewSet):
    """Tariffs, and what they would change."""

    permission_names = {**RateTableViewSet.permission_names, "simulate": "reports.view_report"}
    refusals = {**RateTableViewSet.refusals, "simulate": (refusals.FOREIGN_TABLE,)}

    @extend_schema(
        operation_id="rate_table_simulate",
        request=SimulateForm,
        responses={200: SimulationSerializer},
    )
    @action(detail=True, methods=["post"])
    def simulate(self, request: Request, pk: UUID) -> Response:
        """What other prices would have changed on the real consumption of an estate's month."""
        table = self.seen_object()
        asked = self.checked(SimulateForm)
        now = timezone.now()
        with simulation_refused():
            made = simulations.simulate(
                estate=asked["estate"],
                table=table,
                tariff=simulations.tariff_to_try(
                    table, number=asked.get("version"), written=asked.get("components")
                ),
                month=months.first_day(asked.get("month"), asked["estate"], now),
                scope=Scope(asked["scope"]) if "scope" in asked else None,
                now=now,
            )
        return told(SimulationSerializer(made).data)
