"""
Replacing a unit's meter: the old one down and the new one up at the same moment.

The unit's consumption goes on without a gap: up to the moment the old register counts, from then
on the new one. What month-to-date has reached belongs to the unit and stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction

from estates.models import Estate
from meters import days, installations
from meters.manual import main_channel
from meters.models.devices import Meter, Register
from meters.models.facts import Interval, Reading
from meters.models.installations import Installation
from meters.vee.rules import Rule
from quantify.periods import Period, first_of_month, local_day, midnight


class CannotReplace(ValueError):
    """The two meters cannot take each other's place."""


class CannotUndo(ValueError):
    """What came since stands on the replacement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """
    What a person did at a unit: registers in whole Wh or litres, read at ``at``.

    ``further`` are other registers than the main one, by channel, of either meter.
    """

    old: Meter
    new: Meter
    at: datetime
    closing: int
    opening: int
    reason: str
    further_closing: Mapping[int, int] = field(default_factory=dict)
    further_opening: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replaced:
    """The two installations; ``replayed`` if they stood already."""

    removed: Installation
    installed: Installation
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """
    What a replacement would do, in whole Wh or litres.

    ``last`` is the newest reading of the old meter before the moment, ``since_last`` what is
    counted from there, ``month_to_date`` what the unit has used this local month up to the
    moment. ``later`` readings of the old meter no longer count for the unit.
    """

    replaced: Replaced
    last: Reading | None
    since_last: int
    month_to_date: int
    rolls_over: bool
    later: int


@transaction.atomic
def replace(swap: Swap, *, now: datetime) -> Replaced:
    """
    Put the new meter in the place of the old one; doing the same again is one replacement.

    :raises CannotReplace: if the meters do not fit each other, or a register is missing.
    :raises meters.installations.NotInstalled: if the old one hangs nowhere at that time.
    :raises meters.installations.InstalledElsewhere: if the new one hangs somewhere.
    :raises meters.installations.UnitTaken: if another one hangs at the unit later.
    :raises meters.installations.UnitDeleted: if the unit was deleted.
    :raises meters.installations.ImpossibleClosing: if the old register cannot have shown that.
    :raises meters.installations.NotAQuarterHour: if it is not a past quarter of an hour.
    """
    meters = Meter.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    locked = {meter.pk: meter for meter in meters.filter(pk__in=[swap.old.pk, swap.new.pk])}
    old, new = locked[swap.old.pk], locked[swap.new.pk]
    _check(old, new, swap)
    if earlier := _earlier(swap):
        return earlier
    removed = installations.remove(
        meter=old,
        ends_at=swap.at,
        closing_value=swap.closing,
        further=swap.further_closing,
        reason=swap.reason,
        now=now,
    )
    installed = installations.install(
        meter=new,
        unit=removed.unit,
        starts_at=swap.at,
        opening_value=swap.opening,
        further=swap.further_opening,
        now=now,
    )
    return Replaced(removed, installed)


def preview(swap: Swap, *, now: datetime) -> Preview:
    """Do a replacement, look at it, and take it back; raises what `replace` raises."""
    with transaction.atomic():
        channel = main_channel(list(swap.old.registers.values_list("channel", flat=True)))
        before = swap.old.readings.filter(channel=channel, is_valid=True, taken_at__lt=swap.at)
        last = before.order_by("-taken_at").first()
        replaced = replace(swap, now=now)
        closing = swap.old.readings.get(channel=channel, taken_at=swap.at)
        later = swap.old.readings.filter(channel=channel, taken_at__gt=swap.at).count()
        seen = Preview(
            replaced=replaced,
            last=last,
            since_last=_used(swap.old, channel, last.taken_at, swap.at) if last else 0,
            month_to_date=_month_to_date(replaced.removed, channel, swap.at),
            rolls_over=Rule.ROLLOVER in Rule(closing.rules),
            later=later,
        )
        transaction.set_rollback(True)
    return seen


@transaction.atomic
def undo(*, installation_id: UUID, now: datetime) -> Installation:
    """
    Take back a replacement that was entered wrongly: the old meter hangs again as before.

    The registers that were entered stay as readings; a wrong one is corrected among the
    exceptions. The bills of the unit follow with the next run.

    :raises CannotUndo: if the meter did not replace another, or either was moved since.
    """
    locked = Installation.objects.select_for_update()
    new = locked.get(pk=installation_id)
    before = locked.filter(unit=new.unit_id, kind=new.kind, ends_at=new.starts_at)
    old = before.exclude(meter=new.meter_id).first()
    if new.unit_id is None or old is None:
        raise CannotUndo("This meter did not take another one's place.")
    if new.ends_at is not None:
        raise CannotUndo("The new meter was taken down since: it counted for the unit.")
    moved = Installation.objects.filter(meter=old.meter_id, starts_at__gte=new.starts_at)
    if moved.exists():
        raise CannotUndo("The old meter was put up elsewhere since.")
    new.delete()
    days.counted_elsewhere(old.meter, new.starts_at)
    old.ends_at, old.closing_value, old.end_reason = None, None, ""
    old.save(update_fields=["ends_at", "closing_value", "end_reason", "updated_at"])
    return old


def replaced_another(meter: Meter) -> bool:
    """Whether the meter hangs where another one hung right before it."""
    new = meter.installations.filter(ends_at=None).first()
    if new is None or new.unit_id is None:
        return False
    before = Installation.objects.filter(unit=new.unit_id, kind=new.kind, ends_at=new.starts_at)
    return before.exclude(meter=meter).exists()


def _check(old: Meter, new: Meter, swap: Swap) -> None:
    """:raises CannotReplace: if the new meter cannot take the place of the old one."""
    if old.pk == new.pk:
        raise CannotReplace("Choose another meter: a meter does not replace itself.")
    if old.kind != new.kind:
        kinds = old.get_kind_display().lower(), new.get_kind_display().lower()
        raise CannotReplace(f"The old meter counts {kinds[0]}, the new one {kinds[1]}.")
    if old.estate_id != new.estate_id:
        raise CannotReplace("The new meter belongs to another estate.")
    if new.deleted_at is not None:
        raise CannotReplace("The new meter was deleted.")
    for meter, further in ((old, swap.further_closing), (new, swap.further_opening)):
        channels = set(meter.registers.values_list("channel", flat=True))
        if not channels:
            raise CannotReplace(f"{meter} has no register.")
        if unknown := set(further) - channels:
            name = Register.Channel(min(unknown)).label.lower()
            raise CannotReplace(f"{meter} has no register for {name}.")


def _earlier(swap: Swap) -> Replaced | None:
    """The same replacement, if it was done before."""
    removed = swap.old.installations.filter(ends_at=swap.at, closing_value=swap.closing).first()
    installed = swap.new.installations.filter(
        starts_at=swap.at, opening_value=swap.opening, ends_at=None
    ).first()
    if removed is None or installed is None or removed.unit_id != installed.unit_id:
        return None
    return Replaced(removed, installed, replayed=True)


def _used(meter: Meter, channel: int, begin: datetime, end: datetime) -> int:
    counted = Interval.objects.filter(meter=meter, channel=channel)
    return counted.within(Period(begin, end)).total()


def _month_to_date(removed: Installation, channel: int, at: datetime) -> int:
    """What all meters of this kind at the unit counted in the local month up to an instant."""
    zone = Estate.objects.get(meters=removed.meter_id).zone
    today = local_day(at, zone)
    month = first_of_month(today)
    total = 0
    for one in Installation.objects.filter(unit=removed.unit_id, kind=removed.kind):
        begin = max(midnight(month, zone), one.starts_at)
        end = at if one.ends_at is None else min(at, one.ends_at)
        if begin < end:
            total += _used(one.meter, channel, begin, end)
    return total
