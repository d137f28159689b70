from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from quantify.api import problems
from quantify.api.headers import LOCATION, answers_with
from quantify.api.lists import TOO_MANY, Field, ListedAsFile
from quantify.api.problems import translated
from quantify.api.views import Archived, Changed, Created, Shown, told
from quantify.periods import local_day
from quantify.tables.description import Kind
from units import occupancies
from units.api.filters import UnitFilters
from units.api.refusals import ANOTHER_ESTATE, NOT_OCCUPIED
from units.api.serializers import (
    MoveInForm,
    MoveOutForm,
    OccupancySerializer,
    UnitDetailSerializer,
    UnitSerializer,
)
from units.models import Occupancy, Unit


class UnitViewSet(ListedAsFile, Shown, Created, Changed, Archived):
    """Homes of an estate."""

    queryset = Unit.objects.all()
    serializer_class = UnitSerializer
    detail_class = UnitDetailSerializer
    filterset_class = UnitFilters
    search_fields = ("unit_number", "building", "estate__code")
    sort_fields = {
        "estate": "estate__code",
        **{
            name: name
            for name in ("unit_number", "building", "floor", "status", "created_at", "updated_at")
        },
    }
    default_sort = ("estate__code", "unit_number", "pk")
    file_title = "units"
    file_related = ("estate",)
    file_fields = (
        Field("id", "Id"),
        Field("estate", "Estate", source="estate.code"),
        Field("unit_number", "Unit"),
        Field("building", "Building"),
        Field("floor", "Floor", Kind.COUNT),
        Field("bedrooms", "Bedrooms", Kind.COUNT),
        Field("bathrooms", "Bathrooms", Kind.COUNT),
        Field("size_m2", "Size, m²", Kind.MONEY),
        Field("status", "Status"),
        Field("protected_supply", "Never cut", Kind.FLAG),
    )
    permission_names = {
        "assign_resident": "units.add_occupancy",
        "vacate": "units.change_occupancy",
    }
    refusals = {
        "list": (TOO_MANY,), "assign_resident": (ANOTHER_ESTATE,), "vacate": (NOT_OCCUPIED,)
    }  # fmt: skip

    def shaped(self, rows: QuerySet) -> QuerySet:
        rows = rows.filter(estate__deleted_at=None)
        return rows if self.action == "list" else rows.prefetch_related(_current_occupancies())

    @extend_schema(
        operation_id="unit_assign_resident",
        request=MoveInForm,
        responses={201: OccupancySerializer},
    )
    @action(detail=True, methods=["post"], url_path="assign-resident")
    @answers_with(LOCATION)
    def assign_resident(self, request: Request, pk: UUID) -> Response:
        """Let a resident live in the unit, or own it, from a day on."""
        unit = self.seen_object()
        asked = self.checked(MoveInForm)
        known = {
            occupancies.AnotherEstate: ANOTHER_ESTATE,
            occupancies.Deleted: problems.NOT_FOUND,
        }
        with translated(known):
            occupancy = occupancies.assign(unit=unit, today=local_day(timezone.now()), **asked)
        where = {LOCATION: f"/api/v1/units/{unit.pk}"}
        return told(OccupancySerializer(occupancy).data, status.HTTP_201_CREATED, where)

    @extend_schema(
        operation_id="unit_vacate",
        request=MoveOutForm,
        responses={200: OccupancySerializer(many=True)},
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def vacate(self, request: Request, pk: UUID) -> Response:
        """End the unit's tenancies; answers those that end."""
        unit = self.seen_object()
        today = local_day(timezone.now())
        ends_on = self.checked(MoveOutForm).get("ends_on", today)
        with translated({occupancies.NotOccupied: NOT_OCCUPIED}):
            ended = occupancies.vacate(unit=unit, ends_on=ends_on, today=today)
        return told(OccupancySerializer(ended, many=True).data)


def _current_occupancies() -> Prefetch:
    today = local_day(timezone.now())
    current = Occupancy.objects.on(today).select_related("resident")
    # "tenant" comes after "owner".
    ordered = current.order_by("-kind", "-is_primary", "-starts_on")
    return Prefetch("occupancies", queryset=ordered, to_attr="current_occupancies")
