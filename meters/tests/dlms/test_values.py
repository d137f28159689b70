import pytest

from meters.dlms.errors import FrameError
from meters.dlms.values import ControlState, RegisterValue, RelayState, ScalerUnit, Unit


class TestScalerUnit:
    @pytest.mark.parametrize(
        ("scaler", "unit", "raw", "value"),
        [
            pytest.param(0, Unit.WATT_HOUR, 123_456, 123_456, id="Wh"),
            pytest.param(3, Unit.WATT_HOUR, 123, 123_000, id="kWh"),
            pytest.param(1, Unit.WATT_HOUR, 123, 1_230, id="tens of Wh"),
            pytest.param(-1, Unit.WATT_HOUR, 129, 12, id="tenths of Wh, the rest later"),
            pytest.param(-3, Unit.CUBIC_METRE, 206_227, 206_227, id="litres"),
            pytest.param(0, Unit.CUBIC_METRE, 206, 206_000, id="whole cubic metres"),
            pytest.param(-4, Unit.CUBIC_METRE, 19, 1, id="tenths of litres"),
        ],
    )
    def test_gives_whole_watt_hours_and_litres(self, scaler, unit, raw, value):
        assert ScalerUnit(scaler, unit).apply(raw) == value

    def test_takes_units_it_does_not_know_as_they_are(self):
        assert ScalerUnit.of((-2, 44)) == ScalerUnit(-2, Unit.OTHER)

    def test_names_the_unit_it_gives(self):
        assert ScalerUnit(-3, Unit.CUBIC_METRE).base_unit is Unit.LITRE
        assert ScalerUnit(3, Unit.WATT_HOUR).base_unit is Unit.WATT_HOUR

    @pytest.mark.parametrize("value", [None, 5, (0,), (0, None), (100, 30), (b"", 30), [0, 30, 1]])
    def test_refuses(self, value):
        with pytest.raises(FrameError):
            ScalerUnit.of(value)


class TestRegisterValue:
    @pytest.mark.parametrize("raw", [None, True, 1.5, b"5", "5", [5]])
    def test_refuses_what_is_no_whole_number(self, raw):
        with pytest.raises(FrameError):
            RegisterValue.of(raw, ScalerUnit(0, Unit.WATT_HOUR))


class TestRelayState:
    def test_names_the_state(self):
        relay = RelayState.of(False, 2, 3)

        assert relay == RelayState(False, ControlState.READY_FOR_RECONNECTION, 3)

    @pytest.mark.parametrize("values", [(1, 1, 4), (True, 3, 4), (True, None, 4), (True, 1, "4")])
    def test_refuses(self, values):
        with pytest.raises(FrameError):
            RelayState.of(*values)
