"""What the pages of rate tables and versions show besides their forms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST

from quantify.api import parsing
from quantify.periods import local_day
from quantify.quantities import Utility
from rates import pictures, pricing, version_changes
from rates.charges import Component
from rates.components import InvalidComponents
from rates.models import UTILITIES, RateTable, RateTableVersion
from rates.pictures import Picture
from rates.previews import Preview, preview
from rates.version_changes import Change

PREVIEW_FIRST = "Choose the rate table, or the utility, first."


@dataclass(frozen=True, slots=True)
class Past:
    """A version, and what it changed; the first one changed nothing."""

    version: RateTableVersion
    changes: Sequence[Change]
    is_first: bool


def picture_of(version: RateTableVersion) -> Picture | None:
    """A version drawn; None if it cannot be read."""
    table = version.rate_table
    try:
        tariff = pricing.tariff_of(version)
    except InvalidComponents:
        return None
    today = local_day(timezone.now())
    return pictures.draw(
        tariff.components,
        utility=Utility(table.utility),
        calendar=tariff.calendar,
        day=max(version.effective_from, min(today, version.effective_to or today)),
    )


def history_of(table: RateTable) -> list[Past]:
    """The versions of a rate table with what each changed, the newest first."""
    rows = list(table.versions.select_related("rate_table").order_by("effective_from"))
    return list(_past(rows))[::-1]


def _past(rows: Sequence[RateTableVersion]) -> Iterator[Past]:
    before: Sequence[Component] | None = None
    for version in rows:
        try:
            now = pricing.tariff_of(version).components
        except InvalidComponents:
            yield Past(version, (), is_first=before is None)
            continue
        changes = version_changes.between(before, now) if before is not None else []
        yield Past(version, changes, is_first=before is None)
        before = now


class PreviewMixin:
    """The address that tells what typed prices would cost; it stores nothing."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(self.preview_view))  # type: ignore[attr-defined]
        own = [path("preview/", view, name="rates_ratetable_preview")]
        return own + super().get_urls()  # type: ignore[misc,no-any-return]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        allowed = ("rates.add_ratetable", "rates.add_ratetableversion")
        if not any(request.user.has_perm(name) for name in allowed):
            return HttpResponse(status=403)
        context: dict[str, Any] = {"errors": []}
        table = _table(request)
        if table is None:
            context["errors"] = [PREVIEW_FIRST]
        else:
            try:
                context["preview"] = _preview(request, table)
            except InvalidComponents as error:
                context["errors"] = [
                    f"{one.path}: {one.message}".lstrip(": ") for one in error.problems
                ]
            except ValueError as error:
                context["errors"] = [f"This is no JSON yet: {error}."]
        return TemplateResponse(request, "portal/rate_preview.html", context)


def _table(request: HttpRequest) -> RateTable | None:
    """The rate table that the prices are for: a stored one, or one as it is typed."""
    asked = request.POST
    if named := asked.get("rate_table"):
        try:
            return RateTable.objects.visible_to(request.user).filter(pk=UUID(named)).first()
        except ValueError:
            return None
    if asked.get("utility") not in dict(UTILITIES):
        return None
    mid_month = asked.get("mid_month", "")
    return RateTable(
        utility=asked["utility"],
        calendar=asked.get("calendar") or "eskom",
        mid_month=mid_month if mid_month in RateTable.MidMonth.values else RateTable.MidMonth.CARRY,
    )


def _preview(request: HttpRequest, table: RateTable) -> Preview:
    written = parsing.read(request.POST.get("components") or "[]")
    if not isinstance(written, list):
        raise ValueError("write a list of components")  # noqa: TRY004  (as other bad JSON)
    return preview(table=table, written=written, day=_day(request.POST.get("effective_from", "")))


def _day(written: str) -> date:
    try:
        day = parse_date(written)
    except ValueError:
        day = None
    return day or local_day(timezone.now())
