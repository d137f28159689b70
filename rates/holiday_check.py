"""
Whether a calendar is complete: its hours have no gap, and it names every public holiday.

The `holidays` package is asked which days there are, never believed: what a day is treated as is
the licensee's to say, and stands in the calendar. A day proclaimed once, such as an election, is
no mistake where the licensee's table does not name it; it is told apart.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import holidays

from rates.calendars import Calendar

COUNTRY = "ZA"
NOTICE = timedelta(days=90)
OBSERVED = " (observed)"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was noticed of a family of holidays; a failure needs somebody to act."""

    calendar: str
    family: str
    message: str
    is_failure: bool

    def __str__(self) -> str:
        return f"{self.calendar}, {self.family}: {self.message}"


def check(calendars: Iterable[Calendar], *, today: date) -> list[Finding]:
    """Compare the dates of every family that has some with the country's public holidays."""
    findings = []
    for calendar in calendars:
        findings += [
            Finding(calendar.name, "hours", gap, is_failure=True) for gap in _gaps(calendar)
        ]
        for family in sorted(calendar.families):
            if named := _named(calendar, family):
                findings += [
                    Finding(calendar.name, family, message, is_failure)
                    for message, is_failure in _findings(named, today)
                ]
    return findings


def _gaps(calendar: Calendar) -> Iterator[str]:
    """Days between two versions: nothing by time of use can be priced there."""
    for earlier, later in pairwise(calendar.versions):
        if earlier.valid_to and earlier.valid_to < later.valid_from:
            yield f"there are none from {earlier.valid_to} to {later.valid_from}: close the gap."


def _named(calendar: Calendar, family: str) -> dict[date, str]:
    return {
        day: treated_as
        for version in calendar.versions
        for name, days in version.holidays
        if name == family
        for day, treated_as in days
    }


def _findings(named: dict[date, str], today: date) -> Iterator[tuple[str, bool]]:
    first, last = min(named), max(named)
    known = {day: name for day, name in _public(first, last).items() if first <= day <= last}
    for day in sorted(known.keys() - named.keys()):
        if _is_once(day, known[day]):
            yield f"{day} ({known[day]}) was proclaimed once and is not in the table.", False
        else:
            yield f"{day} ({known[day]}) is missing: say what day it is treated as.", True
    for day in sorted(named.keys() - known.keys()):
        yield f"{day} is no public holiday: check the date.", True
    if last < today + NOTICE:
        yield f"the dates end with {last}: add those that follow.", True
    else:
        yield f"the dates reach from {first} to {last}.", False


def _public(first: date, last: date) -> dict[date, str]:
    found = holidays.country_holidays(COUNTRY, years=range(first.year, last.year + 1))
    return dict(found.items())


def _is_once(day: date, name: str) -> bool:
    """Whether no year around has a holiday of that name."""
    around = _public(date(day.year - 1, 1, 1), date(day.year + 1, 1, 1)).items()
    return all(other.year == day.year or _plain(name) != _plain(found) for other, found in around)


def _plain(name: str) -> str:
    return name.removesuffix(OBSERVED)
