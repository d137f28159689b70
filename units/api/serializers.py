from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from quantify.api.serializers import Form, ResourceSerializer, ScopedRelatedField, ShownSerializer
from units.api.identities import IdentitySerializer
from units.models import Occupancy, Resident, Unit


class ResidentSerializer(ResourceSerializer):
    identity = IdentitySerializer(required=False, allow_null=True)

    class Meta:
        model = Resident
        fields = (
            "id", "estate", "first_name", "last_name", "email", "phone", "identity", "user",
            "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("user",)
        fixed_fields = ("estate",)


class NamedResidentSerializer(ShownSerializer):
    """A resident where others are the matter."""

    class Meta:
        model = Resident
        fields = ("id", "first_name", "last_name", "email", "phone")


class OccupancySerializer(ResourceSerializer):
    resident = NamedResidentSerializer(read_only=True)

    class Meta:
        model = Occupancy
        fields = (
            "id", "unit", "resident", "kind", "is_primary", "starts_on", "ends_on", "created_at",
            "updated_at",
        )  # fmt: skip


UNIT_FIELDS = (
    "id", "estate", "unit_number", "building", "floor", "bedrooms", "bathrooms", "size_m2",
    "status", "protected_supply", "created_at", "updated_at",
)  # fmt: skip


class UnitSerializer(ResourceSerializer):
    class Meta:
        model = Unit
        fields: tuple[str, ...] = UNIT_FIELDS
        fixed_fields = ("estate",)


class UnitDetailSerializer(UnitSerializer):
    """A unit, with who lives there today: the primary tenant first."""

    occupancy = serializers.SerializerMethodField()

    class Meta(UnitSerializer.Meta):
        fields: tuple[str, ...] = (*UNIT_FIELDS, "occupancy")

    @extend_schema_field(OccupancySerializer(allow_null=True))
    def get_occupancy(self, unit: Any) -> Any:
        current = unit.current_occupancies
        return OccupancySerializer(current[0]).data if current else None


class MoveInForm(Form):
    """Who moves in or owns, and from when."""

    resident = ScopedRelatedField(queryset=Resident.objects.all())
    kind = serializers.ChoiceField(Occupancy.Kind.choices, default=Occupancy.Kind.TENANT)
    starts_on = serializers.DateField()
    is_primary = serializers.BooleanField(default=True)


class MoveOutForm(Form):
    """From which day on the unit is empty; without it, from today."""

    ends_on = serializers.DateField(required=False)
