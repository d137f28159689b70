"""API keys: made and shown once, narrowed, rotated, revoked."""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from accounts.api import refusals
from accounts.keys import Made
from accounts.models import ApiKey, User
from estates.models import Estate
from quantify.api.filters import RelatedFilter
from quantify.api.headers import LOCATION, answers_with
from quantify.api.problems import translated
from quantify.api.serializers import Form, ResourceSerializer, ScopedRelatedField
from quantify.api.views import Archived, Changed, Listed, Shown, told

OVERLAP_HOURS = 24
LONGEST_OVERLAP_HOURS = int(keys.LONGEST_OVERLAP.total_seconds() // 3600)


class EstateIds(serializers.ListField):
    """Estates by their ids, kept by value; one the caller may not see does not exist."""

    child = serializers.UUIDField()

    def to_internal_value(self, data: Any) -> list[UUID]:
        ids: list[UUID] = super().to_internal_value(data)
        rows = Estate.objects.alive().filter(pk__in=ids)
        if "request" in self.context:
            rows = rows.visible_to(self.context["request"].user)
        known = set(rows.values_list("pk", flat=True))
        missing = ErrorDetail("There is no such object.", "does_not_exist")
        # By their places, as errors of a list are told.
        unknown: dict[Any, Any] = {
            place: [missing] for place, one in enumerate(ids) if one not in known
        }
        if unknown:
            raise ValidationError(unknown)
        return ids


class ApiKeySerializer(ResourceSerializer):
    """
    A key, without the key: `prefix` tells it from others.

    It acts for `user` (the caller, if left out) within `scopes`, which are `read`, `write`, an area
    with one of them such as `wallets:read`, or a permission by its name; and within `estates`,
    where null means all that the user works for. It never can do more than the user can.
    """

    user = ScopedRelatedField(queryset=User.objects.all(), required=False)
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=100), min_length=1, max_length=100
    )
    estates = EstateIds(min_length=1, max_length=1000, allow_null=True, required=False)

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            "id", "name", "prefix", "user", "scopes", "estates", "expires_at", "last_used_at",
            "replaced_by", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("prefix", "last_used_at", "replaced_by")
        fixed_fields = ("user",)


class MadeKeySerializer(ApiKeySerializer):
    """A new key; `key` is shown this once."""

    key = serializers.CharField(read_only=True)

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "key")


class RotationForm(Form):
    """For how long the old key still works."""

    overlap_hours = serializers.IntegerField(
        default=OVERLAP_HOURS, min_value=0, max_value=LONGEST_OVERLAP_HOURS
    )


class ApiKeyFilters(FilterSet):
    user = RelatedFilter(User)


class ApiKeyViewSet(Listed, Shown, Changed, Archived):
    """What programs sign in with on behalf of people."""

    # The answers of a batch may be kept, and a key is shown once.
    is_batchable = False
    queryset = ApiKey.objects.all()
    serializer_class = ApiKeySerializer
    filterset_class = ApiKeyFilters
    search_fields = ("name", "prefix", "user__username")
    sort_fields = {
        name: name for name in ("name", "last_used_at", "expires_at", "created_at", "updated_at")
    }
    default_sort = ("-created_at", "pk")
    permission_names = {"rotate": "accounts.add_apikey"}
    refusals = {"rotate": tuple(refusals.OF_KEYS.values())}

    def shaped(self, rows: QuerySet) -> QuerySet:
        return rows.select_related("user")

    @extend_schema(
        operation_id="api_keys_create",
        request=ApiKeySerializer,
        responses={201: MadeKeySerializer},
    )
    @answers_with(LOCATION)
    def create(self, request: Request) -> Response:
        """Make a key; the answer is the only one that shows it."""
        asked = {"user": cast("User", request.user), "estates": None, "expires_at": None}
        asked |= self.checked(ApiKeySerializer)
        made = keys.make(at=timezone.now(), **cast("Any", asked))
        return self._shown_once(made, f"{request.path}/{made.key.pk}")

    def change(self, instance: ApiKey, fields: Mapping[str, Any]) -> None:
        keys.change(key=instance, at=timezone.now(), **fields)

    def remove(self, instance: ApiKey) -> None:
        keys.revoke(key=instance, at=timezone.now())

    @extend_schema(
        operation_id="api_key_rotate", request=RotationForm, responses={201: MadeKeySerializer}
    )
    @action(detail=True, methods=["post"])
    @answers_with(LOCATION)
    def rotate(self, request: Request, pk: UUID) -> Response:
        """Make the key that takes this one's place; this one still works for the overlap."""
        key = self.seen_object()
        hours = self.checked(RotationForm)["overlap_hours"]
        with translated(refusals.OF_KEYS):
            made = keys.rotate(key=key, overlap=timedelta(hours=hours), at=timezone.now())
        return self._shown_once(made, f"{request.path.rsplit('/', 2)[0]}/{made.key.pk}")

    @staticmethod
    def _shown_once(made: Made, location: str) -> Response:
        made.key.key = made.text  # type: ignore[attr-defined]
        shown = MadeKeySerializer(made.key).data
        return told(shown, HTTPStatus.CREATED, {LOCATION: location, "Cache-Control": "no-store"})
