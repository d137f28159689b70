"""Where marks stand: to scale, from zero, with as many labels as there is room for."""

from decimal import Decimal

from reports.charts.columns import FOOT, HEIGHT, LEFT, TOP, WIDTH, Columns, Slot, columns
from reports.charts.heat_map import heat_map

BOTTOM = HEIGHT - FOOT


def chart(
    *slots: tuple[str, list[int]], names: tuple[str, ...] = ("used",), **how: bool
) -> Columns:
    made = columns("Used", names, [Slot(*slot) for slot in slots], str, **how)
    assert made is not None
    return made


class TestColumns:
    def test_are_as_high_as_their_values(self):
        half, whole = chart(("A", [50]), ("B", [100])).marks

        assert (whole.y, whole.height) == (TOP, BOTTOM - TOP)
        assert (half.y + half.height, half.height) == (BOTTOM, (BOTTOM - TOP) // 2)
        assert (half.words, whole.words) == ("A, used: 50", "B, used: 100")

    def test_stand_on_each_other(self):
        lower, upper = chart(("A", [30, 70]), names=("measured", "estimated")).marks

        assert lower.y == upper.y + upper.height
        assert (lower.look, upper.look) == (1, 2)
        assert lower.x == upper.x

    def test_stand_side_by_side(self):
        first, second = chart(("A", [30, 70]), names=("in", "out"), is_stacked=False).marks

        assert first.x + first.width <= second.x
        assert first.y + first.height == second.y + second.height == BOTTOM

    def test_hang_below_zero(self):
        above, below = chart(("A", [100]), ("B", [-100])).marks

        assert above.y + above.height == below.y
        (base,) = [line for line in chart(("A", [100]), ("B", [-100])).lines if line.is_base]
        assert base.y == below.y

    def test_have_a_scale_of_round_numbers(self):
        assert [line.text for line in chart(("A", [930])).lines] == [
            "0", "500", "1\u00a0000",
        ]  # fmt: skip
        small = columns("Used", ["used"], [Slot("A", [Decimal("0.19")])], str)
        assert small is not None
        assert [line.text for line in small.lines] == ["0", "0.05", "0.1", "0.15", "0.2"]

    def test_stay_within_the_canvas(self):
        made = chart(*((f"Day {number}", [number - 3]) for number in range(400)))

        for mark in made.marks:
            assert LEFT <= mark.x <= mark.x + mark.width <= WIDTH
            assert TOP <= mark.y <= mark.y + mark.height <= BOTTOM
        assert 5 < len(made.labels) < 25

    def test_label_every_slot_if_there_is_room(self):
        made = chart(("EFT", [1]), ("Card", [2]))

        assert [label.text for label in made.labels] == ["EFT", "Card"]

    def test_are_not_drawn_of_nothing(self):
        assert columns("Used", ["used"], [], str) is None
        assert columns("Used", ["used"], [Slot("A", [0])], str) is None


class TestHeatMap:
    def test_is_fuller_where_more_is_lost(self):
        made = heat_map("Loss", {(1, 0): Decimal(5), (1, 1): Decimal(10), (7, 23): Decimal(-10)})

        assert made is not None
        little, much, gained = made.cells
        assert little.opacity < much.opacity == gained.opacity
        assert (much.look, gained.look) == ("more", "less")
        assert (gained.words, gained.text) == ("Sun 23:00: -10 %", "-10")
        assert gained.x + made.cell_width <= made.width
        assert gained.y + made.cell_height <= made.height

    def test_is_not_drawn_of_nothing(self):
        assert heat_map("Loss", {}) is None
