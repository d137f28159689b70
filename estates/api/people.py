"""People who sign in, and the estates they work for."""

from collections.abc import Mapping
from typing import Any, cast

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django_filters import CharFilter, FilterSet
from rest_framework import serializers

from accounts import people
from accounts.api import refusals
from accounts.models import Role, User
from estates import members
from estates.models import Estate, Membership
from quantify.api import problems
from quantify.api.filters import BooleanFilter, RelatedFilter
from quantify.api.problems import translated
from quantify.api.serializers import ResourceSerializer, ScopedRelatedField
from quantify.api.views import Archived, Changed, Created, Listed, Shown


class RoleCode(serializers.SlugRelatedField):
    """A role by its code."""

    def get_queryset(self) -> Any:
        return Role.objects.alive()


class Workplace(ScopedRelatedField):
    """An estate that a person works for, by its id."""

    def to_representation(self, value: Any) -> Any:
        return value.estate_id if isinstance(value, Membership) else value.pk


class UserSerializer(ResourceSerializer):
    """
    A person who signs in.

    `password` is only ever sent, never answered; without one nobody can sign in as the person
    until one is set. `estates` are those they work for; super admins see all without being members.
    """

    role = RoleCode(slug_field="code", queryset=Role.objects.all())
    estates = Workplace(source="places", many=True, queryset=Estate.objects.all(), required=False)
    password = serializers.CharField(
        write_only=True, required=False, trim_whitespace=False,
        min_length=people.SHORTEST_PASSWORD, max_length=people.LONGEST_PASSWORD,
    )  # fmt: skip
    has_password = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            "id", "username", "full_name", "email", "role", "is_active", "estates", "password",
            "has_password", "second_factor_at", "last_login", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("second_factor_at", "last_login")

    def get_has_password(self, user: User) -> bool:
        return user.has_usable_password()


class RoleFilter(CharFilter):
    """A role by its code; one that nobody has heard of is no filter."""

    def filter(self, qs: Any, value: str) -> Any:
        if value and not Role.objects.alive().filter(code=value).exists():
            raise problems.invalid("role", "does_not_exist", "There is no such role.")
        return super().filter(qs, value)


class UserFilters(FilterSet):
    role = RoleFilter(field_name="role__code")
    is_active = BooleanFilter()
    estate = RelatedFilter(Estate, field_name="memberships__estate")


class UserViewSet(Listed, Shown, Created, Changed, Archived):
    """People who sign in; one who is deleted is switched off, and the name is not given again."""

    queryset = User.objects.all()
    serializer_class = UserSerializer
    filterset_class = UserFilters
    search_fields = ("username", "full_name", "email")
    sort_fields = {
        name: name
        for name in ("username", "full_name", "email", "last_login", "created_at", "updated_at")
    }
    default_sort = ("username", "pk")
    refusals = {
        "update": tuple(refusals.OF_PEOPLE.values()),
        "partial_update": tuple(refusals.OF_PEOPLE.values()),
        "destroy": tuple(refusals.OF_PEOPLE.values()),
    }

    def shaped(self, rows: QuerySet) -> QuerySet:
        places = Membership.objects.select_related("estate").order_by("estate__code")
        return rows.prefetch_related(Prefetch("memberships", queryset=places, to_attr="places"))

    @transaction.atomic
    def add(self, fields: Mapping[str, Any]) -> User:
        own = dict(fields)
        workplaces = own.pop("places", [])
        user = people.add(password=own.pop("password", None), **own)
        members.assign(user=user, estates=workplaces)
        return user

    def change(self, instance: User, fields: Mapping[str, Any]) -> None:
        own = dict(fields)
        workplaces = own.pop("places", None)
        by = cast("User", self.request.user)
        with translated(refusals.OF_PEOPLE):
            people.change(user=instance, by=by, **own)
        if workplaces is not None:
            members.assign(user=instance, estates=workplaces)

    def remove(self, instance: User) -> None:
        by = cast("User", self.request.user)
        with translated(refusals.OF_PEOPLE):
            people.remove(user=instance, by=by, at=timezone.now())
