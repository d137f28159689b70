"""Selective access to the buffer of a profile generic (IEC 62056-6-2, class 7, attribute 2)."""

from dataclasses import dataclass
from typing import NamedTuple

from meters.dlms import axdr, obis
from meters.dlms.axdr import Value
from meters.dlms.errors import FrameError
from meters.dlms.octets import OctetReader

RANGE, ENTRY = 1, 2


class CaptureObject(NamedTuple):
    """One column of a profile: an attribute, or (``element`` above 0) one element of it."""

    class_id: int
    name: str
    attribute: int
    element: int = 0

    def to_bytes(self) -> bytes:
        return axdr.structure(
            axdr.uint16(self.class_id),
            axdr.octets(obis.to_bytes(self.name)),
            axdr.int8(self.attribute),
            axdr.uint16(self.element),
        )


CLOCK_COLUMN = CaptureObject(obis.ClassId.CLOCK, obis.CLOCK, 2)


@dataclass(frozen=True, slots=True)
class RangeSelection:
    """
    The rows whose ``restricting`` column lies from ``start`` to ``end``, both included.

    Bounds are COSEM date-time octets. No ``columns`` means all of them.
    """

    start: bytes
    end: bytes
    restricting: CaptureObject = CLOCK_COLUMN
    columns: tuple[CaptureObject, ...] = ()

    def to_bytes(self) -> bytes:
        parameters = axdr.structure(
            self.restricting.to_bytes(),
            axdr.octets(self.start),
            axdr.octets(self.end),
            axdr.array(column.to_bytes() for column in self.columns),
        )
        return bytes((RANGE,)) + parameters


@dataclass(frozen=True, slots=True)
class EntrySelection:
    """Rows and columns by number from 1, both included; 0 as an end means the last one."""

    first_row: int
    last_row: int
    first_column: int = 1
    last_column: int = 0

    def to_bytes(self) -> bytes:
        parameters = axdr.structure(
            axdr.uint32(self.first_row),
            axdr.uint32(self.last_row),
            axdr.uint16(self.first_column),
            axdr.uint16(self.last_column),
        )
        return bytes((ENTRY,)) + parameters


type Selection = RangeSelection | EntrySelection


def read_selection(reader: OctetReader) -> Selection:
    """:raises FrameError: if it is neither a range nor an entry descriptor."""
    selector = reader.octet()
    parameters = axdr.read(reader)
    if selector == RANGE:
        return _range(parameters)
    if selector == ENTRY:
        return _entry(parameters)
    raise FrameError(f"access selector {selector}")


def _range(parameters: Value) -> RangeSelection:
    match parameters:
        case (restricting, bytes(start), bytes(end), [*columns]):
            return RangeSelection(
                start,
                end,
                capture_object(restricting),
                tuple(capture_object(column) for column in columns),
            )
        case _:
            raise FrameError("not a range descriptor")


def _entry(parameters: Value) -> EntrySelection:
    match parameters:
        case (int(first_row), int(last_row), int(first_column), int(last_column)):
            return EntrySelection(first_row, last_row, first_column, last_column)
        case _:
            raise FrameError("not an entry descriptor")


def capture_object(value: Value) -> CaptureObject:
    """:raises FrameError: if it is not a capture_object_definition."""
    match value:
        case (int(class_id), bytes(name), int(attribute), int(element)):
            return CaptureObject(class_id, obis.to_text(name), attribute, element)
        case _:
            raise FrameError("not a capture object")
