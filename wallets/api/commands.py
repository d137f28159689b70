"""Commands to a meter's relay, as people ask for them: credit control says what speaks against."""

from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from meters.api.filters import CommandFilters
from meters.api.serializers import CommandSerializer
from meters.control import requests
from meters.models import Command, Meter
from meters.models.control import LIFE
from quantify.api.headers import LOCATION, answers_with
from quantify.api.problems import translated
from quantify.api.serializers import Form
from quantify.api.views import Listed, Resource, told
from wallets.api import refusals
from wallets.credit import control


class CommandForm(Form):
    """What the relay is to do, and why."""

    action = serializers.ChoiceField(Command.Action.choices)
    reason = serializers.CharField(max_length=250)


class CommandViewSet(Listed, Resource):
    """The commands of one meter, the newest first."""

    queryset = Command.objects.all()
    serializer_class = CommandSerializer
    filterset_class = CommandFilters
    sort_fields = {name: name for name in ("requested_at", "state", "action")}
    default_sort = ("-requested_at", "pk")
    permission_names = {"create": "meters.operate_meter"}
    refusals = {"create": (refusals.NO_RELAY, refusals.COMMAND_OPEN)}

    def shaped(self, rows: QuerySet) -> QuerySet:
        of_meter = rows.filter(meter=self.kwargs.get("pk")).select_related("requested_by")
        return of_meter.prefetch_related(LIFE)

    def meter(self) -> Meter:
        meters = Meter.objects.visible_to(self.request.user).alive()
        return get_object_or_404(meters.filter(estate__deleted_at=None), pk=self.kwargs["pk"])

    @extend_schema(operation_id="meter_commands")
    def list(self, request: Request, **_: Any) -> Response:
        self.meter()
        return super().list(request)

    @extend_schema(
        operation_id="meter_command", request=CommandForm, responses={202: CommandSerializer}
    )
    @answers_with(LOCATION)
    def create(self, request: Request, pk: UUID) -> Response:
        """Ask for a cut, a reconnection or a reading; `trace` says what credit control thinks."""
        meter = self.meter()
        asked = self.checked(CommandForm)
        known = {requests.NoRelay: refusals.NO_RELAY, requests.CommandOpen: refusals.COMMAND_OPEN}
        with translated(known):
            command = control.request_by_person(
                meter=meter, user=cast("User", request.user), now=timezone.now(), **asked
            )
        where = {LOCATION: request.path}
        return told(CommandSerializer(command).data, HTTPStatus.ACCEPTED, where)
