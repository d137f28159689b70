"""Shapes of readings and consumption."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from meters.api.filters import CHANNELS, QUALITIES
from meters.api.serializers import Kilo, channel_name
from meters.models import MeterEvent, Reading, Register
from meters.readings import ManualEntry, ManualOutcome
from quantify.api.serializers import Form, Instant, Quantity, ShownSerializer
from quantify.periods import midnight
from quantify.quantities import Utility

RESULTS = ["created", "duplicate", "conflict", "rejected"]
MOST = 1000


def unit_of(channel: int) -> str:
    is_volume = channel == Register.Channel.VOLUME
    return Utility.WATER.unit if is_volume else Utility.ELECTRICITY.unit


class EventSerializer(ShownSerializer):
    """An entry of a meter's event log; `occurred_at` is by the meter's clock."""

    words = serializers.CharField(read_only=True)

    class Meta:
        model = MeterEvent
        fields = (
            "id", "meter", "log", "occurred_at", "code", "words", "detail", "created_at",
            "updated_at",
        )  # fmt: skip


class ReadingSerializer(ShownSerializer):
    """The value of one register at one instant, in kWh or kl; never edited."""

    register = serializers.SerializerMethodField()
    value = Kilo()
    unit = serializers.SerializerMethodField()
    quality = serializers.SerializerMethodField()
    rules = serializers.SerializerMethodField()
    created_at = Instant(source="received_at")
    updated_at = Instant(source="received_at")

    class Meta:
        model = Reading
        fields = (
            "id", "meter", "register", "taken_at", "value", "unit", "source", "quality", "status",
            "rules", "created_at", "updated_at",
        )  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(CHANNELS))
    def get_register(self, reading: Reading) -> str:
        return channel_name(reading.channel)

    def get_unit(self, reading: Reading) -> str:
        return unit_of(reading.channel)

    @extend_schema_field(serializers.ChoiceField(QUALITIES))
    def get_quality(self, reading: Reading) -> str:
        if not reading.is_valid:
            return "invalid"
        return "estimated" if reading.source == Reading.Source.ESTIMATED else "actual"

    def get_rules(self, reading: Reading) -> list[str]:
        """The checks that the reading broke."""
        return reading.rule_names


class ReadingForm(Form):
    """What a person read off a meter, in kWh or kl; without a register, its main one."""

    taken_at = Instant()
    value = Quantity(min_value=Decimal(0))
    register = serializers.ChoiceField(CHANNELS, required=False)


class BatchForm(Form):
    readings = serializers.ListField(child=ReadingForm(), allow_empty=False, max_length=MOST)


def entry(asked: Mapping[str, Any]) -> ManualEntry:
    name = asked.get("register")
    channel = Register.Channel[name.upper()].value if name else None
    return ManualEntry(taken_at=asked["taken_at"], value=asked["value"], channel=channel)


class OutcomeSerializer(serializers.Serializer):
    """What became of a reading that a person entered."""

    taken_at = Instant(source="entry.taken_at")
    value = Quantity(source="entry.value")
    result = serializers.ChoiceField(RESULTS)
    reason = serializers.CharField()


class BatchSerializer(serializers.Serializer):
    """What became of each reading, in the given order, and how many of each."""

    results = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()

    @extend_schema_field(OutcomeSerializer(many=True))
    def get_results(self, outcomes: Sequence[ManualOutcome]) -> Any:
        return OutcomeSerializer(outcomes, many=True).data

    def get_counts(self, outcomes: Sequence[ManualOutcome]) -> dict[str, int]:
        found = Counter(outcome.result for outcome in outcomes)
        return {result: found.get(result, 0) for result in RESULTS}  # type: ignore[call-overload]


class MeaningSerializer(serializers.Serializer):
    """What entering a reading would mean; quantities in kWh or kl, null where nothing is known."""

    outcome = OutcomeSerializer()
    previous_taken_at = Instant(source="previous.taken_at", default=None, allow_null=True)
    previous_value = Kilo(source="previous.stands", default=None, allow_null=True)
    used_since_previous = Kilo(source="used", allow_null=True)
    usual_per_day = Kilo(allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField())


class RehearsedSerializer(serializers.Serializer):
    """What entering readings together would mean, in the given order."""

    results = MeaningSerializer(many=True)


class ConsumptionSerializer(serializers.Serializer):
    """What was used from an instant on, in kWh or kl, and how much of it is estimated."""

    start = serializers.SerializerMethodField()
    register = serializers.SerializerMethodField()
    quantity = Kilo(source="used")
    estimated = Kilo(source="guessed")
    unit = serializers.SerializerMethodField()

    @extend_schema_field(Instant())
    def get_start(self, row: Mapping[str, Any]) -> str:
        zone, at = self.context["zone"], row["at"]
        instant = at if isinstance(at, datetime) else midnight(at, zone)
        return str(instant.astimezone(zone).isoformat())

    @extend_schema_field(serializers.ChoiceField(CHANNELS))
    def get_register(self, row: Mapping[str, Any]) -> str:
        return channel_name(row["channel"])

    def get_unit(self, row: Mapping[str, Any]) -> str:
        return unit_of(row["channel"])
