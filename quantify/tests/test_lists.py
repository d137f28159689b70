"""Lists as CSV and XLSX, by content negotiation."""

import csv
from io import StringIO
from unittest.mock import patch

import pytest

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from quantify.tables.files import FORMATS
from quantify.tests import world
from quantify.tests.client import Client
from quantify.tests.worksheets import told, worksheet
from wallets.models import Wallet
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import top_up

XLSX = FORMATS["xlsx"].media_type
pytestmark = pytest.mark.django_db


@pytest.fixture
def manager():
    return UserFactory.create(role=roles.PROPERTY_MANAGER)


@pytest.fixture
def wallet(manager) -> Wallet:
    return WalletFactory.create(
        unit__estate=EstateFactory.create(code="WC001", members=[manager]), unit__unit_number="A-1"
    )


def rows(response) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv"
    return list(csv.DictReader(StringIO(told(response).decode())))


def fetch(user, path: str, media_type: str = "text/csv"):
    return Client(user).get(path, HTTP_ACCEPT=media_type)


class TestCsv:
    def test_has_the_rows_that_the_filters_leave(self, manager, wallet):
        kept = top_up(wallet, "50.00", reference="FNB 1")
        top_up(wallet, "60.00", payment_method="eft")
        top_up(WalletFactory.create(), "70.00")

        [row] = rows(fetch(manager, "/transactions?payment_method=cash"))

        assert row["number"] == str(kept)
        assert (row["amount"], row["balance_after"]) == ("50.00", "50.00")
        assert (row["estate"], row["unit_number"], row["kind"]) == ("WC001", "A-1", "topup")
        assert row["occurred_at"] == "2026-07-15T12:00:00+02:00"
        assert row["reference"] == "FNB 1"

    def test_has_all_rows_in_the_order_asked_for(self, manager, wallet):
        for _ in range(30):
            top_up(wallet, "10.00")

        listed = rows(fetch(manager, "/transactions?sort=number&order=asc"))

        numbers = [row["number"] for row in listed]
        assert len(numbers) == 30
        assert numbers == sorted(numbers)

    def test_holds_no_formula(self, manager, wallet):
        top_up(wallet, "50.00", reference="=1+1")

        [row] = rows(fetch(manager, "/transactions"))

        assert row["reference"] == "'=1+1"

    @pytest.mark.parametrize("path", ["/wallets", "/units", "/meters", "/transactions"])
    def test_shows_each_list_of_ones_estates_alone(self, manager, path):
        world.build("WC001", members=[manager])
        world.build("OG001")

        listed = rows(fetch(manager, path))

        assert {row["estate"] for row in listed} == {"WC001"}
        assert "OG001" not in str(listed)

    def test_shows_readings_of_a_meter(self, manager):
        ours = world.build("WC001", members=[manager])
        theirs = world.build("OG001")

        listed = rows(fetch(manager, f"/meters/{ours.meters[0].pk}/readings"))

        assert len(listed) == 2 * 96 + 1
        assert listed[0]["register"] == "import"
        assert listed[0]["value"] == "1000.000"
        foreign = fetch(manager, f"/meters/{theirs.meters[0].pk}/readings")
        assert foreign.status_code == 404

    def test_is_a_file_to_keep(self, manager, wallet):
        response = fetch(manager, "/wallets")

        assert response["Content-Disposition"].startswith('attachment; filename="wallets-20')

    @pytest.mark.parametrize("query", ["page=1", "per_page=5", "cursor="])
    def test_has_no_pages(self, manager, wallet, query):
        assert fetch(manager, f"/transactions?{query}").status_code == 422

    def test_is_bounded(self, manager, wallet):
        top_up(wallet, "10.00")
        with patch("quantify.api.lists.MOST", 0):
            response = fetch(manager, "/transactions")

        assert response.status_code == 400
        assert response.json()["code"] == "too_many_rows"

    def test_is_refused_as_json_is(self, manager, wallet):
        assert fetch(manager, "/transactions?nothing=1").status_code == 422
        assert fetch(None, "/transactions").status_code == 401
        assert fetch(manager, f"/wallets/{wallet.pk}").status_code == 406
        assert fetch(manager, "/transactions?format=csv", "application/json").status_code == 422

    def test_costs_the_same_for_many(self, manager, wallet, django_assert_max_num_queries):
        for _ in range(20):
            top_up(wallet, "10.00")
        fetch(manager, "/transactions")

        with django_assert_max_num_queries(5):
            assert len(rows(fetch(manager, "/transactions"))) == 20


class TestXlsx:
    def test_holds_numbers_as_numbers(self, manager, wallet):
        top_up(wallet, "50.00", reference="=1+1")

        response = fetch(manager, "/transactions", XLSX)

        assert response["Content-Type"] == XLSX
        titles, row = worksheet(told(response))
        assert titles[:2] == ["Number", "When"]
        assert row[6] == 50
        assert row[11] == "=1+1"
