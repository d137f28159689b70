"""Devices: concentrators, meters, where they hang and how they are."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from kombu.exceptions import OperationalError
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from meters import installations, registration, tasks
from meters.api import refusals
from meters.api.collecting import RoundForm
from meters.api.filters import ConcentratorFilters, MeterFilters
from meters.api.past import PastMeters, unless_past
from meters.api.replacing import Replacing
from meters.api.serializers import (
    CollectionSerializer,
    ConcentratorSerializer,
    ConcentratorStatusSerializer,
    InstallationSerializer,
    InstallForm,
    MeterDetailSerializer,
    MeterSerializer,
    MeterStatusSerializer,
    RemoveForm,
)
from meters.models import Concentrator, Installation, Meter
from meters.models.control import LIFE
from meters.models.devices import CommunicationStatus
from quantify.api.headers import LOCATION, answers_with
from quantify.api.lists import TOO_MANY, Field, ListedAsFile
from quantify.api.problems import Problem, translated
from quantify.api.views import Archived, Changed, Created, Listed, Shown, told
from quantify.quantities import kilo
from quantify.tables.description import Kind
from units.api.refusals import ANOTHER_ESTATE

TAKEN_BY: dict[type[Exception], str] = {
    installations.UnitTaken: "unit",
    installations.InstalledElsewhere: "starts_at",
}


class ConcentratorViewSet(Listed, Shown, Created, Changed, Archived):
    """Data concentrators and how they are reached."""

    queryset = Concentrator.objects.all()
    serializer_class = ConcentratorSerializer
    filterset_class = ConcentratorFilters
    search_fields = ("serial", "name", "host")
    sort_fields = {
        name: name for name in ("serial", "name", "last_contact_at", "created_at", "updated_at")
    }
    default_sort = ("serial", "pk")
    unbatchable = frozenset({"collect"})
    permission_names = {
        "show_status": "meters.view_concentrator",
        "collect": "meters.collect_concentrator",
    }
    refusals = {"collect": (refusals.DISABLED, refusals.NO_QUEUE)}

    def shaped(self, rows: QuerySet) -> QuerySet:
        rows = rows.filter(estate__deleted_at=None)
        return rows.annotate(**_MET) if self.action == "show_status" else rows

    @extend_schema(operation_id="concentrator_status", responses=ConcentratorStatusSerializer)
    @action(detail=True, methods=["get"], url_path="status", url_name="status")
    def show_status(self, request: Request, pk: UUID) -> Response:
        """How the concentrator and the meters behind it are reached."""
        return told(ConcentratorStatusSerializer(self.seen_object()).data)

    @extend_schema(
        operation_id="concentrator_collect",
        request=RoundForm,
        responses={202: CollectionSerializer},
    )
    @action(detail=True, methods=["post"])
    def collect(self, request: Request, pk: UUID) -> Response:
        """Ask for a round now, or for a stretch anew; what it brings is seen at the meters."""
        concentrator = self.seen_object()
        asked = self.checked(RoundForm, concentrator=concentrator)
        if not concentrator.is_enabled:
            raise Problem(refusals.DISABLED)
        try:
            tasks.collect.delay(concentrator_id=str(concentrator.pk), **RoundForm.wanted(asked))
        except OperationalError as error:
            raise Problem(refusals.NO_QUEUE) from error
        return told({"concentrator": concentrator.pk, "state": "queued"}, HTTPStatus.ACCEPTED)


_LIVING = Q(meters__deleted_at=None)
_MET = {
    "meters_known": Count("meters", filter=_LIVING),
    "meters_online": Count(
        "meters", filter=_LIVING & Q(meters__communication_status=CommunicationStatus.ONLINE)
    ),
    "meters_offline": Count(
        "meters", filter=_LIVING & ~Q(meters__communication_status=CommunicationStatus.ONLINE)
    ),
}


class MeterViewSet(PastMeters, ListedAsFile, Shown, Created, Changed, Archived, Replacing):
    """Meters, installed or in store."""

    queryset = Meter.objects.all()
    serializer_class = MeterSerializer
    detail_class = MeterDetailSerializer
    filterset_class = MeterFilters
    search_fields = ("serial", "manufacturer", "model")
    sort_fields = {
        name: name
        for name in ("serial", "kind", "last_contact_at", "last_reading_at", "created_at")
    }
    default_sort = ("serial", "pk")
    file_title = "meters"
    file_related = ("estate", "concentrator")
    file_fields = (
        Field("id", "Id"),
        Field("estate", "Estate", source="estate.code"),
        Field("serial", "Serial"),
        Field("kind", "Kind"),
        Field("manufacturer", "Manufacturer"),
        Field("model", "Model"),
        Field("unit", "Unit id", source=unless_past("current_unit")),
        Field("communication_type", "Reached by"),
        *(
            Field(name, title, kind, unless_past(name))
            for name, title, kind in (
                ("communication_status", "Status", Kind.TEXT),
                ("relay_state", "Relay", Kind.TEXT),
                ("last_contact_at", "Last contact", Kind.INSTANT),
                ("last_reading_at", "Last reading", Kind.INSTANT),
            )
        ),
    )
    permission_names = {
        "install": "meters.add_installation",
        "remove_from_place": "meters.add_installation",
        "replace": "meters.add_installation",
        "undo_replacement": "meters.add_installation",
        "show_status": "meters.view_meter",
    }
    refusals = {
        "list": (TOO_MANY,),
        "destroy": (refusals.INSTALLED,),
        "install": (refusals.TAKEN, refusals.NOT_A_QUARTER, ANOTHER_ESTATE),
        "replace": (
            refusals.NOT_REPLACEABLE, refusals.NOT_INSTALLED, refusals.TAKEN,
            refusals.NOT_A_QUARTER, refusals.IMPOSSIBLE,
        ),
        "undo_replacement": (refusals.NOT_INSTALLED, refusals.NOT_UNDONE),
        "remove_from_place": (
            refusals.NOT_INSTALLED, refusals.NOT_A_QUARTER, refusals.IMPOSSIBLE,
        ),
    }  # fmt: skip

    def shaped(self, rows: QuerySet) -> QuerySet:
        return shaped(rows.filter(estate__deleted_at=None), alone=self.action != "list")

    def add(self, fields: Mapping[str, Any]) -> Meter:
        return registration.register(**fields)

    def remove(self, instance: Any) -> None:
        with translated(refusals.OF_METERS):
            registration.retire(meter=instance, at=timezone.now())

    @extend_schema(
        operation_id="meter_install", request=InstallForm, responses={201: InstallationSerializer}
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION)
    def install(self, request: Request, pk: UUID) -> Response:
        """Put the meter up at a unit; a bulk meter at the estate."""
        meter = self.seen_object()
        asked = self.checked(InstallForm)
        unit = asked.get("unit")
        if unit and unit.estate_id != meter.estate_id:
            raise Problem(ANOTHER_ESTATE)
        with translated(refusals.OF_METERS, about=TAKEN_BY):
            made = installations.install(
                meter=meter,
                unit=unit,
                starts_at=asked["starts_at"],
                opening_value=kilo(asked["opening_value"]),
                now=timezone.now(),
            )
        where = {LOCATION: f"/api/v1/meters/{meter.pk}"}
        return told(InstallationSerializer(made).data, HTTPStatus.CREATED, where)

    @extend_schema(
        operation_id="meter_remove", request=RemoveForm, responses={200: InstallationSerializer}
    )
    @action(detail=True, methods=["post"], url_path="remove", url_name="remove")
    def remove_from_place(self, request: Request, pk: UUID) -> Response:
        """Take the meter down, with what its register shows."""
        meter = self.seen_object()
        asked = self.checked(RemoveForm)
        with translated(refusals.OF_METERS):
            ended = installations.remove(
                meter=meter,
                ends_at=asked["ends_at"],
                closing_value=kilo(asked["closing_value"]),
                now=timezone.now(),
            )
        return told(InstallationSerializer(ended).data)

    @extend_schema(operation_id="meter_status", responses=MeterStatusSerializer)
    @action(detail=True, methods=["get"], url_path="status", url_name="status")
    def show_status(self, request: Request, pk: UUID) -> Response:
        """What is known of the meter right now."""
        meter, person = self.seen_object(), request.user
        meter.last_reading = meter.readings.within_stays(person).latest_first().first()
        meter.radio = meter.lora_devices.first()
        alerts = (
            meter.alerts.within_stays(person).unresolved().select_related("meter", "handled_by")
        )
        meter.open_alerts = alerts.order_by("-raised_at")
        commands = meter.commands.within_stays(person).open().select_related("requested_by")
        meter.open_command = commands.prefetch_related(LIFE).first()
        return told(MeterStatusSerializer(meter, context=self.get_serializer_context()).data)


def shaped(meters: QuerySet, *, alone: bool) -> QuerySet:
    """Meters with where they hang now; a single one with its registers too."""
    current = Installation.objects.at(timezone.now())
    of_meter = current.filter(meter=OuterRef("pk")).values("unit")[:1]
    rows: QuerySet = meters.annotate(current_unit=Subquery(of_meter))
    if not alone:
        return rows
    hanging = Prefetch("installations", queryset=current, to_attr="current_installations")
    return rows.prefetch_related("registers", hanging)
