"""
What the demonstration should have charged, worked out again from the simulated registers.

Nothing of the flow is used: not its intervals, its determinants or its rating engine. Prices are
applied one quarter of an hour at a time, in plain decimals; slow, short, and easy to believe.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")
VAT = Decimal("0.15")
QUARTER = timedelta(minutes=15)
SATURDAY, SUNDAY = 5, 6


@dataclass(frozen=True)
class Month:
    """A local month of one supply: its quarter hours (local start, kWh or kl) and its days."""

    first: date
    days: int
    supplied_days: int
    charged_days: int
    quarters: Sequence[tuple[datetime, Decimal]]

    @property
    def total(self) -> Decimal:
        return sum((quantity for _, quantity in self.quarters), Decimal(0))


def price(
    components: Sequence[Mapping[str, Any]],
    month: Month,
    *,
    free: Decimal = Decimal(0),
    calendars: Sequence[Mapping[str, Any]],
) -> Decimal:
    """What a month costs with VAT, in rand."""
    lines = [
        amount.quantize(CENT, ROUND_HALF_UP)
        for component in components
        for amount in _amounts(component, month, free, calendars)
    ]
    net = sum(lines, Decimal(0))
    return net + (net * VAT).quantize(CENT, ROUND_HALF_UP)


def _amounts(
    component: Mapping[str, Any],
    month: Month,
    free: Decimal,
    calendars: Sequence[Mapping[str, Any]],
) -> Iterator[Decimal]:
    price = Decimal(component.get("price", 0))
    match component["kind"]:
        case "energy":
            yield max(month.total - free, Decimal(0)) * price
        case "fixed_per_day":
            yield month.charged_days * price
        case "fixed_per_month":
            yield price * month.supplied_days / month.days
        case "block":
            yield from _blocks(component, month)
        case "time_of_use":
            yield from _bands(component, month, calendars)
        case kind:
            raise NotImplementedError(f"The oracle knows no {kind}.")


def _blocks(component: Mapping[str, Any], month: Month) -> Iterator[Decimal]:
    scale = Decimal(1)
    if divisor := component.get("scale_days"):
        scale = month.supplied_days / Decimal(divisor)
    floor = Decimal(0)
    for block in component["blocks"]:
        ceiling = month.total if block["upto"] is None else Decimal(block["upto"]) * scale
        within = min(month.total, ceiling) - floor
        if within > 0:
            yield within * Decimal(block["price"])
        floor = max(floor, ceiling)


def _bands(
    component: Mapping[str, Any], month: Month, calendars: Sequence[Mapping[str, Any]]
) -> Iterator[Decimal]:
    calendar = _valid(calendars, component["calendar"], month.first)
    season = next(
        name for name, months in calendar["seasons"].items() if month.first.month in months
    )
    if component.get("season") not in {None, season}:
        return
    used: dict[str, Decimal] = defaultdict(Decimal)
    for start, quantity in month.quarters:
        used[_band(calendar, season, start)] += quantity
    for band, quantity in used.items():
        yield quantity * Decimal(component["prices"][band])


def _valid(calendars: Iterable[Mapping[str, Any]], name: str, day: date) -> Mapping[str, Any]:
    return next(
        one
        for one in calendars
        if one["name"] == name
        and one["valid_from"] <= day.isoformat() < (one.get("valid_to") or "9999")
    )


def _band(calendar: Mapping[str, Any], season: str, start: datetime) -> str:
    day_type = {SATURDAY: "saturday", SUNDAY: "sunday"}.get(start.weekday(), "weekday")
    for band, hours in calendar["hours"][season][day_type].items():
        for written in hours:
            opens, closes = (time.fromisoformat(clock) for clock in written.split("-"))
            if opens <= start.time() < closes:
                return str(band)
    return str(calendar["other_hours"])
