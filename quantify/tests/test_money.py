from datetime import date
from decimal import Decimal

import pytest

from quantify import money


class TestToCents:
    @pytest.mark.parametrize(
        ("amount", "cents"),
        [
            pytest.param("0.045", "0.05", id="half a cent counts, where bankers drop it"),
            pytest.param("0.0449", "0.04", id="less than half is dropped"),
            pytest.param("733.845", "733.85", id="a line of the published example"),
            pytest.param("-0.045", "-0.05", id="away from zero, so that a reversal cancels"),
            pytest.param("12", "12.00", id="whole rand"),
        ],
    )
    def test_rounds_half_up(self, amount, cents):
        assert str(money.to_cents(Decimal(amount))) == cents

    def test_knows_no_minus_zero(self):
        assert str(money.to_cents(Decimal("-0.001"))) == "0.00"


class TestVatOn:
    def test_is_taken_on_the_sum_of_the_rounded_lines(self):
        lines = [Decimal(line) for line in ("733.845", "57.72", "70.00", "130.00")]

        rounded = sum(money.to_cents(line) for line in lines)

        assert money.vat_on(rounded) == Decimal("148.74")
        assert money.vat_on(sum(lines)) == Decimal("148.73")

    def test_of_three_small_lines_is_a_cent_together_and_nothing_apart(self):
        assert money.vat_on(Decimal("0.03")) == Decimal("0.00")
        assert money.vat_on(Decimal("0.09")) == Decimal("0.01")

    def test_is_nothing_for_an_estate_without_vat(self):
        assert str(money.vat_on(Decimal("100.00"), Decimal(0))) == "0.00"


class TestVatWithin:
    def test_and_the_net_add_up_to_the_gross(self):
        gross = Decimal("847.10")

        vat = money.vat_within(gross)

        assert vat == Decimal("110.49")
        assert money.vat_on(gross - vat) == vat


class TestPercentage:
    def test_is_in_cents(self):
        assert money.percentage(Decimal("1916.75"), Decimal("7.5")) == Decimal("143.76")


class TestVatPercentOn:
    @pytest.mark.parametrize(
        ("day", "percent"),
        [(date(2018, 3, 31), 14), (date(2018, 4, 1), 15), (date(2026, 11, 1), 15)],
    )
    def test_is_the_rate_of_that_day(self, day, percent):
        assert money.vat_percent_on(day) == percent
