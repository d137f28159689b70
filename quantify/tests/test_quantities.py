from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantify.quantities import NotAQuantity, Utility, as_kilo, format_kilo, kilo


class TestUtility:
    def test_is_its_name(self):
        assert Utility("water") is Utility.WATER
        assert f"{Utility.SOLAR}" == "solar"

    @pytest.mark.parametrize(
        ("utility", "unit", "base_unit"),
        [("electricity", "kWh", "Wh"), ("solar", "kWh", "Wh"), ("water", "kl", "l")],
    )
    def test_has_units(self, utility, unit, base_unit):
        assert Utility(utility).unit == unit
        assert Utility(utility).base_unit == base_unit


class TestKilo:
    @pytest.mark.parametrize(
        ("written", "base"),
        [("12.4", 12400), ("0.001", 1), ("500.0010", 500001), ("-1.5", -1500), (Decimal(7), 7000)],
    )
    def test_reads_whole_base_units(self, written, base):
        assert kilo(written) == base

    @pytest.mark.parametrize("written", ["0.0005", "12.4001", Decimal("1E-4")])
    def test_refuses_a_fourth_decimal(self, written):
        with pytest.raises(NotAQuantity, match="more than 3 decimals"):
            kilo(written)

    @pytest.mark.parametrize("written", ["", "twelve", "NaN", "Infinity", 1.5, True])
    def test_refuses_what_is_no_decimal(self, written):
        with pytest.raises(NotAQuantity):
            kilo(written)

    @pytest.mark.parametrize("written", ["1E999999", "0." + "0" * 40 + "1"])
    def test_refuses_what_no_meter_shows(self, written):
        with pytest.raises(NotAQuantity):
            kilo(written)


class TestFormatKilo:
    @pytest.mark.parametrize(
        ("base", "written"),
        [
            (12400, "12.400"),
            (0, "0.000"),
            (1, "0.001"),
            (-1500, "-1.500"),
            (10**15, f"{10**12}.000"),
        ],
    )
    def test_shows_three_decimals(self, base, written):
        assert format_kilo(base) == written

    @given(st.integers(min_value=-(10**15), max_value=10**15))
    def test_is_read_back_to_the_same(self, base):
        assert kilo(format_kilo(base)) == base
        assert kilo(as_kilo(base)) == base
