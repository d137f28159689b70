from decimal import Decimal

import pytest

from wallets.low_balance import Level, Rule, State, Terms, is_rising, level


def terms(rule: Rule, **changes: object) -> Terms:
    given: dict[str, object] = {
        "limit": Decimal(50),
        "days": 3,
        "repeat_hours": 24,
        "critical_percent": Decimal(20),
    }
    return Terms(rule=rule, **given | changes)  # type: ignore[arg-type]


def state(balance: str, days: str | None = None, **changes: bool) -> State:
    left = None if days is None else Decimal(days)
    known = {"has_forecast": days is not None} | changes
    return State(balance=Decimal(balance), days_left=left, **known)


class TestFixed:
    @pytest.mark.parametrize(
        ("balance", "expected"),
        [
            ("50.00", None),
            ("49.99", Level.LOW),
            ("10.00", Level.LOW),
            ("9.99", Level.CRITICAL),
            ("-3.00", Level.CRITICAL),
        ],
    )
    def test_asks_for_the_amount_alone(self, balance, expected):
        assert level(terms(Rule.FIXED), state(balance, "0.1")) == expected

    def test_without_a_limit_tells_of_an_empty_wallet(self):
        none = terms(Rule.FIXED, limit=Decimal(0))

        assert level(none, state("0.01")) is None
        assert level(none, state("0.00")) == Level.CRITICAL


class TestDaysRemaining:
    @pytest.mark.parametrize(
        ("days", "expected"),
        [("3.0", None), ("2.9", Level.LOW), ("0.6", Level.LOW), ("0.5", Level.CRITICAL)],
    )
    def test_asks_for_the_days_alone(self, days, expected):
        assert level(terms(Rule.DAYS_REMAINING), state("900.00", days)) == expected

    def test_is_calm_about_little_money_that_lasts(self):
        assert level(terms(Rule.DAYS_REMAINING), state("5.00", "9.0")) is None

    def test_is_calm_if_it_lasts_longer_than_the_forecast(self):
        assert level(terms(Rule.DAYS_REMAINING), state("5.00", has_forecast=True)) is None

    def test_asks_for_the_amount_without_a_forecast(self):
        assert level(terms(Rule.DAYS_REMAINING), state("49.00")) == Level.LOW

    def test_tells_of_an_empty_wallet_whatever_the_forecast(self):
        assert level(terms(Rule.DAYS_REMAINING), state("0.00", "9.0")) == Level.CRITICAL


class TestSmart:
    @pytest.mark.parametrize(
        ("balance", "days", "rising", "expected"),
        [
            pytest.param("49.00", "2.0", False, Level.LOW, id="both"),
            pytest.param("49.00", "9.0", False, None, id="little money that lasts"),
            pytest.param("90.00", "2.0", False, None, id="few days of much money"),
            pytest.param("49.00", "9.0", True, Level.LOW, id="little money, rising use"),
            pytest.param("90.00", "2.0", True, Level.LOW, id="few days, rising use"),
            pytest.param("90.00", "9.0", True, None, id="neither, rising use"),
            pytest.param("9.00", "0.5", False, Level.CRITICAL, id="both critical"),
            pytest.param("9.00", "2.0", False, Level.LOW, id="one critical"),
            pytest.param("9.00", "2.0", True, Level.CRITICAL, id="one critical, rising use"),
        ],
    )
    def test_weighs_both(self, balance, days, rising, expected):
        assert level(terms(Rule.SMART), state(balance, days, is_rising=rising)) == expected

    def test_asks_for_the_amount_without_a_forecast(self):
        assert level(terms(Rule.SMART), state("49.00")) == Level.LOW


class TestIsRising:
    def weeks(self, *used: int) -> list[int | None]:
        return [each for week in used for each in [week // 7] * 7]

    @pytest.mark.parametrize(
        ("weeks", "expected"),
        [
            pytest.param((700, 700, 700, 700, 770), False, id="exactly ten percent"),
            pytest.param((700, 700, 700, 700, 777), True, id="more than ten percent"),
            pytest.param((700, 700, 700, 7000, 777), True, id="one week away does not matter"),
            pytest.param((0, 0, 0, 0, 7), True, id="from nothing"),
            pytest.param((0, 0, 0, 0, 0), False, id="nothing"),
            pytest.param((700, 700, 700, 700, 350), False, id="falling"),
        ],
    )
    def test_compares_with_a_usual_week(self, weeks, expected):
        assert is_rising(self.weeks(*weeks)) is expected

    def test_says_nothing_with_a_hole_in_the_last_week(self):
        days = self.weeks(700, 700, 700, 700, 1400)
        days[30] = None

        assert not is_rising(days)

    def test_needs_two_whole_weeks_before(self):
        days = self.weeks(700, 700, 700, 700, 1400)
        days[0] = days[7] = None
        assert is_rising(days)

        days[14] = None
        assert not is_rising(days)

    def test_refuses_anything_but_five_weeks(self):
        with pytest.raises(ValueError, match="Five whole weeks"):
            is_rising([1] * 34)
