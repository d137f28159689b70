from datetime import date

import pytest

from units.stays import without


def day(number: int) -> date:
    return date(2026, 7, number)


class TestWithout:
    @pytest.mark.parametrize(
        ("span", "taken", "left"),
        [
            pytest.param((1, 10), (3, 5), [(1, 3), (5, 10)], id="in the middle"),
            pytest.param((1, 10), (1, 5), [(5, 10)], id="the beginning"),
            pytest.param((1, 10), (5, 10), [(1, 5)], id="the end"),
            pytest.param((1, 10), (1, 10), [], id="all"),
            pytest.param((1, 10), (10, 12), [(1, 10)], id="right after"),
            pytest.param((5, 10), (1, 5), [(5, 10)], id="right before"),
            pytest.param((5, None), (7, None), [(5, 7)], id="from then on"),
            pytest.param((5, None), (7, 9), [(5, 7), (9, None)], id="with an open end"),
            pytest.param((5, 9), (1, None), [], id="by who still lives there"),
        ],
    )
    def test_leaves_the_other_days(self, span: tuple, taken: tuple, left: list[tuple]):
        def dates(pair: tuple) -> tuple:
            return tuple(number and day(number) for number in pair)

        assert without(dates(span), dates(taken)) == [dates(pair) for pair in left]
