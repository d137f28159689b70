"""What a concentrator may be asked for beside what is new: a stretch of time, of one meter."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from meters.collecting import stretches
from meters.models import Concentrator, Meter
from quantify.api.serializers import Form, Instant, ScopedRelatedField


class RoundForm(Form):
    """
    Nothing for a round as usual. With `from` the stretch up to `to` (now unless given) is asked
    for anew, also what the meters answered without rows before; of one `meter` or of all.
    """

    needs = {"to": ["from"]}
    meter = ScopedRelatedField(queryset=Meter.objects.all(), required=False)
    to = Instant(required=False)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": Instant(required=False)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start: datetime | None = attrs.get("from")
        now = timezone.now()
        end: datetime = attrs.get("to") or now
        if start is None and "to" in attrs:
            raise serializers.ValidationError({"from": "Say from when on to ask."})
        if start is not None:
            try:
                stretches.check(start, end, now=now)
            except stretches.NotAskable as error:
                raise serializers.ValidationError({"to": str(error)}) from error
        concentrator: Concentrator = self.context["concentrator"]
        meter: Meter | None = attrs.get("meter")
        if meter is not None and meter.concentrator_id != concentrator.pk:
            raise serializers.ValidationError({"meter": "Another concentrator reaches it."})
        return attrs

    @staticmethod
    def wanted(asked: dict[str, Any]) -> dict[str, str]:
        """What to tell the task."""
        told = {}
        if "meter" in asked:
            told["serial"] = asked["meter"].serial
        for name, given in (("start", "from"), ("end", "to")):
            if given in asked:
                told[name] = asked[given].isoformat()
        return told
