"""What is drawn of prices, and what changed between two versions; plain values."""

from datetime import date
from decimal import Decimal

import pytest

from quantify.quantities import Utility
from rates import catalogue, pictures, version_changes
from rates.calendar_files import published
from rates.calendars import SLOTS_PER_DAY
from rates.components import build, parse
from rates.pictures import Picture

JULY = date(2026, 7, 1)
BLOCKS = [{"kind": "block", "blocks": [
    {"upto": "350", "price": "2.0967"}, {"upto": None, "price": "2.7405"},
]}]  # fmt: skip


def draw(written: list[dict[str, object]], utility: Utility = Utility.ELECTRICITY) -> Picture:
    tariff = build(written, utility=utility)
    return pictures.draw(
        tariff.components, utility=utility, calendar=tariff.calendar, day=JULY
    )  # fmt: skip


class TestSteps:
    def test_stand_where_the_limits_are_and_as_high_as_the_price(self):
        (steps,) = draw(BLOCKS).steps
        first, second = steps.steps

        assert (first.limits, second.limits) == ("0 to 350", "above 350")
        assert (first.x, second.x) == (0, 384)
        assert second.height > first.height
        assert first.height * Decimal("2.7405") == pytest.approx(
            second.height * Decimal("2.0967"), rel=Decimal("0.02")
        )
        assert second.y + second.height == first.y + first.height == steps.base

    def test_of_free_units_have_no_height(self):
        (steps,) = draw([{"kind": "block", "blocks": [{"upto": None, "price": "0"}]}]).steps

        assert steps.steps[0].height == 0


class TestClocks:
    def test_show_every_quarter_hour_once_as_the_calendar_has_it(self):
        homeflex = next(one for one in catalogue.published() if one["name"] == "Homeflex 1")
        calendar = published()["eskom"]

        picture = draw(homeflex["components"])

        assert len(picture.clocks) == 6
        for clock in picture.clocks:
            told = [arc.hours.split("-") for arc in clock.arcs]
            assert told[0][0] == "00:00"
            assert told[-1][1] == "24:00"
            assert [end for _, end in told[:-1]] == [start for start, _ in told[1:]]
        weekday = next(c for c in picture.clocks if (c.season, c.day_type) == ("high", "weekday"))
        slots = calendar.on(JULY).band_slots(date(2026, 7, 1), None)
        assert len(slots) == SLOTS_PER_DAY
        for arc in weekday.arcs:
            hour, minute = map(int, arc.hours[:5].split(":"))
            assert pictures.words(slots[hour * 4 + minute // 15]) == arc.band

    def test_are_not_drawn_where_the_hour_does_not_matter(self):
        assert draw(BLOCKS).clocks == ()


@pytest.mark.parametrize("entry", catalogue.published(), ids=lambda one: one["name"])
def test_every_published_price_is_in_the_table(entry):
    utility = Utility(entry["utility"])

    picture = draw(entry["components"], utility)

    listed = {row.price for row in picture.rows}
    for component in parse(entry["components"]):
        for price in _prices(component):
            assert f"R{price}" in listed or f"{price:f} %" in listed


def _prices(component: object) -> list[Decimal]:
    if blocks := getattr(component, "blocks", None):
        return [one.price for one in blocks]
    if prices := getattr(component, "prices", None):
        return [price for _, price in prices]
    names = ("price", "percent", "amount")
    return [getattr(component, name) for name in names if hasattr(component, name)]


class TestChanges:
    def test_name_what_moved_what_is_new_and_what_is_gone(self):
        before = parse([*BLOCKS, {"kind": "fixed_per_day", "name": "Network", "price": "3.27"}])
        dearer = [{"kind": "block", "blocks": [
            {"upto": "350", "price": "2.2016"}, {"upto": None, "price": "2.7405"},
        ]}]  # fmt: skip
        after = parse([*dearer, {"kind": "surcharge", "percent": "2"}])

        changes = version_changes.between(before, after)

        assert [(one.what, one.before, one.after, one.percent) for one in changes] == [
            ("block up to 350", Decimal("2.0967"), Decimal("2.2016"), Decimal("5.00")),
            ("surcharge in percent", None, Decimal(2), None),
            ("Network", Decimal("3.27"), None, None),
        ]

    def test_of_the_same_prices_are_none(self):
        assert version_changes.between(parse(BLOCKS), parse(BLOCKS)) == []
