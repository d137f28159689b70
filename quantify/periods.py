"""
Stretches of time: half-open, the start belongs to them, the end does not.

Instants are aware and stored in UTC; days and months are local to the estate.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

SOUTH_AFRICA = ZoneInfo("Africa/Johannesburg")
INTERVAL = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to but without `end`, both aware instants."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("A period needs instants with a time zone.")
        if self.end < self.start:
            raise ValueError("A period ends at or after its start.")

    @classmethod
    def day(cls, day: date, zone: ZoneInfo = SOUTH_AFRICA) -> Self:
        return cls(midnight(day, zone), midnight(day + timedelta(days=1), zone))

    @classmethod
    def month(cls, day: date, zone: ZoneInfo = SOUTH_AFRICA) -> Self:
        return cls(midnight(first_of_month(day), zone), midnight(next_month(day), zone))


def midnight(day: date, zone: ZoneInfo = SOUTH_AFRICA) -> datetime:
    """The instant at which a local day begins."""
    return datetime.combine(day, time.min, tzinfo=zone)


def local_day(at: datetime, zone: ZoneInfo = SOUTH_AFRICA) -> date:
    """The local day an instant falls on."""
    return at.astimezone(zone).date()


def first_of_month(day: date) -> date:
    return day.replace(day=1)


@lru_cache(maxsize=4096)
def next_month(day: date) -> date:
    return first_of_month(day) + timedelta(days=days_in_month(day))


def previous_month(day: date) -> date:
    return first_of_month(first_of_month(day) - timedelta(days=1))


def days_in_month(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def days(start: date, end: date) -> Iterator[date]:
    """Each day from `start` up to but without `end`."""
    for number in range((end - start).days):
        yield start + timedelta(days=number)


def floor_to_interval(at: datetime) -> datetime:
    """The latest 15-minute mark at or before an instant."""
    return at - (at - EPOCH) % INTERVAL
