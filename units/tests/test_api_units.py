from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from quantify.periods import local_day
from quantify.tests.client import Client
from units.models import Unit
from units.tests.factories import OccupancyFactory, ResidentFactory, UnitFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager():
    return UserFactory.create(role=roles.PROPERTY_MANAGER)


@pytest.fixture
def estate(manager):
    return EstateFactory.create(code="WC001", members=[manager])


@pytest.fixture
def client(manager, estate):
    return Client(manager)


class TestCreate:
    def test_needs_estate_and_number(self, client, estate):
        response = client.post("/units", {"estate": str(estate.pk), "unit_number": "A-101"})

        assert response.status_code == 201
        unit = Unit.objects.get(pk=response.json()["data"]["id"])
        assert unit.status == "vacant"
        assert unit.wallet.balance == 0

    def test_refuses_the_number_again(self, client, estate):
        UnitFactory.create(estate=estate, unit_number="A-101")

        response = client.post("/units", {"estate": str(estate.pk), "unit_number": "a-101"})

        assert response.status_code == 409

    def test_tells_a_foreign_estate_as_one_that_is_not_there(self, client):
        foreign = EstateFactory.create()

        answers = [
            client.post("/units", {"estate": str(pk), "unit_number": "A-1"}).json()["errors"]
            for pk in (foreign.pk, uuid4())
        ]

        assert answers[0] == answers[1]
        assert answers[0][0]["code"] == "does_not_exist"
        assert not Unit.objects.exists()

    def test_is_not_for_viewers(self, estate):
        viewer = UserFactory.create(role=roles.VIEWER)
        EstateFactory.create(members=[viewer])

        response = Client(viewer).post("/units", {"estate": str(estate.pk), "unit_number": "A"})

        assert response.status_code == 403
        assert response.json()["code"] == "permission_denied"


class TestScope:
    def test_hides_what_is_foreign(self, client, estate):
        own = UnitFactory.create(estate=estate)
        foreign = UnitFactory.create(estate=EstateFactory.create(code="OG001"))

        assert client.get("/units").json()["data"][0]["id"] == str(own.pk)
        assert client.get("/units").json()["total"] == 1
        assert client.get(f"/units/{foreign.pk}").status_code == 404
        assert client.patch(f"/units/{foreign.pk}", {"building": "x"}).status_code == 404
        assert client.delete(f"/units/{foreign.pk}").status_code == 404
        assert client.post(f"/units/{foreign.pk}/vacate", {}).status_code == 404

    def test_answers_a_filter_by_a_foreign_estate_as_one_that_is_not_there(self, client):
        foreign = EstateFactory.create()

        assert client.get(f"/units?estate={foreign.pk}").status_code == 404
        assert client.get(f"/units?estate={uuid4()}").status_code == 404
        assert client.get("/units?estate=x").status_code == 422


class TestList:
    def test_filters(self, client, estate):
        UnitFactory.create(estate=estate, unit_number="A-1", building="A", floor=1)
        UnitFactory.create(estate=estate, unit_number="B-1", building="B", status="vacant")

        def listed(query):
            return [unit["unit_number"] for unit in client.get(f"/units?{query}").json()["data"]]

        assert listed(f"estate={estate.pk}") == ["A-1", "B-1"]
        assert listed("status=vacant") == ["B-1"]
        assert listed("building=a") == ["A-1"]
        assert listed("floor=1") == ["A-1"]
        assert listed("q=b-1") == ["B-1"]
        assert listed("sort=unit_number&order=desc") == ["B-1", "A-1"]

    def test_leaves_out_units_of_an_archived_estate(self, client, estate):
        unit = UnitFactory.create(estate=estate)
        estate.deleted_at = timezone.now()
        estate.save()

        assert client.get("/units").json()["total"] == 0
        assert client.get(f"/units/{unit.pk}").status_code == 404

    def test_takes_few_statements(self, client, estate, django_assert_max_num_queries):
        UnitFactory.create_batch(20, estate=estate)
        client.get("/units")

        with django_assert_max_num_queries(5):
            assert len(client.get(f"/units?estate={estate.pk}").json()["data"]) == 20


class TestChange:
    def test_leaves_a_unit_in_its_estate(self, client, estate, manager):
        unit = UnitFactory.create(estate=estate)
        other = EstateFactory.create(members=[manager])

        response = client.patch(f"/units/{unit.pk}", {"estate": str(other.pk)})

        assert response.status_code == 422
        assert response.json()["errors"][0]["code"] == "fixed"


class TestMoves:
    def test_in_and_out(self, client, estate):
        unit = UnitFactory.create(estate=estate, status="vacant")
        resident = ResidentFactory.create(estate=estate)
        today = local_day(timezone.now())
        start = today - timedelta(days=10)

        moved_in = client.post(
            f"/units/{unit.pk}/assign-resident",
            {"resident": str(resident.pk), "kind": "tenant", "starts_on": start.isoformat()},
        )

        assert moved_in.status_code == 201
        shown = client.get(f"/units/{unit.pk}").json()["data"]
        assert shown["status"] == "occupied"
        assert shown["occupancy"]["resident"]["id"] == str(resident.pk)

        moved_out = client.post(f"/units/{unit.pk}/vacate", {})

        assert moved_out.status_code == 200
        assert moved_out.json()["data"][0]["ends_on"] == today.isoformat()
        shown = client.get(f"/units/{unit.pk}").json()["data"]
        assert (shown["status"], shown["occupancy"]) == ("vacant", None)

    def test_refuse_a_second_primary_tenant(self, client, estate):
        first = OccupancyFactory.create(unit__estate=estate)
        resident = ResidentFactory.create(estate=estate)

        response = client.post(
            f"/units/{first.unit.pk}/assign-resident",
            {"resident": str(resident.pk), "starts_on": "2026-02-01"},
        )

        assert response.status_code == 409
        assert first.unit.occupancies.count() == 1

    def test_refuse_a_resident_of_another_estate(self, client, estate, manager):
        unit = UnitFactory.create(estate=estate)
        other = ResidentFactory.create(estate=EstateFactory.create(members=[manager]))

        response = client.post(
            f"/units/{unit.pk}/assign-resident",
            {"resident": str(other.pk), "starts_on": "2026-02-01"},
        )

        assert response.status_code == 400
        assert response.json()["code"] == "another_estate"

    def test_refuse_to_empty_an_empty_unit(self, client, estate):
        unit = UnitFactory.create(estate=estate)

        response = client.post(f"/units/{unit.pk}/vacate", {})

        assert response.status_code == 400
        assert response.json()["code"] == "not_occupied"

    def test_end_after_they_start(self, client, estate):
        tenancy = OccupancyFactory.create(unit__estate=estate)

        response = client.post(f"/units/{tenancy.unit.pk}/vacate", {"ends_on": "2026-01-01"})

        assert response.status_code == 422


class TestResidents:
    def test_are_kept(self, client, estate):
        made = client.post(
            "/residents",
            {
                "estate": str(estate.pk), "first_name": "Sipho", "last_name": "Dlamini",
                "phone": "+27821234567",
            },
        )  # fmt: skip
        path = f"/residents/{made.json()['data']['id']}"

        assert made.status_code == 201
        assert client.patch(path, {"email": "s@example.com"}).status_code == 200
        assert client.get("/residents?q=dlamini").json()["total"] == 1
        assert client.delete(path).status_code == 204
        assert client.get(path).status_code == 404

    @pytest.mark.parametrize("starts_on", ["2026-01-01", "2126-01-01"])
    def test_stay_while_they_live_there(self, client, estate, starts_on):
        home = OccupancyFactory.create(
            unit__estate=estate, unit__unit_number="A-101", starts_on=starts_on,
            resident__first_name="Sipho",
        )  # fmt: skip
        path = f"/residents/{home.resident.pk}"

        answer = client.delete(path)

        assert (answer.status_code, answer.json()["code"]) == (409, "resident_at_home")
        assert answer.json()["detail"] == (
            "Sipho Mokoena lives in a unit or owns one, or is going to: end the occupancy first."
        )
        home.starts_on, home.ends_on = date(2026, 1, 1), local_day(timezone.now())
        home.save()
        assert client.delete(path).status_code == 204

    def test_have_a_phone_number_of_the_world(self, client, estate):
        response = client.post(
            "/residents",
            {"estate": str(estate.pk), "first_name": "A", "last_name": "B", "phone": "082123"},
        )

        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "phone"

    def test_of_other_estates_are_hidden(self, client):
        foreign = ResidentFactory.create()

        assert client.get(f"/residents/{foreign.pk}").status_code == 404

    def test_are_listed_in_few_statements(self, client, estate, django_assert_max_num_queries):
        ResidentFactory.create_batch(20, estate=estate)
        client.get("/residents")

        with django_assert_max_num_queries(5):
            assert len(client.get("/residents").json()["data"]) == 20
