"""
The checks of finished days: over what changed since they were last looked at, and no more.

Work is found by comparing revisions, never from a queue. Run again it finds nothing; run late it
finds all. What is found is kept once, and closes by itself where it no longer holds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import batched
from uuid import UUID

from django.db import transaction

from meters.batches import instant
from meters.vee import darkness, day_checks, limits, queue, sums, weeks, work
from meters.vee.darkness import SOUTH_AFRICA
from meters.vee.day_checks import Series, Stretch
from meters.vee.limits import Limits
from meters.vee.queue import Found, Scope
from meters.vee.rules import BY_CODE
from meters.vee.work import CheckedDay
from quantify.periods import local_day
from quantify.quantities import as_kilo, format_kilo

LOOKS_BACK = timedelta(days=62)
DAYS_AT_ONCE = 500
POWER_DOWN = 1 << 7
OF_A_DAY = ("spike", "sum_check", "while_disconnected", "solar_at_night")
LASTING = ("zero_too_long", "leak")
KILO = 1000


@dataclass(frozen=True, slots=True)
class Checked:
    """What a run looked at and found."""

    days: int = 0
    found: int = 0

    def __add__(self, other: "Checked") -> "Checked":
        return Checked(self.days + other.days, self.found + other.found)


@dataclass(frozen=True, slots=True)
class Subject:
    """One day with what its checks need to know."""

    day: CheckedDay
    series: Series
    limits: Limits
    cut: Sequence[tuple[int, int]]

    def whole(self, name: str) -> int:
        """A limit in kWh or kl as whole Wh or litres."""
        return int(self.limits[name] * KILO)


def run(
    *, now: datetime, since: date | None = None, meter_ids: Sequence[UUID] | None = None
) -> Checked:
    """Check every finished day that changed, from ``since`` on (by default some two months)."""
    first = since or local_day(now - LOOKS_BACK)
    days = work.waiting(now=now, since=first, meter_ids=meter_ids)
    total = Checked()
    for some in batched(days, DAYS_AT_ONCE, strict=False):
        total += _check(some, now)
    return total


@transaction.atomic
def _check(days: Sequence[CheckedDay], now: datetime) -> Checked:
    limit = limits.of_estates(one.estate_id for one in days)
    cut = work.disconnected([one.meter_id for one in days], now=now)
    found: list[Found] = []
    for day, series in zip(days, work.series(days, limit), strict=True):
        found += _of_day(Subject(day, series, limit[day.estate_id], cut.get(day.meter_id, ())))
    found += sums.differing(days, limit)
    found += weeks.unusual(days, limit, now=now)
    queue.record(found, now=now)
    scopes = [Scope(one.meter_id, one.channel, one.begin, one.end) for one in days]
    queue.end_missing(scopes, rules=OF_A_DAY, now=now)
    queue.end_missing(weeks.scopes(days), rules=["high_low"], now=now)
    queue.end_passed(_newest(scopes), rules=LASTING, now=now)
    work.mark(days)
    return Checked(len(days), len(found))


def _newest(scopes: Sequence[Scope]) -> list[Scope]:
    """Of each register the newest day: what lasts must have been found there, or it has ended."""
    newest = {(one.meter_id, one.channel): one for one in scopes}
    return list(newest.values())


def _of_day(subject: Subject) -> Iterator[Found]:
    day = subject.day
    for code, check in CHECKS.items():
        if day.kind not in BY_CODE[code].kinds:
            continue
        told = check(subject)
        if told is None:
            continue
        stretch, says = told
        yield Found(
            meter_id=day.meter_id,
            channel=day.channel,
            rule=code,
            starts_at=instant(stretch.start),
            ends_at=instant(stretch.end),
            says=says,
            quantity=stretch.quantity,
            lasts=code in LASTING,
        )


type Told = tuple[Stretch, str] | None


def _spike(subject: Subject) -> Told:
    ratio, floor = Fraction(subject.limits["spike.ratio"]), subject.whole("spike.floor")
    if (stretch := day_checks.spike(subject.series, ratio=ratio, floor=floor)) is None:
        return None
    used = as_kilo(stretch.quantity)
    return stretch, f"{used} kWh in a quarter of an hour, far above the rest of the day."


def _standstill(subject: Subject) -> Told:
    day, series = subject.day, subject.series
    if day.is_vacant or day.relay_is_open:
        return None
    hours = int(subject.limits[f"zero_too_long.{day.kind}"])
    stretch = day_checks.standstill(series, hours=hours)
    if stretch is None or any(a < stretch.end and stretch.start < b for a, b in subject.cut):
        return None
    if work.had_power_failure(day.meter_id, day.channel, stretch.start, stretch.end, POWER_DOWN):
        return None
    lasted = (stretch.end - stretch.start) // day_checks.HOUR
    return stretch, f"No {day.kind} at all for {lasted} hours, in a home that is not vacant."


def _while_disconnected(subject: Subject) -> Told:
    when = day_checks.within(subject.series, subject.cut)
    tolerance = subject.whole("while_disconnected.tolerance")
    if (stretch := day_checks.used(subject.series, when, tolerance=tolerance)) is None:
        return None
    return stretch, f"{format_kilo(stretch.quantity)} kWh was used while the relay was open."


def _solar_at_night(subject: Subject) -> Told:
    day = subject.day
    known = day.latitude is not None and day.longitude is not None
    places = [(float(day.latitude), float(day.longitude))] if known else SOUTH_AFRICA  # type: ignore[arg-type]
    when = darkness.is_dark(subject.series.start, places)
    tolerance = subject.whole("solar_at_night.tolerance")
    if (stretch := day_checks.used(subject.series, when, tolerance=tolerance)) is None:
        return None
    return stretch, f"{format_kilo(stretch.quantity)} kWh of solar power was counted in the dark."


def _leak(subject: Subject) -> Told:
    nights = int(subject.limits["leak.nights"])
    litres = int(subject.limits["leak.litres"])
    if (stretch := day_checks.night_flow(subject.series, nights=nights, litres=litres)) is None:
        return None
    hourly = stretch.quantity * 4
    return stretch, f"Water ran all through {nights} nights, at least {hourly} litres an hour."


CHECKS: Mapping[str, Callable[[Subject], Told]] = {
    "spike": _spike,
    "zero_too_long": _standstill,
    "while_disconnected": _while_disconnected,
    "solar_at_night": _solar_at_night,
    "leak": _leak,
}
