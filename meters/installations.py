"""Putting meters up and taking them down; the register at both ends is kept with it."""

from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction
from psycopg.errors import ExclusionViolation

from meters import days, readings
from meters.manual import main_channel
from meters.models.devices import Meter
from meters.models.facts import Reading
from meters.models.installations import ONE_OF_A_KIND, Installation
from meters.readings import RawReading
from quantify.periods import floor_to_interval
from quantify.quantities import format_kilo
from units.models import Unit


class NotAQuarterHour(ValueError):
    """A meter is installed and removed at a past quarter of an hour, as its readings are taken."""


class InstalledElsewhere(Exception):
    """The meter hangs somewhere in that time."""


class UnitTaken(InstalledElsewhere):
    """The unit has a meter of its kind in that time."""


class UnitDeleted(Exception):
    """The unit was deleted: nobody would see its meter."""


class NotInstalled(Exception):
    """The meter hangs nowhere, or was put up after that time."""


class ImpossibleClosing(ValueError):
    """The register cannot have shown that at removal."""


@transaction.atomic
def install(
    *,
    meter: Meter,
    unit: Unit | None,
    starts_at: datetime,
    opening_value: int,
    now: datetime,
    further: Mapping[int, int] | None = None,
) -> Installation:
    """
    Put a meter up at a unit (a bulk meter: at the estate), with its register in Wh or litres.

    ``further`` are its other registers by channel, such as export. The opening is recorded as a
    reading and is what the following ones are held against, also where the register was set back.

    :raises NotAQuarterHour: if it does not start at one.
    :raises UnitDeleted: if the unit was deleted, also a moment ago.
    :raises UnitTaken: if the unit has a meter of its kind in that time.
    :raises InstalledElsewhere: if the meter hangs somewhere in that time.
    """
    _check(starts_at, now)
    if unit is not None:
        _hold(unit)
    installation = Installation(
        meter=meter,
        unit=unit,
        kind=meter.kind,
        starts_at=starts_at,
        opening_value=opening_value,
    )
    try:
        with transaction.atomic():
            installation.save()
    except IntegrityError as error:
        violated = error.__cause__
        if not isinstance(violated, ExclusionViolation):
            raise
        if violated.diag.constraint_name == ONE_OF_A_KIND:
            raise UnitTaken("The unit has a meter of this kind in that time.") from error
        raise InstalledElsewhere(f"{meter} hangs somewhere in that time.") from error
    _record(meter, starts_at, opening_value, now, further=further, is_opening=True)
    return installation


@transaction.atomic
def remove(
    *,
    meter: Meter,
    ends_at: datetime,
    closing_value: int,
    now: datetime,
    further: Mapping[int, int] | None = None,
    reason: str = "",
) -> Installation:
    """
    Take a meter down, with its register in Wh or litres; ``further`` are its other registers.

    :raises NotAQuarterHour: if it does not end at one.
    :raises NotInstalled: if it hangs nowhere, or was put up no earlier.
    :raises ImpossibleClosing: if the register cannot have shown that.
    """
    _check(ends_at, now)
    held = meter.installations.select_for_update().filter(ends_at=None)
    installation = held.filter(starts_at__lt=ends_at).first()
    if installation is None:
        raise NotInstalled(f"{meter} was not installed before then.")
    recorded = _record(meter, ends_at, closing_value, now, further=further)
    if recorded.invalid or recorded.refused or recorded.conflicts or recorded.overturned:
        shown = f"{format_kilo(closing_value)} {meter.utility.unit}"
        raise ImpossibleClosing(f"{meter} cannot have shown {shown} at that time.")
    days.counted_elsewhere(meter, ends_at)
    installation.ends_at, installation.closing_value = ends_at, closing_value
    installation.end_reason = reason
    installation.save(update_fields=["ends_at", "closing_value", "end_reason", "updated_at"])
    return installation


def _check(at: datetime, now: datetime) -> None:
    if at > now:
        raise NotAQuarterHour("Give a time that has come.")
    if at != floor_to_interval(at):
        raise NotAQuarterHour("Give a quarter hour, such as 08:00, 08:15, 08:30 or 08:45.")


def _hold(unit: Unit) -> None:
    """Lock a unit, so that it is not deleted meanwhile."""
    locked = Unit.objects.alive().select_for_update(no_key=True)
    if locked.filter(pk=unit.pk).first() is None:
        raise UnitDeleted(f"{unit} was deleted. Restore it first.")


def _record(
    meter: Meter,
    at: datetime,
    value: int,
    now: datetime,
    *,
    further: Mapping[int, int] | None = None,
    is_opening: bool = False,
) -> readings.Recorded:
    """Record the registers; a meter whose registers come later has nothing to record yet."""
    channels = list(meter.registers.values_list("channel", flat=True))
    if not channels:
        return readings.Recorded()
    shown = {**(further or {}), main_channel(channels): value}
    rows = [
        RawReading(meter.pk, channel, at, value, is_opening=is_opening)
        for channel, value in shown.items()
    ]
    return readings.record(rows, source=Reading.Source.MANUAL, received_at=now)
