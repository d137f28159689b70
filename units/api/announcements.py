"""`POST /notifications`: an announcement to the people of a home, a building or an estate."""

from http import HTTPStatus

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from estates.models import Estate
from notifications.api.serializers import NotificationSerializer
from notifications.api.views import NotificationViewSet
from quantify.api import problems
from quantify.api.filters import wants_preview
from quantify.api.headers import LOCATION, answers_with
from quantify.api.problems import translated
from quantify.api.serializers import Form, ScopedRelatedField
from quantify.api.views import told
from units import announcements
from units.announcements import Audience
from units.models import Unit

SHOWN = 100
NOBODY_THERE = problems.define(
    "nobody_there", HTTPStatus.BAD_REQUEST, "Nobody to tell",
    "Nobody lives in, or owns, what was named; nothing was written.",
)  # fmt: skip


class AnnouncementForm(Form):
    """To one unit, to a building, or to the whole estate."""

    estate = ScopedRelatedField(queryset=Estate.objects.all())
    building = serializers.CharField(max_length=60, required=False, default="")
    unit = ScopedRelatedField(queryset=Unit.objects.all(), required=False, default=None)
    title = serializers.CharField(max_length=100)
    text = serializers.CharField(max_length=3000)


class ReachedSerializer(serializers.Serializer):
    """Somebody an announcement is written to, and by which addresses."""

    name = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField()


class AnnouncedSerializer(serializers.Serializer):
    """How many are written to, the first hundred of them, and the message; none in a preview."""

    count = serializers.IntegerField()
    recipients = ReachedSerializer(many=True)
    notification = NotificationSerializer(allow_null=True)


class AnnouncingViewSet(NotificationViewSet):
    """Messages to the caller and about their estates, and announcements."""

    permission_names = {
        **NotificationViewSet.permission_names,
        "create": "notifications.announce_notification",
    }
    parameters = {"create": ("preview",)}
    refusals = {"create": (NOBODY_THERE,)}

    @extend_schema(
        operation_id="notification_announce",
        request=AnnouncementForm,
        responses={201: AnnouncedSerializer, 200: AnnouncedSerializer},
        parameters=[
            OpenApiParameter("preview", OpenApiTypes.BOOL, description="Show who is meant alone.")
        ],
    )
    @answers_with(LOCATION)
    def create(self, request: Request) -> Response:
        """Announce; `?preview=true` shows to whom and writes nothing."""
        asked = self.checked(AnnouncementForm)
        audience = _audience(asked["estate"], asked["building"], asked["unit"])
        now = timezone.now()
        people = announcements.reached(audience, now=now)
        answer = {"count": len(people), "recipients": people[:SHOWN], "notification": None}
        if wants_preview(request):
            return told(AnnouncedSerializer(answer).data)
        with translated({announcements.NobodyThere: NOBODY_THERE}):
            made = announcements.announce(
                audience=audience, title=asked["title"], text=asked["text"], now=now
            )
        rows: QuerySet = self.get_queryset()
        answer["notification"] = rows.get(pk=made.pk)
        location = {"Location": f"{request.path}/{made.pk}"}
        return told(AnnouncedSerializer(answer).data, HTTPStatus.CREATED, location)


def _audience(estate: Estate, building: str, unit: Unit | None) -> Audience:
    if unit is not None and unit.estate_id != estate.pk:
        raise problems.invalid("unit", "another_estate", "The unit belongs to another estate.")
    if unit is not None and building:
        raise problems.invalid("building", "exclusive", "Give a unit or a building.")
    return Audience(estate=estate, building=building, unit=unit)
