"""What programs sign in with: never more than its owner, shown once, gone at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import callers, keys, roles
from accounts.models import ApiKey, AuditEntry, User
from accounts.tests.factories import RoleFactory, UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from quantify.tests.client import Client, basic

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return UserFactory.create(username="admin")


@pytest.fixture
def api(admin: User) -> Client:
    return Client(admin)


def bearer(text: str) -> Client:
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def key_of(user: User, *scopes: str, estates: list[Estate] | None = None) -> str:
    """The text of a new key."""
    return keys.make(
        user=user,
        name="A program",
        scopes=scopes or ("write",),
        estates=None if estates is None else [estate.pk for estate in estates],
        expires_at=None,
        at=timezone.now(),
    ).text


def manager_of(*estates: Estate, role: str = roles.PROPERTY_MANAGER) -> User:
    user = UserFactory.create(role=role)
    for estate in estates:
        estate.memberships.create(user=user)
    return user


class TestCreate:
    def test_shows_the_key_this_once(self, api: Client, admin: User):
        answer = api.post("/api-keys", {"name": "Reader", "scopes": ["read"]})

        assert answer.status_code == 201
        made = answer.json()["data"]
        assert made["key"].startswith("qk_live_")
        assert len(made["key"]) == 8 + 43
        assert made["prefix"] == made["key"][:14]
        assert answer["Cache-Control"] == "no-store"
        stored = ApiKey.objects.get()
        assert stored.digest == keys.digest_of(made["key"])
        for path in ("/api-keys", f"/api-keys/{stored.pk}", "/audit-log"):
            shown = api.get(path).content.decode()
            assert made["key"] not in shown
            assert stored.digest not in shown
        assert bearer(made["key"]).get("/auth/me").json()["data"]["username"] == "admin"

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            pytest.param({"scopes": []}, "scopes", id="no scope"),
            pytest.param({"scopes": ["everything"]}, "scopes", id="unknown scope"),
            pytest.param({"scopes": ["accounts.add_user"]}, "scopes", id="people"),
            pytest.param({"estates": []}, "estates", id="no estate"),
            pytest.param({"estates": ["no id"]}, "estates[0]", id="no id of an estate"),
            pytest.param({"estates": ["00000000-0000-7000-8000-000000000000"]}, "estates[0]",
                         id="no such estate"),
            pytest.param({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", id="over before"),
            pytest.param({"expires_at": "2099-01-01T00:00:00"}, "expires_at", id="naive"),
            pytest.param({"key": "qk_live_mine"}, "key", id="a key of one's own"),
        ],
    )  # fmt: skip
    def test_refuses_bad_input_and_makes_none(self, api: Client, fields: dict, field: str):
        answer = api.post("/api-keys", {"name": "Reader", "scopes": ["read"], **fields})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"].startswith(field)
        assert not ApiKey.objects.exists()

    def test_looks_for_all_estates_at_once(self, api: Client):
        estates = [str(EstateFactory.create().pk) for _ in range(20)]

        with CaptureQueriesContext(connection) as asked:
            answer = api.post(
                "/api-keys", {"name": "Reader", "scopes": ["read"], "estates": estates}
            )

        assert answer.json()["data"]["estates"] == estates
        assert sum('FROM "estates_estate"' in one["sql"] for one in asked) == 1

    def test_is_for_super_admins(self):
        for role in (roles.PROPERTY_MANAGER, roles.BILLING_ADMIN, roles.VIEWER, roles.RESIDENT):
            other = Client(UserFactory.create(role=role))
            answer = other.post("/api-keys", {"name": "Reader", "scopes": ["read"]})
            assert answer.status_code == 403
        assert not ApiKey.objects.exists()


class TestSignIn:
    def test_takes_the_key_as_basic_user_name_too(self, admin: User):
        text = key_of(admin)

        answer = Client().get("/auth/me", HTTP_AUTHORIZATION=basic(text, ""))

        me = answer.json()["data"]
        assert (me["signed_in_by"], me["api_key"]["prefix"]) == ("api_key", text[:14])

    def test_finds_the_key_with_one_statement(self, admin: User):
        text = key_of(admin)
        callers.by_key(text, at=timezone.now())

        with CaptureQueriesContext(
            connection,
        ) as made:
            user = callers.by_key(text, at=timezone.now())

        assert len(made) == 1
        assert user is not None
        assert user.role.code == "super_admin"

    def test_notes_its_use_at_most_once_a_minute(self, admin: User):
        text, now = key_of(admin), timezone.now()
        for seconds in (0, 30, 59):
            callers.by_key(text, at=now + timedelta(seconds=seconds))
        assert ApiKey.objects.get().last_used_at == now

        callers.by_key(text, at=now + timedelta(seconds=60))

        assert ApiKey.objects.get().last_used_at == now + timedelta(seconds=60)

    @pytest.mark.parametrize(
        "header",
        ["Bearer", "Bearer qk_live_wrong", "Bearer " + "x" * 5000, basic("qk_live_wrong", "")],
    )
    def test_refuses_what_is_no_key(self, header: str):
        answer = Client().get("/auth/me", HTTP_AUTHORIZATION=header)

        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Basic realm="Quantify Admin"'

    def test_locks_an_address_out_of_the_key_it_guesses_at_but_for_the_right_one(self, admin: User):
        text = key_of(admin)
        guessed = text[:14] + "x" * 37
        for _ in range(5):
            assert bearer(guessed).get("/auth/me").status_code == 401

        locked = bearer(guessed).get("/auth/me")

        assert (locked.status_code, locked["Retry-After"]) == (429, "900")
        assert bearer(text).get("/auth/me").status_code == 200
        assert bearer(key_of(admin)).get("/auth/me").status_code == 200
        elsewhere = bearer(guessed).get("/auth/me", REMOTE_ADDR="10.0.0.9")
        assert elsewhere.status_code == 401


class TestBounds:
    def test_are_never_beyond_the_owner(self):
        estate = EstateFactory.create()
        text = key_of(manager_of(estate, role=roles.VIEWER))

        answer = bearer(text).patch(f"/estates/{estate.pk}", {"city": "Elsewhere"})

        assert answer.status_code == 403

    def test_are_the_scopes(self):
        estate = EstateFactory.create()
        reader = bearer(key_of(manager_of(estate), "estates:read"))

        assert reader.get(f"/estates/{estate.pk}").status_code == 200
        assert reader.get("/units").status_code == 403
        assert reader.patch(f"/estates/{estate.pk}", {"city": "X"}).status_code == 403
        assert reader.get("/auth/me").json()["data"]["permissions"] == [
            "estates.view_estate",
            "estates.view_estatesettings",
        ]

    @pytest.mark.parametrize("owner", ["super_admin", "property_manager"])
    def test_are_the_estates(self, owner: str):
        ours, theirs = EstateFactory.create(code="OURS"), EstateFactory.create(code="THEIRS")
        user = UserFactory.create() if owner == "super_admin" else manager_of(ours, theirs)
        client = bearer(key_of(user, estates=[ours]))

        assert [one["code"] for one in client.get("/estates").json()["data"]] == ["OURS"]
        assert client.get(f"/estates/{theirs.pk}").status_code == 404
        assert client.patch(f"/estates/{theirs.pk}", {"city": "X"}).status_code == 404
        assert client.post("/estates", {"code": "NEW", "name": "New"}).status_code == 403
        assert client.get("/auth/me").json()["data"]["sees_every_estate"] is False

    def test_do_not_reach_people_roles_and_keys(self, admin: User):
        client = bearer(key_of(admin, "write"))

        assert client.get("/users").status_code == 200
        for path in ("/users", "/roles", "/api-keys"):
            assert client.post(path, {}).status_code == 403
        assert client.delete(f"/users/{admin.pk}").status_code == 403

    def test_shrink_with_the_owner_at_once(self):
        estate = EstateFactory.create()
        user = manager_of(estate)
        client = bearer(key_of(user))
        assert client.get(f"/estates/{estate.pk}").status_code == 200

        user.memberships.all().delete()
        assert client.get(f"/estates/{estate.pk}").status_code == 404

        User.objects.filter(pk=user.pk).update(is_active=False)
        assert client.get("/auth/me").status_code == 401

    def test_end_with_revocation_and_expiry(self, api: Client, admin: User):
        text, other = key_of(admin), key_of(admin)
        revoked = ApiKey.objects.get(digest=keys.digest_of(text))

        assert api.delete(f"/api-keys/{revoked.pk}").status_code == 204
        ApiKey.objects.filter(digest=keys.digest_of(other)).update(expires_at=timezone.now())

        assert bearer(text).get("/auth/me").status_code == 401
        assert bearer(other).get("/auth/me").status_code == 401
        assert api.get(f"/api-keys/{revoked.pk}").status_code == 404


class TestRotate:
    def test_hands_over_with_an_overlap(self, api: Client, admin: User):
        old = key_of(admin, "estates:read")
        pk = ApiKey.objects.get().pk

        answer = api.post(f"/api-keys/{pk}/rotate", {"overlap_hours": 2})

        new = answer.json()["data"]
        assert (answer.status_code, new["scopes"]) == (201, ["estates:read"])
        assert answer["Location"] == f"/api/v1/api-keys/{new['id']}"
        assert bearer(old).get("/auth/me").status_code == 200
        assert bearer(new["key"]).get("/auth/me").status_code == 200
        later = timezone.now() + timedelta(hours=2)
        assert callers.by_key(old, at=later) is None
        assert callers.by_key(new["key"], at=later) is not None

    def test_ends_the_old_key_at_once_if_asked_so(self, api: Client, admin: User):
        old = key_of(admin)

        api.post(f"/api-keys/{ApiKey.objects.get().pk}/rotate", {"overlap_hours": 0})

        assert bearer(old).get("/auth/me").status_code == 401

    def test_happens_once(self, api: Client, admin: User):
        key_of(admin)
        pk = ApiKey.objects.get().pk
        api.post(f"/api-keys/{pk}/rotate", {})

        answer = api.post(f"/api-keys/{pk}/rotate", {})

        assert (answer.status_code, answer.json()["code"]) == (409, "rotated")
        assert ApiKey.objects.count() == 2

    def test_happens_once_when_two_ask_together(self, transactional_db: None):
        key_of(UserFactory.create())
        key = ApiKey.objects.get()
        together = Barrier(2)

        def rotate() -> str:
            together.wait()
            try:
                keys.rotate(key=key, overlap=timedelta(hours=1), at=timezone.now())
            except keys.Rotated:
                return "refused"
            finally:
                connection.close()
            return "rotated"

        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(rotate) for _ in range(2)]

        assert sorted(one.result() for one in asked) == ["refused", "rotated"]
        assert ApiKey.objects.count() == 2


class TestAuditLog:
    def test_is_filtered_and_paged_by_cursor(self, api: Client, admin: User):
        ours, theirs = EstateFactory.create(), EstateFactory.create()
        for estate in (ours, theirs, ours):
            api.patch(f"/estates/{estate.pk}", {"city": f"City {AuditEntry.objects.count()}"})

        def found(query: str) -> list[dict]:
            return api.get(f"/audit-log?{query}").json()["data"]

        assert len(found("table=estates_estate")) == 3
        assert len(found(f"estate={ours.pk}")) == 2
        assert len(found(f"object={theirs.pk}&action=update&actor={admin.pk}")) == 1
        assert found("to=2020-01-01") == []
        assert len(found("from=2020-01-01")) == 3
        first = api.get("/audit-log?per_page=2&cursor=").json()
        rest = api.get(f"/audit-log?per_page=2&cursor={first['next_cursor']}").json()
        assert [row["after"]["city"] for row in first["data"] + rest["data"]] == [
            "City 2",
            "City 1",
            "City 0",
        ]
        assert api.get("/audit-log?action=burn").status_code == 422

    def test_shows_members_their_estates_alone(self, api: Client):
        ours, theirs = EstateFactory.create(), EstateFactory.create()
        for estate in (ours, theirs):
            api.patch(f"/estates/{estate.pk}", {"city": "Elsewhere"})
        auditor = UserFactory.create(
            role=RoleFactory.create(permissions=["accounts.view_auditentry"])
        )
        ours.memberships.create(user=auditor)

        rows = Client(auditor).get("/audit-log").json()["data"]

        assert [row["estate"] for row in rows] == [str(ours.pk)]
        assert Client(auditor).get(f"/audit-log?estate={theirs.pk}").status_code == 404
        assert Client(manager_of(ours)).get("/audit-log").status_code == 403
