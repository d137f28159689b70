"""Roles: the built-in ones to read, one's own to define."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django_filters import FilterSet
from rest_framework import serializers

from accounts import own_roles, roles
from accounts.api import refusals
from accounts.models import Role
from quantify.api.filters import BooleanFilter
from quantify.api.problems import translated
from quantify.api.serializers import ResourceSerializer
from quantify.api.views import Archived, Changed, Created, Listed, Shown


class RoleSerializer(ResourceSerializer):
    """
    A named set of permissions.

    `sees_every_estate` is true for super admins alone, whom no permission is asked of.
    """

    permissions = serializers.ListField(child=serializers.CharField(max_length=100), max_length=500)
    is_built_in = serializers.SerializerMethodField()
    sees_every_estate = serializers.SerializerMethodField()

    class Meta:
        model = Role
        fields = (
            "id", "code", "name", "permissions", "is_built_in", "sees_every_estate",
            "created_at", "updated_at",
        )  # fmt: skip
        fixed_fields = ("code",)

    def get_is_built_in(self, role: Role) -> bool:
        return role.code in roles.BUILT_IN

    def get_sees_every_estate(self, role: Role) -> bool:
        return role.code == roles.SUPER_ADMIN

    def to_representation(self, instance: Role) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return shown | {"permissions": sorted(instance.permission_names())}


class RoleFilters(FilterSet):
    is_built_in = BooleanFilter(method="filter_built_in")

    def filter_built_in(self, rows: Any, _: str, value: bool) -> Any:  # noqa: FBT001
        built_in = {"code__in": list(roles.BUILT_IN)}
        return rows.filter(**built_in) if value else rows.exclude(**built_in)


class RoleViewSet(Listed, Shown, Created, Changed, Archived):
    """Roles and what they allow."""

    queryset = Role.objects.all()
    serializer_class = RoleSerializer
    filterset_class = RoleFilters
    search_fields = ("code", "name")
    sort_fields = {name: name for name in ("code", "name", "created_at", "updated_at")}
    default_sort = ("name", "pk")
    refusals = {
        "update": (refusals.BUILT_IN,),
        "partial_update": (refusals.BUILT_IN,),
        "destroy": (refusals.BUILT_IN, refusals.ROLE_IN_USE),
    }

    def add(self, fields: Mapping[str, Any]) -> Role:
        return own_roles.make(**fields)

    def change(self, instance: Role, fields: Mapping[str, Any]) -> None:
        with translated(refusals.OF_ROLES):
            own_roles.change(role=instance, **fields)

    def remove(self, instance: Role) -> None:
        with translated(refusals.OF_ROLES):
            own_roles.remove(role=instance, at=timezone.now())
