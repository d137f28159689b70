from datetime import datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from quantify.api.serializers import (
    Form,
    Instant,
    Money,
    Quantity,
    ResourceSerializer,
    ScopedRelatedField,
    ShownSerializer,
)
from quantify.periods import INTERVAL
from quantify.quantities import Utility
from rates import components
from rates.models import UTILITIES, Assignment, RateTable, RateTableVersion

TABLE_FIELDS = (
    "id", "name", "utility", "licensee", "estate", "calendar", "mid_month", "is_reference",
    "version", "is_used", "effective_from", "components", "source", "confidence",
    "year_inferred", "created_at", "updated_at",
)  # fmt: skip
COMPONENTS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"type": "string"}},
        "additionalProperties": True,
    },
    "minItems": 1,
}


@extend_schema_field(COMPONENTS)
class Components(serializers.ListField):
    """Components as they are documented; `rates.components` says what is wrong with them."""

    child = serializers.JSONField()


@extend_schema_field(
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("path", "code", "message")},
        },
    }
)
class Warnings(serializers.JSONField):
    """What is allowed but looks like a slip."""


class VersionSerializer(ShownSerializer):
    components = Components()

    class Meta:
        model = RateTableVersion
        fields = (
            "id", "number", "effective_from", "effective_to", "components", "source",
            "confidence", "year_inferred", "used_at", "created_at", "updated_at",
        )  # fmt: skip


class RateTableSerializer(ResourceSerializer):
    """A rate table with the prices of its newest version."""

    version = serializers.IntegerField(source="newest.number", read_only=True)
    is_used = serializers.SerializerMethodField()
    effective_from = serializers.DateField(source="newest.effective_from")
    components = Components(source="newest.components", allow_empty=False)
    source = serializers.CharField(  # type: ignore[assignment]  # a field of this name
        source="newest.source", max_length=250, allow_blank=True, required=False
    )

    confidence = serializers.CharField(source="newest.confidence", read_only=True)
    year_inferred = serializers.BooleanField(source="newest.year_inferred", read_only=True)

    class Meta:
        model = RateTable
        fields: tuple[str, ...] = TABLE_FIELDS
        fixed_fields = ("utility", "estate")

    def get_is_used(self, table: Any) -> bool:
        """Whether the newest version has priced a bill."""
        return table.newest is not None and table.newest.used_at is not None

    def to_representation(self, instance: Any) -> dict[str, Any]:
        instance.newest = instance.by_number[0] if instance.by_number else None
        return super().to_representation(instance)

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        prices = values.pop("newest", {})
        return {**values, **prices}

    def validate(self, attrs: Any) -> Any:
        user = self.context["request"].user
        if self.instance is None and attrs.get("estate") is None and not user.sees_every_estate:
            raise serializers.ValidationError(
                {"estate": "Name the estate; you cannot set prices for all of them."},
                code="required",
            )
        return attrs


class RateTableDetailSerializer(RateTableSerializer):
    """A rate table with all its versions, the newest first."""

    versions = VersionSerializer(source="by_number", many=True, read_only=True)
    warnings = serializers.SerializerMethodField()

    class Meta(RateTableSerializer.Meta):
        fields = (*TABLE_FIELDS, "versions", "warnings")

    @extend_schema_field(Warnings())
    def get_warnings(self, table: Any) -> list[dict[str, str]]:
        if table.newest is None:
            return []
        try:
            parsed = components.parse(table.newest.components, calendar=table.calendar)
        except components.InvalidComponents as error:
            return [found._asdict() for found in error.problems]
        found = components.warnings(parsed, Utility(table.utility))
        return [one._asdict() for one in found]


class UsedForm(Form):
    """One quarter of an hour of a consumption."""

    start = Instant()
    quantity = Quantity(min_value=Decimal(0))

    def validate_start(self, start: datetime) -> datetime:
        if start.timestamp() % INTERVAL.total_seconds():
            raise serializers.ValidationError(
                "An interval starts on a quarter of the hour.", code="not_aligned"
            )
        return start


class CalculateForm(Form):
    """A month's consumption in kWh or kl, in total or by interval."""

    consumption = Quantity(min_value=Decimal(0), required=False)
    month = serializers.RegexField(r"^(19|2\d)\d{2}-(0[1-9]|1[0-2])$", required=False)
    month_to_date = Quantity(min_value=Decimal(0), default=Decimal(0))
    markup_percentage = serializers.DecimalField(
        max_digits=6, decimal_places=2, min_value=Decimal(0), max_value=Decimal(100),
        default=Decimal(0),
    )  # fmt: skip
    intervals = serializers.ListField(
        child=UsedForm(), required=False, allow_empty=False, max_length=10_000
    )
    demand_kva = Quantity(min_value=Decimal(0), required=False)

    def validate_intervals(self, intervals: Any) -> Any:
        met: set[datetime] = set()
        for position, start in enumerate(interval["start"] for interval in intervals):
            if start in met:
                repeated = ErrorDetail("Another interval starts then.", "repeated")
                errors: Any = {position: {"start": [repeated]}}
                raise serializers.ValidationError(errors)
            met.add(start)
        return intervals

    def validate(self, attrs: Any) -> Any:
        if "consumption" not in attrs and "intervals" not in attrs:
            raise serializers.ValidationError(
                {"consumption": "Give the consumption, or intervals."}, code="required"
            )
        return attrs


class LineSerializer(serializers.Serializer):
    what = serializers.CharField()
    quantity = serializers.SerializerMethodField()
    unit = serializers.CharField()
    price = serializers.SerializerMethodField()
    amount = Money()

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_quantity(self, line: Any) -> str:
        return f"{line.quantity:f}"

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_price(self, line: Any) -> str:
        return f"{line.price:f}"


class QuoteSerializer(serializers.Serializer):
    """What a consumption costs, line by line."""

    lines = LineSerializer(many=True)
    subtotal = Money()
    markup = Money()
    vat = Money()
    total = Money()


class AssignmentSerializer(ResourceSerializer):
    rate_table_name = serializers.CharField(source="rate_table.name", read_only=True)
    warnings = serializers.SerializerMethodField()

    class Meta:
        model = Assignment
        fields = (
            "id", "estate", "unit", "utility", "rate_table", "rate_table_name",
            "markup_percentage", "effective_from", "effective_to", "warnings", "created_at",
            "updated_at",
        )  # fmt: skip

    @extend_schema_field(Warnings())
    def get_warnings(self, assignment: Assignment) -> list[dict[str, str]]:
        if assignment.utility != Utility.ELECTRICITY or not assignment.markup_percentage:
            return []
        message = "South African rules for the resale of electricity expect no markup."
        return [{"path": "markup_percentage", "code": "resale_markup", "message": message}]


class AssignForm(Form):
    """Which rate table prices a utility from a day on."""

    utility = serializers.ChoiceField(UTILITIES)
    rate_table = ScopedRelatedField(queryset=RateTable.objects.all())
    markup_percentage = serializers.DecimalField(
        max_digits=6, decimal_places=2, min_value=Decimal(0), max_value=Decimal(100),
        default=Decimal(0),
    )  # fmt: skip
    effective_from = serializers.DateField()
