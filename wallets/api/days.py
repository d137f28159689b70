"""The local days that a question is about: `from` and `to`, both included."""

from datetime import date, timedelta
from typing import cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.models import User
from quantify import written
from quantify.api import problems
from quantify.api.filters import YEARS
from quantify.periods import first_of_month
from units import stays
from wallets.models import Wallet

DAY = timedelta(days=1)
LONGEST = timedelta(days=366)
PARAMETERS = [
    OpenApiParameter("from", OpenApiTypes.DATE, description="The first local day; this month."),
    OpenApiParameter("to", OpenApiTypes.DATE, description="The last local day; today."),
]


def asked(request: Request, today: date) -> tuple[date, date]:
    """
    The first and the last day that a request names; by default this month so far.

    :raises Problem: 422 if they are no days, in the wrong order, or more than a year apart.
    """
    last = day(request, "to") or today
    first = day(request, "from") or first_of_month(last)
    if not timedelta(0) <= last - first <= LONGEST:
        raise problems.invalid("to", "invalid", "Give a day after `from`, within a year.")
    return first, last


def of_stay(request: Request, wallet: Wallet, first: date, last: date) -> tuple[date, date]:
    """
    The same days; what a resident left open reaches no further than their own time there.

    :raises Problem: 422 if a resident asks for days of another.
    """
    person = cast("User", request.user)
    if not person.is_resident:
        return first, last
    homes = [stay for stay in stays.of(person) if stay.unit_id == wallet.unit_id]
    touched = [
        stay for stay in homes
        if stay.first_day <= last and (stay.end_day is None or stay.end_day > first)
    ]  # fmt: skip
    stay = (touched or homes)[-1]
    end = stay.end_day - DAY if stay.end_day else date.max
    if "to" not in request.query_params:
        last = min(last, end)
    if "from" not in request.query_params:
        first = max(first_of_month(last), stay.first_day)
    if not stay.first_day <= first <= last <= end:
        raise problems.invalid("from", "outside_stay", "Give days on which you lived there.")
    return first, last


def day(request: Request, name: str) -> date | None:
    """
    A day that a request names, if it names one.

    :raises Problem: 422 if it is none.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    named = written.day(text)
    if named is None:
        raise problems.invalid(name, "invalid", "Give a local day such as 2026-07-01.")
    if named.year not in YEARS:
        raise problems.invalid(name, "out_of_range", "Give a day of this age.")
    return named
