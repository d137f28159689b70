"""The resale check as a page: its table, its sums, its files, and what it says without any."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.models import Estate
from quantify.quantities import Utility
from quantify.tests.worksheets import told
from rates.models import ReferenceTable
from rates.tests.factories import flat
from reports import resale_compliance
from reports.report import Question
from reports.resale_tables import GroupBy
from reports.tests.test_resale import compare, licensed
from reports.tests.test_simulations import AUGUST, JULY, bill, estate_on, home, table_of
from wallets.tests.billing.test_billing import BLOCKS
from wallets.tests.metering import use

pytestmark = pytest.mark.django_db

PAGE = "/admin/estates/estate/reports/resale-compliance/"
DAYS = {"from": "2026-07-01", "to": "2026-07-31"}


@pytest.fixture
def charged() -> Estate:
    """Charged by blocks, licensed at R2.00: the small user pays less, the large ones more."""
    estate = estate_on(table_of(BLOCKS))
    compare(estate, licensed(flat("2.00")))
    for number, kwh in (("A1", "10"), ("A2", "400"), ("A3", "300")):
        use(home(estate, number), JULY.replace(day=4), kwh)
    bill()
    return estate


def browser(role: str, estate: Estate) -> Client:
    user = UserFactory.create(role=role)
    estate.memberships.create(user=user)
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def asked(estate: Estate, **changes: object) -> Question:
    return Question(**{
        "estate": estate, "first_day": JULY, "last_day": JULY.replace(day=31),
        "utility": Utility.ELECTRICITY, "group_by": GroupBy.UNIT, "now": AUGUST, **changes,
    })  # fmt: skip


def named(question: Question, rows: list) -> list[dict[str, object]]:
    names = [column.name for column in resale_compliance.REPORT.columns[question.group_by]]
    return [dict(zip(names, row, strict=True)) for row in rows]


class TestRows:
    def test_tell_what_each_unit_paid_above_it(self, charged):
        question = asked(charged)

        rows = named(question, resale_compliance.answer(question).rows)

        assert [(row["unit_number"], row["excess"]) for row in rows] == [
            ("A2", Decimal("201.25")), ("A3", Decimal("86.25")), ("A1", Decimal(0)),
        ]  # fmt: skip

    @pytest.mark.parametrize("group_by", [GroupBy.UNIT, GroupBy.MONTH])
    def test_add_up_to_the_estate(self, charged, group_by):
        question = asked(charged, group_by=group_by)

        (total,) = named(question, resale_compliance.answer(question).totals)

        assert (total["utility"], total["excess"]) == ("electricity", Decimal("287.50"))
        assert total["charged"] - total["allowed"] == total["difference"]

    def test_end_with_the_month_that_runs(self, charged):
        now = datetime(2026, 7, 20, 12, tzinfo=UTC)

        answer = resale_compliance.answer(asked(charged, last_day=JULY.replace(month=9), now=now))

        assert {row[0] for row in answer.rows} == {"2026-07"}
        assert [note.words for note in answer.notes] == [
            "July 2026 still runs: its figures are those so far."
        ]

    def test_of_days_to_come_are_none(self, charged):
        later = JULY.replace(month=9)

        answer = resale_compliance.answer(asked(charged, first_day=later, last_day=later))

        assert (answer.rows, answer.totals) == ([], [])


class TestPage:
    def test_shows_table_and_chart_and_gives_files(self, charged):
        client = browser(roles.VIEWER, charged)

        shown = client.get(PAGE, DAYS)

        page = shown.content.decode()
        assert "201.25" in page
        assert "charged, and the licensed price" in page
        (_, csv), _ = shown.context["files"]
        lines = told(client.get(PAGE + csv)).decode().splitlines()
        assert len(lines) == 1 + 3

    def test_is_in_the_sidebar(self, charged):
        page = browser(roles.VIEWER, charged).get(PAGE, DAYS).content.decode()

        assert page.count(f'href="{PAGE}"') >= 1

    @pytest.mark.parametrize(
        ("role", "is_led"), [(roles.VIEWER, False), (roles.BILLING_ADMIN, True)]
    )
    def test_says_what_to_do_without_a_reference(self, charged, role, is_led):
        ReferenceTable.objects.all().delete()

        page = browser(role, charged).get(PAGE, DAYS).content.decode()

        assert "No licensed rate table is named for electricity in this estate" in page
        assert (f'href="{reverse("admin:rates_referencetable_add")}"' in page) is is_led
        assert "There is nothing to report for these days." in page
        assert 'role="img"' not in page
