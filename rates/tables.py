"""Rate tables and their versions: a used version stands, the next one follows it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from estates.models import Estate
from rates import components, pricing
from rates.models import RateTable, RateTableVersion, TariffCalendar

PRICING_RULES = ("calendar", "mid_month")


class VersionsOverlap(Exception):
    """A version begins after the one before it."""


class TableUsed(Exception):
    """Prices that were charged or are assigned cannot be undone."""


class UnknownCalendar(Exception):
    """There is no calendar of that name."""


@transaction.atomic
def create_table(
    *,
    name: str,
    utility: str,
    effective_from: date,
    components: Sequence[Any],
    source: str = "",
    estate: Estate | None = None,
    **fields: Any,
) -> RateTable:
    """
    Create a rate table with its first version; without an estate it is shared by all.

    :raises UnknownCalendar: if there is no such calendar.
    :raises rates.components.InvalidComponents: with every problem of the components.
    :raises django.core.exceptions.ValidationError: if a field is refused or the name is taken.
    """
    table = RateTable(name=name, utility=utility, estate=estate, **fields)
    table.full_clean()
    _check_calendar(table.calendar)
    table.save()
    _add(table, 1, effective_from=effective_from, written=components, source=source)
    return table


@transaction.atomic
def create_version(
    *, table: RateTable, effective_from: date, components: Sequence[Any], source: str = ""
) -> RateTableVersion:
    """
    Let new prices follow the newest ones from a day on.

    :raises VersionsOverlap: if the newest version begins on that day or later.
    :raises rates.components.InvalidComponents: with every problem of the components.
    """
    newest = newest_of(table)
    if effective_from <= newest.effective_from:
        raise VersionsOverlap(
            f"Version {newest.number} is effective from {newest.effective_from}: "
            "the next one begins on a later day."
        )
    newest.effective_to = effective_from
    newest.save(update_fields=["effective_to", "updated_at"])
    return _add(
        table,
        newest.number + 1,
        effective_from=effective_from,
        written=components,
        source=source,
    )


@transaction.atomic
def update_draft(
    *, version: RateTableVersion, effective_from: date, components: Sequence[Any], source: str
) -> RateTableVersion:
    """
    Change a version that priced nothing yet; the one before it ends where this one begins.

    :raises TableUsed: if it priced a bill.
    :raises VersionsOverlap: if the one before it begins on that day or later.
    :raises rates.components.InvalidComponents: with every problem of the components.
    """
    if version.used_at is not None:
        raise TableUsed("This version has priced a bill: add the next version instead.")
    earlier = version.rate_table.versions.filter(number__lt=version.number)
    before = earlier.order_by("-number").first()
    if before and effective_from <= before.effective_from:
        raise VersionsOverlap(
            f"Version {before.number} is effective from {before.effective_from}: "
            "this one begins on a later day."
        )
    version.components = _checked(version.rate_table, components)
    version.source = source
    _begin(version, effective_from, before)
    return version


@transaction.atomic
def change(*, table: RateTable, fields: Mapping[str, Any]) -> RateTable:
    """
    Change a rate table: its draft in place, a used version by adding the next.

    :raises TableUsed: if how used versions are priced would change.
    :raises UnknownCalendar: if there is no calendar of the new name.
    :raises VersionsOverlap: if the next version does not begin later than the newest.
    :raises rates.components.InvalidComponents: with every problem of the components.
    """
    prices = {name: fields[name] for name in _VERSION_FIELDS if name in fields}
    own = {name: value for name, value in fields.items() if name not in prices}
    _refuse_other_rules(table, own)
    before = table.calendar
    for name, value in own.items():
        setattr(table, name, value)
    table.full_clean()
    if table.calendar != before:
        _check_calendar(table.calendar)
    table.save()
    if prices or own.keys() & set(PRICING_RULES):
        _change_prices(table, prices)
    return table


@transaction.atomic
def remove(*, table: RateTable, at: datetime) -> None:
    """
    Archive a rate table that never priced anything.

    :raises TableUsed: if it did, or is assigned.
    """
    if is_used(table) or table.assignments.exists():
        raise TableUsed("This rate table has priced bills or is assigned.")
    table.deleted_at = at
    table.save(update_fields=["deleted_at", "updated_at"])


def is_used(table: RateTable) -> bool:
    return table.versions.exclude(used_at=None).exists()


def newest_of(table: RateTable) -> RateTableVersion:
    return table.versions.select_for_update().select_related("rate_table").latest("number")


_VERSION_FIELDS = ("effective_from", "components", "source")


def _change_prices(table: RateTable, prices: Mapping[str, Any]) -> None:
    newest = newest_of(table)
    now = {name: getattr(newest, name) for name in _VERSION_FIELDS}
    wanted = {**now, **prices}
    if newest.used_at is None:
        update_draft(version=newest, **wanted)
        return
    wanted["components"] = _checked(table, wanted["components"])
    if wanted != now:
        create_version(table=table, **wanted)


def _refuse_other_rules(table: RateTable, own: Mapping[str, Any]) -> None:
    """A calendar or a rule for the middle of a month prices every version, used ones too."""
    changed = [name for name in PRICING_RULES if name in own and own[name] != getattr(table, name)]
    if changed and is_used(table):
        raise TableUsed(f"Bills were priced by this {changed[0]}: create another rate table.")


def _check_calendar(name: str) -> None:
    """Prices may come to need it with any version: that it is missing must be told at once."""
    known = TariffCalendar.objects.order_by("name").distinct().values_list("name", flat=True)
    if name not in known:
        raise UnknownCalendar(f"There is no calendar {name!r}; there is {', '.join(known)}.")


def _checked(table: RateTable, written: Sequence[Any]) -> list[dict[str, Any]]:
    parsed = components.parse(written, calendar=table.calendar, calendars=pricing.calendars())
    return components.dump(parsed)


def _add(
    table: RateTable, number: int, *, effective_from: date, written: Sequence[Any], source: str
) -> RateTableVersion:
    version = RateTableVersion(
        rate_table=table,
        number=number,
        effective_from=effective_from,
        components=_checked(table, written),
        source=source,
    )
    version.full_clean()
    version.save()
    return version


def _begin(version: RateTableVersion, day: date, before: RateTableVersion | None) -> None:
    """Move the edge between two versions without letting them overlap for a moment."""
    is_earlier = day < version.effective_from
    version.effective_from = day
    if before:
        before.effective_to = day
    for one in (before, version) if is_earlier else (version, before):
        if one is version:
            version.save()
        elif one:
            # Of one that priced a bill nothing else is written: the database holds it to its word.
            one.save(update_fields=["effective_to", "updated_at"])
