"""The registers of a batch of readings, locked while it is worked on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from django.db import connection

from meters.batches import Key
from meters.vee import limits
from meters.vee.limits import Limits
from meters.vee.ratings import most_per_interval
from meters.vee.validation import SECOND, Bools, Ints
from quantify.quantities import Utility


class UnknownRegister(LookupError):
    """A reading of a register that no meter has."""


@dataclass(frozen=True, slots=True)
class Registers:
    """
    What must be known of registers to judge and store their readings, by position.

    ``span``, ``maximum`` (in 15 minutes) and ``rollover`` (above which a register may have started
    again) are whole Wh or litres; ``ahead`` are the microseconds that a meter's clock may run
    before ours; ``history`` the days that like days are looked for in. ``is_open``: its use was
    estimated beyond its last valid reading.
    """

    keys: Sequence[Key]
    span: Ints
    rollover: Ints
    maximum: Ints
    ahead: Ints
    history: Ints
    is_open: Bools
    zones: Sequence[ZoneInfo]

    @property
    def meters(self) -> list[UUID]:
        return [meter_id for meter_id, _ in self.keys]

    @property
    def channels(self) -> list[int]:
        return [channel for _, channel in self.keys]

    def columns(self, register: Ints) -> dict[str, tuple[str, npt.NDArray[Any]]]:
        """The first two columns of every time series, for rows of these registers."""
        ids = np.frombuffer(b"".join(meter.bytes for meter in self.meters), "V16")
        channels = np.array(self.channels, np.int16)
        return {"meter_id": ("V16", ids[register]), "channel": (">i2", channels[register])}


def lock(keys: Sequence[Key]) -> Registers:
    """
    Lock the meters of these registers until the transaction ends, and read what they need.

    Everybody locks meters in the order of their ids, so that two batches wait for one another
    but never for ever.

    :raises UnknownRegister: if a meter has no such register.
    """
    meters = sorted({meter_id for meter_id, _ in keys})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM meters_meter WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [meters],
        )
        cursor.execute(
            "SELECT r.meter_id, r.channel, r.span, m.maximum_per_interval, m.rating, m.kind,"
            " m.estate_id, r.estimated_to IS NOT NULL, e.time_zone"
            " FROM meters_register r JOIN meters_meter m ON m.id = r.meter_id"
            " JOIN estates_estate e ON e.id = m.estate_id WHERE r.meter_id = ANY(%s)",
            [meters],
        )
        known = {(meter_id, channel): _Row(*rest) for meter_id, channel, *rest in cursor.fetchall()}
    if unknown := [key for key in keys if key not in known]:
        meter_id, channel = unknown[0]
        raise UnknownRegister(f"Meter {meter_id} has no register for channel {channel}.")
    rows = [known[key] for key in keys]
    return _registers(keys, rows, limits.of_estates(row.estate_id for row in rows))


def forget_estimates(known: Registers, chosen: Bools) -> None:
    """Note that what was estimated beyond the last reading of these registers is measured now."""
    if not chosen.any():
        return
    numbers = np.flatnonzero(chosen)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE meters_register r SET estimated_to = NULL"
            " FROM unnest(%s::uuid[], %s::smallint[]) AS met (meter_id, channel)"
            " WHERE r.meter_id = met.meter_id AND r.channel = met.channel",
            [[known.meters[n] for n in numbers], [known.channels[n] for n in numbers]],
        )


class _Row(NamedTuple):
    span: int
    maximum: int
    rating: Decimal | None
    kind: str
    estate_id: UUID
    is_open: bool
    zone: str

    def most(self, limit: Limits) -> int:
        """What can be counted in 15 minutes: by the nameplate, if that is known."""
        if self.rating is None:
            return self.maximum
        return most_per_interval(
            Utility(self.kind.removeprefix("bulk_")),
            self.rating,
            volts=limit["physical_maximum.volts"],
            percent=limit["physical_maximum.percent"],
        )


def _registers(
    keys: Sequence[Key], rows: Sequence[_Row], by_estate: Mapping[UUID, Limits]
) -> Registers:
    limit = [by_estate[row.estate_id] for row in rows]

    def whole(name: str) -> Ints:
        return np.array([int(one[name]) for one in limit], np.int64)

    span = np.array([row.span for row in rows], np.int64)
    return Registers(
        keys=keys,
        span=span,
        rollover=span * whole("rollover.percent") // 100,
        maximum=np.array([row.most(one) for row, one in zip(rows, limit, strict=True)], np.int64),
        ahead=whole("in_the_future.seconds") * SECOND,
        history=whole("gap.history"),
        is_open=np.array([row.is_open for row in rows], np.bool_),
        zones=[ZoneInfo(row.zone) for row in rows],
    )
