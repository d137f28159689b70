"""The pages of the reports: for whom, of what, with which files and which charts."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.models import User
from accounts.tests.factories import RoleFactory, UserFactory
from estates.tests.factories import EstateFactory
from meters.models import Meter
from quantify.periods import floor_to_interval, local_day
from quantify.settings import portal
from quantify.tests import world
from quantify.tests.worksheets import told
from quantify.tests.world import World
from reports.catalogue import PAGES
from reports.tests.test_reconciliation import bulk
from wallets.tests.metering import count

pytestmark = pytest.mark.django_db


def browser(role: str, *built: World) -> Client:
    user = UserFactory.create(role=role)
    for one in built:
        one.estate.memberships.create(user=user)
    return client_of(user)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def days(**more: str) -> dict[str, str]:
    today = local_day(timezone.now())
    return {"from": f"{today - timedelta(days=40)}", "to": f"{today}", **more}


def page_of(slug: str) -> str:
    return reverse("admin:report", args=[slug])


def body(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def ours() -> World:
    """An estate with two supplies that are cut, and a bulk meter that counts."""
    built = world.build("WC001", units=2, paid_in="20.00")
    at = timezone.now() - timedelta(hours=1)
    for meter in built.meters:
        meter.commands.update(state="verified", verified_at=at, requested_at=at)
    Meter.objects.filter(pk=built.meters[0].pk).update(relay_state="disconnected")
    count(bulk(built.estate), floor_to_interval(at), "5.000")
    return built


class TestPage:
    def test_draws_each_report_and_its_table(self, ours):
        client = browser(roles.VIEWER, ours)
        for report in PAGES.values():
            for group in report.groups:
                answer = client.get(page_of(report.slug), days(group_by=group.value))
                label = (report.slug, group)

                assert answer.status_code == 200, label
                page = body(answer)
                assert '<table class="q-table">' in page, label
                assert 'role="img"' in page, label

    def test_is_for_the_staff_of_the_estate(self, ours):
        theirs = world.build("OG001")
        for role in (roles.PROPERTY_MANAGER, roles.BILLING_ADMIN, roles.VIEWER):
            client = browser(role, ours)
            for slug in PAGES:
                assert "OG001" not in body(client.get(page_of(slug), days()))
                foreign = client.get(page_of(slug), days(estate=str(theirs.estate.pk)))
                assert "shown" not in foreign.context
                assert "OG001" not in body(foreign)

    def test_is_never_for_residents_and_strangers(self, ours):
        for client in (Client(), browser(roles.RESIDENT, ours)):
            for slug in PAGES:
                answer = client.get(page_of(slug), days())
                assert answer.status_code == 302
                assert answer["Location"].startswith(reverse("admin:login"))

    def test_asks_for_the_permission(self, ours):
        without = RoleFactory.create(permissions=["units.view_unit"])

        assert browser(without.code, ours).get(page_of("revenue")).status_code == 403

    def test_of_what_is_no_report_is_not_found(self):
        assert client_of(UserFactory.create()).get(page_of("nothing")).status_code == 404

    def test_says_what_is_wrong_beside_the_form(self, ours):
        client = browser(roles.VIEWER, ours)
        for asked, says in (
            ({"from": "2026-07-02", "to": "2026-07-01"}, "The last day comes before the first."),
            ({"from": "2026-01-01", "to": "2026-04-04"}, "This report reads at most 92 days."),
            ({"to": "2026-02-30"}, "Enter a valid date."),
            ({"group_by": "colour"}, "Select a valid choice."),
        ):
            answer = client.get(page_of("analytics"), asked)
            assert says in body(answer)
            assert "shown" not in answer.context

    def test_is_honest_where_there_is_nothing(self):
        client = client_of(UserFactory.create(role=roles.VIEWER))
        assert "No estate is open to you" in body(client.get(page_of("revenue")))

        EstateFactory.create()
        admin = client_of(UserFactory.create())
        for slug in PAGES:
            page = body(admin.get(page_of(slug)))
            assert "There is nothing to report for these days." in page
            assert 'role="img"' not in page

    def test_gives_the_same_as_files(self, ours):
        client = browser(roles.VIEWER, ours)
        answer = client.get(page_of("transactions"), days(group_by="kind"))
        (_, csv), (_, xlsx) = answer.context["files"]

        as_csv = client.get(page_of("transactions") + csv)
        assert as_csv["Content-Type"].startswith("text/csv")
        lines = told(as_csv).decode().splitlines()
        assert len(lines) == 1 + len(answer.context["shown"].rows)
        assert "group_by=kind" in csv
        assert client.get(page_of("transactions") + xlsx)["Content-Disposition"].endswith('.xlsx"')

    def test_says_that_a_worksheet_is_too_small(self, ours, monkeypatch):
        monkeypatch.setattr("quantify.tables.files.LONGEST_SHEET", 2)

        answer = browser(roles.VIEWER, ours).get(page_of("transactions"), days(format="xlsx"))

        assert "A worksheet holds 2 rows" in body(answer)
        assert "shown" not in answer.context

    def test_shows_the_first_of_many_rows(self, ours, monkeypatch):
        monkeypatch.setattr("reports.admin.pages.SHOWN_ROWS", 2)
        client = browser(roles.VIEWER, ours)

        answer = client.get(page_of("transactions"), days())

        assert len(answer.context["shown"].rows) == 2
        assert f"The first 2 of {answer.context['count']} rows" in body(answer)
        assert answer.context["count"] > 2


def test_sidebar_leads_to_every_report():
    (group,) = [one for one in portal.SIDEBAR if one["title"] == "Reports"]
    links = [str(item["link"]) for item in group["items"]]  # type: ignore[attr-defined]

    assert links == [page_of(slug) for slug in PAGES]
