"""Readings for tests, by the number of the quarter of an hour since a Monday's midnight."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from meters import readings
from meters.models import DailyConsumption, Interval, Meter, Reading
from meters.readings import RawReading, Recorded
from meters.tests.factories import MeterFactory, RegisterFactory

# Local midnight of 2026-06-08 in Johannesburg.
MIDNIGHT = datetime(2026, 6, 7, 22, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
LATER = MIDNIGHT + timedelta(days=20)
MOST = 5760
SPAN = 10**9


def new_meter(*, span: int = SPAN, **attributes) -> Meter:
    meter = MeterFactory.create(**attributes)
    RegisterFactory.create(meter=meter, span=span)
    return meter


def at(quarter: float) -> datetime:
    return MIDNIGHT + quarter * QUARTER


def raw(meter: Meter, quarter: float, value: int, status: int = 0, **more) -> RawReading:
    channel = 3 if meter.kind == "water" else 1
    return RawReading(meter.pk, channel, at(quarter), value, status, **more)


def record(
    meter: Meter, values: dict[float, int], *, received_at: datetime = LATER, status: int = 0
) -> Recorded:
    rows = [raw(meter, quarter, value, status) for quarter, value in values.items()]
    return readings.record(rows, received_at=received_at)


def intervals(meter: Meter) -> dict[int, tuple[int, str]]:
    """Quantity and quality by quarter."""
    found = Interval.objects.filter(meter=meter).order_by("start")
    return {(one.start - MIDNIGHT) // QUARTER: (one.quantity, one.quality[0]) for one in found}


def rules(meter: Meter) -> dict[float, tuple[list[str], bool]]:
    found = Reading.objects.filter(meter=meter).order_by("taken_at")
    return {(one.taken_at - MIDNIGHT) / QUARTER: (one.rule_names, one.is_valid) for one in found}


def days(meter: Meter) -> dict[str, tuple[int, int, int]]:
    """Quantity, estimated part and number of intervals by local day."""
    found = DailyConsumption.objects.filter(meter=meter).order_by("day")
    return {str(one.day): (one.quantity, one.estimated, one.intervals) for one in found}


def everything(meters: Iterable[Meter]) -> list[object]:
    """All that was derived for these meters, to compare; a day without intervals is none."""
    return [
        (
            intervals(meter),
            rules(meter),
            {day: sums for day, sums in days(meter).items() if sums != (0, 0, 0)},
        )
        for meter in meters
    ]
