"""
Read calendars as they are written in JSON, and say what is wrong with them.

One entry is one version of one calendar: `name`, `valid_from`, `valid_to`, `seasons` (months by
season), `hours` (ranges "HH:MM-HH:MM" by season, day type and band), `other_hours` (the band of
all hours not named; without it they must add up to 24) and `holidays` (by family: a text for
"as it falls", or dates with the day type they are treated as).
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from rates.calendars import (
    DAY_TYPES,
    SLOT_MINUTES,
    SLOTS_PER_DAY,
    Calendar,
    CalendarVersion,
    Slots,
)
from rates.problems import Invalid, Problem

PUBLISHED = Path(__file__).parent / "data" / "south_africa.json"
MONTHS = range(1, 13)
MINUTES_PER_HOUR = 60


class InvalidCalendar(Invalid):
    """The calendar cannot be used as it is written."""


@cache
def published() -> Mapping[str, Calendar]:
    """The calendars delivered with the product, by name."""
    document: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return load(document["calendars"])


def load(entries: Sequence[Mapping[str, Any]]) -> dict[str, Calendar]:
    """
    Build calendars from their versions, in any order.

    :raises InvalidCalendar: with every problem found.
    """
    problems: list[Problem] = []
    versions: dict[str, list[CalendarVersion]] = defaultdict(list)
    for position, entry in enumerate(entries):
        path = f"[{position}]"
        try:
            versions[entry["name"]].append(_version(entry, path, problems))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problems.append(Problem(path, "malformed", f"The calendar is not readable: {error}."))
    calendars = {name: _calendar(name, found, problems) for name, found in versions.items()}
    if problems:
        raise InvalidCalendar(problems)
    return calendars


def _calendar(name: str, versions: list[CalendarVersion], problems: list[Problem]) -> Calendar:
    versions.sort(key=lambda version: version.valid_from)
    for earlier, later in pairwise(versions):
        if earlier.valid_to is None or earlier.valid_to > later.valid_from:
            problems.append(
                Problem(
                    name,
                    "versions_overlap",
                    f"End the version of {earlier.valid_from} by {later.valid_from}.",
                )
            )
    return Calendar(name=name, versions=tuple(versions))


def _version(entry: Mapping[str, Any], path: str, problems: list[Problem]) -> CalendarVersion:
    valid_to = entry.get("valid_to")
    version = CalendarVersion(
        valid_from=_date(entry["valid_from"]),
        valid_to=None if valid_to is None else _date(valid_to),
        seasons=_seasons(entry["seasons"], f"{path}.seasons", problems),
        hours=_hours(entry, f"{path}.hours", problems),
        holidays=_holidays(entry.get("holidays", {}), f"{path}.holidays", problems),
    )
    for day in filter(None, (version.valid_from, version.valid_to)):
        # A month is billed in one season, so a version must not begin inside one.
        if day.day != 1:
            message = f"{day}: let a version begin and end with the first of a month."
            problems.append(Problem(path, "not_first_of_month", message))
    return version


def _date(written: str | date) -> date:
    return written if isinstance(written, date) else date.fromisoformat(written)


def _seasons(
    months: Mapping[str, Sequence[int]], path: str, problems: list[Problem]
) -> tuple[str, ...]:
    found: dict[int, list[str]] = {month: [] for month in MONTHS}
    for season, numbers in months.items():
        for number in numbers:
            found.setdefault(number, []).append(season)
    for number, seasons in found.items():
        if number not in MONTHS:
            problems.append(Problem(path, "no_such_month", f"{number} is not a month (1 to 12)."))
        elif len(seasons) != 1:
            message = f"Month {number} must be in exactly one season, not in {len(seasons)}."
            problems.append(Problem(path, "month_not_in_one_season", message))
    return tuple("".join(found[number][:1]) for number in MONTHS)


def _hours(
    entry: Mapping[str, Any], path: str, problems: list[Problem]
) -> tuple[tuple[str, str, Slots], ...]:
    hours: Mapping[str, Mapping[str, Any]] = entry["hours"]
    other: str | None = entry.get("other_hours")
    if unknown := set(hours) ^ set(entry["seasons"]):
        message = f"Give hours for exactly the seasons named; see {sorted(unknown)}."
        problems.append(Problem(path, "seasons_differ", message))
    found = []
    for season, day_types in hours.items():
        if unknown := set(day_types) ^ set(DAY_TYPES):
            message = f"Give hours for {', '.join(DAY_TYPES)}; see {sorted(unknown)}."
            problems.append(Problem(f"{path}.{season}", "day_types_differ", message))
        for day_type, bands in day_types.items():
            slots = _slots(bands, other, f"{path}.{season}.{day_type}", problems)
            found.append((season, day_type, slots))
    return tuple(found)


def _slots(
    bands: Mapping[str, Sequence[str]], other: str | None, path: str, problems: list[Problem]
) -> Slots:
    slots: list[str | None] = [None] * SLOTS_PER_DAY
    for band, ranges in bands.items():
        for written in ranges:
            for slot in _range(written, path, problems):
                if slots[slot] is not None:
                    message = f"{written} of {band} overlaps {slots[slot]}: shorten one of them."
                    problems.append(Problem(path, "hours_overlap", message))
                    break
                slots[slot] = band
    covered = sum(band is not None for band in slots)
    if other is None and covered < SLOTS_PER_DAY:
        found, rest = divmod(covered * SLOT_MINUTES, MINUTES_PER_HOUR)
        message = f"The hours add up to {found} h {rest:02}, not to 24: name the rest."
        problems.append(Problem(path, "hours_missing", message))
    return tuple(other or "" if band is None else band for band in slots)


def _range(written: str, path: str, problems: list[Problem]) -> range:
    """The quarter hours of "HH:MM-HH:MM"; the end is not included and may be 24:00."""
    try:
        start, end = (_slot(clock) for clock in written.split("-"))
    except ValueError:
        start, end = 0, 0
    if not 0 <= start < end <= SLOTS_PER_DAY:
        message = f'{written}: write "HH:MM-HH:MM" in quarter hours, split at midnight (24:00).'
        problems.append(Problem(path, "bad_hours", message))
        return range(0)
    return range(start, end)


def _slot(clock: str) -> int:
    hours, minutes = (int(part) for part in clock.split(":"))
    slot, rest = divmod(hours * MINUTES_PER_HOUR + minutes, SLOT_MINUTES)
    if rest or not 0 <= minutes < MINUTES_PER_HOUR:
        raise ValueError(clock)
    return slot


def _holidays(
    families: Mapping[str, str | Mapping[str, str]], path: str, problems: list[Problem]
) -> tuple[tuple[str, tuple[tuple[date, str], ...]], ...]:
    found = []
    for family, days in families.items():
        # A text such as "weekday as it falls": the family knows no holidays.
        dates = {} if isinstance(days, str) else days
        for day, treated_as in dates.items():
            if treated_as not in DAY_TYPES:
                message = f"{day}: treat it as {', '.join(DAY_TYPES)}, not as {treated_as!r}."
                problems.append(Problem(f"{path}.{family}", "unknown_day_type", message))
        pairs = tuple((date.fromisoformat(day), kind) for day, kind in dates.items())
        found.append((family, pairs))
    return tuple(found)
