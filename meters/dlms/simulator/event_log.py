"""An event log of a simulated meter: a profile generic over clock and event code."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from meters.dlms import axdr, instants
from meters.dlms.errors import AccessDenied, DataAccessResult
from meters.dlms.obis import ClassId
from meters.dlms.selection import CLOCK_COLUMN, CaptureObject, RangeSelection, Selection
from meters.dlms.simulator.cosem import CosemObject
from meters.dlms.simulator.protocol import SimulatedMeter

ENTRIES = 100
LOGS = tuple(f"0.0.99.98.{number}.255" for number in (0, 1, 2, 4, 5))


class EventLog(CosemObject):
    """Class 7 without a period; it keeps its newest hundred entries."""

    def __init__(self, meter: SimulatedMeter, name: str, offset: timedelta) -> None:
        number = name.split(".")[4]
        code = CaptureObject(ClassId.DATA, f"0.0.96.11.{number}.255", 2)
        columns = [CLOCK_COLUMN, code]
        super().__init__(
            ClassId.PROFILE_GENERIC,
            name,
            {
                3: lambda: axdr.array(column.to_bytes() for column in columns),
                4: lambda: axdr.uint32(0),
                7: lambda: axdr.uint32(len(self._entries())),
                8: lambda: axdr.uint32(ENTRIES),
            },
        )
        self._meter = meter
        self._offset = offset

    def read(self, number: int, selection: Selection | None) -> bytes:
        if number != 2:  # noqa: PLR2004 - attribute 2, buffer
            return super().read(number, selection)
        entries = self._entries()
        if isinstance(selection, RangeSelection):
            start, end = (
                instants.decode(bound, offset=self._offset).at
                for bound in (selection.start, selection.end)
            )
            entries = [entry for entry in entries if start <= entry[0] <= end]
        elif selection is not None:
            raise AccessDenied(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        return axdr.array(self._row(*entry) for entry in entries)

    def _entries(self) -> Sequence[tuple[datetime, int]]:
        return self._meter.events(self.name)[-ENTRIES:]

    def _row(self, at: datetime, code: int) -> bytes:
        clock = axdr.octets(instants.encode(at, offset=self._offset))
        return axdr.structure(clock, axdr.uint8(code))


def logs_of(meter: SimulatedMeter, offset: timedelta) -> list[CosemObject]:
    return [EventLog(meter, name, offset) for name in LOGS]
