"""One search for API and portal."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import roles
from accounts.models import User
from accounts.tests.factories import RoleFactory, UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from meters.tests.factories import ConcentratorFactory, MeterFactory
from quantify.tests.client import Client
from reports import search
from reports.search import Kind
from units.models import Unit
from units.tests.factories import OccupancyFactory, ResidentFactory, UnitFactory
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import top_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    return UserFactory.create(role=roles.PROPERTY_MANAGER)


@pytest.fixture
def estate(manager: User) -> Estate:
    return EstateFactory.create(code="WC001", name="Willow Creek", members=[manager])


def titles(user: User, text: str, **more: object) -> list[str]:
    return [hit.title for hit in search.find(user=user, text=text, limit=20, **more)]


class TestFind:
    def test_finds_a_unit_by_its_number_the_exact_one_first(self, manager, estate):
        for number in ("A-1010", "A-101", "A-110"):
            UnitFactory.create(estate=estate, unit_number=number)

        assert titles(manager, "a-101")[:2] == ["A-101", "A-1010"]

    def test_finds_it_first_among_more_than_are_ranked(self, manager, estate, monkeypatch):
        monkeypatch.setattr(search, "SCORED", 3)
        for number in range(20, 0, -1):
            UnitFactory.create(estate=estate, unit_number=f"A-1{number:02}")
        UnitFactory.create(estate=estate, unit_number="A-1")

        found = titles(manager, "a-1")

        assert len(found) == 3
        assert found[0] == "A-1"

    @pytest.mark.parametrize("text", ["a-1", "a 1"])
    def test_looks_at_few_of_very_many_and_at_the_exact_one(
        self, manager, estate, monkeypatch, text
    ):
        monkeypatch.setattr(search, "LOOKED_AT", 3)
        for number in range(20, 0, -1):
            UnitFactory.create(estate=estate, unit_number=f"A-1{number:02}")
        UnitFactory.create(estate=estate, unit_number="A-1")

        found = titles(manager, text)

        assert found[0] == "A-1"
        assert len(found) == 4

    @pytest.mark.parametrize("text", ["12", "c-1", "C 12", "12 willow", "wc001 12", "Cedar"])
    def test_finds_it_by_parts_and_its_estate(self, manager, estate, text):
        UnitFactory.create(estate=estate, unit_number="C-12", building="Cedar Court")
        UnitFactory.create(estate=estate, unit_number="B-7", building="Birch Court")

        assert titles(manager, text, kinds=[Kind.UNIT]) == ["C-12"]

    @pytest.mark.parametrize("text", ["thandi", "Nkosi", "thandi nkosi", "thandy", "nkos", "83123"])
    def test_finds_a_resident_by_name_or_phone_misspelt_too(self, manager, estate, text):
        ResidentFactory.create(
            estate=estate, first_name="Thandi", last_name="Nkosi", phone="+27831234567", email=""
        )
        ResidentFactory.create(
            estate=estate, first_name="Pieter", last_name="Botha", phone="+27721111111", email=""
        )

        assert titles(manager, text) == ["Thandi Nkosi"]

    def test_finds_meters_and_transactions(self, manager, estate):
        meter = MeterFactory.create(estate=estate, serial="LGZ-5550001")
        paid = top_up(WalletFactory.create(unit__estate=estate), "50.00", reference="FNB 88231")

        assert titles(manager, "5550001") == [meter.serial]
        assert titles(manager, "88231") == [f"{paid} Top-up R50.00"]
        assert titles(manager, f"{paid}") == [f"{paid} Top-up R50.00"]

    def test_needs_all_words(self, manager, estate):
        UnitFactory.create(estate=estate, unit_number="A-101")

        assert titles(manager, "A-101 Durban") == []

    def test_leaves_out_what_was_deleted(self, manager, estate):
        UnitFactory.create(estate=estate, unit_number="A-101", deleted_at=estate.created_at)

        assert titles(manager, "A-101") == []

    @pytest.mark.parametrize("text", ["", " ", "a", "- %", "é", "1 "])
    def test_refuses_less_than_two_signs(self, manager, text):
        with pytest.raises(search.TooShort):
            search.find(user=manager, text=text, limit=20)

    @pytest.mark.parametrize(
        "text", ["' OR 1=1", "a:*", "a & !b", "%%", "\\\\ab", "<->ab", "ab | cd", "((("]
    )
    def test_takes_signs_for_what_they_are(self, manager, estate, text):
        UnitFactory.create(estate=estate, unit_number="Z-9")
        assert titles(manager, f"{text} xy") == []

    def test_costs_the_same_whatever_there_is(self, manager, estate):
        def statements() -> int:
            with CaptureQueriesContext(connection) as done:
                search.find(user=manager, text="101", limit=20)
            return len(done)

        assert statements() == 5
        for number in range(30):
            UnitFactory.create(estate=estate, unit_number=f"101-{number}")
        assert statements() == 5


class TestScope:
    def test_finds_nothing_of_another_estate(self, manager, estate):
        foreign = EstateFactory.create(code="OG001", name="Oak Gardens")
        unit = UnitFactory.create(estate=foreign, unit_number="CANARY-1")
        resident = ResidentFactory.create(estate=foreign, first_name="Canary")
        OccupancyFactory.create(unit=unit, resident=resident)
        MeterFactory.create(estate=foreign, serial="CANARY-E1")
        ConcentratorFactory.create(estate=foreign, serial="CANARY-DC")
        top_up(WalletFactory.create(unit=unit), "50.00", reference="CANARY EFT")

        assert titles(manager, "canary", kinds=list(Kind)) == []
        assert titles(manager, "oak", kinds=list(Kind)) == []
        assert len(titles(UserFactory.create(), "canary", kinds=list(Kind))) == 6

    def test_shows_people_to_those_who_may_see_people(self, estate):
        role = RoleFactory.create(permissions=["units.view_unit"])
        user = UserFactory.create(role=role)
        estate.memberships.create(user=user)
        UnitFactory.create(estate=estate, unit_number="Thandi-1")
        ResidentFactory.create(estate=estate, first_name="Thandi")

        assert titles(user, "thandi", kinds=list(Kind)) == ["Thandi-1"]


class TestApi:
    def test_answers_hits_with_where_they_are(self, manager, estate):
        unit = UnitFactory.create(estate=estate, unit_number="A-101")

        response = Client(manager).get("/search?q=a-101")

        assert response.json()["data"] == [{
            "type": "unit", "id": str(unit.pk), "title": "A-101", "where": "WC001 Willow Creek",
            "score": 1.0, "link": f"/api/v1/units/{unit.pk}",
        }]  # fmt: skip
        assert Client(manager).get(response.json()["data"][0]["link"]).status_code == 200

    def test_answers_no_more_than_asked_for(self, manager, estate):
        for number in range(5):
            UnitFactory.create(estate=estate, unit_number=f"A-10{number}")

        response = Client(manager).get("/search?q=a-10&limit=3")

        assert len(response.json()["data"]) == 3

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("", "min_length"), ("q=a", "min_length"), ("q=" + "a" * 101, "max_length"),
            ("q=%00ab", "max_length"), ("q=ab&limit=0", "invalid"), ("q=ab&limit=51", "invalid"),
            ("q=ab&kind=unit", "unknown"),
        ],
    )  # fmt: skip
    def test_refuses_what_it_cannot_look_for(self, manager, query, code):
        response = Client(manager).get(f"/search?{query}")

        assert response.status_code == 422
        assert response.json()["errors"][0]["code"] == code

    def test_asks_for_credentials(self):
        assert Client().get("/search?q=ab").status_code == 401


class TestIndexes:
    """Among twenty thousand units the candidates come from the indexes."""

    @pytest.mark.parametrize("text", ["N-19999", "nr-777", "19", "N-19999 willow"])
    def test_find_units(self, manager, estate, text):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO units_unit (estate_id, unit_number, building, status,"
                " protected_supply) SELECT %s, 'N-' || n, 'House ' || n %% 50, 'vacant', false"
                " FROM generate_series(1, 20000) AS n",
                [estate.pk],
            )
            cursor.execute("ANALYZE units_unit")

        units = Unit.objects.visible_to(manager).alive()
        rows = search._candidates(Kind.UNIT, units, text.split())
        plan = search._scored(Kind.UNIT, rows, text.split()).order_by("-score")[:20].explain()

        assert "unit_search_words" in plan
        # Joining what was found may read the table; looking for the words may not.
        assert not re.search(r"Seq Scan on units_unit[^\n]*\n\s*Filter:", plan)
