"""What a meter counted, summed by the hours, days and months of its estate."""

from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.db.models import Case, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce, TruncHour, TruncMonth

from accounts.models import User
from meters.models import DailyConsumption, Interval, Meter
from quantify.periods import Period, local_day

ESTIMATED = Q(quality=Interval.Quality.ESTIMATED)
INSTANT = timedelta(microseconds=1)


class GroupBy(StrEnum):
    INTERVAL = "interval"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


def of_meter(meter: Meter, period: Period, group_by: GroupBy, *, asked_by: User) -> QuerySet:
    """
    Rows of `at`, `channel`, `used` and, of that, `guessed`, in Wh or litres, the oldest first.

    Days and months are those the period touches, local to the meter's estate; to a resident only
    what was used while they lived there.
    """
    zone = meter.estate.zone
    if group_by in (GroupBy.INTERVAL, GroupBy.HOUR):
        intervals = Interval.objects.within_stays(asked_by).filter(meter=meter).within(period)
        rows = _quarters(intervals) if group_by is GroupBy.INTERVAL else _hours(intervals, zone)
    else:
        days = DailyConsumption.objects.within_stays(asked_by).filter(
            meter=meter,
            day__gte=local_day(period.start, zone),
            day__lte=local_day(period.end - INSTANT, zone),
        )
        rows = _days(days) if group_by is GroupBy.DAY else _months(days)
    return rows.order_by("at", "channel")


def _quarters(intervals: QuerySet) -> QuerySet:
    guessed = Case(When(ESTIMATED, then=F("quantity")), default=Value(0))
    return intervals.values("start", "channel", at=F("start"), used=F("quantity"), guessed=guessed)


def _hours(intervals: QuerySet, zone: ZoneInfo) -> QuerySet:
    by_hour = intervals.annotate(at=TruncHour("start", tzinfo=zone)).values("at", "channel")
    guessed = Coalesce(Sum("quantity", filter=ESTIMATED), 0)
    rows: QuerySet = by_hour.annotate(used=Sum("quantity"), guessed=guessed)
    return rows


def _days(days: QuerySet) -> QuerySet:
    return days.values("channel", at=F("day"), used=F("quantity"), guessed=F("estimated"))


def _months(days: QuerySet) -> QuerySet:
    by_month = days.annotate(at=TruncMonth("day")).values("at", "channel")
    rows: QuerySet = by_month.annotate(used=Sum("quantity"), guessed=Sum("estimated"))
    return rows
