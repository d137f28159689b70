import pytest

from accounts import roles
from accounts.models import Role
from accounts.tests.factories import RoleFactory, UserFactory
from quantify.tests.client import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Client:
    return Client(UserFactory.create(username="admin"))


def clerk(**fields: object) -> dict[str, object]:
    return {"code": "clerk", "name": "Clerk", "permissions": ["units.view_unit"], **fields}


class TestCreate:
    def test_defines_what_people_with_the_role_may_do(self, api: Client):
        answer = api.post("/roles", clerk())

        assert answer.status_code == 201
        person = Client(UserFactory.create(role=Role.objects.get(code="clerk")))
        assert person.get("/units").status_code == 200
        assert person.get("/wallets").status_code == 403

    @pytest.mark.parametrize(
        ("permission", "code"),
        [
            pytest.param("units.fly_unit", "unknown", id="unknown"),
            pytest.param("accounts.add_user", "super_admin_only", id="people"),
            pytest.param("accounts.add_apikey", "super_admin_only", id="keys"),
            pytest.param("estates.add_estate", "super_admin_only", id="estates"),
            pytest.param("wallets.change_creditswitch", "super_admin_only", id="the switch"),
        ],
    )
    def test_refuses_what_nobody_may_be_given(self, api: Client, permission: str, code: str):
        answer = api.post("/roles", clerk(permissions=["units.view_unit", permission]))

        assert answer.status_code == 422
        assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("permissions", code)]
        assert not Role.objects.filter(code="clerk").exists()

    def test_answers_409_for_a_code_that_is_taken(self, api: Client):
        RoleFactory.create(code="clerk")

        assert api.post("/roles", clerk()).status_code == 409

    def test_is_closed_to_everybody_else(self):
        own = RoleFactory.create(permissions=sorted(roles.GRANTABLE))
        for role in (roles.PROPERTY_MANAGER, roles.RESIDENT, own):
            other = Client(UserFactory.create(role=role))
            assert other.post("/roles", clerk()).status_code == 403
        assert not Role.objects.filter(code="clerk").exists()


class TestChange:
    def test_binds_at_once(self, api: Client):
        role = RoleFactory.create(permissions=["units.view_unit"])
        person = Client(UserFactory.create(role=role))
        assert person.get("/units").status_code == 200

        api.patch(f"/roles/{role.pk}", {"permissions": ["wallets.view_wallet"]})

        assert person.get("/units").status_code == 403

    def test_leaves_built_in_roles_alone(self, api: Client):
        UserFactory.create(role=roles.VIEWER)
        viewer = Role.objects.get(code="viewer")

        answer = api.patch(f"/roles/{viewer.pk}", {"permissions": ["wallets.topup_wallet"]})

        assert (answer.status_code, answer.json()["code"]) == (400, "built_in_role")
        assert "wallets.topup_wallet" not in viewer.permission_names()


class TestDelete:
    def test_takes_an_unused_role_out_of_sight(self, api: Client):
        role = RoleFactory.create()

        assert api.delete(f"/roles/{role.pk}").status_code == 204
        assert api.get(f"/roles/{role.pk}").status_code == 404

    def test_keeps_a_role_that_people_have(self, api: Client):
        role = RoleFactory.create()
        UserFactory.create(role=role)

        answer = api.delete(f"/roles/{role.pk}")

        assert (answer.status_code, answer.json()["code"]) == (400, "role_in_use")
        assert Role.objects.get(pk=role.pk).deleted_at is None


class TestList:
    def test_tells_built_in_ones_from_own(self, api: Client):
        RoleFactory.create(code="clerk")

        built_in = api.get("/roles?is_built_in=true&per_page=100").json()["data"]
        own = api.get("/roles?is_built_in=false").json()["data"]

        assert {role["code"] for role in built_in} >= {"super_admin", "viewer", "resident"}
        assert [role["code"] for role in own] == ["clerk"]
