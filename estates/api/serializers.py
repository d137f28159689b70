from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import ApiKey, Role, User
from estates.models import Estate, EstateSettings
from quantify.api.serializers import ResourceSerializer, ShownSerializer

ESTATE_FIELDS = (
    "id", "code", "name", "address", "city", "postal_code", "contact_name", "contact_phone",
    "contact_email", "time_zone", "latitude", "longitude", "total_units",
    "solar_free_allocation_kwh", "is_active",
    "created_at", "updated_at",
)  # fmt: skip


class EstateSerializer(ResourceSerializer):
    class Meta:
        model = Estate
        fields: tuple[str, ...] = ESTATE_FIELDS


class EstateSettingsSerializer(ResourceSerializer):
    class Meta:
        model = EstateSettings
        fields = (
            "id", "estate", "low_balance_rule", "low_balance_limit", "low_balance_days",
            "low_balance_repeat_hours", "low_balance_critical_percent", "billing_cadence",
            "vat_registered", "month_closes_after_days", "statement_template", "statement_footer",
            "activation_minimum", "topup_minimum", "topup_maximum", "adjustment_limit",
            "debt_recovery_percent",
            "disconnect_window",
            "automatic_disconnection", "reading_freshness_minutes", "offline_after_minutes",
            "minimum_on_minutes", "minimum_off_minutes", "breaker_cuts", "breaker_percent",
            "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("estate",)


class OwnEstateSerializer(ShownSerializer):
    """An estate that a person works for, by its names."""

    class Meta:
        model = Estate
        fields = ("id", "code", "name")


class OwnRoleSerializer(ShownSerializer):
    class Meta:
        model = Role
        fields = ("code", "name")


class OwnKeySerializer(ShownSerializer):
    """The key that the caller came with."""

    class Meta:
        model = ApiKey
        fields = ("id", "name", "prefix", "scopes", "estates", "expires_at")


class MeSerializer(ShownSerializer):
    """The person who asks."""

    role = OwnRoleSerializer()
    sees_every_estate = serializers.BooleanField()
    signed_in_by = serializers.SerializerMethodField()
    api_key = OwnKeySerializer(allow_null=True)
    estates = serializers.SerializerMethodField()
    permissions = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            "id", "username", "full_name", "email", "role", "sees_every_estate", "estates",
            "permissions", "signed_in_by", "api_key", "created_at", "updated_at",
        )  # fmt: skip

    @extend_schema_field({"type": "string", "enum": ["password", "api_key"]})
    def get_signed_in_by(self, user: User) -> str:
        return "password" if user.api_key is None else "api_key"

    @extend_schema_field(OwnEstateSerializer(many=True))
    def get_estates(self, user: User) -> Any:
        return OwnEstateSerializer(self.context["estates"], many=True).data

    def get_permissions(self, user: User) -> list[str]:
        names: list[str] = self.context["names"]
        return names
