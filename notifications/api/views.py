"""Messages, their deliveries and templates; one's own devices and settings."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.scoping import estates_of, works_for
from notifications import channels, delivering, devices, recipients, wording
from notifications.api import refusals
from notifications.api.filters import DeliveryFilters, NotificationFilters, TemplateFilters
from notifications.api.serializers import (
    DeliverySerializer,
    DeviceSerializer,
    NotificationSerializer,
    SettingsForm,
    SettingsSerializer,
    TemplateSerializer,
    TestedSerializer,
    TestForm,
    WordsSerializer,
)
from notifications.channels import NotConfigured, Parcel, Refused, Unavailable
from notifications.models import Delivery, Device, Notification, ReadMark, Template
from quantify.api import editing, problems
from quantify.api.bodies import without_body
from quantify.api.headers import ETAG, answers_with
from quantify.api.permissions import OWN, SIGNED_IN
from quantify.api.problems import Problem, translated
from quantify.api.views import Archived, Changed, Created, Listed, Shown, View, told
from quantify.ids import uuid7

CHANGE_OWN = f"{OWN}notifications"


class NotificationViewSet(Listed, Shown):
    """Messages to the caller, and about the estates they work for."""

    queryset = Notification.objects.all()
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilters
    search_fields = ("text", "title")
    sort_fields = {name: name for name in ("created_at", "event")}
    default_sort = ("-created_at", "-pk")
    permission_names = {"read": "notifications.view_notification"}

    def shaped(self, rows: QuerySet) -> QuerySet:
        me = self.request.user.pk
        mine = Delivery.objects.filter(
            notification=OuterRef("pk"), user=me, channel=Delivery.Channel.IN_APP
        )
        read = ReadMark.objects.filter(notification=OuterRef("pk"), user=me)
        shown: QuerySet = rows.annotate(
            shown_subject=Coalesce(Subquery(mine.values("subject")[:1]), "title"),
            shown_text=Coalesce(Subquery(mine.values("body")[:1]), "text"),
            read_at=Subquery(read.values("read_at")[:1]),
        )
        return shown

    @extend_schema(operation_id="notification_read")
    @action(detail=True, methods=["post"])
    @without_body
    @answers_with(ETAG)
    def read(self, request: Request, pk: UUID) -> Response:
        """Mark as read by the caller; reading it again changes nothing."""
        message = self.seen_object()
        ReadMark.objects.get_or_create(
            notification_id=message.pk,
            user=cast("User", request.user),
            defaults={"read_at": timezone.now()},
        )
        return self.answered(pk)


class DeliveryViewSet(Listed, Shown):
    """What became of each way of a message to a recipient."""

    queryset = Delivery.objects.all()
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters
    sort_fields = {name: name for name in ("created_at", "delivered_at", "attempts")}
    default_sort = ("-created_at", "-pk")
    permission_names = {"retry": "notifications.retry_delivery"}
    refusals = {"retry": (refusals.NOT_RETRYABLE,)}

    def shaped(self, rows: QuerySet) -> QuerySet:
        return rows.select_related("notification")

    @extend_schema(operation_id="delivery_retry")
    @action(detail=True, methods=["post"])
    @without_body
    @answers_with(ETAG)
    def retry(self, request: Request, pk: UUID) -> Response:
        """Send again what was given up, is uncertain, or had no provider."""
        delivery = self.seen_object()
        if not delivering.retry(delivery_ids=[delivery.pk], now=timezone.now()):
            raise Problem(refusals.NOT_RETRYABLE)
        return self.answered(pk)


class TemplateViewSet(Listed, Shown, Created, Changed, Archived):
    """
    The words of messages, by event and language.

    Those of every estate are edited by super admins; an estate's own go before them.
    """

    queryset = Template.objects.all()
    serializer_class = TemplateSerializer
    filterset_class = TemplateFilters
    search_fields = ("subject", "body")
    sort_fields = {name: name for name in ("event", "language", "created_at", "updated_at")}
    default_sort = ("event", "language", "pk")
    permission_names = {
        "preview": "notifications.view_template",
        "test": "notifications.change_template",
    }
    refusals = {"test": (refusals.NO_ADDRESS, refusals.NOT_SENT)}
    unbatchable = frozenset({"test"})

    def add(self, fields: Mapping[str, Any]) -> Template:
        self._check_estate(fields.get("scope"))
        return editing.create(Template, fields)

    def change(self, instance: Template, fields: Mapping[str, Any]) -> None:
        self._check_estate(instance.scope)
        editing.change(instance, fields)

    def remove(self, instance: Template) -> None:
        self._check_estate(instance.scope)
        instance.delete()

    def _check_estate(self, estate: UUID | None) -> None:
        """An estate of one's own; those of every estate belong to super admins."""
        user = cast("User", self.request.user)
        if estate is None:
            if estates_of(user) is not None:
                raise Problem(problems.FORBIDDEN, "Templates of every estate are a super admin's.")
        elif not self.is_workplace(estate):
            raise problems.invalid("estate", "does_not_exist", "There is no such object.")

    def is_workplace(self, estate: UUID) -> bool:
        """Whether the caller works for an estate; those who know estates ask whether it exists."""
        return works_for(cast("User", self.request.user), estate)

    @extend_schema(operation_id="template_preview", responses=WordsSerializer)
    @action(detail=True, methods=["post"])
    @without_body
    def preview(self, request: Request, pk: UUID) -> Response:
        """How it reads with sample values."""
        return told(WordsSerializer(wording.sample(self.seen_object())).data)

    @extend_schema(operation_id="template_test", request=TestForm, responses=TestedSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: UUID) -> Response:
        """Send it with sample values to oneself, and nobody else."""
        template = self.seen_object()
        channel = self.checked(TestForm)["channel"]
        user = cast("User", request.user)
        address = user.email if channel == "email" else _device_of(user)
        if not address:
            raise Problem(refusals.NO_ADDRESS)
        said = wording.sample(template)
        parcel = Parcel(
            id=str(uuid7()), address=address, name=str(user), subject=f"Test: {said.subject}",
            body=said.body if channel == "email" else said.short,
        )  # fmt: skip
        with translated(dict.fromkeys((NotConfigured, Unavailable, Refused), refusals.NOT_SENT)):
            known_as = channels.adapter(channel).send(parcel)
        answer = {"channel": channel, "address": address, "provider_id": known_as}
        return told(TestedSerializer(answer).data)


class DeviceViewSet(Listed, Shown, Created, Archived):
    """Devices of the caller, and nobody else's, for push messages."""

    queryset = Device.objects.all()
    serializer_class = DeviceSerializer
    default_sort = ("-created_at", "pk")
    permission_names = {
        **dict.fromkeys(("list", "retrieve"), SIGNED_IN),
        **dict.fromkeys(("create", "destroy"), CHANGE_OWN),
    }

    def add(self, fields: Mapping[str, Any]) -> Device:
        return devices.register(user=cast("User", self.request.user), **fields)

    def remove(self, instance: Device) -> None:
        instance.delete()


class OwnSettings(View):
    """In which language, and over which channels, the caller is written to."""

    permission_names = {"get": SIGNED_IN, "put": CHANGE_OWN}
    refusals = {"put": (refusals.MUST_BE_TOLD,)}

    @extend_schema(operation_id="notification_settings", responses=SettingsSerializer)
    def get(self, request: Request) -> Response:
        stored = recipients.settings_of(recipients.key_of(cast("User", request.user)))
        return told(SettingsSerializer.of(stored.language, stored.off))

    @extend_schema(
        operation_id="notification_settings_change",
        request=SettingsForm,
        responses=SettingsSerializer,
    )
    def put(self, request: Request) -> Response:
        """Choose anew; an event that is not named keeps every channel."""
        form = SettingsForm(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        off = {
            one["event"]: set(recipients.OUTSIDE) - set(one["channels"]) for one in asked["events"]
        }
        with translated({recipients.MustBeTold: refusals.MUST_BE_TOLD}):
            stored = recipients.choose(
                key=recipients.key_of(cast("User", request.user)),
                language=asked["language"],
                off=off,
            )
        return told(SettingsSerializer.of(stored.language, stored.off))


def _device_of(user: User) -> str:
    device = Device.objects.filter(user=user).order_by("-created_at").first()
    return f"{device.platform}:{device.token}" if device else ""
