"""The calendars against the country's public holidays."""

from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from rates import holiday_check
from rates.calendar_files import load, published
from rates.models import TariffCalendar

TODAY = date(2026, 11, 23)
LISTED = {"2026-04-03": "sunday", "2026-04-06": "sunday", "2026-04-27": "saturday"}


def calendar(dates, *more):
    whole = {"rest": ["00:00-24:00"]}
    entry = {
        "name": "own",
        "valid_from": "2025-01-01",
        "seasons": {"all": list(range(1, 13))},
        "hours": {"all": dict.fromkeys(("weekday", "saturday", "sunday"), whole)},
        "holidays": {"family": dates, "plain": "weekday as it falls"},
    }
    return load([entry, *(entry | one for one in more)]).values()


def failures(dates, today=date(2026, 1, 1)):
    return [
        one.message for one in holiday_check.check(calendar(dates), today=today) if one.is_failure
    ]


class TestPublished:
    def test_names_every_holiday(self):
        found = holiday_check.check(published().values(), today=TODAY)

        assert [one for one in found if one.is_failure] == []
        assert [str(one) for one in found] == [
            "eskom, megaflex: 2026-11-04 (Local Government Elections) was proclaimed once and is"
            " not in the table.",
            "eskom, megaflex: the dates reach from 2026-04-03 to 2027-06-16.",
        ]

    def test_has_hours_for_every_quarter_hour_since_2000(self):
        eskom = published()["eskom"]
        span = eskom.span(date(2000, 1, 1), date(2027, 12, 1))

        days = (date(2028, 1, 1) - date(2000, 1, 1)) // timedelta(days=1)
        assert len(span.buckets) == days * 96


class TestFindings:
    def test_of_a_complete_list_are_none(self):
        assert failures(LISTED) == []

    def test_name_a_day_that_is_missing(self):
        dates = {day: kind for day, kind in LISTED.items() if day != "2026-04-06"}

        (message,) = failures(dates)

        assert message == ("2026-04-06 (Family Day) is missing: say what day it is treated as.")

    def test_name_a_day_that_is_none(self):
        assert failures(LISTED | {"2026-04-07": "sunday"}) == [
            "2026-04-07 is no public holiday: check the date."
        ]

    def test_name_days_without_hours(self):
        years = [{"valid_from": "2020-01-01", "valid_to": "2024-12-01"}]

        found = holiday_check.check(calendar(LISTED, *years), today=date(2026, 1, 1))

        assert [str(one) for one in found if one.is_failure] == [
            "own, hours: there are none from 2024-12-01 to 2025-01-01: close the gap."
        ]

    def test_ask_for_the_next_year_in_time(self):
        assert failures(LISTED, today=date(2026, 1, 27)) == []
        assert failures(LISTED, today=date(2026, 1, 28)) == [
            "the dates end with 2026-04-27: add those that follow."
        ]


@pytest.mark.django_db
class TestCommand:
    def test_fails_with_what_is_missing(self):
        row = TariffCalendar.objects.get(name="eskom", valid_to=None)
        del row.definition["holidays"]["megaflex"]["2026-12-25"]
        row.save()
        errors = StringIO()

        with pytest.raises(CommandError, match="to put right"):
            call_command("check_calendars", stderr=errors, stdout=StringIO())

        assert "2026-12-25 (Christmas Day) is missing" in errors.getvalue()
