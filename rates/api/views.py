"""Rate tables, what they cost, and whom they price."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from estates.models import Estate
from quantify.api.headers import LOCATION, answers_with
from quantify.api.problems import Problem
from quantify.api.views import Archived, Changed, Created, Listed, Resource, Shown, told
from quantify.periods import local_day
from quantify.quantities import kilo
from rates import assignments, quotes, tables
from rates.api import refusals
from rates.api.filters import AssignmentFilters, RateTableFilters
from rates.api.refusals import refused
from rates.api.serializers import (
    AssignForm,
    AssignmentSerializer,
    CalculateForm,
    QuoteSerializer,
    RateTableDetailSerializer,
    RateTableSerializer,
)
from rates.models import Assignment, RateTable, RateTableVersion
from units.models import Unit


class RateTableViewSet(Listed, Shown, Created, Changed, Archived):
    """Tariffs. A used version is never changed: PUT and PATCH then add the next one."""

    queryset = RateTable.objects.all()
    serializer_class = RateTableSerializer
    detail_class = RateTableDetailSerializer
    filterset_class = RateTableFilters
    search_fields = ("name", "licensee")
    sort_fields = {
        name: name for name in ("name", "utility", "licensee", "created_at", "updated_at")
    }
    default_sort = ("utility", "name", "pk")
    requires_if_match = True
    permission_names = {"calculate": "rates.view_ratetable"}
    refusals = {
        "update": (refusals.OVERLAP, refusals.USED, refusals.SHARED),
        "partial_update": (refusals.OVERLAP, refusals.USED, refusals.SHARED),
        "destroy": (refusals.USED, refusals.SHARED),
        "calculate": (refusals.NO_TARIFF,),
    }

    def shaped(self, rows: QuerySet) -> QuerySet:
        versions = RateTableVersion.objects.order_by("-number")
        return rows.prefetch_related(Prefetch("versions", versions, to_attr="by_number"))

    def version_of(self, instance: Any) -> str:
        newest = instance.by_number[0] if instance.by_number else None
        changed = [one.updated_at for one in (instance, newest) if one]
        state = f"{newest.number}{'u' if newest.used_at else 'd'}" if newest else ""
        return f"{int(max(changed).timestamp() * 1_000_000):x}-{state}"

    def add(self, fields: Mapping[str, Any]) -> RateTable:
        with refused():
            return tables.create_table(**fields)

    def change(self, instance: Any, fields: Mapping[str, Any]) -> None:
        _refuse_shared(self.request, instance)
        with refused():
            tables.change(table=instance, fields=fields)

    def remove(self, instance: Any) -> None:
        _refuse_shared(self.request, instance)
        with refused():
            tables.remove(table=instance, at=timezone.now())

    @extend_schema(
        operation_id="rate_table_calculate",
        request=CalculateForm,
        responses={200: QuoteSerializer},
    )
    @action(detail=True, methods=["post"])
    def calculate(self, request: Request, pk: UUID) -> Response:
        """What a month's consumption would cost, line by line, with VAT."""
        table = self.seen_object()
        asked = self.checked(CalculateForm)
        with refused():
            bill = quotes.calculate(table=table, **_in_base_units(asked))
        return told(QuoteSerializer(bill).data)


def _refuse_shared(request: Request, row: RateTable | Assignment) -> None:
    user: Any = request.user
    if row.estate_id is None and not user.sees_every_estate:
        raise Problem(refusals.SHARED)


def _in_base_units(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked in kWh, kl and kVA, in Wh, litres and VA."""
    month = asked.get("month")
    amounts = {name: asked.get(name) for name in ("consumption", "demand_kva")}
    return {
        "month": date.fromisoformat(f"{month}-01") if month else local_day(timezone.now()),
        "consumption": None if amounts["consumption"] is None else kilo(amounts["consumption"]),
        "demand_va": None if amounts["demand_kva"] is None else kilo(amounts["demand_kva"]),
        "month_to_date": kilo(asked["month_to_date"]),
        "markup_percent": asked["markup_percentage"],
        "intervals": [(one["start"], kilo(one["quantity"])) for one in asked.get("intervals", ())],
    }


class AssignmentViewSet(Shown, Archived):
    """Which rate table prices a utility from when, of a unit, an estate or all estates."""

    queryset = Assignment.objects.all()
    serializer_class = AssignmentSerializer
    refusals = {"destroy": (refusals.IN_FORCE, refusals.SHARED)}

    def shaped(self, rows: QuerySet) -> QuerySet:
        of_estates = Q(estate=None) | Q(estate__deleted_at=None)
        of_units = Q(unit=None) | Q(unit__deleted_at=None)
        return rows.filter(of_estates, of_units).select_related("rate_table")

    def destroy(self, request: Request, pk: UUID) -> Response:
        """Withdraw an assignment before its first day; the one it followed holds in its place."""
        return super().destroy(request, pk)

    def locked_object(self) -> Any:
        # Whoever changes what is assigned locks the estate before its rows.
        return self.seen_object()

    def remove(self, instance: Any) -> None:
        _refuse_shared(self.request, instance)
        with refused():
            assignments.withdraw(assignment=instance, clock=timezone.now)


class _PlaceRatesViewSet(Listed, Resource):
    """The assignments of a place that are in force or to come."""

    queryset = Assignment.objects.all()
    serializer_class = AssignmentSerializer
    filterset_class = AssignmentFilters
    sort_fields = {name: name for name in ("utility", "effective_from")}
    default_sort = ("utility", "effective_from", "pk")
    refusals = {"create": refusals.ASSIGNING}
    # Where the address leads: the estate's own assignments, or those of a unit.
    place: type[Estate] | type[Unit] = Estate

    def shaped(self, rows: QuerySet) -> QuerySet:
        today = local_day(timezone.now())
        ahead = Q(effective_to=None) | Q(effective_to__gt=today)
        return rows.filter(ahead, **self._scope()).select_related("rate_table")

    def _scope(self) -> dict[str, Any]:
        raise NotImplementedError

    def list(self, request: Request, **address: Any) -> Response:
        self._place(address["pk"])
        return super().list(request)

    @extend_schema(request=AssignForm, responses={201: AssignmentSerializer})
    @answers_with(LOCATION)
    def create(self, request: Request, pk: UUID) -> Response:
        """Assign a rate table from a day on; what was assigned before ends there."""
        place = self._place(pk)
        asked = self.checked(AssignForm)
        with refused():
            made = assignments.assign(**self._named(place), **asked)
        where = {LOCATION: reverse("rate-assignment-detail", args=[made.pk])}
        return told(AssignmentSerializer(made).data, status.HTTP_201_CREATED, where)

    def _place(self, pk: UUID) -> Any:
        places: Any = self.place.objects.visible_to(self.request.user).alive()
        return get_object_or_404(places, pk=pk)

    def _named(self, place: Any) -> dict[str, Any]:
        raise NotImplementedError


class EstateRatesViewSet(_PlaceRatesViewSet):
    """What prices an estate's units that have no rate table of their own."""

    place = Estate

    def _scope(self) -> dict[str, Any]:
        return {"estate": self.kwargs.get("pk"), "unit": None}

    def _named(self, place: Any) -> dict[str, Any]:
        return {"estate": place}


class UnitRatesViewSet(_PlaceRatesViewSet):
    """What prices one unit, before the rate table of its estate."""

    place = Unit

    def _scope(self) -> dict[str, Any]:
        return {"unit": self.kwargs.get("pk")}

    def _place(self, pk: UUID) -> Any:
        units = Unit.objects.visible_to(self.request.user).alive()
        living = units.filter(estate__deleted_at=None).select_related("estate")
        return get_object_or_404(living, pk=pk)

    def _named(self, place: Any) -> dict[str, Any]:
        return {"estate": place.estate, "unit": place}
