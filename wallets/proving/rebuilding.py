"""
A bill made again from its facts: readings, intervals and the versions of its rates.

The intervals are read one by one and summed in plain Python, and set against the readings around
them and the days; none of the statements that bill are used. Prices are those of the rating
engine, which has worked bills of its own to answer to.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Min

from accounts.audit import Past
from meters.models import DailyConsumption, Installation, Interval, Reading, Register
from meters.vee.validation import BROKEN, NEVER_A_BASE
from quantify.money import ZERO, vat_percent_on
from quantify.periods import Period, local_day, midnight, next_month
from quantify.quantities import Utility
from rates.components import InvalidComponents
from rates.engine import InvalidUsage, NoFreeAllocation, Segment, Usage
from rates.engine import bill as price
from rates.pricing import NoTariff, Place, PriceBook, Terms
from wallets.billing.metered import rates_state
from wallets.models import Bill, MonthClosing, Settlement

CHANNELS = (Register.Channel.IMPORT, Register.Channel.VOLUME)
MOMENT = timedelta(microseconds=1)

type Quarter = tuple[datetime, int]


class NotUpToDate(Exception):
    """The facts or rates of a bill changed since it was charged; the next run of billing comes."""


class FactsDiffer(Exception):
    """Readings, intervals and days do not say the same."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the facts of a month make: Wh or litres, and rand."""

    consumption: int
    total: Decimal


def rebuild(bill: Bill) -> Rebuilt:
    """
    Make a bill again.

    :raises NotUpToDate: if billing has something to do about it.
    :raises FactsDiffer: if its facts do not agree with each other.
    """
    zone = ZoneInfo(bill.wallet.unit.estate.time_zone)
    part = _part(bill)
    whole = Period(midnight(part.first_day, zone), midnight(part.end_day, zone))
    installed = list(_installations(bill, whole))
    if not installed:
        raise FactsDiffer(f"Bill {bill}: the unit had no meter for it in that month.")
    counted = [_Counted(one, whole, zone) for one in installed]
    _check_up_to_date(bill, counted)
    quarters: list[Quarter] = []
    rest: dict[date, int] = {}
    for one in counted:
        quarters += one.quarters()
        for day, quantity in one.days_without_quarters():
            rest[day] = rest.get(day, 0) + quantity
    total = sum(quantity for _, quantity in quarters) + sum(rest.values())
    try:
        return Rebuilt(total, _priced(bill, part, installed, sorted(quarters), rest, zone))
    except (NoTariff, InvalidComponents, NoFreeAllocation, InvalidUsage) as error:
        raise FactsDiffer(f"Bill {bill} has no price: {error}") from error


@dataclass(frozen=True, slots=True)
class _Part:
    """The days of a month that a bill is for, and what the month had used before them."""

    first_day: date
    end_day: date
    month_to_date: int


def _part(bill: Bill) -> _Part:
    """The whole month, or what settlements left of it."""
    first, end = bill.since or bill.month, next_month(bill.month)
    cuts = Settlement.objects.filter(wallet=bill.wallet, ends_on__gt=first, ends_on__lt=end)
    others = Bill.objects.filter(wallet=bill.wallet, utility=bill.utility, month=bill.month)
    before = [one.consumption for one in others if (one.since or one.month) < first]
    return _Part(first, cuts.aggregate(first=Min("ends_on"))["first"] or end, sum(before))


def _installations(bill: Bill, month: Period) -> Iterator[Installation]:
    at_unit = Installation.objects.filter(unit=bill.wallet.unit_id, kind=bill.utility)
    for one in at_unit.select_related("meter").order_by("starts_at"):
        if one.starts_at < month.end and (one.ends_at is None or one.ends_at > month.start):
            yield one


def _check_up_to_date(bill: Bill, counted: Sequence["_Counted"]) -> None:
    if bill.problem:
        raise NotUpToDate(bill.problem)
    if sum(row.revision for one in counted for row in one.days) != bill.revision:
        waits = (
            "; the month is closed, a person posts the difference"
            if MonthClosing.objects.sealed_at(bill)
            else ""
        )
        raise NotUpToDate(f"its days changed since it was charged{waits}.")
    if bill.rates != rates_state():
        raise NotUpToDate("rates were written since it was charged.")


class _Counted:
    """What a meter counted at a unit in a local month, or its part of one."""

    def __init__(self, installation: Installation, whole: Period, zone: ZoneInfo) -> None:
        self.meter, self.zone = installation.meter, zone
        self.start = max(whole.start, installation.starts_at)
        self.end = min(whole.end, installation.ends_at or whole.end)
        self.stored = list(
            Interval.objects.filter(meter=self.meter, channel__in=CHANNELS)
            .within(Period(self.start, self.end))
            .order_by("start")
        )

    @cached_property
    def days(self) -> list[DailyConsumption]:
        first, last = (local_day(at, self.zone) for at in (self.start, self.end - MOMENT))
        days = DailyConsumption.objects.filter(meter=self.meter, channel__in=CHANNELS)
        return list(days.filter(day__gte=first, day__lte=last))

    def quarters(self) -> list[Quarter]:
        """The intervals, once the readings around them have been found to say the same."""
        for channel in CHANNELS:
            self._check_readings(channel)
        return [(one.start, one.quantity) for one in self.stored]

    def days_without_quarters(self) -> Iterator[tuple[date, int]]:
        """Days of which only the sum is known; those with intervals must be their sum."""
        sums: defaultdict[tuple[date, int], int] = defaultdict(int)
        for one in self.stored:
            sums[local_day(one.start, self.zone), one.channel] += one.quantity
        for row in self.days:
            known = sums.get((row.day, row.channel))
            if known is None:
                yield row.day, row.quantity - self._elsewhere(row)
            elif known != row.quantity and self._is_whole(row.day):
                raise FactsDiffer(
                    f"Meter {self.meter}: the intervals of {row.day} add up to {known},"
                    f" the day says {row.quantity}."
                )

    def _elsewhere(self, row: DailyConsumption) -> int:
        """What the meter counted on a day before or after it hung at the unit."""
        whole = Period.day(row.day, self.zone)
        same = Interval.objects.filter(meter=self.meter, channel=row.channel).within(whole)
        outside = same.exclude(start__gte=self.start, start__lt=self.end)
        return sum(outside.values_list("quantity", flat=True))

    def _is_whole(self, day: date) -> bool:
        whole = Period.day(day, self.zone)
        return self.start <= whole.start and whole.end <= self.end

    def _check_readings(self, channel: int) -> None:
        between = Reading.objects.filter(
            meter=self.meter,
            channel=channel,
            taken_at__gte=self.start,
            taken_at__lte=self.end,
            is_valid=True,
        )
        valid = [one for one in between.order_by("taken_at") if not one.rules & NEVER_A_BASE]
        span = Register.objects.filter(meter=self.meter, channel=channel).values_list("span")
        stored = [one for one in self.stored if one.channel == channel]
        at = np.array([_naive(one.start) for one in stored], "M8[us]")
        used = np.array([one.quantity for one in stored], np.int64)
        sums = np.concatenate([[0], np.cumsum(used)])
        for before, after in pairwise(valid):
            if after.rules & BROKEN:
                continue
            step = after.stands - before.stands
            step += span.get()[0] if step < 0 else 0
            first, end = np.searchsorted(at, [_naive(before.taken_at), _naive(after.taken_at)])
            if step != (counted := int(sums[end] - sums[first])):
                raise FactsDiffer(
                    f"Meter {self.meter}: the readings of {before.taken_at:%Y-%m-%d %H:%M} and"
                    f" {after.taken_at:%Y-%m-%d %H:%M} (UTC) differ by {step},"
                    f" the intervals between them add up to {counted}."
                )


def _priced(
    bill: Bill,
    part: _Part,
    installed: Sequence[Installation],
    quarters: Sequence[Quarter],
    rest: dict[date, int],
    zone: ZoneInfo,
) -> Decimal:
    unit, estate = bill.wallet.unit, bill.wallet.unit.estate
    first = max(part.first_day, min(local_day(one.starts_at, zone) for one in installed))
    end = min(part.end_day, max(_day_after(one, zone) for one in installed))
    # What is posted to a closed month keeps the estate's terms of then.
    at = min(bill.updated_at, MonthClosing.objects.sealed_at(bill) or bill.updated_at)
    free = Past(estate).value("solar_free_allocation_kwh", at)
    place = Place(unit.pk, estate.pk, Decimal(str(free)))
    book = PriceBook(estates=[estate.pk], first_day=bill.month)
    terms = book.terms(place, Utility(bill.utility), first, end)
    has_vat = Past(estate.settings).value("vat_registered", at)
    return price(
        [
            Segment(
                tariff=one.tariff,
                first_day=one.first_day,
                end_day=one.end_day,
                usage=_usage(one, quarters, rest, zone),
                markup_percent=one.markup_percent,
            )
            for one in terms
        ],
        month=bill.month,
        supplied=(first, end),
        until=bill.priced_to,
        month_to_date=part.month_to_date,
        vat_percent=vat_percent_on(bill.month) if has_vat else ZERO,
    ).total


def _usage(
    terms: Terms, quarters: Sequence[Quarter], rest: dict[date, int], zone: ZoneInfo
) -> Usage:
    within = [
        (_naive(start.astimezone(zone)), quantity)
        for start, quantity in quarters
        if terms.first_day <= local_day(start, zone) < terms.end_day
    ]
    usage = terms.tariff.usage(
        np.array([start for start, _ in within], "M8[us]"),
        np.array([quantity for _, quantity in within], np.int64),
    )
    days = {day: used for day, used in rest.items() if terms.first_day <= day < terms.end_day}
    if not days:
        return usage
    return usage.plus(Usage(total=sum(days.values()), first_day=min(days), last_day=max(days)))


def _naive(at: datetime) -> np.datetime64:
    return np.datetime64(at.replace(tzinfo=None), "us")


def _day_after(installation: Installation, zone: ZoneInfo) -> date:
    if installation.ends_at is None:
        return date.max
    return local_day(installation.ends_at - MOMENT, zone) + timedelta(days=1)
