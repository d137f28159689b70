"""What is told of changes of price; plain numbers."""

from decimal import Decimal
from uuid import UUID

import pytest

from rates import simulation
from rates.engine import Bill
from rates.simulation import Effect


def costs(total: str) -> Bill:
    amount = Decimal(total)
    return Bill(lines=(), subtotal=amount, markup=Decimal(0), vat=Decimal(0), total=amount)


def effect(number: int, before: str, after: str) -> Effect:
    return Effect(
        unit_id=UUID(int=number), unit_number=f"A{number:03d}", consumption=1000 * number,
        before=costs(before), after=costs(after),
    )  # fmt: skip


def bins(*changes: str) -> list[tuple[str, str, int]]:
    found = simulation.histogram([Decimal(change) for change in changes])
    return [(f"{one.low:f}", f"{one.high:f}", one.units) for one in found]


class TestHistogram:
    def test_of_nothing_is_empty(self):
        assert bins() == []

    def test_gives_no_change_a_bin_of_its_own(self):
        assert bins("0", "0") == [("0.00", "0.00", 2)]

    def test_counts_an_amount_on_an_edge_towards_zero(self):
        # Steps of R1: the edge further from zero belongs to the bin.
        assert bins("-2", "-1.5", "0", "1", "1.01", "3", "8")[:5] == [
            ("-2.00", "-1.00", 2),
            ("-1.00", "0.00", 0),
            ("0.00", "0.00", 1),
            ("0.00", "1.00", 1),
            ("1.00", "2.00", 1),
        ]

    @pytest.mark.parametrize(
        "changes",
        [
            ("0.01",), ("-0.01", "0.01"), ("1234.56", "-0.10"), ("-99999.99", "99999.99", "0"),
            ("0.10", "0.20", "0.30"), ("5", "10", "20", "50"),
        ],
    )  # fmt: skip
    def test_loses_no_unit_and_stays_small(self, changes):
        found = simulation.histogram([Decimal(change) for change in changes])

        assert sum(one.units for one in found) == len(changes)
        assert len(found) <= simulation.BINS + 1
        for change in map(Decimal, changes):
            assert any(
                one.low < change <= one.high if change > 0 else one.low <= change < one.high
                for one in found if change
            ) or change == 0  # fmt: skip


class TestOutcome:
    def test_tells_winners_from_losers_and_adds_up(self):
        found = simulation.outcome(
            [effect(1, "100", "90"), effect(2, "100", "150"), effect(3, "50", "50")]
        )

        assert (found.winners, found.losers, found.unchanged, found.units) == (1, 1, 1, 3)
        assert (found.revenue_before, found.revenue_after) == (Decimal(250), Decimal(290))
        assert (found.change, found.change_percent) == (Decimal(40), Decimal("16.00"))
        assert [one.unit_number for one in found.most_affected] == ["A002", "A001"]

    def test_names_the_ten_most_affected_either_way(self):
        effects = [effect(n, "100", str(100 + n * (-1) ** n)) for n in range(1, 15)]

        found = simulation.outcome(effects)

        assert [abs(one.change) for one in found.most_affected] == list(range(14, 4, -1))

    def test_has_no_percentage_of_nothing(self):
        assert simulation.outcome([effect(1, "0", "5")]).change_percent is None
