"""The estate and the month that a command is about."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime

from django.core.management.base import CommandError

from estates.models import Estate
from quantify.periods import local_day, previous_month


def add_month(parser: ArgumentParser) -> None:
    parser.add_argument("--estate", required=True, help="the estate's code")
    parser.add_argument("--month", type=_month, help="such as 2026-07 (default: the last one)")


def estate_of(code: str) -> Estate:
    estate = Estate.objects.filter(code__iexact=code, deleted_at=None).first()
    if estate is None:
        raise CommandError(f"There is no estate with the code {code}.")
    return estate


def month_of(asked: date | None, estate: Estate, now: datetime) -> date:
    return asked or previous_month(local_day(now, estate.zone))


def _month(written: str) -> date:
    try:
        return date.fromisoformat(f"{written}-01")
    except ValueError as error:
        raise ArgumentTypeError(f"{written!r} is no month: give one such as 2026-07.") from error
