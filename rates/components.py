"""
Rate-table components as they are written in JSON, to what the engine prices and back.

Numbers are decimals written as text ("2.0967"); a JSON number is taken by its digits, never by
its binary value. Everything wrong is reported at once, each problem with what to do about it.
"""

import re
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
from rates.coherence import check_calendar, check_table
from rates.fields import Fields
from rates.lines import ONE
from rates.plausibility import warnings
from rates.problems import Invalid, Problem
from rates.tariff import MidMonth, Tariff

__all__ = ["InvalidComponents", "Problem", "build", "dump", "in_full", "parse", "warnings"]

DEFAULT_CALENDAR = "eskom"
MOST, MOST_BLOCKS = 100, 50
"""Published tariffs have a dozen components and six blocks."""
ONE_DAY = Decimal(1)
WHOLE_UNIT = Decimal(1)
"""Published blocks read "0-500, 501-1000": the second begins where the first ends."""
LEAST_POWER_FACTOR = Decimal("0.01")
DEMAND_MINUTES = (15, 30, 60)
NUMBERS = frozenset(
    {"amount", "from", "percent", "power_factor", "price", "prices", "scale_days", "upto"}
)
EXPONENT = re.compile(r"[0-9]+(\.[0-9]+)?E[+-][0-9]{1,2}")

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
    if len(components) > MOST:
        raise InvalidComponents([Problem("", "too_many", f"Give at most {MOST} components.")])
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
        check_calendar(component, fields, calendar, known.get(calendar))
        parsed.append(component)
    if not components:
        problems.append(Problem("", "empty", "Give at least one component."))
    if not problems:
        problems += check_table(parsed, known.get(calendar))
    if problems:
        raise InvalidComponents(problems)
    return tuple(parsed)


def dump(components: Iterable[Component]) -> list[dict[str, Any]]:
    """Write components as JSON that `parse` reads back to the same."""
    return [_write(component) for component in components]


def in_full(stored: Any) -> Any:
    """Components with their decimals in full: some were once stored as "1E+1", which is "10"."""
    match stored:
        case list():
            return [in_full(one) for one in stored]
        case dict():
            return {
                name: _number_in_full(value) if name in NUMBERS else in_full(value)
                for name, value in stored.items()
            }
    return stored


def _number_in_full(stored: Any) -> Any:
    if isinstance(stored, dict):
        return {name: _number_in_full(value) for name, value in stored.items()}
    if isinstance(stored, str) and EXPONENT.fullmatch(stored):
        return f"{Decimal(stored):f}"
    return stored


def _block(fields: Fields) -> Block:
    scaled = fields.take("scale_days") is not None
    return Block(
        blocks=_blocks(fields),
        mode=fields.choice("mode", BlockMode, BlockMode.GRADUATED),
        scale_days=fields.decimal("scale_days", least=ONE_DAY) if scaled else None,
        **fields.labels(),
    )


def _blocks(fields: Fields) -> tuple[BlockLimit, ...]:
    blocks, starts = [], []
    for block in fields.items("blocks"):
        starts.append(_limit(block, "from"))
        blocks.append(BlockLimit(_limit(block, "upto"), block.price()))
    _check_blocks(blocks, fields)
    _check_starts(starts, blocks, fields)
    return tuple(blocks)


def _limit(block: Fields, field: str) -> Decimal | None:
    return None if block.take(field) is None else block.decimal(field, places=DECIMALS)


def _check_starts(
    starts: Sequence[Decimal | None], blocks: Sequence[BlockLimit], fields: Fields
) -> None:
    """Where a block says where it begins, no unit may lie between two blocks or in both."""
    for position, start in enumerate(starts):
        end = blocks[position - 1].upto if position else Decimal(0)
        if start is None or end is None:
            continue
        path = f"blocks[{position}].from"
        if start < end:
            message = f"The block before reaches {end}: begin there, or these units cost twice."
            fields.report(path, "blocks_overlap", message)
        elif start > end + WHOLE_UNIT:
            message = f"The block before ends at {end}: begin there, or these units have no price."
            fields.report(path, "blocks_gap", message)


def _check_blocks(blocks: Sequence[BlockLimit], fields: Fields) -> None:
    if len(blocks) > MOST_BLOCKS:
        fields.report("blocks", "too_many", f"Give at most {MOST_BLOCKS} blocks.")
        return
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


def _demand(fields: Fields) -> Demand:
    factor = fields.take("power_factor") is not None
    return Demand(
        price=fields.price(),
        interval_minutes=fields.one_of("interval_minutes", DEMAND_MINUTES),
        power_factor=(
            fields.decimal("power_factor", least=LEAST_POWER_FACTOR, most=ONE) if factor else ONE
        ),
        **fields.labels(),
    )


_READERS: Mapping[str, Callable[[Fields], Component]] = {
    Energy.kind: lambda fields: Energy(price=fields.price(), **fields.labels()),
    Block.kind: _block,
    TimeOfUse.kind: _time_of_use,
    FixedPerDay.kind: lambda fields: FixedPerDay(price=fields.price(), **fields.labels()),
    FixedPerMonth.kind: lambda fields: FixedPerMonth(price=fields.price(), **fields.labels()),
    Demand.kind: _demand,
    Surcharge.kind: lambda fields: Surcharge(
        percent=fields.decimal("percent", most=HUNDRED), on=fields.texts("on"), **fields.labels()
    ),
    Minimum.kind: lambda fields: Minimum(
        amount=fields.decimal("amount", places=2), **fields.labels()
    ),
}


def _write(component: Component) -> dict[str, Any]:
    written: dict[str, Any] = {"kind": component.kind}
    match component:
        case Block(blocks=blocks, mode=mode, scale_days=scale_days):
            written["mode"] = str(mode)
            written["blocks"] = [
                {"upto": None if upto is None else f"{upto:f}", "price": f"{price:f}"}
                for upto, price in blocks
            ]
            written |= {"scale_days": f"{scale_days:f}"} if scale_days is not None else {}
        case TimeOfUse(prices=prices, calendar=calendar, holidays=holidays):
            written["calendar"] = calendar
            written["prices"] = {band: f"{price:f}" for band, price in prices}
            written |= {"holidays": holidays} if holidays else {}
        case Demand(price=price, interval_minutes=minutes, power_factor=factor):
            written["price"] = f"{price:f}"
            written |= {"interval_minutes": minutes} if minutes != DEMAND_MINUTES[0] else {}
            written |= {"power_factor": f"{factor:f}"} if factor != ONE else {}
        case Surcharge(percent=percent, on=on):
            written["percent"] = f"{percent:f}"
            written |= {"on": list(on)} if on else {}
        case Minimum(amount=amount):
            written["amount"] = f"{amount:f}"
        case _:
            written["price"] = f"{component.price:f}"
    labels = {"name": component.name, "season": component.season}
    return written | {field: label for field, label in labels.items() if label}
