"""The COSEM objects of an E460-like meter, and of the concentrator in front of it."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from meters.dlms import axdr, instants, obis
from meters.dlms.axdr import Value
from meters.dlms.errors import AccessDenied, DataAccessResult, access_failure
from meters.dlms.obis import ClassId
from meters.dlms.selection import Selection
from meters.dlms.services import Attribute
from meters.dlms.simulator.access import Access
from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.simulator.cosem import CosemObject
from meters.dlms.simulator.event_log import logs_of
from meters.dlms.simulator.load_profile import LoadProfile, counter
from meters.dlms.simulator.protocol import SimulatedMeter
from meters.dlms.values import ControlState, Unit

MANUFACTURER = "LGZ"
MODES_THAT_REFUSE = frozenset({0})
LITRES, WATT_HOURS = (-3, Unit.CUBIC_METRE), (0, Unit.WATT_HOUR)


class Clock(CosemObject):
    """Class 8: the meter's time, in its own civil time."""

    def __init__(self, meter: SimulatedMeter, offset: timedelta) -> None:
        super().__init__(
            ClassId.CLOCK,
            obis.CLOCK,
            {
                2: lambda: axdr.octets(instants.encode(meter.now(), offset=offset)),
                3: lambda: axdr.int16(-int(offset.total_seconds() // 60)),
                4: lambda: axdr.uint8(0),
            },
        )
        self._meter = meter
        self._offset = offset

    def write(self, number: int, value: Value) -> None:
        if number != 2:  # noqa: PLR2004 - attribute 2, time
            raise AccessDenied(DataAccessResult.READ_WRITE_DENIED)
        if not isinstance(value, bytes):
            raise AccessDenied(DataAccessResult.TYPE_UNMATCHED)
        self._meter.set_clock(instants.decode(value, offset=self._offset).at)


class DisconnectControl(CosemObject):
    """Class 70: the relay."""

    def __init__(self, meter: SimulatedMeter) -> None:
        super().__init__(
            ClassId.DISCONNECT_CONTROL,
            obis.DISCONNECT_CONTROL,
            {
                2: lambda: axdr.boolean(meter.connected),
                3: lambda: axdr.enumerated(_control_state(meter)),
                4: lambda: axdr.enumerated(meter.control_mode),
            },
        )
        self._meter = meter

    def act(self, number: int, value: Value) -> None:
        methods = {1: self._meter.disconnect, 2: self._meter.reconnect}
        if number not in methods or self._meter.control_mode in MODES_THAT_REFUSE:
            raise AccessDenied(DataAccessResult.READ_WRITE_DENIED)
        if value != 0:
            raise AccessDenied(DataAccessResult.TYPE_UNMATCHED)
        methods[number]()


class LogicalDevice:
    """Objects by logical name, and who may see them."""

    def __init__(self, objects: Iterable[CosemObject], access: Access | None = None) -> None:
        self._objects = {item.name: item for item in objects}
        self.access = access

    def find(self, reference: Attribute) -> CosemObject:
        """:raises AccessDenied: if there is no such object, or it is of another class."""
        found = self._objects.get(reference.name)
        if found is None:
            raise access_failure(DataAccessResult.OBJECT_UNDEFINED, str(reference))
        if found.class_id != reference.class_id:
            raise AccessDenied(DataAccessResult.OBJECT_CLASS_INCONSISTENT, str(reference))
        return found


def meter_device(meter: SimulatedMeter, behaviour: Behaviour) -> LogicalDevice:
    """The objects of one meter, after its medium and its relay."""
    objects = [*_identity(f"{MANUFACTURER}{meter.serial}"), _data(obis.DEVICE_ID, meter.serial)]
    objects += [Clock(meter, behaviour.utc_offset), *_registers(meter)]
    rows = LoadProfile(meter, behaviour)
    objects += [_ProfileObject(rows), *logs_of(meter, behaviour.utc_offset)]
    objects.append(
        CosemObject(ClassId.DATA, obis.AMR_STATUS, {2: lambda: axdr.uint8(rows.newest_status())})
    )
    if meter.has_relay:
        objects.append(DisconnectControl(meter))
    return LogicalDevice(objects, meter.access)


def public_device(meter: SimulatedMeter, behaviour: Behaviour) -> LogicalDevice:
    """What everybody may read of a meter: who it is, and the last counter that it heard."""
    access = meter.access
    counter = CosemObject(
        ClassId.DATA,
        obis.FRAME_COUNTER,
        {2: lambda: axdr.uint32(max(access.heard.value, 0) if access else 0)},
    )
    name = _identity(f"{MANUFACTURER}{meter.serial}")
    return LogicalDevice([*name, Clock(meter, behaviour.utc_offset), counter])


def management_device(meters: Callable[[], Iterable[SimulatedMeter]]) -> LogicalDevice:
    """Logical device 1: who is behind this concentrator."""

    def listed() -> bytes:
        entries = [(1, f"{MANUFACTURER}DC450")]
        entries += [(item.logical_device, f"{MANUFACTURER}{item.serial}") for item in meters()]
        return axdr.array(
            axdr.structure(axdr.uint16(number), axdr.octets(name.encode()))
            for number, name in entries
        )

    sap = CosemObject(ClassId.SAP_ASSIGNMENT, obis.SAP_ASSIGNMENT, {2: listed})
    return LogicalDevice([*_identity(f"{MANUFACTURER}DC450"), sap])


class _ProfileObject(CosemObject):
    def __init__(self, rows: LoadProfile) -> None:
        super().__init__(ClassId.PROFILE_GENERIC, rows.name, rows.attributes())
        self._rows = rows

    def read(self, number: int, selection: Selection | None) -> bytes:
        if number == 2:  # noqa: PLR2004 - attribute 2, buffer
            return self._rows.buffer(selection)
        return super().read(number, selection)


def _identity(name: str) -> list[CosemObject]:
    return [_data(obis.LOGICAL_DEVICE_NAME, name)]


def _data(name: str, text: str) -> CosemObject:
    return CosemObject(ClassId.DATA, name, {2: lambda: axdr.octets(text.encode())})


def _registers(meter: SimulatedMeter) -> list[CosemObject]:
    if meter.medium == "water":
        return [_register(obis.VOLUME, meter.import_register, meter.now, LITRES)]
    return [
        _register(obis.ENERGY_IMPORT, meter.import_register, meter.now, WATT_HOURS),
        _register(obis.ENERGY_EXPORT, meter.export_register, meter.now, WATT_HOURS),
    ]


def _register(
    name: str,
    value: Callable[[datetime], int],
    now: Callable[[], datetime],
    scaler_unit: tuple[int, Unit],
) -> CosemObject:
    scaler, unit = scaler_unit
    encoded = axdr.structure(axdr.int8(scaler), axdr.enumerated(unit))
    return CosemObject(
        ClassId.REGISTER, name, {2: lambda: counter(value(now())), 3: lambda: encoded}
    )


def _control_state(meter: SimulatedMeter) -> ControlState:
    if meter.connected:
        return ControlState.CONNECTED
    if meter.ready_for_reconnection:
        return ControlState.READY_FOR_RECONNECTION
    return ControlState.DISCONNECTED
