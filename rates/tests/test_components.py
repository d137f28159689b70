import json
from decimal import Decimal
from pathlib import Path

import pytest

from quantify.quantities import Utility
from rates.charges import Block, BlockLimit, BlockMode, Energy
from rates.components import InvalidComponents, build, dump, parse, warnings

PUBLISHED = json.loads(
    (Path(__file__).parents[1] / "data" / "south_africa.json").read_text(encoding="utf-8")
)
TABLES = [
    pytest.param(table, id=f"{table['name']} {table['effective_from']}")
    for table in PUBLISHED["rate_tables"]
]
PRICES = {"peak": "3", "standard": "2", "off_peak": "1"}


def time_of_use(**changes):
    return {"kind": "time_of_use", "calendar": "eskom", "prices": PRICES} | changes


def blocks(*limits):
    return {"kind": "block", "blocks": [{"upto": upto, "price": "1"} for upto in limits]}


def problems_of(*components, **options):
    with pytest.raises(InvalidComponents) as caught:
        parse(components, **options)
    return [(problem.path, problem.code) for problem in caught.value.problems]


class TestParse:
    @pytest.mark.parametrize("table", TABLES)
    def test_reads_every_published_table_and_writes_it_back(self, table):
        components = parse(table["components"])

        assert dump(components) == table["components"]
        assert parse(dump(components)) == components

    def test_takes_json_numbers_by_their_digits(self):
        (energy,) = parse([{"kind": "energy", "price": 2.1}])

        assert energy == Energy(price=Decimal("2.1"))

    @pytest.mark.parametrize("number", [1e1, Decimal("1E+1"), "10", 10])
    def test_writes_decimals_in_full(self, number):
        (energy,) = parse([{"kind": "energy", "price": number}])

        assert Decimal(dump([energy])[0]["price"]) == 10
        assert "E" not in dump([energy])[0]["price"]

    @pytest.mark.parametrize(
        "price",
        [
            "1E1",
            "1e1",
            "1E+1",
            "1_0",
            " 1 ",
            "+1",
            "\N{ARABIC-INDIC DIGIT ONE}",
            ".5",
            "5.",
            "Infinity",
        ],
    )
    def test_takes_no_text_that_merely_reads_like_a_decimal(self, price):
        assert problems_of({"kind": "energy", "price": price}) == [("[0].price", "not_a_number")]

    def test_is_graduated_unless_volume_is_chosen(self):
        (block,) = parse([blocks("50", None)])
        (volume,) = parse([blocks("50", None) | {"mode": "volume"}])

        assert block == Block(
            blocks=(BlockLimit(Decimal(50), Decimal(1)), BlockLimit(None, Decimal(1)))
        )
        assert volume.mode is BlockMode.VOLUME

    def test_reads_what_the_api_documents(self):
        written = [
            {"kind": "energy", "price": "2.10"},
            blocks("350", None) | {"mode": "graduated", "name": "Energy", "scale_days": "30.4375"},
            time_of_use(season="high", holidays="megaflex"),
            time_of_use(season="low", holidays="megaflex"),
            {"kind": "fixed_per_day", "name": "Service", "price": "3.27"},
            {"kind": "fixed_per_month", "name": "Levy", "price": "33.97", "season": "low"},
            {"kind": "demand", "price": "358.84", "interval_minutes": 30, "power_factor": "0.96"},
            {
                "kind": "demand",
                "name": "Winter",
                "season": "high",
                "price": "20",
                "interval_minutes": 30,
                "power_factor": "0.96",
            },
            {"kind": "surcharge", "percent": "2"},
            {"kind": "surcharge", "percent": "2", "on": ["block", "Service"]},
            {"kind": "minimum", "amount": "50"},
        ]

        assert dump(parse(written)) == written

    def test_reads_a_demand_of_quarter_hours_at_power_factor_one(self):
        (demand,) = parse([{"kind": "demand", "price": "100"}])

        assert (demand.interval_minutes, demand.power_factor) == (15, 1)
        assert dump([demand]) == [{"kind": "demand", "price": "100"}]

    @pytest.mark.parametrize("second", ["500", "501", "500.001"])
    def test_reads_where_a_block_begins_as_it_is_published(self, second):
        written = {"kind": "block", "blocks": [
            {"from": "0", "upto": "500", "price": "1"}, {"from": second, "price": "2"},
        ]}  # fmt: skip

        (block,) = parse([written])

        assert [limit.upto for limit in block.blocks] == [500, None]

    @pytest.mark.parametrize(
        "component",
        [
            {"kind": "energy", "price": "2"},
            blocks("50", None),
            {"kind": "fixed_per_day", "price": "2"},
            {"kind": "fixed_per_month", "price": "2"},
            {"kind": "demand", "price": "2"},
            {"kind": "surcharge", "percent": "2"},
            {"kind": "minimum", "amount": "2"},
        ],
        ids=lambda component: component["kind"],
    )
    def test_takes_a_season_in_every_component(self, component):
        by_season = [component | {"season": season} for season in ("high", "low")]

        assert [one.season for one in parse(by_season)] == ["high", "low"]


class TestRefusal:
    @pytest.mark.parametrize(
        ("component", "path", "code"),
        [
            pytest.param({"kind": "magic"}, "[0].kind", "unknown_kind", id="kind"),
            pytest.param({"price": "1"}, "[0].kind", "unknown_kind", id="no kind"),
            pytest.param({"kind": "energy"}, "[0].price", "missing", id="no price"),
            pytest.param(
                {"kind": "energy", "price": "-1"}, "[0].price", "negative", id="negative price"
            ),
            pytest.param(
                {"kind": "energy", "price": "1.0000001"},
                "[0].price",
                "too_many_decimals",
                id="seven decimals",
            ),
            pytest.param(
                {"kind": "energy", "price": "one"}, "[0].price", "not_a_number", id="word"
            ),
            pytest.param(
                {"kind": "energy", "price": True}, "[0].price", "not_a_number", id="boolean"
            ),
            pytest.param(
                {"kind": "energy", "price": float("nan")}, "[0].price", "not_a_number", id="NaN"
            ),
            pytest.param({"kind": "energy", "price": 1e12}, "[0].price", "out_of_range", id="huge"),
            pytest.param(
                {"kind": "energy", "price": "1", "sesaon": "low"},
                "[0].sesaon",
                "unknown_field",
                id="misspelt field",
            ),
            pytest.param(
                {"kind": "energy", "price": "1", "season": "spring"},
                "[0].season",
                "unknown_season",
                id="season",
            ),
            pytest.param(
                {"kind": "energy", "price": "1", "name": 5}, "[0].name", "not_a_text", id="name"
            ),
            pytest.param(
                {"kind": "surcharge", "percent": "101"}, "[0].percent", "out_of_range", id="percent"
            ),
            pytest.param(
                {"kind": "surcharge", "percent": "-1"}, "[0].percent", "negative", id="rebate"
            ),
            pytest.param(
                {"kind": "minimum", "amount": "0.001"},
                "[0].amount",
                "too_many_decimals",
                id="amount below a cent",
            ),
            pytest.param(
                time_of_use(prices=PRICES | {"evening": "1"}),
                "[0].prices.evening",
                "unknown_band",
                id="band",
            ),
            pytest.param(
                time_of_use(prices={"peak": "3", "standard": "2"}),
                "[0].prices.off_peak",
                "missing",
                id="band without price",
            ),
            pytest.param(
                time_of_use(prices=PRICES | {"peak": "-3"}),
                "[0].prices.peak",
                "negative",
                id="negative band",
            ),
            pytest.param(
                {"kind": "time_of_use", "calendar": "eskom"}, "[0].prices", "missing", id="no bands"
            ),
            pytest.param(
                time_of_use(calendar="tshwane"),
                "[0].calendar",
                "calendars_differ",
                id="another calendar",
            ),
            pytest.param(
                time_of_use(holidays="miniflux"),
                "[0].holidays",
                "unknown_holidays",
                id="unknown family",
            ),
            pytest.param(
                {"kind": "demand", "price": "1", "power_factor": "1.1"},
                "[0].power_factor",
                "out_of_range",
                id="power factor above one",
            ),
            pytest.param(
                {"kind": "demand", "price": "1", "power_factor": "0"},
                "[0].power_factor",
                "out_of_range",
                id="no power factor",
            ),
            pytest.param(
                {"kind": "demand", "price": "1", "interval_minutes": 20},
                "[0].interval_minutes",
                "unknown_choice",
                id="demand interval",
            ),
            pytest.param(
                {"kind": "demand", "price": "1", "interval_minutes": "long"},
                "[0].interval_minutes",
                "unknown_choice",
                id="demand interval in words",
            ),
            pytest.param(
                {"kind": "surcharge", "percent": "2", "on": "energy"},
                "[0].on",
                "not_texts",
                id="surcharge on a word",
            ),
            pytest.param(
                {"kind": "surcharge", "percent": "2", "on": ["energy"]},
                "[0].on",
                "unknown_component",
                id="surcharge on nothing",
            ),
            pytest.param("energy", "[0]", "not_an_object", id="not an object"),
        ],
    )
    def test_names_the_place_and_the_reason(self, component, path, code):
        assert (path, code) in problems_of(component)

    @pytest.mark.parametrize(
        ("block", "path", "code"),
        [
            pytest.param(blocks("50", "200"), "blocks[1].upto", "last_block_not_open", id="closed"),
            pytest.param(
                blocks(*map(str, range(1, 51)), None), "blocks", "too_many", id="more than fifty"
            ),
            pytest.param(blocks("50", "50", None), "blocks[1].upto", "not_rising", id="level"),
            pytest.param(blocks("200", "50", None), "blocks[1].upto", "not_rising", id="falling"),
            pytest.param(blocks("0", None), "blocks[0].upto", "not_rising", id="empty first"),
            pytest.param(blocks(None, None), "blocks[0].upto", "block_not_last", id="two open"),
            pytest.param(
                blocks("0.0005", None), "blocks[0].upto", "too_many_decimals", id="half a Wh"
            ),
            pytest.param(blocks(), "blocks", "missing", id="none"),
            pytest.param(
                blocks(None) | {"mode": "stepped"}, "mode", "unknown_choice", id="unknown mode"
            ),
            pytest.param(
                blocks(None) | {"scale_days": "0"}, "scale_days", "out_of_range", id="no days"
            ),
        ],
    )
    def test_of_blocks_names_the_block(self, block, path, code):
        assert (f"[0].{path}", code) in problems_of(block)

    @pytest.mark.parametrize(
        ("starts", "path", "code"),
        [
            pytest.param(("0", "60"), "blocks[1].from", "blocks_gap", id="gap"),
            pytest.param(("0", "40"), "blocks[1].from", "blocks_overlap", id="overlap"),
            pytest.param(("5", "50"), "blocks[0].from", "blocks_gap", id="not from zero"),
        ],
    )
    def test_of_blocks_that_do_not_meet(self, starts, path, code):
        written = [
            {"from": start, "upto": upto, "price": "1"}
            for start, upto in zip(starts, ("50", None), strict=True)
        ]

        assert problems_of({"kind": "block", "blocks": written}) == [(f"[0].{path}", code)]

    def test_of_a_surcharge_before_what_it_is_on(self):
        surcharge = {"kind": "surcharge", "percent": "2", "on": ["Levy"]}
        levy = {"kind": "energy", "name": "Levy", "price": "2"}

        assert problems_of(surcharge, levy) == [("[0].on", "unknown_component")]
        assert len(parse([levy, surcharge])) == 2

    def test_of_demand_measured_in_two_ways(self):
        two = [{"kind": "demand", "price": "1", "power_factor": "0.9"},
               {"kind": "demand", "price": "1"}]  # fmt: skip

        assert problems_of(*two) == [("", "demand_differs")]

    @pytest.mark.parametrize(
        "component", [{"kind": "energy", "price": "2"}, blocks("50", None)], ids=["flat", "blocks"]
    )
    def test_of_a_season_that_has_no_price(self, component):
        assert problems_of(component | {"season": "high"}) == [("", "season_without_price")]
        assert len(parse([component | {"season": "high"}, component | {"season": "low"}])) == 2

    def test_accepts_a_levy_of_one_season_beside_a_price(self):
        levy = {"kind": "energy", "name": "Winter levy", "price": "0.2", "season": "high"}

        assert len(parse([{"kind": "energy", "price": "2"}, levy])) == 2

    def test_says_what_to_do(self):
        with pytest.raises(InvalidComponents) as caught:
            parse([blocks("50"), time_of_use(prices={"peak": "3"}), {"kind": "energy"}])

        assert [problem.message for problem in caught.value.problems] == [
            'Leave the last block open ("upto": null): every unit needs a price.',
            "Give this band a price; it may be zero.",
            "Give this band a price; it may be zero.",
            'Give a decimal as text, such as "2.0967".',
        ]

    def test_lists_every_problem_at_once(self):
        found = problems_of({"kind": "energy"}, {"kind": "magic"}, blocks("50"))

        assert found == [
            ("[0].price", "missing"),
            ("[1].kind", "unknown_kind"),
            ("[2].blocks[0].upto", "last_block_not_open"),
        ]

    def test_of_nothing(self):
        assert problems_of() == [("", "empty")]
        assert problems_of(*[{"kind": "energy", "price": "1"}] * 101) == [("", "too_many")]

    def test_of_a_season_that_would_be_supplied_for_nothing(self):
        levy = {"kind": "energy", "price": "0.2"}

        assert problems_of(time_of_use(season="high"), levy) == [("", "season_without_price")]

    def test_accepts_a_flat_price_for_the_other_season(self):
        flat = {"kind": "energy", "price": "2", "season": "low"}

        assert len(parse([time_of_use(season="high"), flat])) == 2

    def test_of_two_families_of_holidays(self):
        two = [time_of_use(), time_of_use(name="Network", holidays="megaflex")]

        assert problems_of(*two) == [("", "holidays_differ")]

    def test_of_a_calendar_that_does_not_exist(self):
        assert problems_of(time_of_use(calendar="x"), calendar="x") == [("[0]", "unknown_calendar")]


class TestBuild:
    def test_needs_no_calendar_for_flat_prices(self):
        tariff = build([{"kind": "energy", "price": "2"}], utility=Utility.WATER, calendars={})

        assert tariff.calendar is None
        assert tariff == build(
            [{"kind": "energy", "price": "2.0"}], utility=Utility.WATER, calendars={}
        )


class TestWarnings:
    @pytest.mark.parametrize("table", TABLES)
    def test_are_silent_about_published_tables(self, table):
        assert warnings(parse(table["components"]), Utility(table["utility"])) == []

    @pytest.mark.parametrize(
        ("component", "paths"),
        [
            pytest.param({"kind": "energy", "price": "209.67"}, ["[0].price"], id="cents"),
            pytest.param({"kind": "energy", "price": "0.0209"}, ["[0].price"], id="too little"),
            pytest.param({"kind": "energy", "price": "0.20"}, [], id="lowest"),
            pytest.param({"kind": "energy", "price": "15"}, [], id="highest"),
            pytest.param({"kind": "energy", "price": "0"}, [], id="free"),
            pytest.param(
                {
                    "kind": "block",
                    "blocks": [{"upto": "60", "price": "0"}, {"upto": None, "price": "226.53"}],
                },
                ["[0].blocks[1].price"],
                id="one block",
            ),
            pytest.param(
                time_of_use(prices=PRICES | {"peak": "706.97"}), ["[0].prices.peak"], id="one band"
            ),
        ],
    )
    def test_point_at_electricity_that_looks_like_a_slip(self, component, paths):
        found = warnings(parse([component]), Utility.ELECTRICITY)

        assert [problem.path for problem in found] == paths

    def test_leave_a_small_levy_beside_a_price(self):
        components = parse(
            [{"kind": "energy", "price": "2.6878"}, {"kind": "energy", "price": "0.0041"}]
        )

        assert warnings(components, Utility.ELECTRICITY) == []

    def test_leave_water(self):
        assert warnings(parse([{"kind": "energy", "price": "49.20"}]), Utility.WATER) == []
