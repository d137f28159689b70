"""Every report over the API: one table in three forms, for whom it is, at the same cost."""

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.utils import timezone

from accounts import roles
from accounts.models import User
from accounts.tests.factories import RoleFactory, UserFactory
from estates.tests.factories import EstateFactory
from meters.models import Meter
from quantify.api import documents
from quantify.periods import local_day
from quantify.tests import world
from quantify.tests.client import Client
from quantify.tests.worksheets import told, worksheet
from quantify.tests.world import World
from reports.catalogue import REPORTS
from reports.report import Report

pytestmark = pytest.mark.django_db

EACH = [(report, group) for report in REPORTS.values() for group in report.groups]
MOVES_WITH_THE_CLOCK = {
    "minutes_off", "days_left", "runs_out_at", "earliest_at", "latest_at", "expected", "missing",
    "actual_percent", "estimated_percent", "missing_percent",
}  # fmt: skip
STAFF = (roles.PROPERTY_MANAGER, roles.BILLING_ADMIN, roles.VIEWER)


@pytest.fixture
def ours() -> World:
    """An estate in full operation, two supplies of which are cut, and a wallet that is low."""
    built = world.build("WC001", units=3, paid_in="20.00")
    at = timezone.now() - timedelta(hours=1)
    for meter in built.meters[:2]:
        meter.commands.update(state="verified", verified_at=at, requested_at=at)
    Meter.objects.filter(pk=built.meters[0].pk).update(relay_state="disconnected")
    return built


def asked(built: World, **more: str) -> dict[str, str]:
    today = local_day(timezone.now())
    return {
        "estate": str(built.estate.pk), "from": f"{today - timedelta(days=40)}", "to": f"{today}",
        **more,
    }  # fmt: skip


def member(role: str, built: World) -> User:
    user = UserFactory.create(role=role)
    built.estate.memberships.create(user=user)
    return user


def get(user: User, report: Report, query: dict[str, str], **headers: str) -> Any:
    return Client(user).get(f"/reports/{report.slug}", query, **headers)


class TestForms:
    def test_have_the_same_rows(self, ours):
        user = member(roles.VIEWER, ours)
        for report, group in EACH:
            query = asked(ours, group_by=group.value)
            data = get(user, report, query).json()["data"]
            as_csv = told(get(user, report, query, HTTP_ACCEPT="text/csv")).decode()
            names, *lines = csv.reader(StringIO(as_csv))
            titles, *cells = worksheet(told(get(user, report, {**query, "format": "xlsx"})))

            assert data["group_by"] == group.value
            assert names == [column.name for column in report.columns[group]]
            assert titles == [column.title for column in report.columns[group]]
            assert [list(row) for row in data["rows"]] == [names] * len(lines)
            assert len(cells) == len(lines)
            kept = [at for at, name in enumerate(names) if name not in MOVES_WITH_THE_CLOCK]
            texts = [[as_cell(row[names[at]]) for at in kept] for row in data["rows"]]
            # What a spreadsheet would take for a formula is quoted: a telephone number.
            plain = [[line[at].removeprefix("'") for at in kept] for line in lines]
            assert plain == texts, (report.slug, group)

    def test_have_something_to_say_here(self, ours):
        """The estate above is no empty one, so that the others do not pass on nothing."""
        user = UserFactory.create()
        silent = [
            report.slug
            for report in REPORTS.values()
            if not get(user, report, asked(ours)).json()["data"]["rows"]
        ]

        assert silent == []

    def test_name_their_files(self, ours):
        report = REPORTS["low-credit"]
        answer = get(UserFactory.create(), report, asked(ours, format="xlsx"))

        assert 'filename="low-credit-WC001-' in answer["Content-Disposition"]


def as_cell(value: object) -> str:
    """A value of JSON as a cell of CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


class TestAccess:
    def test_is_for_the_staff_of_the_estate(self, ours):
        for role in STAFF:
            user, stranger = member(role, ours), UserFactory.create(role=role)
            for report in REPORTS.values():
                assert get(user, report, asked(ours)).status_code == 200, report.slug
                assert get(stranger, report, asked(ours)).status_code == 404, report.slug

    def test_is_never_for_residents(self, ours):
        resident = member(roles.RESIDENT, ours)
        for report in REPORTS.values():
            assert get(resident, report, asked(ours)).status_code == 403, report.slug
            assert Client().get(f"/reports/{report.slug}", asked(ours)).status_code == 401

    def test_tells_nothing_of_other_estates(self, ours):
        world.build("OG001")
        user = member(roles.VIEWER, ours)
        for report in REPORTS.values():
            for group in report.groups:
                answer = get(user, report, asked(ours, group_by=group.value))
                assert "OG001" not in answer.content.decode(), (report.slug, group)

    def test_names_no_people_to_who_may_not_see_them(self, ours):
        only_reports = RoleFactory.create(permissions=["reports.view_report"])
        report = REPORTS["low-credit"]

        hidden = get(member(only_reports.code, ours), report, asked(ours)).content.decode()
        shown = get(member(roles.VIEWER, ours), report, asked(ours)).content.decode()

        assert "WC001Last" not in hidden
        assert "WC001Last" in shown


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"other": "1"}, "other"), ({"group_by": "colour"}, "group_by"),
            ({"utility": "gas"}, "utility"), ({"format": "pdf"}, "format"),
            ({"to": "2026-02-30"}, "to"), ({"month": "2026-07"}, "month"),
            ({"from": "2026-07-02", "to": "2026-07-01"}, "to"),
            ({"from": "2024-01-01", "to": "2026-01-01"}, "to"),
        ],
    )  # fmt: skip
    def test_name_the_parameter(self, changes, field):
        user = UserFactory.create()
        days = {"from": "2026-06-01", "to": "2026-07-01"}
        query = {"estate": str(EstateFactory.create().pk), **days, **changes}
        for report in REPORTS.values():
            answer = get(user, report, query)

            assert answer.status_code == 422
            assert [error["field"] for error in answer.json()["errors"]] == [field], report.slug

    def test_ask_for_the_estate(self):
        for report in REPORTS.values():
            assert get(UserFactory.create(), report, {}).status_code == 422
            assert get(UserFactory.create(), report, {"estate": "x"}).status_code == 422

    @pytest.mark.parametrize(
        ("slug", "group"),
        [("analytics", "day"), ("data-quality", "day"), ("reconciliation", "hour")],
    )
    def test_bound_the_days_of_which_intervals_are_read(self, slug, group):
        user, estate = UserFactory.create(), EstateFactory.create()
        query = {
            "estate": str(estate.pk), "from": "2026-01-01", "to": "2026-04-04", "group_by": group,
        }  # fmt: skip

        answer = get(user, REPORTS[slug], query)

        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "too_long")
        assert get(user, REPORTS[slug], {**query, "to": "2026-04-03"}).status_code == 200

    def test_bound_the_rows_of_json_and_not_of_files(self, ours, monkeypatch):
        monkeypatch.setattr("reports.api.reports.MOST_ROWS", 2)
        user, report = UserFactory.create(), REPORTS["transactions"]

        answer = get(user, report, asked(ours))

        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "too_many")
        assert get(user, report, asked(ours, format="csv")).status_code == 200

    def test_bound_the_rows_of_a_worksheet(self, ours, monkeypatch):
        monkeypatch.setattr("quantify.tables.files.LONGEST_SHEET", 2)
        user, report = UserFactory.create(), REPORTS["transactions"]

        answer = get(user, report, asked(ours, format="xlsx"))

        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "too_many")


class TestDays:
    def test_are_those_of_the_last_month_or_what_the_report_is_about(self):
        user, estate = UserFactory.create(), {"estate": str(EstateFactory.create().pk)}
        today = local_day(timezone.now())
        first = today.replace(day=1)

        def days(slug: str) -> tuple[str, str]:
            data = get(user, REPORTS[slug], estate).json()["data"]
            return data["from"], data["to"]

        last_month = first - timedelta(days=1)
        assert days("revenue") == (f"{last_month.replace(day=1)}", f"{last_month}")
        assert days("low-credit") == (f"{first}", f"{today}")
        assert days("arrears") == (None, f"{today}")

    def test_are_those_of_a_month_that_is_named(self):
        user = UserFactory.create()
        query = {"estate": str(EstateFactory.create().pk), "month": "2026-02"}
        for report in REPORTS.values():
            data = get(user, report, query).json()["data"]
            assert (data["from"], data["to"]) == ("2026-02-01", "2026-02-28")


class TestCost:
    def test_does_not_grow_with_rows(self, django_assert_max_num_queries):
        small, large = world.build("WC001", units=1), world.build("OG001", units=4)
        user = UserFactory.create()
        get(user, REPORTS["revenue"], asked(small))
        for report, group in EACH:
            with django_assert_max_num_queries(40) as few:
                get(user, report, asked(small, group_by=group.value))
            with django_assert_max_num_queries(len(few), info=f"{report.slug} by {group.value}"):
                get(user, report, asked(large, group_by=group.value))


def test_document_describes_each_with_its_columns():
    paths = documents.openapi()["paths"]
    for slug, report in REPORTS.items():
        operation = paths[f"/api/v1/reports/{slug}"]["get"]
        assert operation["summary"] == report.title
        assert set(operation["responses"]["200"]["content"]) == {
            "application/json", "text/csv",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }  # fmt: skip
        example = operation["responses"]["200"]["content"]["application/json"]["example"]["data"]
        assert {"rows", "totals", *report.sections} <= set(example)
