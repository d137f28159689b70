"""What is wrong between components that are each well written, and with the calendar they name."""

from collections.abc import Sequence

from rates.calendars import Calendar
from rates.charges import Block, Component, Demand, Energy, Minimum, Surcharge, TimeOfUse
from rates.fields import Fields
from rates.problems import Problem


def check_calendar(
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


def check_table(components: Sequence[Component], calendar: Calendar | None) -> list[Problem]:
    """What no component can see by itself."""
    problems = _check_bases(components)
    if len({one.holidays for one in components if isinstance(one, TimeOfUse)}) > 1:
        message = "Name the same family of holidays in every time-of-use component."
        problems.append(Problem("", "holidays_differ", message))
    measured = {
        (one.interval_minutes, one.power_factor) for one in components if isinstance(one, Demand)
    }
    if len(measured) > 1:
        message = "Measure demand in one way: one interval_minutes, one power_factor."
        problems.append(Problem("", "demand_differs", message))
    return problems + _check_seasons(components, calendar)


def _check_bases(components: Sequence[Component]) -> list[Problem]:
    """A surcharge on something that does not stand before it would be nothing."""
    problems = []
    for position, surcharge in enumerate(components):
        if not isinstance(surcharge, Surcharge):
            continue
        before = [one for one in components[:position] if not isinstance(one, Minimum)]
        known = {label for one in before for label in (one.kind, one.name) if label}
        for base in sorted(set(surcharge.on) - known):
            named = ", ".join(sorted(known)) or "none"
            message = f"No component {base!r} stands before this surcharge; there is {named}."
            problems.append(Problem(f"[{position}].on", "unknown_component", message))
    return problems


def _check_seasons(components: Sequence[Component], calendar: Calendar | None) -> list[Problem]:
    """A season without a price would be supplied for nothing."""
    if calendar is None:
        return []
    main = next(
        (
            found
            for kind in (TimeOfUse, Block, Energy)
            if (found := [one for one in components if isinstance(one, kind)])
        ),
        [],
    )
    if not main or any(one.season is None for one in main):
        return []
    priced = {one.season for one in components if isinstance(one, TimeOfUse | Block | Energy)}
    return [
        Problem("", "season_without_price", f"Add energy prices for the {season} season.")
        for season in sorted(calendar.seasons - priced)
    ]
