"""Tables for spreadsheets: nothing rounded, no text a formula, no memory by the row."""

import tracemalloc
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from tempfile import TemporaryFile

import pytest

from quantify.tables import files
from quantify.tables.description import Column, Kind, Table
from quantify.tables.files import TooManyRows, download, plain_name
from quantify.tests.worksheets import told, worksheet

COLUMNS = (
    Column("unit", "Unit"),
    Column("count", "How many", Kind.COUNT),
    Column("amount", "Amount, R", Kind.MONEY),
    Column("used", "Used", Kind.QUANTITY),
    Column("day", "Day", Kind.DATE),
    Column("at", "At", Kind.INSTANT),
    Column("is_paid", "Paid", Kind.FLAG),
)
AT = datetime(2026, 7, 1, 12, 30, tzinfo=timezone(timedelta(hours=2)))
ROW = ("A1", 3, Decimal("-5.7"), -12_345, date(2026, 7, 1), AT, True)
BLANK = (None,) * len(COLUMNS)


def table(*rows: tuple[object, ...]) -> Table:
    return Table("Units: all [of] them", COLUMNS, iter(rows))


class TestRows:
    def test_are_exact_as_json(self):
        first, blank = table(ROW, BLANK).as_json()

        assert first == {
            "unit": "A1", "count": 3, "amount": "-5.70", "used": "-12.345", "day": "2026-07-01",
            "at": "2026-07-01T12:30:00+02:00", "is_paid": True,
        }  # fmt: skip
        assert set(blank.values()) == {None}

    def test_are_exact_as_csv(self):
        lines = told(download(table(ROW, BLANK), "csv", "x")).decode().splitlines()

        assert lines[0] == "unit,count,amount,used,day,at,is_paid"
        assert lines[1] == "A1,3,-5.70,-12.345,2026-07-01,2026-07-01T12:30:00+02:00,yes"
        assert lines[2] == ",,,,,,"

    def test_are_numbers_and_days_in_a_worksheet(self):
        titles, first = worksheet(told(download(table(ROW), "xlsx", "x")))

        assert titles == [column.title for column in COLUMNS]
        # Days since 1899-12-30, as spreadsheets count.
        day = (date(2026, 7, 1) - date(1899, 12, 30)).days
        assert first[:5] == ["A1", 3, -5.7, -12.345, day]
        assert first[5] == pytest.approx(day + 12.5 / 24)
        assert first[6] == "yes"

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_may_be_none(self, kind):
        assert told(download(table(), kind, "x"))

    def test_are_as_many_as_a_worksheet_holds(self, monkeypatch):
        monkeypatch.setattr(files, "LONGEST_SHEET", 2)

        assert len(worksheet(told(download(table(ROW, ROW), "xlsx", "x")))) == 3
        with pytest.raises(TooManyRows, match="A worksheet holds 2 rows"):
            download(table(ROW, ROW, ROW), "xlsx", "x")

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_cost_no_memory_each(self, kind):
        def peak(rows: int) -> int:
            with TemporaryFile() as out:
                tracemalloc.start()
                files.FORMATS[kind].write(Table("Many", COLUMNS, (ROW for _ in range(rows))), out)
                highest = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
            return highest

        peak(10)
        assert peak(8_000) < peak(1_000) + 300_000


class TestFormulas:
    @pytest.mark.parametrize(
        "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "{=1}", "http://a.b"]
    )
    def test_are_never_made_of_text(self, text):
        row = (text, *ROW[1:])

        (_, told_in_sheet) = worksheet(told(download(table(row), "xlsx", "x")))
        line = told(download(table(row), "csv", "x")).decode().split("\n", 1)[1]

        assert str(told_in_sheet[0]).replace("_x000D_", "\r") == text
        is_risky = text.startswith(files.FORMULA_SIGNS)
        assert line.lstrip('"').startswith("'") is is_risky


def test_file_names_are_plain():
    assert plain_name("resale-Ä/=1 \n.x") == "resale-___1__.x"
    assert (
        download(table(), "csv", 'a"b')["Content-Disposition"] == 'attachment; filename="a_b.csv"'
    )


def test_instants_keep_their_zone_as_text():
    row = (*ROW[:5], datetime(2026, 7, 1, tzinfo=UTC), False)

    assert "2026-07-01T00:00:00+00:00,no" in told(download(table(row), "csv", "x")).decode()
