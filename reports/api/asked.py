"""What every report is asked: `estate, from, to, utility, group_by`, and `month` in short."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from estates.models import Estate
from quantify.api import problems
from quantify.api.files import FORMAT
from quantify.periods import days_in_month, local_day
from quantify.quantities import Utility
from reports.api import months
from reports.report import BEGINNING, Starts
from wallets.api import days

UNASKED = {
    Starts.LAST_MONTH: "without any, the last one.",
    Starts.TODAY: "without any, this one so far.",
    Starts.BEGINNING: "without any, everything up to today.",
}
NAMES = ("estate", "from", "to", "month", "utility", "group_by", "format")


def parameters(
    group_by: type[StrEnum], starts: Starts = Starts.LAST_MONTH
) -> list[OpenApiParameter]:
    """The parameters of a report that has these groups; the first is what it does unasked."""
    return [
        OpenApiParameter("estate", OpenApiTypes.UUID, required=True),
        OpenApiParameter("from", OpenApiTypes.DATE, description="The first local day."),
        OpenApiParameter("to", OpenApiTypes.DATE, description="The last local day; today."),
        OpenApiParameter(
            "month", OpenApiTypes.STR,
            description=f"2026-07, in place of `from` and `to`; {UNASKED[starts]}",
        ),
        OpenApiParameter("utility", OpenApiTypes.STR, enum=[one.value for one in Utility]),
        OpenApiParameter("group_by", OpenApiTypes.STR, enum=[one.value for one in group_by]),
        FORMAT,
    ]  # fmt: skip


def estate(request: Request) -> Estate:
    """
    The estate that a request names, if the caller may see it.

    :raises Problem: 422 if none is named, or by something else than its id.
    :raises Http404: if there is no such estate for the caller.
    """
    asked = request.query_params.get("estate")
    if asked is None:
        raise problems.invalid("estate", "required", "Name the estate by its id.")
    try:
        pk = UUID(asked)
    except ValueError as error:
        raise problems.invalid("estate", "invalid", "Name the estate by its id.") from error
    estates: Any = Estate.objects
    found: Estate = get_object_or_404(estates.visible_to(request.user).alive(), pk=pk)
    return found


def period(
    request: Request, estate: Estate, now: datetime, starts: Starts = Starts.LAST_MONTH
) -> tuple[date, date]:
    """
    The first and the last local day that a request names, else those that the report is about.

    :raises Problem: 422 if they are none, or both a month and days are named.
    """
    named = {"from", "to", "month"} & request.query_params.keys()
    if "month" in named and len(named) > 1:
        raise problems.invalid("month", "exclusive", "Give a month, or `from` and `to`, not both.")
    today = local_day(now, estate.zone)
    if starts is Starts.BEGINNING and "from" not in named and "month" not in named:
        return BEGINNING, days.day(request, "to") or today
    if "month" in named or (starts is Starts.LAST_MONTH and not named):
        first = months.asked(request, estate, now)
        return first, first.replace(day=days_in_month(first))
    return days.asked(request, today)


def choice[E: StrEnum](request: Request, name: str, choices: type[E]) -> E | None:
    """
    One of some words, or None where it is not given.

    :raises Problem: 422 if it is another word.
    """
    asked = request.query_params.get(name)
    if asked is None:
        return None
    try:
        return choices(asked)
    except ValueError as error:
        known = ", ".join(choices)
        raise problems.invalid(name, "invalid_choice", f"Use one of {known}.") from error
