"""Replacing a meter over the API."""

from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from meters import installations, replacement
from meters.api import refusals
from meters.api.serializers import InstallationSerializer, Kilo
from meters.models import Meter, Register
from meters.replacement import Preview, Swap
from quantify.api.bodies import without_body
from quantify.api.headers import LOCATION, answers_with
from quantify.api.problems import Problem, translated
from quantify.api.serializers import Form, Instant, Quantity, ScopedRelatedField
from quantify.api.views import Resource, told
from quantify.quantities import kilo

TAKEN_BY: dict[type[Exception], str] = {
    installations.UnitTaken: "at",
    installations.InstalledElsewhere: "new_meter",
}


class ReplaceForm(Form):
    """The new meter, and what both registers showed at the moment, in kWh or kl."""

    new_meter = ScopedRelatedField(queryset=Meter.objects.all())
    at = Instant()
    closing_value = Quantity(min_value=Decimal(0))
    opening_value = Quantity(min_value=Decimal(0))
    closing_export = Quantity(min_value=Decimal(0), required=False)
    opening_export = Quantity(min_value=Decimal(0), required=False)
    reason = serializers.CharField(max_length=250)
    preview = serializers.BooleanField(default=False)


class EffectsSerializer(serializers.Serializer):
    """
    The two installations, `replayed` if they stood already.

    A preview also says what would be counted; a replacement that was done leaves that null.
    """

    removed = InstallationSerializer()
    installed = InstallationSerializer()
    replayed = serializers.BooleanField()
    is_preview = serializers.BooleanField()
    used_since_last_reading = Kilo(source="since_last", allow_null=True)
    month_to_date = Kilo(allow_null=True)
    rolls_over = serializers.BooleanField(allow_null=True)
    later_readings = serializers.IntegerField(source="later", allow_null=True)


class Replacing(Resource):
    """`POST /meters/{id}/replace` and `/undo-replacement`."""

    @extend_schema(
        operation_id="meter_replace",
        request=ReplaceForm,
        responses={200: EffectsSerializer, 201: EffectsSerializer},
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION)
    def replace(self, request: Request, pk: UUID) -> Response:
        """Put a new meter in this one's place; with `preview`, only say what that would do."""
        meter = self.seen_object()
        asked = self.checked(ReplaceForm)
        swap, now = _swap(meter, asked), timezone.now()
        with translated(refusals.OF_METERS, about=TAKEN_BY):
            if asked["preview"]:
                return told(_previewed(replacement.preview(swap, now=now)))
            done = replacement.replace(swap, now=now)
        body = _body(done, is_preview=False)
        if done.replayed:
            return told(body)
        where = {LOCATION: f"/api/v1/meters/{done.installed.meter_id}"}
        return told(body, HTTPStatus.CREATED, where)

    @extend_schema(operation_id="meter_undo_replacement", responses={200: InstallationSerializer})
    @action(detail=True, methods=["post"], url_path="undo-replacement", url_name="undo-replacement")
    @without_body
    def undo_replacement(self, request: Request, pk: UUID) -> Response:
        """Take this meter down as if it had never replaced the one before, which hangs again."""
        meter = self.seen_object()
        current = meter.installations.filter(ends_at=None).first()
        if current is None:
            raise Problem(refusals.NOT_INSTALLED)
        with translated(refusals.OF_METERS):
            hanging = replacement.undo(installation_id=current.pk, now=timezone.now())
        return told(InstallationSerializer(hanging).data)


def _swap(meter: Meter, asked: Mapping[str, Any]) -> Swap:
    export = Register.Channel.EXPORT.value

    def further(name: str) -> dict[int, int]:
        return {export: kilo(asked[name])} if name in asked else {}

    return Swap(
        old=meter,
        new=asked["new_meter"],
        at=asked["at"],
        closing=kilo(asked["closing_value"]),
        opening=kilo(asked["opening_value"]),
        reason=asked["reason"],
        further_closing=further("closing_export"),
        further_opening=further("opening_export"),
    )


def _previewed(seen: Preview) -> dict[str, Any]:
    return _body(seen.replaced, is_preview=True) | {
        "used_since_last_reading": Kilo().to_representation(seen.since_last),
        "month_to_date": Kilo().to_representation(seen.month_to_date),
        "rolls_over": seen.rolls_over,
        "later_readings": seen.later,
    }


def _body(done: replacement.Replaced, *, is_preview: bool) -> dict[str, Any]:
    return {
        "removed": InstallationSerializer(done.removed).data,
        "installed": InstallationSerializer(done.installed).data,
        "replayed": done.replayed,
        "is_preview": is_preview,
        "used_since_last_reading": None,
        "month_to_date": None,
        "rolls_over": None,
        "later_readings": None,
    }
