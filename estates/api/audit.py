"""The audit trail: who changed what, when, from where."""

from typing import Any

from django_filters import CharFilter, ChoiceFilter, FilterSet, UUIDFilter
from rest_framework import serializers

from accounts.models import AuditEntry
from estates.models import Estate
from quantify.api.filters import RelatedFilter, within
from quantify.api.serializers import Instant, ShownSerializer
from quantify.api.views import Listed, Shown

UUID_SCHEMA = {"type": "string", "format": "uuid"}


class AuditEntrySerializer(ShownSerializer):
    """
    One change by a person; it never changes itself.

    `before` and `after` hold the columns that differ, as the database has them.
    """

    estate = serializers.UUIDField(source="scope", allow_null=True)
    at = Instant()
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
    created_at = Instant(source="at")
    updated_at = Instant(source="at")

    class Meta:
        model = AuditEntry
        fields = (
            "id", "at", "actor", "actor_name", "action", "table", "object_id", "estate", "before",
            "after", "request_id", "address", "created_at", "updated_at",
        )  # fmt: skip


class _Id(UUIDFilter):
    """Rows that name something by its id, whether it is still there or not."""

    schema = UUID_SCHEMA


@within("at")
class AuditFilters(FilterSet):
    estate = RelatedFilter(Estate, field_name="scope")
    actor = _Id()
    table = CharFilter()
    object = _Id(field_name="object_id")
    action = ChoiceFilter(choices=AuditEntry.Action.choices)


class AuditViewSet(Listed, Shown):
    """Changes by people, the newest first."""

    queryset = AuditEntry.objects.all()
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilters
    sort_fields = {"at": "pk"}
    default_sort = ("-pk",)
    cursor_fields = ("-id",)

    def version_of(self, instance: Any) -> str:
        return str(instance.pk)
