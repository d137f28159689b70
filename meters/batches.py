"""Readings on their way in: single ones, whole series, and the arrays both become."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, Self
from uuid import UUID

import numpy as np

from meters.vee.validation import INTERVAL, Bools, Ints
from quantify.periods import EPOCH

DAY = 86_400_000_000
LARGEST = 2**63 - 1
# The bits of an AMR status that are kept, of however many a meter sends.
STATUS_BITS = 0x7FFF

type Key = tuple[UUID, int]


class RawReading(NamedTuple):
    """What a register showed at an instant, in whole Wh or litres; ``status`` is the AMR octet."""

    meter_id: UUID
    channel: int
    taken_at: datetime
    value: int
    status: int = 0
    is_opening: bool = False


@dataclass(frozen=True, slots=True)
class RegisterSeries:
    """What a register showed every 15 minutes from ``first`` on, in whole Wh or litres."""

    meter_id: UUID
    channel: int
    first: datetime
    values: Ints


@dataclass(frozen=True, slots=True)
class ReadingArrays:
    """
    Readings as columns.

    ``register`` is the position in ``keys``, which are in order; instants are microseconds since
    1970 (UTC).
    """

    keys: Sequence[Key]
    register: Ints
    taken_at: Ints
    value: Ints
    status: Ints
    is_opening: Bools = field(repr=False)

    def __len__(self) -> int:
        return len(self.taken_at)

    @classmethod
    def of_rows(cls, rows: Iterable[RawReading]) -> Self:
        rows = list(rows)
        keys = sorted({(row.meter_id, row.channel) for row in rows})
        number = {key: position for position, key in enumerate(keys)}
        return cls(
            keys,
            np.array([number[row.meter_id, row.channel] for row in rows], np.int64),
            np.array([microseconds(row.taken_at) for row in rows], np.int64),
            np.array([max(-LARGEST, min(row.value, LARGEST)) for row in rows], np.int64),
            np.array([row.status & STATUS_BITS for row in rows], np.int64),
            np.array([row.is_opening for row in rows], np.bool_),
        )

    @classmethod
    def none_of(cls, keys: Sequence[Key]) -> Self:
        """No readings of these registers."""
        nothing = np.empty(0, np.int64)
        return cls(keys, nothing, nothing, nothing, nothing, np.empty(0, np.bool_))

    @classmethod
    def of_series(cls, series: Sequence[RegisterSeries]) -> Self:
        keys = sorted({(one.meter_id, one.channel) for one in series})
        number = {key: position for position, key in enumerate(keys)}
        register = [number[one.meter_id, one.channel] for one in series]
        lengths = [len(one.values) for one in series]
        taken_at = [
            microseconds(one.first) + INTERVAL * np.arange(len(one.values)) for one in series
        ]
        count = sum(lengths)
        return cls(
            keys,
            np.repeat(np.array(register, np.int64), lengths),
            np.concatenate([*taken_at, np.empty(0, np.int64)]),
            np.concatenate([*(one.values for one in series), np.empty(0, np.int64)]),
            np.zeros(count, np.int64),
            np.zeros(count, np.bool_),
        )

    def take(self, rows: Ints | Bools) -> Self:
        """These rows alone, of the same registers."""
        return type(self)(
            self.keys,
            self.register[rows],
            self.taken_at[rows],
            self.value[rows],
            self.status[rows],
            self.is_opening[rows],
        )

    def by_meters(self, at_most: int) -> Iterator[Self]:
        """
        Parts in order of register, each of whole meters with so many readings, or of one meter.

        Together they have every reading once; what came first among equals stays first.
        """
        meters = [meter_id for meter_id, _ in self.keys]
        counts = np.bincount(self.register, minlength=len(meters))
        ends = np.append(np.flatnonzero([a != b for a, b in pairwise(meters)]) + 1, len(meters))
        ordered = np.argsort(self.register, kind="stable")
        begin, total = 0, np.concatenate([[0], np.cumsum(counts)])
        while begin < len(meters):
            fits = ends[(ends > begin) & (total[ends] <= total[begin] + at_most)]
            end = int(fits[-1] if len(fits) else ends[ends > begin][0])
            part = self.take(ordered[total[begin] : total[end]])
            yield replace(part, keys=self.keys[begin:end], register=part.register - begin)
            begin = end

    def in_order(self) -> Self:
        """By register and instant; what came first among equals stays first."""
        return self.take(np.lexsort((self.taken_at, self.register)))


def microseconds(instant: datetime) -> int:
    """
    Microseconds since 1970.

    :raises ValueError: if the instant has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone.")
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant(microseconds: int | np.int64) -> datetime:
    """The instant (UTC) of so many microseconds since 1970."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(microseconds))


def days_of(instants: Ints) -> list[date]:
    """The days of UTC on which instants fall, once each."""
    days: list[date] = np.unique(instants // DAY).astype("M8[D]").tolist()
    return days
