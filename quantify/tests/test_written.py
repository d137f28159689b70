from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from quantify import written

JOHANNESBURG = timezone(timedelta(hours=2))


class TestDay:
    def test_is_read(self):
        assert written.day("2026-07-01") == date(2026, 7, 1)

    @pytest.mark.parametrize(
        "text",
        ["", "2026-W30-1", "20260701", "2026-182", "2026-7-1", "2026-02-30", "2026-07-01T00:00",
         "\u0662\u0660\u0662\u0666-07-01", " 2026-07-01", "2026-07-01\n"],
    )  # fmt: skip
    def test_is_nothing_else(self, text):
        assert written.day(text) is None


class TestInstant:
    @pytest.mark.parametrize(
        ("text", "instant"),
        [
            ("2026-07-01T08:15:00+02:00", datetime(2026, 7, 1, 8, 15, tzinfo=JOHANNESBURG)),
            ("2026-07-01T08:15+0200", datetime(2026, 7, 1, 8, 15, tzinfo=JOHANNESBURG)),
            ("2026-07-01 08:15", datetime(2026, 7, 1, 8, 15)),  # noqa: DTZ001 - a naive one
            ("2026-07-01t08:15:00z", datetime(2026, 7, 1, 8, 15, tzinfo=UTC)),
            ("2026-07-01T08:15:00.123456Z", datetime(2026, 7, 1, 8, 15, 0, 123456, UTC)),
        ],
    )
    def test_is_read(self, text, instant):
        assert written.instant(text) == instant

    @pytest.mark.parametrize(
        "text",
        ["", "2026-07-01", "2026-W30-1T00:00:00Z", "20260701T000000Z", "2026-07-01T25:00:00Z",
         "2026-07-01T08Z", "2026-07-01T08:15:00 +02:00", "2026-07-01T08:15:00+02:00:30"],
    )  # fmt: skip
    def test_is_nothing_else(self, text):
        assert written.instant(text) is None


class TestNumber:
    @pytest.mark.parametrize("text", ["0", "-12.50", "007"])
    def test_is_read(self, text):
        assert written.number(text) == Decimal(text)

    @pytest.mark.parametrize(
        "text", ["", "1e3", "1_000", "+1", ".5", "5.", "\uff12\uff11", "NaN", " 1"]
    )
    def test_is_nothing_else(self, text):
        assert written.number(text) is None
