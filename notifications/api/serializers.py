"""Shapes of messages, deliveries, templates, devices and settings."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from notifications.models import Delivery, Device, Notification, Template
from notifications.recipients import FOR_RESIDENTS, MANDATORY, OUTSIDE
from quantify.api.serializers import Form, Instant, ResourceSerializer


class NotificationSerializer(ResourceSerializer):
    """A message as the caller reads it: residents in their own words and language."""

    estate = serializers.UUIDField(source="scope", read_only=True, allow_null=True)
    about = serializers.CharField(source="subject_key", read_only=True)
    subject = serializers.CharField(source="shown_subject", read_only=True)
    text = serializers.CharField(source="shown_text", read_only=True)
    read_at = Instant(read_only=True, allow_null=True)

    class Meta:
        model = Notification
        fields = (
            "id", "event", "estate", "about", "subject", "text", "state", "delivered_at",
            "read_at", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class DeliverySerializer(ResourceSerializer):
    """One way of a message to one recipient."""

    event = serializers.ChoiceField(
        Notification.Event.choices, source="notification.event", read_only=True
    )
    estate = serializers.UUIDField(source="notification.scope", read_only=True, allow_null=True)

    class Meta:
        model = Delivery
        fields = (
            "id", "notification", "event", "estate", "channel", "name", "address", "subject",
            "body", "state", "due_at", "attempts", "delivered_at", "provider_id", "error",
            "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class TemplateSerializer(ResourceSerializer):
    """The words of an event in one language; without an estate, of every estate."""

    estate = serializers.UUIDField(source="scope", allow_null=True, required=False)

    class Meta:
        model = Template
        fields = (
            "id", "estate", "event", "language", "subject", "body", "short", "created_at",
            "updated_at",
        )  # fmt: skip
        fixed_fields = ("scope", "event", "language")
        # The database and the model say it in the words of the API.
        validators: list[Any] = []


class WordsSerializer(serializers.Serializer):
    """A template with sample values, as it would go out."""

    subject = serializers.CharField()
    body = serializers.CharField()
    short = serializers.CharField()


class TestForm(Form):
    """Over which channel a test goes to oneself."""

    __test__ = False
    channel = serializers.ChoiceField(["email", "push"], default="email")


class TestedSerializer(serializers.Serializer):
    """Where a test went."""

    __test__ = False
    channel = serializers.CharField()
    address = serializers.CharField()
    provider_id = serializers.CharField()


class DeviceSerializer(ResourceSerializer):
    """A device of one's own."""

    class Meta:
        model = Device
        fields = ("id", "platform", "token", "name", "created_at", "updated_at")
        fixed_fields = ("platform", "token")
        validators: list[Any] = []


class EventSettingsSerializer(serializers.Serializer):
    """Which channels an event takes; `mandatory` ones keep one besides the app."""

    event = serializers.ChoiceField(FOR_RESIDENTS)
    mandatory = serializers.BooleanField()
    channels = serializers.ListField(child=serializers.ChoiceField(OUTSIDE))


class SettingsSerializer(serializers.Serializer):
    """One's own language, and the channels of each event; the app always has all."""

    language = serializers.ChoiceField(Template.Language.choices)
    events = EventSettingsSerializer(many=True)

    @staticmethod
    def of(language: str, off: list[str]) -> dict[str, Any]:
        """The data of stored settings."""
        return {
            "language": language,
            "events": [
                {
                    "event": event,
                    "mandatory": event in MANDATORY,
                    "channels": [way for way in OUTSIDE if f"{event}/{way}" not in off],
                }
                for event in FOR_RESIDENTS
            ],
        }


class EventForm(Form):
    event = serializers.ChoiceField(FOR_RESIDENTS)
    mandatory = serializers.BooleanField(required=False)
    channels = serializers.ListField(child=serializers.ChoiceField(OUTSIDE))

    def validate(self, attrs: Any) -> Any:
        """What was read may be sent back as it was; what must be told is not chosen."""
        is_mandatory = attrs["event"] in MANDATORY
        if attrs.get("mandatory", is_mandatory) is not is_mandatory:
            told = ErrorDetail("This field is only read.", "read_only")
            raise ValidationError({"mandatory": [told]})
        return attrs


class SettingsForm(Form):
    """Events that are left out keep all channels."""

    language = serializers.ChoiceField(Template.Language.choices, default="en")
    events = serializers.ListField(child=EventForm(), max_length=len(FOR_RESIDENTS))
