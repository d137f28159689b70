"""Load profile 1 of a simulated meter: a profile generic over its quarter-hour rows."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

from meters.dlms import axdr, instants, obis
from meters.dlms.errors import AccessDenied, DataAccessResult
from meters.dlms.obis import ClassId
from meters.dlms.selection import (
    CLOCK_COLUMN,
    CaptureObject,
    EntrySelection,
    RangeSelection,
    Selection,
)
from meters.dlms.simulator.behaviour import QUARTER_HOUR, Behaviour
from meters.dlms.simulator.protocol import SimulatedMeter

STATUS_COLUMN = CaptureObject(ClassId.DATA, obis.AMR_STATUS, 2)
FIRST_IN_FIRST_OUT = 1

type Row = tuple[datetime, int, int, int]


def counter(value: int) -> bytes:
    """A register as the meter counts: in 32 bits, starting again from zero."""
    return axdr.uint32(value & 0xFFFF_FFFF)


class LoadProfile:
    """The rows of one meter, as many as its memory holds, and the attributes that tell of them."""

    def __init__(self, meter: SimulatedMeter, behaviour: Behaviour) -> None:
        water = meter.medium == "water"
        quantities = [obis.VOLUME] if water else [obis.ENERGY_IMPORT, obis.ENERGY_EXPORT]
        registers = [CaptureObject(ClassId.REGISTER, quantity, 2) for quantity in quantities]
        self.name = obis.VOLUME_PROFILE if water else obis.LOAD_PROFILE
        self.columns = [CLOCK_COLUMN, STATUS_COLUMN, *registers]
        self._meter = meter
        self._behaviour = behaviour

    def attributes(self) -> dict[int, Callable[[], bytes]]:
        """Attributes 3 to 8 of class 7."""
        return {
            3: lambda: axdr.array(column.to_bytes() for column in self.columns),
            4: lambda: axdr.uint32(int(QUARTER_HOUR.total_seconds())),
            5: lambda: axdr.enumerated(FIRST_IN_FIRST_OUT),
            6: CLOCK_COLUMN.to_bytes,
            7: lambda: axdr.uint32(len(self._rows())),
            8: lambda: axdr.uint32(self._behaviour.profile_entries),
        }

    def newest_status(self) -> int:
        now = self._meter.now()
        rows = self._meter.profile(now - QUARTER_HOUR, now)
        return rows[-1][1] if rows else 0

    def buffer(self, selection: Selection | None) -> bytes:
        """
        Attribute 2, whole or in part.

        :raises AccessDenied: if the selection is by another column than the clock, or asks for
            columns the profile does not have.
        """
        if selection is None:
            return self._encoded(self._rows(), range(len(self.columns)))
        if isinstance(selection, RangeSelection):
            return self._encoded(self._between(selection), self._chosen(selection))
        return self._by_entry(selection)

    def _between(self, selection: RangeSelection) -> Sequence[Row]:
        if selection.restricting[:3] != CLOCK_COLUMN[:3]:
            raise AccessDenied(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        offset = self._behaviour.utc_offset
        start = instants.decode(selection.start, offset=offset).at
        end = instants.decode(selection.end, offset=offset).at
        return self._rows(start, end)

    def _chosen(self, selection: RangeSelection) -> Sequence[int]:
        if not selection.columns:
            return range(len(self.columns))
        try:
            return [self.columns.index(column) for column in selection.columns]
        except ValueError:
            raise AccessDenied(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED) from None

    def _by_entry(self, selection: EntrySelection) -> bytes:
        if selection.first_row < 1 or selection.first_column < 1:
            raise AccessDenied(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        rows = self._rows()[selection.first_row - 1 : selection.last_row or None]
        last_column = selection.last_column or len(self.columns)
        return self._encoded(
            rows, range(len(self.columns))[selection.first_column - 1 : last_column]
        )

    def _rows(self, start: datetime | None = None, end: datetime | None = None) -> Sequence[Row]:
        now = self._meter.now()
        oldest = now - QUARTER_HOUR * self._behaviour.profile_entries
        first, last = max(start or oldest, oldest), min(end or now, now)
        return self._meter.profile(first, last) if first <= last else ()

    def _encoded(self, rows: Sequence[Row], chosen: Sequence[int]) -> bytes:
        if not rows:
            return axdr.array(())
        cells = [self._cells(row) for row in rows]
        if self._behaviour.null_compression:
            cells = [cells[0], *map(_compressed, pairwise(zip(rows, cells, strict=True)))]
        return axdr.array(axdr.structure(*(row[index] for index in chosen)) for row in cells)

    def _cells(self, row: Row) -> list[bytes]:
        taken_at, status, *quantities = row
        clock = instants.encode(taken_at, offset=self._behaviour.utc_offset)
        registers = quantities[: len(self.columns) - 2]
        return [axdr.octets(clock), axdr.uint8(status), *map(counter, registers)]


def _compressed(
    pair: tuple[tuple[Row, list[bytes]], tuple[Row, list[bytes]]],
) -> list[bytes]:
    """The cells of the second row, null where they follow from the first."""
    (before, before_cells), (row, cells) = pair
    follows = row[0] - before[0] == QUARTER_HOUR
    values = [
        axdr.NULL if cell == earlier else cell
        for cell, earlier in zip(cells[1:], before_cells[1:], strict=True)
    ]
    return [axdr.NULL if follows else cells[0], *values]
