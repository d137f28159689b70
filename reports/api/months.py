"""The local month that a question is about, as the API writes it: 2026-07."""

from datetime import date, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from estates.models import Estate
from quantify.api import problems
from quantify.periods import local_day, previous_month

WRITTEN = r"^(19|2\d)\d{2}-(0[1-9]|1[0-2])\Z"


class Month(serializers.RegexField):
    """A month such as 2026-07."""

    def __init__(self, **options: Any) -> None:
        super().__init__(WRITTEN, **options)

    def to_representation(self, value: Any) -> str:
        return f"{value:%Y-%m}"


def first_day(written: str | None, estate: Estate, now: datetime) -> date:
    """The first day of a month as it was written; by default of the estate's last one."""
    if written:
        return date.fromisoformat(f"{written}-01")
    return previous_month(local_day(now, estate.zone))


def asked(request: Request, estate: Estate, now: datetime) -> date:
    """
    The month that a request names.

    :raises Problem: 422 if it is none.
    """
    written = request.query_params.get("month")
    if written is not None:
        field = Month()
        try:
            field.run_validation(written)
        except serializers.ValidationError as error:
            raise problems.invalid("month", "invalid", "Give a month such as 2026-07.") from error
    return first_day(written, estate, now)
