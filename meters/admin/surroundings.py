"""The real intervals around a finding, drawn as bars; only numbers and words, templates draw."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from meters.models import Finding, Interval, MeterAlert, Reading, Register
from quantify.periods import Period
from quantify.quantities import format_kilo

WIDTH, HEIGHT, TOP, FOOT = 720, 150, 16, 20
QUARTER = timedelta(minutes=15)
AROUND = timedelta(hours=12)
LONGEST = timedelta(days=4)
QUARTERS_A_DAY = 96
SHOWN_OF_ALERTS = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Bar:
    """One quarter of an hour: its place, its look, and what it says."""

    x: float
    y: float
    width: float
    height: float
    look: str
    says: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A local midnight on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The bars and midnights of some days, the highest of them in words, and the readings."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    highest: str
    unit: str
    words: str
    readings: tuple[Reading, ...]
    width: int = WIDTH
    height: int = HEIGHT
    base: int = HEIGHT - FOOT


def draw(finding: Finding, *, before: timedelta = AROUND) -> Surroundings:
    """What was used from half a day before a finding until half a day after it, four days long."""
    zone = finding.meter.estate.zone
    start = finding.starts_at - before
    end = min(finding.ends_at + AROUND, start + LONGEST)
    of_register = {"meter": finding.meter_id, "channel": finding.channel}
    intervals = list(
        Interval.objects.filter(**of_register).within(Period(start, end)).order_by("start")
    )
    highest = max((one.quantity for one in intervals), default=0)
    readings = Reading.objects.filter(**of_register).within(
        Period(finding.starts_at, min(finding.ends_at + QUARTER, end))
    )
    return Surroundings(
        bars=tuple(_bar(one, finding, start, end, highest) for one in intervals),
        marks=tuple(_marks(start, end, finding)),
        highest=format_kilo(highest),
        unit=finding.unit,
        words=f"{start.astimezone(zone):%Y-%m-%d %H:%M} to {end.astimezone(zone):%Y-%m-%d %H:%M}",
        readings=tuple(readings.order_by("taken_at")[:QUARTERS_A_DAY]),
    )


def of_alert(alert: MeterAlert) -> Surroundings | None:
    """What the meter of an alert counted in the days before it was last seen; None if it has none.

    The part since it was raised is what stands out.
    """
    register = Register.objects.filter(meter=alert.meter_id).order_by("channel").first()
    if alert.meter is None or register is None:
        return None
    ends_at = alert.resolved_at or alert.last_seen_at
    shown = Finding(
        meter=alert.meter,
        channel=register.channel,
        starts_at=max(alert.raised_at, ends_at - SHOWN_OF_ALERTS),
        ends_at=ends_at,
    )
    return draw(shown, before=SHOWN_OF_ALERTS)


def _bar(one: Interval, finding: Finding, start: datetime, end: datetime, highest: int) -> Bar:
    room = HEIGHT - TOP - FOOT
    height = room * one.quantity / highest if highest else 0
    width = WIDTH * (QUARTER / (end - start))
    within = finding.starts_at <= one.start < max(finding.ends_at, finding.starts_at + QUARTER)
    measured = one.quality == Interval.Quality.ACTUAL
    local = one.start.astimezone(finding.meter.estate.zone)
    how = "" if measured else ", estimated"
    return Bar(
        x=round(WIDTH * ((one.start - start) / (end - start)), 2),
        y=round(HEIGHT - FOOT - height, 2),
        width=round(max(width - 0.5, 0.5), 2),
        height=round(height, 2),
        look="found" if within else "measured" if measured else "estimated",
        says=f"{local:%Y-%m-%d %H:%M}: {format_kilo(one.quantity)} {finding.unit}{how}",
    )


def _marks(start: datetime, end: datetime, finding: Finding) -> list[Mark]:
    zone = finding.meter.estate.zone
    at = start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    marks = []
    while (at := at + timedelta(days=1)) < end:
        x = WIDTH * ((at - start) / (end - start))
        marks.append(Mark(round(x, 2), f"{at:%m-%d}"))
    return marks
