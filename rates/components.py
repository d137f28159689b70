"""
Rate-table components as they are written in JSON, to what the engine prices and back.

Numbers are decimals written as text ("2.0967"); a JSON number is taken by its digits, never by
its binary value. Everything wrong is reported at once, each problem with what to do about it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from quantify.money import HUNDRED
from quantify.quantities import DECIMALS, Utility
from rates.calendar_files import published
from rates.calendars import Calendar
from rates.charges import (
    Block,
    BlockLimit,
    BlockMode,
    Component,
    Demand,
    Energy,
    FixedPerDay,
    FixedPerMonth,
    Minimum,
    Surcharge,
    TimeOfUse,
)
from rates.fields import Fields
from rates.plausibility import warnings
from rates.problems import Invalid, Problem
from rates.tariff import MidMonth, Tariff

__all__ = ["InvalidComponents", "Problem", "build", "dump", "parse", "warnings"]

DEFAULT_CALENDAR = "eskom"
ONE_DAY = Decimal(1)

type Calendars = Mapping[str, Calendar]


class InvalidComponents(Invalid):
    """The components cannot be used as they are written."""


def build(
    components: Sequence[Any],
    *,
    utility: Utility,
    calendar: str = DEFAULT_CALENDAR,
    mid_month: MidMonth = MidMonth.CARRY_MTD,
    calendars: Calendars | None = None,
) -> Tariff:
    """
    Build the tariff of one version of a rate table.

    :raises InvalidComponents: with every problem found.
    """
    known = published() if calendars is None else calendars
    return Tariff(
        utility=utility,
        components=parse(components, calendar=calendar, calendars=known),
        calendar=known.get(calendar),
        mid_month=mid_month,
    )


def parse(
    components: Sequence[Any],
    *,
    calendar: str = DEFAULT_CALENDAR,
    calendars: Calendars | None = None,
) -> tuple[Component, ...]:
    """
    Read components; `calendar` names the one their seasons and bands come from.

    :raises InvalidComponents: with every problem found.
    """
    known = published() if calendars is None else calendars
    problems: list[Problem] = []
    parsed: list[Component] = []
    for position, written in enumerate(components):
        fields = Fields(written, f"[{position}]", problems)
        read = _READERS.get(str(fields.take("kind")))
        if read is None:
            fields.report("kind", "unknown_kind", f"Use one of {', '.join(_READERS)}.")
            continue
        component = read(fields)
        fields.finish()
        _check_calendar(component, fields, calendar, known.get(calendar))
        parsed.append(component)
    if not components:
        problems.append(Problem("", "empty", "Give at least one component."))
    if not problems:
        _check_table(parsed, known.get(calendar), problems)
    if problems:
        raise InvalidComponents(problems)
    return tuple(parsed)


def dump(components: Iterable[Component]) -> list[dict[str, Any]]:
    """Write components as JSON that `parse` reads back to the same."""
    return [_write(component) for component in components]


def _block(fields: Fields) -> Block:
    scaled = fields.take("scale_days") is not None
    return Block(
        blocks=_blocks(fields),
        mode=fields.choice("mode", BlockMode, BlockMode.GRADUATED),
        scale_days=fields.decimal("scale_days", least=ONE_DAY) if scaled else None,
        **fields.labels(),
    )


def _blocks(fields: Fields) -> tuple[BlockLimit, ...]:
    blocks = []
    for block in fields.items("blocks"):
        is_open = block.take("upto") is None
        limit = None if is_open else block.decimal("upto", places=DECIMALS)
        blocks.append(BlockLimit(limit, block.price()))
    _check_blocks(blocks, fields)
    return tuple(blocks)


def _check_blocks(blocks: Sequence[BlockLimit], fields: Fields) -> None:
    if not blocks:
        return
    if blocks[-1].upto is not None:
        message = 'Leave the last block open ("upto": null): every unit needs a price.'
        fields.report(f"blocks[{len(blocks) - 1}].upto", "last_block_not_open", message)
    for position, block in enumerate(blocks[:-1]):
        if block.upto is None:
            message = "Only the last block may be open: give this one a limit."
            fields.report(f"blocks[{position}].upto", "block_not_last", message)
    limits = [Decimal(0), *(block.upto for block in blocks if block.upto is not None)]
    for position, (lower, upper) in enumerate(pairwise(limits)):
        if upper <= lower:
            message = f"Give a limit above {lower}: each block begins where the last one ends."
            fields.report(f"blocks[{position}].upto", "not_rising", message)


def _time_of_use(fields: Fields) -> TimeOfUse:
    return TimeOfUse(
        prices=fields.prices("prices"),
        calendar=fields.text("calendar") or DEFAULT_CALENDAR,
        holidays=fields.text("holidays") or None,
        **fields.labels(),
    )


_READERS: Mapping[str, Callable[[Fields], Component]] = {
    Energy.kind: lambda fields: Energy(price=fields.price(), **fields.labels()),
    Block.kind: _block,
    TimeOfUse.kind: _time_of_use,
    FixedPerDay.kind: lambda fields: FixedPerDay(price=fields.price(), **fields.labels()),
    FixedPerMonth.kind: lambda fields: FixedPerMonth(price=fields.price(), **fields.labels()),
    Demand.kind: lambda fields: Demand(price=fields.price(), **fields.labels()),
    Surcharge.kind: lambda fields: Surcharge(
        percent=fields.decimal("percent", most=HUNDRED), **fields.labels()
    ),
    Minimum.kind: lambda fields: Minimum(
        amount=fields.decimal("amount", places=2), **fields.labels()
    ),
}


def _check_calendar(
    component: Component, fields: Fields, name: str, calendar: Calendar | None
) -> None:
    """Seasons, bands and holidays must be those of the rate table's calendar."""
    if component.season is None and not isinstance(component, TimeOfUse):
        return
    if calendar is None:
        fields.report("", "unknown_calendar", f"There is no calendar {name!r}: create it first.")
        return
    if component.season is not None and component.season not in calendar.seasons:
        known = ", ".join(sorted(calendar.seasons))
        fields.report("season", "unknown_season", f"Calendar {name!r} has {known}.")
    elif isinstance(component, TimeOfUse):
        _check_bands(component, fields, name, calendar)


def _check_bands(component: TimeOfUse, fields: Fields, name: str, calendar: Calendar) -> None:
    if component.calendar != name:
        message = f"The rate table uses calendar {name!r}: use one for all its components."
        fields.report("calendar", "calendars_differ", message)
    if component.holidays is not None and component.holidays not in calendar.families:
        known = ", ".join(sorted(calendar.families)) or "none"
        fields.report("holidays", "unknown_holidays", f"Calendar {name!r} has {known}.")
    bands = calendar.bands_in(component.season)
    priced = {band for band, _ in component.prices}
    for band in sorted(priced - bands):
        known = ", ".join(sorted(bands))
        fields.report(f"prices.{band}", "unknown_band", f"Calendar {name!r} has {known}.")
    for band in sorted(bands - priced):
        fields.report(f"prices.{band}", "missing", "Give this band a price; it may be zero.")


def _check_table(
    components: Sequence[Component], calendar: Calendar | None, problems: list[Problem]
) -> None:
    """What no component can see by itself."""
    banded = [component for component in components if isinstance(component, TimeOfUse)]
    if len({component.holidays for component in banded}) > 1:
        message = "Name the same family of holidays in every time-of-use component."
        problems.append(Problem("", "holidays_differ", message))
    if calendar is None or not banded or any(component.season is None for component in banded):
        return
    # A season without a price would be supplied for nothing.
    priced = {c.season for c in components if isinstance(c, TimeOfUse | Block | Energy)}
    for season in sorted(calendar.seasons - priced):
        message = f"Add time-of-use prices for the {season} season."
        problems.append(Problem("", "season_without_price", message))


def _write(component: Component) -> dict[str, Any]:
    written: dict[str, Any] = {"kind": component.kind}
    match component:
        case Block(blocks=blocks, mode=mode, scale_days=scale_days):
            written["mode"] = str(mode)
            written["blocks"] = [
                {"upto": None if upto is None else str(upto), "price": str(price)}
                for upto, price in blocks
            ]
            written |= {"scale_days": str(scale_days)} if scale_days is not None else {}
        case TimeOfUse(prices=prices, calendar=calendar, holidays=holidays):
            written["calendar"] = calendar
            written["prices"] = {band: str(price) for band, price in prices}
            written |= {"holidays": holidays} if holidays else {}
        case Surcharge(percent=percent):
            written["percent"] = str(percent)
        case Minimum(amount=amount):
            written["amount"] = str(amount)
        case _:
            written["price"] = str(component.price)
    labels = {"name": component.name, "season": component.season}
    return written | {field: label for field, label in labels.items() if label}
