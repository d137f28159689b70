"""People who sign in, as super admins see and change them over the API."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from accounts import people, roles
from accounts.models import AuditEntry, User
from accounts.tests.factories import PASSWORD, RoleFactory, UserFactory
from estates.models import Membership
from estates.tests.factories import EstateFactory
from quantify.tests.client import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return UserFactory.create(username="admin")


@pytest.fixture
def api(admin: User) -> Client:
    return Client(admin)


def new(**fields: object) -> dict[str, object]:
    return {"username": "sipho", "role": "viewer", "password": PASSWORD, **fields}


class TestCreate:
    def test_takes_a_person_on_for_estates(self, api: Client):
        estate = EstateFactory.create()

        answer = api.post("/users", new(estates=[str(estate.pk)], full_name="Sipho Nkosi"))

        assert answer.status_code == 201
        made = answer.json()["data"]
        assert (made["username"], made["role"], made["estates"], made["has_password"]) == (
            "sipho",
            "viewer",
            [str(estate.pk)],
            True,
        )
        assert answer["Location"] == f"/api/v1/users/{made['id']}"
        assert PASSWORD not in answer.content.decode()
        signed_in = Client(User.objects.get(username="sipho")).get("/auth/me").json()["data"]
        assert [one["id"] for one in signed_in["estates"]] == [str(estate.pk)]

    def test_makes_nobody_who_can_sign_in_without_a_password(self, api: Client):
        answer = api.post("/users", {"username": "sipho", "role": "viewer"})

        assert answer.json()["data"]["has_password"] is False
        assert Client(User.objects.get(username="sipho"), "").get("/auth/me").status_code == 401

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            pytest.param({"password": "short"}, "password", id="short"),
            pytest.param({"password": "password123"}, "password", id="common"),
            pytest.param({"password": "x" * 257}, "password", id="endless"),
            pytest.param({"role": "emperor"}, "role", id="no such role"),
            pytest.param({"username": "with space"}, "username", id="odd name"),
            pytest.param({"email": "nobody"}, "email", id="no address"),
            pytest.param({"estates": ["00000000-0000-7000-8000-000000000000"]}, "estates",
                         id="no such estate"),
            pytest.param({"is_superuser": True}, "is_superuser", id="unknown field"),
        ],
    )  # fmt: skip
    def test_refuses_bad_input_and_makes_nobody(self, api: Client, fields: dict, field: str):
        answer = api.post("/users", new(**fields))

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"].startswith(field)
        assert not User.objects.filter(username__startswith="sipho").exists()
        assert not Membership.objects.exists()

    @pytest.mark.parametrize("length", [8, 64, 256])
    def test_takes_passwords_of_any_letters(self, api: Client, length: int):
        password = ("zqxjkvbp" * 32)[:length]

        assert api.post("/users", new(password=password)).status_code == 201
        assert User.objects.get(username="sipho").check_password(password)

    def test_answers_409_for_a_name_in_other_letters(self, api: Client):
        assert api.post("/users", new(username="ADMIN")).status_code == 409

    def test_are_filtered_by_a_role_that_exists(self, api: Client):
        UserFactory.create(role=roles.VIEWER)

        found = api.get("/users?role=viewer").json()

        assert [one["role"] for one in found["data"]] == ["viewer"]
        assert api.get("/users?role=nobody").status_code == 422

    def test_is_closed_to_everybody_else(self, admin: User):
        for role in (roles.PROPERTY_MANAGER, roles.BILLING_ADMIN, roles.VIEWER, roles.RESIDENT):
            other = Client(UserFactory.create(role=role))
            assert other.get("/users").status_code == 403
            assert other.get(f"/users/{admin.pk}").status_code == 403
            assert other.post("/users", new()).status_code == 403
            assert other.delete(f"/users/{admin.pk}").status_code == 403
        assert not User.objects.filter(username="sipho").exists()


class TestChange:
    def test_moves_a_person_to_another_estate_at_once(self, api: Client):
        ours, theirs = EstateFactory.create(), EstateFactory.create()
        user = UserFactory.create(role=roles.VIEWER)
        ours.memberships.create(user=user)
        person = Client(user)
        assert person.get(f"/estates/{ours.pk}").status_code == 200

        answer = api.patch(f"/users/{user.pk}", {"estates": [str(theirs.pk)]})

        assert answer.json()["data"]["estates"] == [str(theirs.pk)]
        assert person.get(f"/estates/{ours.pk}").status_code == 404
        assert person.get(f"/estates/{theirs.pk}").status_code == 200

    def test_ends_the_old_password(self, api: Client):
        user = UserFactory.create(role=roles.VIEWER)
        person = Client(user)
        assert person.get("/auth/me").status_code == 200

        api.patch(f"/users/{user.pk}", {"password": "another long enough one"})

        assert person.get("/auth/me").status_code == 401
        assert Client(user, "another long enough one").get("/auth/me").status_code == 200

    def test_switches_a_person_off_at_once(self, api: Client):
        user = UserFactory.create(role=roles.VIEWER)
        person = Client(user)
        assert person.get("/auth/me").status_code == 200

        assert api.patch(f"/users/{user.pk}", {"is_active": False}).status_code == 200

        assert person.get("/auth/me").status_code == 401

    @pytest.mark.parametrize("change", [{"is_active": False}, {"role": "viewer"}])
    def test_lets_nobody_lock_themselves_out(self, api: Client, admin: User, change: dict):
        UserFactory.create()

        answer = api.patch(f"/users/{admin.pk}", change)

        assert (answer.status_code, answer.json()["code"]) == (400, "oneself")
        assert User.objects.get(pk=admin.pk).is_super_admin

    def test_keeps_the_audit_trail_without_the_password(self, api: Client):
        user = UserFactory.create(role=roles.VIEWER, full_name="Old")

        api.patch(f"/users/{user.pk}", {"full_name": "New", "password": "another long enough one"})

        entry = AuditEntry.objects.get(table="accounts_user", object_id=user.pk)
        assert (entry.before["full_name"], entry.after["full_name"]) == ("Old", "New")
        assert "password_changed_at" in entry.after
        assert "password" not in entry.after

    def test_refuses_a_stale_change(self, api: Client):
        user = UserFactory.create(role=roles.VIEWER)
        tag = api.get(f"/users/{user.pk}")["ETag"]
        api.patch(f"/users/{user.pk}", {"full_name": "First"})

        answer = api.patch(f"/users/{user.pk}", {"full_name": "Second"}, HTTP_IF_MATCH=tag)

        assert answer.status_code == 412
        assert User.objects.get(pk=user.pk).full_name == "First"


class TestDelete:
    def test_takes_a_person_out_of_sight_and_keeps_the_name(self, api: Client):
        user = UserFactory.create(role=roles.VIEWER, username="thandi")
        person = Client(user)

        assert api.delete(f"/users/{user.pk}").status_code == 204

        assert person.get("/auth/me").status_code == 401
        assert api.get(f"/users/{user.pk}").status_code == 404
        assert api.post("/users", new(username="thandi")).status_code == 409
        assert User.objects.get(pk=user.pk).deleted_at is not None

    def test_spares_oneself(self, api: Client, admin: User):
        answer = api.delete(f"/users/{admin.pk}")

        assert (answer.status_code, answer.json()["code"]) == (400, "oneself")
        assert User.objects.get(pk=admin.pk).is_active


class TestLastSuperAdmin:
    def test_stays_when_two_remove_each_other(self, transactional_db: None):
        roles_wanted = [UserFactory.create(username=name) for name in ("one", "two")]
        together = Barrier(2)

        def remove(by: User, other: User) -> str:
            together.wait()
            try:
                people.remove(user=other, by=by, at=timezone.now())
            except people.LastSuperAdmin:
                return "refused"
            finally:
                connection.close()
            return "removed"

        one, two = roles_wanted
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.submit(remove, one, two), pool.submit(remove, two, one)

        assert sorted([first.result(), second.result()]) == ["refused", "removed"]
        assert User.objects.filter(is_active=True).count() == 1

    def test_stays_when_somebody_without_the_role_removes_it(self):
        last = UserFactory.create()
        other = UserFactory.create(role=RoleFactory.create())

        with pytest.raises(people.LastSuperAdmin):
            people.change(user=last, by=other, is_active=False)

        assert User.objects.get(pk=last.pk).is_active


class TestList:
    def test_takes_few_statements(self, api: Client, django_assert_max_num_queries):
        estate = EstateFactory.create()
        for user in UserFactory.create_batch(20, role=roles.VIEWER):
            estate.memberships.create(user=user)
        api.get("/users")

        with django_assert_max_num_queries(5):
            answer = api.get("/users")

        assert answer.json()["total"] == 21

    def test_finds_by_role_state_and_estate(self, api: Client):
        estate = EstateFactory.create()
        viewer = UserFactory.create(role=roles.VIEWER)
        estate.memberships.create(user=viewer)
        UserFactory.create(role=roles.BILLING_ADMIN, is_active=False)

        def found(query: str) -> int:
            return api.get(f"/users?{query}").json()["total"]

        assert (found("role=viewer"), found("is_active=false"), found(f"estate={estate.pk}")) == (
            1,
            1,
            1,
        )
