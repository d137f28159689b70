"""How sure the prices of a list's rate tables are: their source's confidence, and its year."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from quantify.periods import local_day
from quantify.portal import formats
from rates.models import RateTableVersion, sureness

PRIMARY = RateTableVersion.Confidence.PRIMARY


def chip(confidence: str | None, *, year_inferred: bool | None) -> Any:
    """Green for the licensee's own document of its year; what is less is to be looked at."""
    words = sureness(confidence, year_inferred=year_inferred)
    if not words:
        return formats.chip("Not said", "muted")
    is_sure = confidence == PRIMARY and not year_inferred
    return formats.chip(words, "success" if is_sure else "warning")


class SurenessMixin:
    """Adds `how_sure` to a list: of the version that is, or was last, in force."""

    sureness_of = "pk"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        versions = RateTableVersion.objects.filter(rate_table=OuterRef(self.sureness_of))
        begun = versions.filter(effective_from__lte=local_day(timezone.now()))
        newest = begun.order_by("-effective_from")
        rows: QuerySet = super().get_queryset(request)  # type: ignore[misc]
        told: QuerySet = rows.annotate(
            confidence_in_force=Subquery(newest.values("confidence")[:1]),
            inferred_in_force=Subquery(newest.values("year_inferred")[:1]),
        )
        return told

    @admin.display(description="How sure")
    def how_sure(self, row: Any) -> Any:
        return chip(row.confidence_in_force, year_inferred=row.inferred_in_force)
