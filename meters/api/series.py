"""What meters reported: readings, and the consumption that follows from them."""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from accounts.models import User
from meters import consumption, readings, rehearsal
from meters.api import refusals
from meters.api.filters import EventFilters, ReadingFilters
from meters.api.readings import (
    BatchForm,
    BatchSerializer,
    ConsumptionSerializer,
    EventSerializer,
    MeaningSerializer,
    OutcomeSerializer,
    ReadingForm,
    ReadingSerializer,
    RehearsedSerializer,
    entry,
)
from meters.api.serializers import channel_name
from meters.consumption import GroupBy
from meters.manual import ManualOutcome
from meters.models import Interval, Meter, MeterEvent, Reading, Register
from quantify.api import filters, problems
from quantify.api.filters import wants_preview
from quantify.api.headers import FILE_NAME, LOCATION, answers_with
from quantify.api.lists import TOO_MANY, Field, ListedAsFile
from quantify.api.problems import Problem
from quantify.api.views import Listed, Resource, told
from quantify.periods import Period
from quantify.tables.description import Kind

SPANS = {
    GroupBy.INTERVAL: timedelta(days=1),
    GroupBy.HOUR: timedelta(days=7),
    GroupBy.DAY: timedelta(days=31),
    GroupBy.MONTH: timedelta(days=366),
}


def _either(name: str, *shapes: type[Serializer]) -> PolymorphicProxySerializer:
    """One of several shapes, told apart by their fields."""
    return PolymorphicProxySerializer(
        component_name=name, serializers=list(shapes), resource_type_field_name=None
    )


class _OfMeter(Listed, Resource):
    """Rows of the meter that the address names."""

    def meter(self) -> Meter:
        meters = Meter.objects.of_any_stay(cast("User", self.request.user)).alive()
        shown = meters.filter(estate__deleted_at=None).select_related("estate")
        return get_object_or_404(shown, pk=self.kwargs["pk"])

    def shaped(self, rows: QuerySet) -> QuerySet:
        return rows.filter(meter=self.kwargs.get("pk"))


class ReadingViewSet(ListedAsFile, _OfMeter):
    """The values of a meter's registers, the newest first."""

    queryset = Reading.objects.all()
    serializer_class = ReadingSerializer
    filterset_class = ReadingFilters
    sort_fields = {"taken_at": "taken_at"}
    default_sort = ("-taken_at", "channel")
    cursor_fields = ("-taken_at", "channel")
    file_title = "readings"
    file_related = ("meter",)
    file_fields = (
        Field("meter", "Meter", source="meter.serial"),
        Field("taken_at", "Taken at", Kind.INSTANT),
        Field("register", "Register", source=lambda row: channel_name(row.channel)),
        Field("value", "Value", Kind.QUANTITY),
        Field("source", "Source"),
        Field("status", "Status bits", Kind.COUNT),
        Field("received_at", "Received at", Kind.INSTANT),
    )
    parameters = {"create": ("preview",)}
    refusals = {"list": (TOO_MANY,), "create": (refusals.REJECTED, refusals.CONFLICT)}

    def first_of(self, rows: QuerySet, fields: Sequence[str], most: int) -> QuerySet:
        """
        Taken channel by channel, as the key of readings has them.

        Across channels the database would sort all that the meter ever read for each page.
        """
        each, *others = (
            super(ReadingViewSet, self).first_of(rows.filter(channel=channel), fields, most)
            for channel in Register.Channel.values
        )
        together = each.union(*others, all=True)
        return together.order_by(*fields)[:most]

    @extend_schema(operation_id="meter_readings")
    @answers_with(FILE_NAME)
    def list(self, request: Request, **_: Any) -> Response:
        self.meter()
        listed: Response = super().list(request)
        return listed

    @extend_schema(
        operation_id="meter_readings_record",
        parameters=[OpenApiParameter("preview", str, enum=["true", "false"])],
        request=_either("ManualReadings", ReadingForm, BatchForm),
        responses={
            200: _either(
                "ManualOutcomes", OutcomeSerializer, BatchSerializer, MeaningSerializer,
                RehearsedSerializer,
            ),
            201: _either("ManualRecords", OutcomeSerializer, BatchSerializer),
        },
    )  # fmt: skip
    @answers_with(LOCATION)
    def create(self, request: Request, pk: UUID) -> Response:
        """
        Record what a person read off the meter: one reading, or up to 1000 in `readings`.

        With `preview=true` only say what that would mean.
        """
        meter, now = self.meter(), timezone.now()
        is_batch = isinstance(request.data, dict) and "readings" in request.data
        asked = self.checked(BatchForm)["readings"] if is_batch else [self.checked(ReadingForm)]
        entries = [entry(one) for one in asked]
        if wants_preview(request):
            meanings = rehearsal.preview_manual(meter=meter, entries=entries, now=now)
            if is_batch:
                return told(RehearsedSerializer({"results": meanings}).data)
            return told(MeaningSerializer(meanings[0]).data)
        outcomes = readings.record_manual(meter=meter, entries=entries, now=now)
        return _recorded(outcomes, request.path, is_batch=is_batch)


def _recorded(outcomes: Sequence[ManualOutcome], path: str, *, is_batch: bool) -> Response:
    """:raises Problem: if a single reading was not taken."""
    created = any(outcome.result == "created" for outcome in outcomes)
    code, where = (HTTPStatus.CREATED, {LOCATION: path}) if created else (HTTPStatus.OK, {})
    if is_batch:
        return told(BatchSerializer(outcomes).data, code, where)
    (outcome,) = outcomes
    if outcome.result == "rejected":
        raise Problem(refusals.REJECTED, outcome.reason)
    if outcome.result == "conflict":
        raise Problem(refusals.CONFLICT, outcome.reason)
    return told(OutcomeSerializer(outcome).data, code, where)


class EventViewSet(_OfMeter):
    """What a meter wrote in its event logs, and what was done to it; the newest first."""

    queryset = MeterEvent.objects.all()
    serializer_class = EventSerializer
    filterset_class = EventFilters
    sort_fields = {"occurred_at": "occurred_at"}
    default_sort = ("-occurred_at", "log", "code", "pk")

    @extend_schema(operation_id="meter_events")
    def list(self, request: Request, **_: Any) -> Response:
        self.meter()
        return super().list(request)


class IntervalViewSet(_OfMeter):
    """What was used, by quarter hour, hour, day or month of the estate's local time."""

    queryset = Interval.objects.all()
    serializer_class = ConsumptionSerializer
    parameters = {"list": ("from", "to", "group_by")}
    cursor_fields = ("start", "channel")

    @extend_schema(
        operation_id="meter_intervals",
        parameters=[
            OpenApiParameter("from", dict(filters.INSTANT)),
            OpenApiParameter(
                "to", dict(filters.INSTANT), description="Up to but without; now if left out."
            ),
            OpenApiParameter("group_by", str, enum=[one.value for one in GroupBy]),
        ],
    )
    def list(self, request: Request, **_: Any) -> Response:
        meter = self.meter()
        group_by = _group_by(request)
        if group_by is not GroupBy.INTERVAL and "cursor" in request.query_params:
            raise problems.invalid("cursor", "exclusive", "A cursor goes with group_by=interval.")
        person = cast("User", request.user)
        rows = consumption.of_meter(meter, _period(request, group_by), group_by, asked_by=person)
        page = self.paginate_queryset(rows)
        shown = ConsumptionSerializer(page, many=True, context={"zone": meter.estate.zone}).data
        return self.get_paginated_response(shown)


def _group_by(request: Request) -> GroupBy:
    try:
        return GroupBy(request.query_params.get("group_by", GroupBy.INTERVAL))
    except ValueError as error:
        choices = f"Use one of {', '.join(GroupBy)}."
        raise problems.invalid("group_by", "invalid_choice", choices) from error


def _period(request: Request, group_by: GroupBy) -> Period:
    end = filters.instant(request, "to") or timezone.now()
    start = filters.instant(request, "from") or end - SPANS[group_by]
    if end <= start:
        raise problems.invalid("to", "invalid", "Give an end after the start.")
    return Period(start, end)
