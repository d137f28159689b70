"""Rows of a profile generic (class 7): by attribute, whatever the order of the columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from meters.dlms import axdr, instants
from meters.dlms.axdr import Value
from meters.dlms.errors import FrameError
from meters.dlms.obis import ClassId
from meters.dlms.selection import CaptureObject, capture_object
from meters.dlms.values import ProfileRow, ScalerUnit

STATUS_PREFIX = "0.0.96.10."
VALUE = 2
LONGEST_PERIOD = 0xFFFF_FFFF
REGISTER_CLASSES = frozenset({ClassId.REGISTER, ClassId.EXTENDED_REGISTER, ClassId.DEMAND_REGISTER})


@dataclass(frozen=True, slots=True)
class ProfileLayout:
    """
    How the rows of one profile are to be read.

    ``scalers`` holds attribute 3 of the captured registers.
    """

    columns: tuple[CaptureObject, ...]
    period: timedelta
    scalers: Mapping[str, ScalerUnit] = field(default_factory=dict)


def columns_of(capture_objects: Value) -> tuple[CaptureObject, ...]:
    """
    Attribute 3 of a profile generic.

    :raises FrameError: if it is no list of capture objects.
    """
    if not isinstance(capture_objects, list):
        raise FrameError("capture_objects is no array")
    return tuple(capture_object(item) for item in capture_objects)


def period_of(capture_period: Value) -> timedelta:
    """
    Attribute 4 of a profile generic, in seconds.

    :raises FrameError: if it is no number of seconds.
    """
    match capture_period:
        case int(seconds) if 0 <= seconds <= LONGEST_PERIOD:
            return timedelta(seconds=seconds)
        case _:
            raise FrameError(f"a capture period of {capture_period!r}")


def registers_of(columns: Sequence[CaptureObject]) -> list[CaptureObject]:
    """The columns whose values a scaler applies to."""
    return [
        column
        for column in columns
        if column.class_id in REGISTER_CLASSES and column.attribute == VALUE
    ]


def decode_rows(buffer: bytes, layout: ProfileLayout, *, offset: timedelta) -> list[ProfileRow]:
    """
    The rows of a buffer, null-compressed or not.

    A null clock is one period after the row before; a null value or status repeats it. Columns
    that are neither registers nor numbers are passed over.

    :raises FrameError: if the buffer does not fit the layout.
    """
    return rows_of(axdr.decode(buffer), layout, offset=offset)


def rows_of(rows: Value, layout: ProfileLayout, *, offset: timedelta) -> list[ProfileRow]:
    """
    The same of a buffer that is decoded already.

    :raises FrameError: if the buffer does not fit the layout.
    """
    if not isinstance(rows, list):
        raise FrameError("a profile buffer that is no array")
    decoder = _RowDecoder(layout, offset)
    return [decoder.decode(row) for row in rows]


class _RowDecoder:
    def __init__(self, layout: ProfileLayout, offset: timedelta) -> None:
        self._layout = layout
        self._offset = offset
        self._clock: int | None = None
        self._status: int | None = None
        self._quantities: list[tuple[int, str, ScalerUnit | None]] = []
        self._previous: ProfileRow | None = None
        for position, column in enumerate(layout.columns):
            self._place(position, column)
        if self._clock is None:
            raise FrameError("a profile without a clock")

    def _place(self, position: int, column: CaptureObject) -> None:
        if column.class_id == ClassId.CLOCK:
            self._clock = position
        elif column.class_id == ClassId.DATA and column.name.startswith(STATUS_PREFIX):
            self._status = position
        elif column.attribute == VALUE and column.element == 0:
            scaler = self._layout.scalers.get(column.name)
            self._quantities.append((position, column.name, scaler))

    def decode(self, row: Value) -> ProfileRow:
        if not isinstance(row, tuple) or len(row) != len(self._layout.columns):
            raise FrameError("a profile row that does not fit its capture objects")
        decoded = ProfileRow(self._taken_at(row), self._status_of(row), self._values(row))
        self._previous = decoded
        return decoded

    def _taken_at(self, row: tuple[Value, ...]) -> datetime:
        assert self._clock is not None  # noqa: S101 - checked when the layout was read
        raw = row[self._clock]
        if isinstance(raw, bytes):
            return instants.decode(raw, offset=self._offset).at
        if raw is not None or self._previous is None:
            raise FrameError(f"a profile row at {raw!r}")
        try:
            return self._previous.taken_at + self._layout.period
        except OverflowError:
            raise FrameError("a profile row beyond all time") from None

    def _status_of(self, row: tuple[Value, ...]) -> int | None:
        if self._status is None:
            return None
        raw = row[self._status]
        if raw is None:
            return self._previous.status if self._previous else None
        if not isinstance(raw, int):
            raise FrameError(f"a status of {raw!r}")
        return raw

    def _values(self, row: tuple[Value, ...]) -> dict[str, int]:
        values: dict[str, int] = {}
        for position, name, scaler in self._quantities:
            raw = row[position]
            if raw is None:
                if self._previous is not None and name in self._previous.values:
                    values[name] = self._previous.values[name]
            elif isinstance(raw, int):
                values[name] = raw if scaler is None else scaler.apply(raw)
            elif scaler is not None:
                raise FrameError(f"{name} captured as {raw!r}")
        return values
