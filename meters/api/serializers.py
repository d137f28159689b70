from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from meters import addresses
from meters.alerts.kinds import KINDS
from meters.api.past import OF_NOW, is_past
from meters.models import (
    Command,
    CommandStep,
    Concentrator,
    Installation,
    LoraDevice,
    Meter,
    MeterAlert,
    Register,
)
from meters.models.devices import CommunicationStatus
from quantify.api.serializers import (
    Form,
    Instant,
    Quantity,
    ResourceSerializer,
    ScopedRelatedField,
    ShownSerializer,
)
from quantify.api.withholding import Withholding
from quantify.quantities import format_kilo
from units.models import Unit

METER_FIELDS = (
    "id", "estate", "unit", "serial", "kind", "manufacturer", "model", "communication_type",
    "concentrator", "logical_device", "gateway_address", "ipv6_address", "has_relay",
    "control_mode", "rating", "maximum_per_interval",
    "relay_state", "relay_read_at", "communication_status", "last_contact_at", "last_reading_at",
    "clock_drift_seconds", "created_at", "updated_at",
)  # fmt: skip
HEARD = (
    "control_mode", "relay_state", "relay_read_at", "communication_status", "last_contact_at",
    "last_reading_at", "clock_drift_seconds",
)  # fmt: skip


@extend_schema_field(Quantity())
class Kilo(serializers.Field):
    """Whole Wh or litres, shown as kWh or kl."""

    def to_representation(self, value: int) -> str:
        return format_kilo(value)


class ConcentratorSerializer(ResourceSerializer):
    class Meta:
        model = Concentrator
        fields = (
            "id", "estate", "serial", "name", "host", "port", "addressing", "network_id",
            "client_address", "timeout_seconds", "connections", "outstanding", "is_enabled",
            "keeps_clocks", "communication_status", "last_contact_at", "last_error", "created_at",
            "updated_at",
        )  # fmt: skip
        read_only_fields = ("communication_status", "last_contact_at", "last_error")
        fixed_fields = ("estate",)


class ConcentratorStatusSerializer(serializers.Serializer):
    """How a concentrator and the meters behind it are reached."""

    concentrator = serializers.UUIDField(source="pk")
    is_enabled = serializers.BooleanField()
    communication_status = serializers.CharField()
    last_contact_at = Instant(allow_null=True)
    last_error = serializers.CharField()
    meters = serializers.IntegerField(source="meters_known")
    meters_online = serializers.IntegerField()
    meters_offline = serializers.IntegerField()


class CollectionSerializer(serializers.Serializer):
    concentrator = serializers.UUIDField()
    state = serializers.ChoiceField(["queued"])


class RegisterSerializer(ShownSerializer):
    channel = serializers.SerializerMethodField()
    span = Kilo()

    class Meta:
        model = Register
        fields = ("id", "channel", "obis", "profile_obis", "span")

    def get_channel(self, register: Register) -> str:
        return channel_name(register.channel)


class InstallationSerializer(ShownSerializer):
    """Where a meter hangs, with its register at both ends."""

    opening_value = Kilo()
    closing_value = Kilo(allow_null=True)

    class Meta:
        model = Installation
        fields = (
            "id", "meter", "unit", "kind", "starts_at", "ends_at", "opening_value",
            "closing_value", "end_reason", "created_at", "updated_at",
        )  # fmt: skip


class MeterSerializer(ResourceSerializer):
    """
    A meter; `unit` is where it hangs now.

    Residents who moved out see the meters of their time without what tells of now.
    """

    unit = serializers.UUIDField(source="current_unit", read_only=True, allow_null=True)
    relay_state = serializers.ChoiceField(Meter.RelayState.choices, read_only=True, allow_null=True)
    communication_status = serializers.ChoiceField(
        CommunicationStatus.choices, read_only=True, allow_null=True
    )

    class Meta:
        model = Meter
        fields: tuple[str, ...] = METER_FIELDS
        read_only_fields = HEARD
        fixed_fields = ("estate", "kind")

    def to_representation(self, instance: Any) -> Any:
        shown = super().to_representation(instance)
        return {**shown, **dict.fromkeys(OF_NOW)} if is_past(instance) else shown

    def validate(self, attrs: Any) -> Any:
        def value(name: str) -> Any:
            return attrs.get(name, getattr(self.instance, f"{name}_id", None))

        concentrator = attrs.get("concentrator")
        estate = getattr(value("estate"), "pk", value("estate"))
        if concentrator and concentrator.estate_id != estate:
            raise serializers.ValidationError(
                {"concentrator": "This concentrator stands in another estate."},
                code="another_estate",
            )
        self._check_address(attrs)
        return attrs

    def _check_address(self, attrs: Any) -> None:
        """Where the concentrator or an address is given, the meter must be reachable with both."""
        told = {"concentrator", "logical_device", "gateway_address", "ipv6_address"}
        if self.instance is not None and not told & attrs.keys():
            return
        after = {name: attrs.get(name, getattr(self.instance, name, None)) for name in told}
        concentrator = after.pop("concentrator")
        if concentrator and (lack := addresses.lack(concentrator, after)):
            raise serializers.ValidationError({lack.field: lack.words}, code="required")


class MeterDetailSerializer(MeterSerializer):
    registers = RegisterSerializer(many=True, read_only=True)
    installation = serializers.SerializerMethodField()

    class Meta(MeterSerializer.Meta):
        fields = (*METER_FIELDS, "registers", "installation")

    @extend_schema_field(InstallationSerializer(allow_null=True))
    def get_installation(self, meter: Any) -> Any:
        current = [] if is_past(meter) else meter.current_installations
        return InstallationSerializer(current[0]).data if current else None


class InstallForm(Form):
    """Where and when a meter is put up, with its register in kWh or kl."""

    unit = ScopedRelatedField(queryset=Unit.objects.all(), required=False, allow_null=True)
    starts_at = Instant()
    opening_value = Quantity(min_value=Decimal(0))


class RemoveForm(Form):
    ends_at = Instant()
    closing_value = Quantity(min_value=Decimal(0))


class AlertSerializer(ResourceSerializer):
    meter_serial = serializers.CharField(
        source="meter.serial", default=None, allow_null=True, read_only=True
    )
    says = serializers.CharField(read_only=True)
    what_to_do = serializers.SerializerMethodField()
    daily_quantity = Kilo(allow_null=True)
    evidence = serializers.ListField(child=serializers.CharField(), read_only=True)
    handled_by = serializers.CharField(
        source="handled_by.username", default=None, allow_null=True, read_only=True
    )

    class Meta:
        model = MeterAlert
        fields = (
            "id", "meter", "meter_serial", "concentrator", "estate", "kind", "severity", "state",
            "source", "message", "says", "what_to_do", "evidence", "daily_quantity",
            "daily_amount", "amount_basis", "times", "raised_at", "last_seen_at", "escalated_at",
            "resolved_at", "ended_by_itself", "handled_by", "note", "created_at", "updated_at",
        )  # fmt: skip

    def get_what_to_do(self, alert: MeterAlert) -> str:
        return KINDS[MeterAlert.Kind(alert.kind)].do


class AcknowledgeForm(Form):
    note = serializers.CharField(max_length=2000, allow_blank=True, default="")


class ResolveForm(Form):
    note = serializers.CharField(max_length=2000)


class CommandStepSerializer(ShownSerializer):
    """A step in the life of a command, with what the guards saw."""

    checks = serializers.JSONField()

    class Meta:
        model = CommandStep
        fields = ("at", "state", "attempt", "outcome", "checks", "recorded_at")


class CommandSerializer(ShownSerializer):
    """An order to a meter's relay, why it was given, and what came of it."""

    trace = serializers.JSONField()
    steps = CommandStepSerializer(many=True)
    requested_by = serializers.CharField(
        source="requested_by.username", default=None, allow_null=True
    )

    class Meta:
        model = Command
        fields = (
            "id", "meter", "action", "state", "cause", "reason", "trace", "requested_by",
            "requested_at", "due_at", "expires_at", "attempts", "sent_at", "acknowledged_at",
            "verified_at", "outcome", "moved_at", "steps", "created_at", "updated_at",
        )  # fmt: skip


class LastReadingSerializer(serializers.Serializer):
    taken_at = Instant()
    value = Kilo()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of this name


class RadioSerializer(ShownSerializer):
    """The LoRaWAN device that speaks for a meter: how it was last heard, and its battery."""

    class Meta:
        model = LoraDevice
        fields = (
            "id", "dev_eui", "model", "last_uplink_at", "battery_percent", "battery_at", "rssi",
            "snr", "gateway", "problem",
        )  # fmt: skip


class MeterStatusSerializer(Withholding):
    """What is known of a meter right now."""

    meter = serializers.UUIDField(source="pk")
    communication_status = serializers.CharField()
    last_contact_at = Instant(allow_null=True)
    last_reading_at = Instant(allow_null=True)
    last_reading = LastReadingSerializer(allow_null=True)
    clock_drift_seconds = serializers.IntegerField(allow_null=True)
    relay_state = serializers.CharField()
    relay_read_at = Instant(allow_null=True)
    radio = RadioSerializer(allow_null=True)
    open_alerts = AlertSerializer(many=True, allow_null=True)
    open_command = CommandSerializer(allow_null=True)

    withheld_without = {
        "last_reading": "meters.view_reading",
        "open_alerts": "meters.view_meteralert",
        "open_command": "meters.view_command",
    }


def channel_name(channel: int) -> str:
    """`import`, `export` or `volume`."""
    return Register.Channel(channel).name.lower()
