"""The address that ChirpStack posts its events to."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any, cast

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from meters.lorawan import chirpstack
from meters.lorawan.chirpstack import Kind
from meters.lorawan.errors import UnreadableEvent
from meters.models.radio import NetworkServer
from meters.radio import reception, servers
from quantify.api import addresses, guesses, parsing, problems
from quantify.api.problems import Problem
from quantify.api.views import View, told

HEADER = "X-Quantify-Secret"
LARGEST = 64 * 1024
"""Bytes; an uplink heard by a hundred gateways has some 30 kB."""
WRONG_AT_MOST, WRONG_WITHIN = 10, 300
"""So many wrong secrets from one address within so many seconds are looked at."""

WRONG_SECRET = problems.define(
    "wrong_secret", HTTPStatus.UNAUTHORIZED, "Wrong secret",
    f"Send the secret of a network server that is enabled, in the header {HEADER}.",
)  # fmt: skip
TOO_LARGE = problems.define(
    "event_too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Event too large",
    f"An event has at most {LARGEST // 1024} kB.",
)  # fmt: skip


class EventParser(BaseParser):
    """JSON of a bounded size and depth."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise Problem(TOO_LARGE)
        try:
            event = parsing.read(body)
        except ValueError as error:
            raise ParseError("The body is not JSON.") from error
        if not isinstance(event, Mapping):
            raise ParseError("An event is a JSON object.")
        return event


class ReceivedSerializer(serializers.Serializer):
    """What became of an event."""

    result = serializers.ChoiceField(["stored", "duplicate", "unknown_device", "noted", "ignored"])


class Chirpstack(View):
    """Events of a ChirpStack v4 application, by its HTTP integration with JSON encoding."""

    authentication_classes = ()
    permission_classes = ()
    parser_classes = (EventParser,)
    parameters = {"post": ("event",)}
    refusals = {"post": (WRONG_SECRET, TOO_LARGE, problems.THROTTLED)}

    @extend_schema(
        operation_id="chirpstack_event",
        parameters=[
            OpenApiParameter("event", str, required=True, enum=[kind.value for kind in Kind]),
            OpenApiParameter(HEADER, str, OpenApiParameter.HEADER, required=True),
        ],
        request=OpenApiTypes.OBJECT,
        responses=ReceivedSerializer,
    )
    def post(self, request: Request) -> Response:
        """Take in an event: an uplink is kept and read, what came before is a duplicate."""
        server = _recognised(request)
        kind = _kind(request)
        now, event = timezone.now(), cast("Mapping[str, Any]", request.data)
        try:
            if kind is Kind.UP:
                heard = chirpstack.uplink(event)
                result = reception.take_uplink(server, heard, now=now)
            elif kind in (Kind.LOCATION, Kind.INTEGRATION):
                result = "ignored"
            else:
                notice = chirpstack.notice(kind, event)
                result = reception.take_notice(server, notice, now=now)
        except UnreadableEvent as error:
            NetworkServer.objects.filter(pk=server.pk).update(
                last_event_at=now, last_problem=f"{kind}: {error}"[:250]
            )
            raise problems.invalid("", "unreadable_event", str(error)) from error
        return told({"result": result})


def _recognised(request: Request) -> NetworkServer:
    """
    The server whose secret came. Wrong ones are counted by address and answered ever shorter.

    Who knows a secret is never locked out: the address may be that of a proxy, shared with
    whoever tries.
    """
    try:
        return servers.recognise(request.headers.get(HEADER, ""), now=timezone.now())
    except servers.WrongSecret as error:
        asked = request._request
        limits = {f"wrong-secret:{addresses.counted_as(asked)}": WRONG_AT_MOST}
        if guesses.note(asked, "network_server", limits, seconds=WRONG_WITHIN):
            headers = {"Retry-After": str(WRONG_WITHIN)}
            raise Problem(problems.THROTTLED, headers=headers) from error
        raise Problem(WRONG_SECRET, headers={"WWW-Authenticate": HEADER}) from error


def _kind(request: Request) -> Kind:
    try:
        return Kind(request.query_params.get("event", ""))
    except ValueError as error:
        choices = f"Use one of {', '.join(Kind)}."
        raise problems.invalid("event", "invalid_choice", choices) from error
