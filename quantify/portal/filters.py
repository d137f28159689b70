"""List filters that offer only what the person may see."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, RelatedDropdownFilter


class ScopedRelatedFilter(RelatedDropdownFilter):
    """Choices come from the related page's own rows, which are the person's estates'."""

    def field_choices(
        self, field: Field, request: HttpRequest, model_admin: ModelAdmin
    ) -> list[tuple[Any, str]]:
        related: Any = model_admin.admin_site.get_model_admin(field.related_model)  # type: ignore[arg-type]
        return [(row.pk, str(row)) for row in related.get_queryset(request)]


class EstateFilter(ScopedRelatedFilter):
    """For lists whose rows belong to an estate, at whatever path."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "estate"


class DeletedFilter(DropdownFilter):
    """Hides what was deleted unless it is asked for."""

    title = "deleted"
    parameter_name = "deleted"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        return [("", "In use"), ("only", "Deleted"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "all":
                return queryset
            case "only":
                return queryset.exclude(deleted_at=None)
            case _:
                return queryset.filter(deleted_at=None)


class StandingFilter(DropdownFilter):
    """Hides what is over unless it is asked for."""

    title = "state"
    parameter_name = "standing"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        return [("", "Standing"), ("over", "Over"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "all":
                return queryset
            case "over":
                return queryset.exclude(ended_at=None)
            case _:
                return queryset.filter(ended_at=None)
