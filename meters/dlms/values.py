"""What a meter tells, in the units of this system: whole watt-hours and whole litres."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from meters.dlms.axdr import Value
from meters.dlms.errors import FrameError

LARGEST_EXPONENT = 12


class Unit(IntEnum):
    """COSEM units (IEC 62056-6-2, Table 4) that this system meets."""

    CUBIC_METRE = 13
    CUBIC_METRE_CORRECTED = 14
    LITRE = 19
    WATT = 27
    WATT_HOUR = 30
    VOLT_AMPERE_HOUR = 31
    VAR_HOUR = 32
    AMPERE = 33
    VOLT = 35
    OTHER = 254
    COUNT = 255

    @classmethod
    def of(cls, code: int) -> "Unit":
        """The unit with this code; one that is not named here is ``OTHER``."""
        return cls(code) if code in cls else cls.OTHER


# The unit a quantity is kept in, and the power of ten that leads to it.
_BASE_UNITS = {
    Unit.CUBIC_METRE: (Unit.LITRE, 3),
    Unit.CUBIC_METRE_CORRECTED: (Unit.LITRE, 3),
}


@dataclass(frozen=True, slots=True)
class ScalerUnit:
    """Attribute 3 of a register: its values count ``10 ** scaler`` of ``unit``."""

    scaler: int
    unit: Unit

    @classmethod
    def of(cls, value: Value) -> "ScalerUnit":
        """:raises FrameError: if it is no scaler_unit."""
        match value:
            case (int(scaler), int(unit)) if abs(scaler) <= LARGEST_EXPONENT:
                return cls(scaler, Unit.of(unit))
            case _:
                raise FrameError(f"not a scaler and unit: {value!r}")

    @property
    def base_unit(self) -> Unit:
        """The unit of ``apply``: cubic metres become litres, the rest stays."""
        return _BASE_UNITS.get(self.unit, (self.unit, 0))[0]

    def apply(self, raw: int) -> int:
        """Whole base units; what is finer is left to the next reading of the register."""
        exponent = self.scaler + _BASE_UNITS.get(self.unit, (self.unit, 0))[1]
        power = int(10 ** abs(exponent))
        return raw * power if exponent >= 0 else raw // power


@dataclass(frozen=True, slots=True)
class RegisterValue:
    """A register: ``value`` in whole ``unit`` (Wh, litres, ...), and ``raw`` as the meter said."""

    value: int
    unit: Unit
    raw: int
    scaler: int

    @classmethod
    def of(cls, raw: Value, scaler_unit: ScalerUnit) -> "RegisterValue":
        """:raises FrameError: if the register holds no whole number."""
        if not isinstance(raw, int) or isinstance(raw, bool):
            raise FrameError(f"a register that holds {raw!r}")
        return cls(scaler_unit.apply(raw), scaler_unit.base_unit, raw, scaler_unit.scaler)


class ControlState(IntEnum):
    """Attribute 3 of a disconnect control (class 70)."""

    DISCONNECTED = 0
    CONNECTED = 1
    READY_FOR_RECONNECTION = 2


@dataclass(frozen=True, slots=True)
class RelayState:
    """
    Attributes 2, 3 and 4 of the disconnect control.

    ``output`` says whether the supply is physically on. In control modes 1, 3, 5 and 6 a remote
    reconnection ends in ``READY_FOR_RECONNECTION`` until somebody presses the button.
    """

    output: bool
    control_state: ControlState
    control_mode: int

    @classmethod
    def of(cls, output: Value, control_state: Value, control_mode: Value) -> "RelayState":
        """:raises FrameError: if the three are not a boolean, a known state and a mode."""
        if not isinstance(output, bool) or not isinstance(control_mode, int):
            raise FrameError("not a disconnect control")
        try:
            return cls(output, ControlState(control_state), control_mode)  # type: ignore[arg-type]
        except ValueError:
            raise FrameError(f"control state {control_state!r}") from None


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """
    One row of a load profile: the registers at the end of an interval.

    ``status`` is the AMR status octet, or None if the profile does not capture it; ``values``
    are whole base units by OBIS code. A value the meter never gave is absent.
    """

    taken_at: datetime
    status: int | None
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    The state of a meter in one answer.

    ``clock`` is None if the meter lost its time. Registers it does not have are absent;
    ``relay`` is None if it has none, or if it was not asked for. ``serial`` is its device id, ""
    if it has none that everybody may read, or if it was not asked for.
    """

    clock: datetime | None
    registers: Mapping[str, RegisterValue]
    relay: RelayState | None
    serial: str = ""
