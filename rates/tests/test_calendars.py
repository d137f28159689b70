from datetime import date

import numpy as np
import pytest

from rates.calendar_files import InvalidCalendar, load, published
from rates.calendars import NoCalendar, UnknownFamily

ESKOM = published()["eskom"]


def hours_of(day, family=None):
    """The bands of a day as "band start-end" in hours."""
    slots = ESKOM.band_slots(date.fromisoformat(day), family)
    starts = [n for n in range(96) if n == 0 or slots[n] != slots[n - 1]]
    return [
        f"{slots[start]} {start / 4:g}-{end / 4:g}"
        for start, end in zip(starts, [*starts[1:], 96], strict=True)
    ]


def written(**changes):
    """A calendar of one band, as JSON, with some fields changed."""
    day_types = {"weekday": {"peak": ["06:00-08:00"]}, "saturday": {}, "sunday": {}}
    entry = {
        "name": "plain",
        "valid_from": "2025-01-01",
        "seasons": {"all": list(range(1, 13))},
        "hours": {"all": day_types},
        "other_hours": "rest",
    }
    return entry | changes


def problems_of(*entries):
    with pytest.raises(InvalidCalendar) as caught:
        load(entries)
    return [(problem.path, problem.code) for problem in caught.value.problems]


class TestHours:
    @pytest.mark.parametrize(
        ("day", "bands"),
        [
            pytest.param(
                "2025-07-01",
                "off_peak 0-6|peak 6-8|standard 8-17|peak 17-20|standard 20-22|off_peak 22-24",
                id="high weekday",
            ),
            pytest.param(
                "2025-07-05",
                "off_peak 0-7|standard 7-12|off_peak 12-17|standard 17-19|off_peak 19-24",
                id="high Saturday",
            ),
            pytest.param(
                "2025-07-06", "off_peak 0-17|standard 17-19|off_peak 19-24", id="high Sunday"
            ),
            pytest.param(
                "2025-09-01",
                "off_peak 0-6|standard 6-7|peak 7-9|standard 9-18|peak 18-21|standard 21-22"
                "|off_peak 22-24",
                id="low weekday",
            ),
            pytest.param(
                "2025-09-06",
                "off_peak 0-7|standard 7-12|off_peak 12-18|standard 18-20|off_peak 20-24",
                id="low Saturday",
            ),
            pytest.param(
                "2025-09-07", "off_peak 0-18|standard 18-20|off_peak 20-24", id="low Sunday"
            ),
            pytest.param("2025-03-30", "off_peak 0-24", id="Sunday before April 2025"),
            pytest.param(
                "2024-07-01",
                "off_peak 0-6|peak 6-9|standard 9-17|peak 17-19|standard 19-22|off_peak 22-24",
                id="high weekday before April 2025",
            ),
        ],
    )
    def test_follow_the_published_clock(self, day, bands):
        assert hours_of(day) == bands.split("|")

    def test_change_season_with_the_first_of_june_and_september(self):
        days = ["2026-05-31", "2026-06-01", "2026-08-31", "2026-09-01"]

        seasons = [ESKOM.season(date.fromisoformat(day)) for day in days]

        assert seasons == ["low", "high", "high", "low"]


class TestHolidays:
    @pytest.mark.parametrize(
        ("day", "family", "treated_as"),
        [
            pytest.param("2026-06-16", None, "weekday", id="no family named"),
            pytest.param("2026-06-16", "homeflex", "weekday", id="Homeflex bills the weekday"),
            pytest.param("2026-06-16", "megaflex", "saturday", id="Megaflex a Saturday"),
            pytest.param("2026-08-09", "megaflex", "sunday", id="Women's Day on a Sunday"),
            pytest.param("2026-08-10", "megaflex", "saturday", id="the Monday after it"),
        ],
    )
    def test_are_treated_by_the_family(self, day, family, treated_as):
        day = date.fromisoformat(day)

        assert ESKOM.on(day).day_type(day, family) == treated_as

    def test_of_an_unknown_family_are_refused(self):
        with pytest.raises(UnknownFamily):
            hours_of("2026-06-16", "miniflux")


class TestBandCodes:
    @pytest.mark.parametrize("month", ["2024-07", "2025-03", "2025-04", "2026-02", "2026-08"])
    @pytest.mark.parametrize("family", [None, "homeflex"])
    def test_agree_with_the_slots_of_each_day(self, month, family):
        family = None if month < "2025-04" else family
        first = np.datetime64(f"{month}-01T00:00")
        end = (np.datetime64(month) + np.timedelta64(1, "M")).astype("datetime64[m]")
        starts = np.arange(first, end, np.timedelta64(15, "m"))

        codes = ESKOM.band_codes(starts, family)

        for day in np.unique(starts.astype("datetime64[D]")):
            found = codes[starts.astype("datetime64[D]") == day]
            bands = tuple(ESKOM.bands[code] for code in found)
            assert bands == ESKOM.band_slots(day.item(), family)

    def test_map_starts_of_several_months_in_any_order(self):
        starts = np.array(["2025-09-01T06:30", "2025-07-01T06:30"], dtype="datetime64[s]")

        codes = ESKOM.band_codes(starts)

        assert [ESKOM.bands[code] for code in codes] == ["standard", "peak"]

    def test_take_the_band_of_the_start(self):
        starts = np.array(["2025-07-01T05:59", "2025-07-01T06:00"], dtype="datetime64[m]")

        codes = ESKOM.band_codes(starts)

        assert [ESKOM.bands[code] for code in codes] == ["off_peak", "peak"]


class TestOn:
    def test_refuses_days_without_a_version(self):
        with pytest.raises(NoCalendar, match="1999-12-31"):
            ESKOM.on(date(1999, 12, 31))

    def test_ends_a_version_before_the_next_one_starts(self):
        assert ESKOM.on(date(2025, 3, 31)).valid_to == date(2025, 4, 1)
        assert ESKOM.on(date(2025, 4, 1)).valid_from == date(2025, 4, 1)


class TestLoad:
    def test_accepts_dates_as_dates(self):
        calendar = load([written(valid_from=date(2025, 1, 1))])["plain"]

        assert calendar.band_slots(date(2025, 1, 1)).count("peak") == 8

    def test_builds_equal_calendars_of_equal_files(self):
        assert load([written()]) == load([written()])
        assert hash(load([written()])["plain"]) == hash(load([written()])["plain"])

    @pytest.mark.parametrize(
        ("changes", "path", "code"),
        [
            pytest.param(
                {"seasons": {"all": list(range(1, 12))}},
                "[0].seasons",
                "month_not_in_one_season",
                id="a month without season",
            ),
            pytest.param(
                {"seasons": {"all": [*range(1, 13), 7]}},
                "[0].seasons",
                "month_not_in_one_season",
                id="a month twice",
            ),
            pytest.param(
                {"seasons": {"all": list(range(14))}}, "[0].seasons", "no_such_month", id="13"
            ),
            pytest.param({"hours": {}}, "[0].hours", "seasons_differ", id="season without hours"),
            pytest.param(
                {"hours": {"all": {"weekday": {}, "saturday": {}}}},
                "[0].hours.all",
                "day_types_differ",
                id="no Sunday",
            ),
            pytest.param(
                {"valid_from": "2025-01-15"}, "[0]", "not_first_of_month", id="in a month"
            ),
            pytest.param(
                {"holidays": {"a": {"2025-12-25": "holiday"}}},
                "[0].holidays.a",
                "unknown_day_type",
                id="holiday treated as nothing known",
            ),
            pytest.param({"valid_from": "soon"}, "[0]", "malformed", id="no date"),
            pytest.param({"hours": None}, "[0]", "malformed", id="no hours"),
        ],
    )
    def test_refuses_what_is_not_complete(self, changes, path, code):
        assert (path, code) in problems_of(written(**changes))

    @pytest.mark.parametrize(
        ("ranges", "code"),
        [
            pytest.param(["06:00-08:00", "07:45-09:00"], "hours_overlap", id="overlap"),
            pytest.param(["22:00-06:00"], "bad_hours", id="over midnight"),
            pytest.param(["06:10-08:00"], "bad_hours", id="not a quarter"),
            pytest.param(["06:00"], "bad_hours", id="no end"),
            pytest.param(["06:00-24:15"], "bad_hours", id="after midnight"),
            pytest.param(["06:75-08:00"], "bad_hours", id="no such minute"),
        ],
    )
    def test_refuses_hours_that_contradict(self, ranges, code):
        hours = {"all": {"weekday": {"peak": ranges}, "saturday": {}, "sunday": {}}}

        assert problems_of(written(hours=hours)) == [("[0].hours.all.weekday", code)]

    def test_refuses_hours_that_do_not_add_up_to_24(self):
        short = {"peak": ["06:00-08:00"], "rest": ["00:00-06:00", "08:30-24:00"]}
        hours = {"all": {"weekday": short, "saturday": {"rest": ["00:00-24:00"]}, "sunday": {}}}
        entry = written(hours=hours)
        del entry["other_hours"]

        assert problems_of(entry) == [
            ("[0].hours.all.weekday", "hours_missing"), ("[0].hours.all.sunday", "hours_missing"),
        ]  # fmt: skip
        with pytest.raises(InvalidCalendar, match="add up to 23 h 30, not to 24"):
            load([entry])

    def test_needs_no_other_hours_where_all_are_named(self):
        whole = {"rest": ["00:00-24:00"]}
        entry = written(hours={"all": dict.fromkeys(("weekday", "saturday", "sunday"), whole)})
        del entry["other_hours"]

        assert load([entry])["plain"].bands == ("rest",)

    def test_refuses_overlapping_versions(self):
        later = written(valid_from="2026-01-01")

        assert problems_of(written(), later) == [("plain", "versions_overlap")]
        assert len(load([later, written(valid_to="2026-01-01")])["plain"].versions) == 2
