from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import own_roles
from accounts.models import User
from estates import registration
from estates.api.filters import EstateFilters
from estates.api.refusals import ESTATE_IN_USE
from estates.api.serializers import EstateSerializer, EstateSettingsSerializer, MeSerializer
from estates.models import Estate, EstateSettings
from quantify.api import editing, etags
from quantify.api.headers import ETAG, answers_with
from quantify.api.permissions import SIGNED_IN
from quantify.api.problems import translated
from quantify.api.views import Archived, Changed, Created, Listed, Resource, Shown, View, told


class Me(View):
    """Who the caller is, where they work, and what they may do."""

    permission_names = {"get": SIGNED_IN}

    @extend_schema(operation_id="me", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        user = cast("User", request.user)
        estates = Estate.objects.visible_to(user).alive().order_by("code")
        context = {"estates": estates.only("id", "code", "name"), "names": _permissions(user)}
        return told(MeSerializer(user, context=context).data)


def _permissions(user: User) -> list[str]:
    """The names of what a person may do; a super admin may do everything there is."""
    names = own_roles.existing() if user.is_super_admin else user.permission_names
    return sorted(filter(user.api_key.covers, names) if user.api_key else names)


class EstateViewSet(Listed, Shown, Created, Changed, Archived, Resource):
    """Estates."""

    queryset = Estate.objects.all()
    serializer_class = EstateSerializer
    filterset_class = EstateFilters
    search_fields = ("code", "name", "city", "address")
    sort_fields = {name: name for name in ("code", "name", "city", "created_at", "updated_at")}
    default_sort = ("code", "pk")
    permission_names = {
        "show_settings": "estates.view_estatesettings",
        "change_settings": "estates.change_estatesettings",
    }

    refusals = {"destroy": (ESTATE_IN_USE,)}

    def add(self, fields: Mapping[str, Any]) -> Estate:
        return registration.register(**fields)

    def remove(self, instance: Estate) -> None:
        with translated({registration.EstateInUse: ESTATE_IN_USE}):
            registration.retire(estate_id=instance.pk, at=timezone.now())

    @extend_schema(operation_id="estate_settings", responses=EstateSettingsSerializer)
    @action(detail=True, methods=["get"], url_path="settings", url_name="settings")
    @answers_with(ETAG)
    def show_settings(self, request: Request, pk: UUID) -> Response:
        """How the estate runs its credit control."""
        return self._settings_answer(self.seen_object().pk)

    @extend_schema(
        operation_id="estate_settings_change",
        request=EstateSettingsSerializer,
        responses=EstateSettingsSerializer,
    )
    @show_settings.mapping.patch
    @answers_with(ETAG)
    def change_settings(self, request: Request, pk: UUID) -> Response:
        with transaction.atomic():
            self.seen_object()
            stored = EstateSettings.objects.select_for_update().get(estate=pk)
            etags.check(request, etags.version_of(stored))
            form = EstateSettingsSerializer(stored, data=request.data, partial=True)
            form.is_valid(raise_exception=True)
            editing.change(stored, form.validated_data)
        return self._settings_answer(pk)

    def _settings_answer(self, pk: UUID) -> Response:
        stored = get_object_or_404(EstateSettings, estate=pk)
        data = EstateSettingsSerializer(stored).data
        tag = etags.tag(etags.version_of(stored), data)
        if etags.is_known(self.request, tag):
            return Response(status=304, headers={ETAG: tag})
        return told(data, headers={ETAG: tag})
