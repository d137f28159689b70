"""The registers of a batch of readings, locked while it is worked on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from django.db import connection

from meters.batches import Key
from meters.vee.validation import Ints


class UnknownRegister(LookupError):
    """A reading of a register that no meter has."""


@dataclass(frozen=True, slots=True)
class Registers:
    """
    What must be known of registers to judge and store their readings, by position.

    ``span`` and ``maximum`` (in 15 minutes) are whole Wh or litres.
    """

    keys: Sequence[Key]
    span: Ints
    maximum: Ints
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
            "SELECT r.meter_id, r.channel, r.span, m.maximum_per_interval, e.time_zone"
            " FROM meters_register r JOIN meters_meter m ON m.id = r.meter_id"
            " JOIN estates_estate e ON e.id = m.estate_id WHERE r.meter_id = ANY(%s)",
            [meters],
        )
        known = {(meter_id, channel): rest for meter_id, channel, *rest in cursor.fetchall()}
    if unknown := [key for key in keys if key not in known]:
        meter_id, channel = unknown[0]
        raise UnknownRegister(f"Meter {meter_id} has no register for channel {channel}.")
    span, maximum, zones = zip(*(known[key] for key in keys), strict=True) if keys else ((),) * 3
    return Registers(
        keys,
        np.array(span, np.int64),
        np.array(maximum, np.int64),
        [ZoneInfo(name) for name in zones],
    )
