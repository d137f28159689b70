"""
Which readings the counts of uplinks are.

Readings stand at quarter hours, uplinks come when they come. A count of the device's own log that
falls on a quarter is that reading. Any other counts for the quarter it was taken in: the first
uplink of a quarter is its reading, further ones are not. The total stays exact; its shape is off
by less than 15 minutes.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from meters.lorawan import pulses
from meters.lorawan.errors import UnreadableFrame
from meters.lorawan.observation import Count, Observation
from meters.models.devices import Register
from meters.models.facts import Reading
from meters.models.radio import LoraDevice, Uplink
from meters.readings import RawReading
from quantify.periods import INTERVAL, floor_to_interval

EARLY = timedelta(seconds=60)
"""An uplink may come so much before the quarter that it is meant for."""
HALF_AN_INTERVAL = INTERVAL / 2


class Heard(NamedTuple):
    """An uplink and what it says."""

    uplink: Uplink
    told: Observation


def readings_of(device: LoraDevice, register: Register, heard: Sequence[Heard]) -> list[RawReading]:
    """The readings that these uplinks bring; those that only repeat a stored one are among them."""
    exact: dict[datetime, int] = {}
    live: dict[datetime, int] = {}
    kept: dict[datetime, int] = {}
    first = _first_of_quarters(device, heard)
    for one in heard:
        for count, at in _dated(one):
            value, quarter = _value(device, register, count), quarter_of(at)
            if count.at is None:
                if first.get(quarter) == one.uplink.pk:
                    live.setdefault(quarter, value)
            elif quarter == at:
                exact.setdefault(quarter, value)
            else:
                kept.setdefault(quarter, value)
    found = kept | live | exact
    known = _known(register, found)
    return [
        RawReading(register.meter_id, register.channel, quarter, value)
        for quarter, value in sorted(found.items())
        if quarter not in known
        or quarter in exact
        or (quarter in live and known[quarter] == Reading.Source.AUTOMATIC)
    ]


def quarter_of(at: datetime) -> datetime:
    """The quarter of an hour that a count taken at an instant stands for."""
    return floor_to_interval(at + EARLY)


def _dated(one: Heard) -> Iterator[tuple[Count, datetime]]:
    """
    The counts of an uplink with their instants.

    Where the device's clock is off by more than half an interval, its own times mean nothing:
    the last count then stands for the moment at which the network heard it.
    """
    heard_at, told = one.uplink.heard_at, one.told
    if told.clock is not None and abs(_instant(told.clock) - heard_at) > HALF_AN_INTERVAL:
        if told.counts:
            yield told.counts[-1]._replace(at=None), heard_at
        return
    for count in told.counts:
        at = heard_at if count.at is None else _instant(count.at)
        # What a device logged lies before the moment at which it said so.
        if at <= heard_at + EARLY:
            yield count, at


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _value(device: LoraDevice, register: Register, count: Count) -> int:
    if not count.is_pulses:
        return (device.base_value + count.value) % register.span
    return pulses.register(
        count.value, per_pulse=device.per_pulse, base=device.base_value, span=register.span
    )


def _first_of_quarters(device: LoraDevice, heard: Sequence[Heard]) -> dict[datetime, object]:
    """The first uplink with a count of each quarter of an hour that these uplinks touch."""
    if not heard:
        return {}
    quarters = [quarter_of(one.uplink.heard_at) for one in heard]
    around = device.uplinks.filter(
        outcome=Uplink.Outcome.READ,
        heard_at__gte=min(quarters) - EARLY,
        heard_at__lt=max(quarters) + INTERVAL - EARLY,
    )
    told = {one.uplink.pk: one.told for one in heard}
    first: dict[datetime, object] = {}
    for uplink in around.order_by("heard_at", "pk"):
        quarter = quarter_of(uplink.heard_at)
        if quarter not in first and _counts_now(device, uplink, told.get(uplink.pk)):
            first[quarter] = uplink.pk
    return first


def _counts_now(device: LoraDevice, uplink: Uplink, told: Observation | None) -> bool:
    """Whether an uplink says what the counter shows at that moment; some only tell of a relay."""
    if told is None and device.decoder is not None:
        with suppress(UnreadableFrame):
            told = device.decoder.observe(bytes(uplink.payload), uplink.port)
    if told is None:
        return False
    return any(count.at is None for count, _ in _dated(Heard(uplink, told)))


def _known(register: Register, found: dict[datetime, int]) -> dict[datetime, str]:
    """The sources of the stored readings at these instants."""
    stored = Reading.objects.filter(
        meter=register.meter_id, channel=register.channel, taken_at__in=list(found)
    )
    return dict(stored.values_list("taken_at", "source"))
