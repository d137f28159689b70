"""Why a charge has its amount, as the API tells it: from reading to reading."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from meters.models import Reading
from quantify.api.serializers import Instant, Money, Quantity
from quantify.quantities import as_kilo
from wallets.billing.explanation import Cause, Explanation, Remark, rounding


class Exact(serializers.CharField):
    """A decimal with all its places, as text."""

    def to_representation(self, value: Any) -> str:
        return f"{value.normalize():f}" if value else "0"


class Kilo(Quantity):
    """kWh or kl, kept as whole Wh or litres."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(as_kilo(value))


class ExplainedReadingSerializer(serializers.Serializer):
    """What a register showed at an instant, in kWh or kl."""

    taken_at = Instant()
    value = Kilo()
    source = serializers.ChoiceField(Reading.Source.choices)  # type: ignore[assignment]


class StretchSerializer(serializers.Serializer):
    """
    What one register counted from one instant to another.

    `opening` and `closing` are the readings at both ends; where an end has none (`remarks` say
    so) they are the nearest outside of the stretch, or null, and `register_difference` is null.
    `consumption` is the sum of the intervals, `estimated` how much of it was estimated.
    """

    meter = serializers.UUIDField()
    meter_serial = serializers.CharField(source="serial")
    channel = serializers.IntegerField()
    starts_at = Instant()
    ends_at = Instant()
    opening = ExplainedReadingSerializer(allow_null=True)
    closing = ExplainedReadingSerializer(allow_null=True)
    register_difference = Kilo(source="difference", allow_null=True)
    consumption = Kilo()
    estimated = Kilo()
    missing_intervals = serializers.IntegerField()
    remarks = serializers.ListField(
        child=serializers.ChoiceField([(remark.value, remark.value) for remark in Remark])
    )


class ChargeLineSerializer(serializers.Serializer):
    """How much fell in which block or band, at which price, and what rounding made of it."""

    what = serializers.CharField()
    quantity = serializers.CharField()
    unit = serializers.CharField()
    price = serializers.CharField()
    amount = serializers.CharField()
    unrounded = Exact()
    rounding = Exact()
    is_free = serializers.BooleanField()


class PricedBySerializer(serializers.Serializer):
    """A version of a rate table."""

    rate_table = serializers.UUIDField(source="rate_table_id")
    rate_table_name = serializers.CharField(source="rate_table.name")
    version = serializers.IntegerField(source="number")
    effective_from = serializers.DateField()


class ExplanationSerializer(serializers.Serializer):
    """
    Why a charge has its amount: the step of the month's bill from one total to the next.

    `consumption_before` and `consumption_after` are those of the month to date, in kWh or kl,
    `total_before` is what was charged before in that month. `corrected` is how much more (or
    less) the days charged before count now; null, with the cause `not_recorded`, for a charge
    from before its readings were kept with it.
    """

    transaction = serializers.UUIDField(source="charge.transaction_id")
    utility = serializers.CharField(source="charge.bill.utility")
    month = serializers.DateField(source="charge.bill.month")
    causes = serializers.ListField(
        child=serializers.ChoiceField([(cause.value, cause.value) for cause in Cause])
    )
    readings = StretchSerializer(source="stretches", many=True)
    corrected = Kilo(allow_null=True)
    rate_table = serializers.UUIDField(source="charge.version.rate_table_id")
    rate_table_name = serializers.CharField(source="charge.version.rate_table.name")
    version = serializers.IntegerField(source="charge.version.number")
    version_effective_from = serializers.DateField(source="charge.version.effective_from")
    version_before = PricedBySerializer(allow_null=True)
    consumption_before = Kilo(source="charge.consumption_before")
    consumption_after = Kilo(source="charge.consumption_after")
    consumption = Kilo()
    lines = ChargeLineSerializer(many=True)
    rounding = serializers.SerializerMethodField()
    net = Money()
    vat_percent = Exact(allow_null=True)
    vat = Money(source="charge.vat")
    vat_unrounded = Exact(allow_null=True)
    vat_rounding = Exact(allow_null=True)
    amount = Money(source="charge.transaction.amount")
    total_before = Money(source="charge.total_before")
    total_after = Money(source="charge.total_after")

    @extend_schema_field({"type": "string"})
    def get_rounding(self, told: Explanation) -> str:
        return Exact().to_representation(rounding(told.lines))
