import pytest

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from quantify.tests.client import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return Client(UserFactory.create())


class TestCreate:
    def test_needs_only_code_name_and_units(self, admin):
        response = admin.post(
            "/estates", {"code": "TEST001", "name": "Test Estate", "total_units": 50}
        )

        assert response.status_code == 201
        data = response.json()["data"]
        assert data["code"] == "TEST001"
        assert data["solar_free_allocation_kwh"] == "50.000"
        assert response["Location"] == f"/api/v1/estates/{data['id']}"
        assert Estate.objects.get(pk=data["id"]).settings.low_balance_limit == 50

    @pytest.mark.parametrize("code", ["TEST001", "test001"])
    def test_refuses_the_same_code_again(self, admin, code):
        EstateFactory.create(code="TEST001")

        response = admin.post("/estates", {"code": code, "name": "Other", "total_units": 5})

        assert response.status_code == 409
        body = response.json()
        assert body["code"] == "duplicate"
        assert [error["code"] for error in body["errors"]] == ["duplicate"]
        assert Estate.objects.count() == 1

    def test_answers_422_when_more_than_the_code_is_wrong(self, admin):
        EstateFactory.create(code="TEST001")

        response = admin.post("/estates", {"code": "TEST001", "name": "", "total_units": 5})

        assert response.status_code == 422

    @pytest.mark.parametrize(
        "role", [roles.PROPERTY_MANAGER, roles.BILLING_ADMIN, roles.VIEWER, roles.RESIDENT]
    )
    def test_is_for_super_admins(self, role):
        client = Client(UserFactory.create(role=role))

        response = client.post("/estates", {"code": "A", "name": "A", "total_units": 1})

        assert response.status_code == 403
        assert not Estate.objects.exists()


class TestList:
    def test_shows_the_estates_of_ones_memberships(self):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        EstateFactory.create(code="WC001", members=[manager, UserFactory.create()])
        EstateFactory.create(code="OG001")

        data = Client(manager).get("/estates").json()["data"]

        assert [estate["code"] for estate in data] == ["WC001"]

    def test_takes_few_statements(self, admin, django_assert_max_num_queries):
        EstateFactory.create_batch(20)
        admin.get("/estates")

        with django_assert_max_num_queries(5):
            assert len(admin.get("/estates").json()["data"]) == 20

    def test_is_not_for_residents_of_the_api(self):
        assert Client(UserFactory.create(role=roles.RESIDENT)).get("/estates").status_code == 403


class TestDetail:
    def test_hides_foreign_estates(self):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        foreign = EstateFactory.create()
        client = Client(manager)

        assert client.get(f"/estates/{foreign.pk}").status_code == 404
        assert client.patch(f"/estates/{foreign.pk}", {"name": "x"}).status_code == 404
        assert client.get(f"/estates/{foreign.pk}/settings").status_code == 404
        assert client.patch(f"/estates/{foreign.pk}/settings", {}).status_code == 404


class TestDelete:
    def test_takes_an_estate_out_of_sight(self, admin):
        estate = EstateFactory.create()

        response = admin.delete(f"/estates/{estate.pk}")

        assert response.status_code == 204
        assert response.content == b""
        assert admin.get(f"/estates/{estate.pk}").status_code == 404
        assert admin.get("/estates").json()["total"] == 0
        estate.refresh_from_db()
        assert estate.deleted_at is not None


class TestSettings:
    def test_are_changed_by_managers(self):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        estate = EstateFactory.create(members=[manager])

        response = Client(manager).patch(
            f"/estates/{estate.pk}/settings", {"low_balance_limit": 75.5}
        )

        assert response.status_code == 200
        assert response.json()["data"]["low_balance_limit"] == "75.50"

    def test_are_read_only_to_viewers(self):
        viewer = UserFactory.create(role=roles.VIEWER)
        estate = EstateFactory.create(members=[viewer])
        client = Client(viewer)

        assert client.get(f"/estates/{estate.pk}/settings").status_code == 200
        assert client.patch(f"/estates/{estate.pk}/settings", {}).status_code == 403

    def test_contradict_no_rule(self, admin):
        estate = EstateFactory.create()

        response = admin.patch(f"/estates/{estate.pk}/settings", {"debt_recovery_percent": "101"})

        assert response.status_code == 422
        (error,) = response.json()["errors"]
        assert (error["field"], error["code"]) == ("debt_recovery_percent", "max_value")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("breaker_percent", "-1.00"), ("breaker_percent", "100.01"),
            ("activation_minimum", "-1"), ("low_balance_limit", "-1"), ("topup_minimum", "0"),
            ("topup_maximum", "0"), ("adjustment_limit", "-0.01"), ("low_balance_days", 61),
            ("low_balance_critical_percent", "101"), ("month_closes_after_days", 0),
        ],
    )  # fmt: skip
    def test_name_the_field_that_is_out_of_bounds(self, admin, field, value):
        estate = EstateFactory.create()

        response = admin.patch(f"/estates/{estate.pk}/settings", {field: value})

        assert response.status_code == 422
        (error,) = response.json()["errors"]
        assert error["field"] == field
        assert error["code"] in ("min_value", "max_value")

    @pytest.mark.parametrize(
        ("field", "value"),
        [("solar_free_allocation_kwh", -1), ("latitude", "91"), ("longitude", "-180.5")],
    )
    def test_of_the_estate_are_named_too(self, admin, field, value):
        estate = EstateFactory.create(latitude="-26.1", longitude="28.0")

        response = admin.patch(f"/estates/{estate.pk}", {field: value})

        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [field]

    def test_refuse_a_stale_change(self, admin):
        estate = EstateFactory.create()
        path = f"/estates/{estate.pk}/settings"
        tag = admin.get(path)["ETag"]
        admin.patch(path, {"breaker_cuts": 5})

        assert admin.patch(path, {"breaker_cuts": 6}, HTTP_IF_MATCH=tag).status_code == 412
