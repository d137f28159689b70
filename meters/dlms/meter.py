"""What can be asked of one meter, in the words of the trade."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from meters.dlms import axdr, instants, obis, profile
from meters.dlms.axdr import Value
from meters.dlms.errors import (
    AccessDenied,
    FrameError,
    ObjectUndefined,
    ServiceRefused,
)
from meters.dlms.instants import Instant
from meters.dlms.obis import ClassId
from meters.dlms.profile import ProfileLayout
from meters.dlms.selection import CaptureObject, EntrySelection, RangeSelection, Selection
from meters.dlms.services import Attribute
from meters.dlms.session import Session
from meters.dlms.values import (
    ProfileRow,
    RegisterValue,
    RelayState,
    ScalerUnit,
    Snapshot,
)

CLOCK_TIME = Attribute(ClassId.CLOCK, obis.CLOCK, 2)
DEVICE_ID = Attribute(ClassId.DATA, obis.DEVICE_ID, 2)
RELAY_ATTRIBUTES = tuple(
    Attribute(ClassId.DISCONNECT_CONTROL, obis.DISCONNECT_CONTROL, number) for number in (2, 3, 4)
)
# A range descriptor takes the room of this many attributes in a request.
PLAIN_PER_SELECTED = 6
REMOTE_DISCONNECT = Attribute(ClassId.DISCONNECT_CONTROL, obis.DISCONNECT_CONTROL, 1)
REMOTE_RECONNECT = Attribute(ClassId.DISCONNECT_CONTROL, obis.DISCONNECT_CONTROL, 2)


class Meter:
    """
    One meter, over an open association.

    Every method may raise the errors of :mod:`meters.dlms.errors`: ``ObjectUndefined`` and
    ``AccessDenied`` for what the meter answered, ``ServiceRefused`` if it did not want to hear
    the question, ``FrameError``, ``ReplyTimeout`` and ``ConnectionLost`` for the way there.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._offset = session.utc_offset

    async def clock(self) -> datetime:
        """The meter's own clock (UTC)."""
        return self._instant(await self._value(CLOCK_TIME)).at

    async def set_clock(self, at: datetime) -> None:
        """Set the meter's clock to an aware datetime, to the hundredth of a second."""
        octets = instants.encode(at, offset=self._offset)
        await self._session.set(CLOCK_TIME, axdr.octets(octets))

    async def frame_counter(self) -> int:
        """The highest invocation counter that the meter heard; the public client may ask."""
        value = await self._value(Attribute(ClassId.DATA, obis.FRAME_COUNTER, 2))
        if not isinstance(value, int):
            raise FrameError(f"a frame counter of {value!r}")
        return value

    async def serial(self) -> str:
        """The device id, or the logical device name of a meter that has none."""
        try:
            return await self._text(obis.DEVICE_ID)
        except ObjectUndefined:
            return await self.logical_device_name()

    async def logical_device_name(self) -> str:
        return await self._text(obis.LOGICAL_DEVICE_NAME)

    async def register(self, name: str) -> RegisterValue:
        """A register with its scaler applied: whole Wh, litres, ..."""
        value, scaler_unit = await self._values(_register(name))
        return RegisterValue.of(value, self._learn_scaler(name, scaler_unit))

    async def relay(self) -> RelayState:
        """The disconnect control as it stands; the only proof that a command worked."""
        return RelayState.of(*await self._values(RELAY_ATTRIBUTES))

    async def disconnect(self) -> None:
        """Ask the meter to cut the supply. The outcome is in :meth:`relay`."""
        await self._session.act(REMOTE_DISCONNECT, axdr.int8(0))

    async def reconnect(self) -> None:
        """
        Ask the meter to restore the supply. The outcome is in :meth:`relay`.

        In control modes 1, 3, 5 and 6 it is only made ready for the button on the meter.
        """
        await self._session.act(REMOTE_RECONNECT, axdr.int8(0))

    async def snapshot(
        self, *, registers: Sequence[str] = (), relay: bool = True, serial: bool = False
    ) -> Snapshot:
        """Clock, registers, relay, serial together: one request to a meter that does lists."""
        asked = [CLOCK_TIME, *(RELAY_ATTRIBUTES if relay else ()), *((DEVICE_ID,) * serial)]
        for name in registers:
            asked += _register(name)
        answers = dict(zip(asked, await self.get_many(asked), strict=True))
        return Snapshot(
            clock=self._clock(_present(answers[CLOCK_TIME])),
            registers=self._registers(registers, answers),
            relay=_relay(answers) if relay else None,
            serial=_serial(answers.get(DEVICE_ID, "")),
        )

    async def profile(self, name: str, *, start: datetime, end: datetime) -> list[ProfileRow]:
        """The rows of a load profile from ``start`` to ``end``, both included, oldest first."""
        bounds = RangeSelection(
            instants.encode(start, offset=self._offset),
            instants.encode(end, offset=self._offset),
        )
        return await self._rows(name, bounds)

    async def profile_entries(self, name: str, *, first: int, last: int = 0) -> list[ProfileRow]:
        """Rows by number: 1 is the oldest, a ``last`` of 0 the newest."""
        return await self._rows(name, EntrySelection(first, last))

    async def logical_devices(self) -> dict[int, str]:
        """The SAP assignment list of a concentrator: logical device names by number."""
        listed = await self._value(Attribute(ClassId.SAP_ASSIGNMENT, obis.SAP_ASSIGNMENT, 2))
        match listed:
            case [*entries]:
                return dict(_sap(entry) for entry in entries)
            case _:
                raise FrameError("not a SAP assignment list")

    async def get_many(self, attributes: Sequence[Attribute]) -> list[Value | AccessDenied]:
        """
        Many attributes in as few requests as the meter allows.

        What the meter denies is returned, not raised, in the place of its attribute.
        """
        answers: list[Value | AccessDenied] = []
        while len(answers) < len(attributes):
            left = attributes[len(answers) :]
            size = self._session.largest_list
            if size < 2 or len(left) < 2:  # noqa: PLR2004 - a list of one is no list
                answers.append(await self._answer(left[0]))
                continue
            try:
                answers += await self._session.get_list([(one, None) for one in left[:size]])
            except ServiceRefused:
                self._session.knowledge.without_lists.add(self._session.route)
        return answers

    async def get_selected(
        self, items: Sequence[tuple[Attribute, Selection]]
    ) -> list[Value | AccessDenied]:
        """Parts of attributes, in one request if the meter does lists of that length."""
        if len(items) > 1 and len(items) * PLAIN_PER_SELECTED <= self._session.largest_list:
            try:
                return await self._session.get_list(items)
            except ServiceRefused:
                self._session.knowledge.without_lists.add(self._session.route)
        return [await self._answer(attribute, selection) for attribute, selection in items]

    @property
    def utc_offset(self) -> timedelta:
        """The civil time that the meter keeps, as far as it told."""
        return self._offset

    async def _answer(
        self, attribute: Attribute, selection: Selection | None = None
    ) -> Value | AccessDenied:
        try:
            return await self._value(attribute, selection)
        except AccessDenied as denied:
            return denied

    async def _value(self, attribute: Attribute, selection: Selection | None = None) -> Value:
        return axdr.decode(await self._session.get(attribute, selection))

    async def _values(self, attributes: Sequence[Attribute]) -> list[Value]:
        return [_present(answer) for answer in await self.get_many(attributes)]

    async def _text(self, name: str) -> str:
        value = await self._value(Attribute(ClassId.DATA, name, 2))
        if not isinstance(value, bytes | str):
            raise FrameError(f"{name} holds {value!r}")
        return _words(value)

    def _instant(self, value: Value) -> Instant:
        if not isinstance(value, bytes):
            raise FrameError(f"a clock that says {value!r}")
        instant = instants.decode(value, offset=self._offset)
        # Some meters compare times by their local digits: speak to them in their own offset.
        self._offset = instant.offset
        return instant

    def _clock(self, value: Value) -> datetime | None:
        if isinstance(value, bytes) and not instants.is_specified(value):
            return None
        return self._instant(value).at

    def _learn_scaler(self, name: str, value: Value) -> ScalerUnit:
        scaler_unit = ScalerUnit.of(value)
        self._session.knowledge.scalers[self._session.route, name] = scaler_unit
        return scaler_unit

    def _registers(
        self, names: Sequence[str], answers: dict[Attribute, Value | AccessDenied]
    ) -> dict[str, RegisterValue]:
        registers: dict[str, RegisterValue] = {}
        for name in names:
            value, scaler_unit = (answers[attribute] for attribute in _register(name))
            if isinstance(value, ObjectUndefined):
                continue
            learned = self._learn_scaler(name, _present(scaler_unit))
            registers[name] = RegisterValue.of(_present(value), learned)
        return registers

    async def _rows(self, name: str, selection: Selection) -> list[ProfileRow]:
        layout = await self._layout(name)
        buffer = await self._session.get(Attribute(ClassId.PROFILE_GENERIC, name, 2), selection)
        try:
            return profile.decode_rows(buffer, layout, offset=self._offset)
        except FrameError:
            # The profile may have been rearranged since its layout was read.
            self._session.knowledge.layouts.pop((self._session.route, name), None)
            raise

    async def _layout(self, name: str) -> ProfileLayout:
        knowledge, key = self._session.knowledge, (self._session.route, name)
        if key not in knowledge.layouts:
            objects, period = await self._values(
                [Attribute(ClassId.PROFILE_GENERIC, name, number) for number in (3, 4)]
            )
            columns = profile.columns_of(objects)
            knowledge.layouts[key] = ProfileLayout(columns, profile.period_of(period))
        layout = knowledge.layouts[key]
        return replace(layout, scalers=await self._scalers(profile.registers_of(layout.columns)))

    async def _scalers(self, columns: Sequence[CaptureObject]) -> dict[str, ScalerUnit]:
        known, route = self._session.knowledge.scalers, self._session.route
        unknown = [column for column in columns if (route, column.name) not in known]
        answers = await self._values([Attribute(*column[:2], 3) for column in unknown])
        for column, answer in zip(unknown, answers, strict=True):
            self._learn_scaler(column.name, answer)
        return {column.name: known[route, column.name] for column in columns}


def _register(name: str) -> tuple[Attribute, Attribute]:
    return Attribute(ClassId.REGISTER, name, 2), Attribute(ClassId.REGISTER, name, 3)


def _present(answer: Value | AccessDenied) -> Value:
    if isinstance(answer, AccessDenied):
        raise answer
    return answer


def _relay(answers: dict[Attribute, Value | AccessDenied]) -> RelayState | None:
    output, state, mode = (answers[attribute] for attribute in RELAY_ATTRIBUTES)
    if isinstance(output, ObjectUndefined):
        return None
    return RelayState.of(_present(output), _present(state), _present(mode))


def _serial(answer: Value | AccessDenied) -> str:
    """A device id that is no text is none."""
    return _words(answer) if isinstance(answer, bytes | str) else ""


def _words(value: bytes | str) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return text.rstrip("\0 ")


def _sap(entry: Value) -> tuple[int, str]:
    match entry:
        case (int(number), bytes(name)):
            return number, name.decode("ascii", "replace")
        case _:
            raise FrameError("not an entry of a SAP assignment list")
