"""
The rating engine: a month's use in, the lines of a bill out. Plain Python, no clock, no database.

Rules, in the order they are applied: each line is rounded half-up to cents (VAT Act s 66(b)), the
markup is a percentage of the sum of the lines and an amount of its own, VAT is taken once on both
together, and the total is their sum. A bill is always that of a month to date: what a reading
costs is the difference between the bill after it and the bill before it, so that a month does not
depend on how it was cut up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache

from quantify.money import VAT_PERCENT, ZERO, percentage, vat_on
from quantify.periods import first_of_month, next_month
from quantify.quantities import as_kilo
from rates.charges import NOTHING, Minimum
from rates.lines import Line, Stretch
from rates.tariff import MidMonth, NoFreeAllocation, Tariff, free_allocation
from rates.usage import InvalidUsage, Usage

__all__ = [
    "Bill",
    "InvalidSegments",
    "InvalidUsage",
    "Line",
    "MidMonth",
    "NoFreeAllocation",
    "Segment",
    "Tariff",
    "Usage",
    "bill",
    "bill_month",
    "free_allocation",
]


class InvalidSegments(ValueError):
    """The versions do not follow each other within the days supplied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The days of a month, half-open, that one version prices, and what was used in them."""

    tariff: Tariff
    first_day: date
    end_day: date
    usage: Usage
    markup_percent: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """
    What a month costs: `subtotal` is the sum of the lines, `total` includes markup and VAT.

    `stretches` are the parts of the month that it was made from (`rates.continuation`).
    """

    lines: tuple[Line, ...]
    subtotal: Decimal
    markup: Decimal
    vat: Decimal
    total: Decimal
    stretches: Sequence[Stretch] = field(default=(), repr=False, compare=False)


def bill(
    segments: Sequence[Segment],
    *,
    month: date,
    supplied: tuple[date, date] | None = None,
    until: date | None = None,
    month_to_date: int = 0,
    vat_percent: Decimal = VAT_PERCENT,
) -> Bill:
    """
    Price a month, or what there is of it, by the versions in force one after the other.

    `month` is any day of it. `supplied` says which of its days (half-open) the unit was supplied,
    if not all: at a move in or out. `until` is the day after the last one begun, for a month
    that still runs: it bounds only the charges per day. `month_to_date` is what the month had
    used before the first segment, in Wh or litres. `vat_percent` is 0 for an estate without VAT.

    :raises InvalidSegments: if the versions overlap or leave the days supplied.
    :raises InvalidUsage: if a rate table needs bands or a demand that the usage does not have.
    """
    days = _Days.of(month, supplied, until)
    stretches: list[Stretch] = []
    position = as_kilo(month_to_date)
    parts = _joined(_checked(segments, days))
    highest = _highest_demand(parts, days.month)
    for number, segment in parts:
        stretch = _stretch(segment, number, position, days)
        stretch.has_highest_demand = number == highest
        for component, charge in stretch.in_force:
            if not isinstance(charge, Minimum):
                charge.charge(stretch, component)
        position += stretch.quantity
        stretches.append(stretch)
    lines = _reach_minimum(stretches, parts[0][1].tariff, days) if parts else []
    markups = {number: segment.markup_percent for number, segment in parts}
    return _total(lines, markups, vat_percent, stretches)


def bill_month(
    tariff: Tariff,
    usage: Usage,
    *,
    month: date,
    markup_percent: Decimal = ZERO,
    month_to_date: int = 0,
    vat_percent: Decimal = VAT_PERCENT,
) -> Bill:
    """Price a whole month by one version: `calculate`. See `bill` for the rules and errors."""
    segment = Segment(
        tariff=tariff,
        first_day=first_of_month(month),
        end_day=next_month(month),
        usage=usage,
        markup_percent=markup_percent,
    )
    return bill([segment], month=month, month_to_date=month_to_date, vat_percent=vat_percent)


@dataclass(frozen=True, slots=True)
class _Days:
    """The days that matter to a bill: the month, those supplied, those begun."""

    month: date
    in_month: int
    first: date
    end: date
    until: date

    @classmethod
    @lru_cache(maxsize=4096)
    def of(cls, month: date, supplied: tuple[date, date] | None, until: date | None) -> "_Days":
        first, end = first_of_month(month), next_month(month)
        start, stop = supplied or (first, end)
        if not first <= start < stop <= end:
            raise InvalidSegments(f"{start} to {stop} are not days of the month of {first}.")
        return cls(first, (end - first).days, start, stop, until or stop)


def _checked(segments: Sequence[Segment], days: _Days) -> Sequence[Segment]:
    reached = days.first
    for segment in segments:
        if not reached <= segment.first_day < segment.end_day <= days.end:
            raise InvalidSegments(
                f"{segment.first_day} to {segment.end_day} must lie from {reached} to {days.end}."
            )
        usage = segment.usage
        if usage.first_day is not None and usage.last_day is not None:
            within = segment.first_day <= usage.first_day and usage.last_day < segment.end_day
            if not within:
                raise InvalidSegments(
                    f"Use from {usage.first_day} to {usage.last_day} is outside the segment."
                )
        reached = segment.end_day
    return segments


def _joined(segments: Iterable[Segment]) -> list[tuple[int, Segment]]:
    """Join neighbours of one tariff: a cut where no price changes must not round twice."""
    joined: list[tuple[int, Segment]] = []
    for number, segment in enumerate(segments):
        if joined:
            opened, last = joined[-1]
            if (
                last.end_day == segment.first_day
                and last.markup_percent == segment.markup_percent
                and last.tariff == segment.tariff
            ):
                usage = last.usage.plus(segment.usage)
                joined[-1] = opened, replace(last, end_day=segment.end_day, usage=usage)
                continue
        joined.append((number, segment))
    return joined


def _highest_demand(parts: Sequence[tuple[int, Segment]], month: date) -> int | None:
    """The segment of the month's highest demand, among those that price it."""
    highest: tuple[Decimal, int] | None = None
    for number, segment in parts:
        priced = segment.tariff.demand_in(month) if segment.tariff.demand else None
        if priced is None:
            continue
        demand = priced.kva(segment.usage)
        if demand is None:
            if segment.usage.total:
                raise InvalidUsage(
                    "This rate table prices demand: give intervals, or the highest in kVA."
                )
            continue
        if highest is None or demand > highest[0]:
            highest = demand, number
    return highest[1] if highest else None


def _stretch(segment: Segment, number: int, position: Decimal, days: _Days) -> Stretch:
    begun = min(segment.end_day, days.until)
    supplied = (days.end - days.first).days
    prorate = segment.tariff.mid_month is MidMonth.PRORATE_BLOCKS
    return Stretch(
        usage=segment.usage,
        segment=number,
        unit=segment.tariff.utility.unit,
        quantity=as_kilo(segment.usage.total),
        block_position=NOTHING if prorate and number else position,
        block_days=(segment.end_day - segment.first_day).days if prorate else supplied,
        days_charged=max(0, (begun - segment.first_day).days),
        days_supplied=supplied,
        days_in_month=days.in_month,
        components=segment.tariff.components,
        in_force=segment.tariff.in_month(days.month),
    )


def _reach_minimum(stretches: Sequence[Stretch], tariff: Tariff, days: _Days) -> list[Line]:
    """The lines of the month, topped up to the minimum of the version that opens it."""
    lines = [line for stretch in stretches for line in stretch.lines]
    for component, charge in tariff.in_month(days.month):
        if isinstance(charge, Minimum):
            month = replace(stretches[0], lines=lines)
            charge.charge(month, component)
    return lines


def _total(
    lines: list[Line],
    markups: Mapping[int, Decimal],
    vat_percent: Decimal,
    stretches: Sequence[Stretch],
) -> Bill:
    """Add up; `markups` are the percentages by segment, each taken once on the sum it is for."""
    marked_up: dict[Decimal, Decimal] = {}
    for line in lines:
        percent = markups[line.segment]
        marked_up[percent] = marked_up.get(percent, ZERO) + line.amount
    subtotal = sum(marked_up.values(), ZERO)
    markup = sum([percentage(amount, p) for p, amount in marked_up.items() if p], ZERO)
    vat = vat_on(subtotal + markup, vat_percent)
    return Bill(
        lines=tuple(lines),
        subtotal=subtotal,
        markup=markup,
        vat=vat,
        total=subtotal + markup + vat,
        stretches=stretches,
    )
