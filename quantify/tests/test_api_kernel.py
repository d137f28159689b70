"""What every resource of the API shares, shown on estates."""

import json
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client as Browser
from django.utils.html import escape

from accounts import open_sessions, people, roles, second_factor
from accounts.models import AuditEntry, User
from accounts.tests.factories import PASSWORD, UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from notifications.models import Template
from quantify.api import problems
from quantify.tests.client import Client, basic

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return Client(UserFactory.create(username="admin"))


def codes(response):
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


def signed_in(user: User) -> Browser:
    browser = Browser()
    browser.post("/admin/login/", {"username": user.username, "password": PASSWORD})
    return browser


class TestAuthentication:
    def test_asks_for_basic_credentials(self):
        response = Client().get("/auth/me")

        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'Basic realm="Quantify Admin"'
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["code"] == "not_authenticated"

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param("Basic", id="nothing"),
            pytest.param("Basic !!!", id="not base64"),
            pytest.param(basic("admin", "wrong"), id="wrong password"),
            pytest.param(basic("nobody"), id="unknown name"),
            pytest.param(basic("a\0b"), id="a name no database holds"),
        ],
    )
    def test_refuses_wrong_credentials(self, admin, header):
        response = Client().get("/auth/me", HTTP_AUTHORIZATION=header)

        assert response.status_code == 401
        assert "WWW-Authenticate" in response.headers

    def test_knows_a_name_in_any_case(self, admin):
        response = Client().get("/auth/me", HTTP_AUTHORIZATION=basic("Admin"))

        assert response.json()["data"]["username"] == "admin"

    def test_checks_the_password_once(self, admin):
        with patch.object(
            User, "check_password", autospec=True, side_effect=User.check_password
        ) as verify:
            for _ in range(3):
                assert admin.get("/auth/me").status_code == 200

        assert verify.call_count == 1

    def test_forgets_the_old_password(self):
        user = UserFactory.create()
        client = Client(user)
        client.get("/auth/me")

        user.set_password("another long enough one")
        user.save()

        assert client.get("/auth/me").status_code == 401

    def test_forgets_who_is_deactivated(self):
        user = UserFactory.create()
        client = Client(user)
        client.get("/auth/me")

        user.is_active = False
        user.save()

        assert client.get("/auth/me").status_code == 401

    def test_keeps_no_password_in_the_cache(self, admin):
        with patch("quantify.api.authentication.cache") as cache:
            cache.get_many.return_value = {}
            cache.get.return_value = ""
            admin.get("/auth/me")

        key, value, _ = cache.set.call_args.args
        assert PASSWORD not in key
        assert value == ""

    @pytest.mark.parametrize("how", ["sign-out", "one", "all", "others", "app taken away"])
    def test_forgets_who_ends_a_session(self, how):
        user = UserFactory.create(role=roles.VIEWER)
        here, there = signed_in(user), signed_in(user)
        client = Client(user)
        client.get("/auth/me")
        name = open_sessions.name_of(there.cookies["sessionid"].value)
        match how:
            case "sign-out":
                here.post("/admin/logout/")
            case "one":
                open_sessions.end(user=user, name=name)
            case "all":
                people.end_sessions(user=user)
            case "others":
                asked = {"session": "others", "password": PASSWORD}
                here.post("/admin/account/sessions", asked)
            case "app taken away":
                second_factor.remove(user=user)

        with patch.object(
            User, "check_password", autospec=True, side_effect=User.check_password
        ) as verify:
            for _ in range(3):
                assert client.get("/auth/me").status_code == 200

        assert verify.call_count == 1

    def test_forgets_nobody_else(self):
        user, other = UserFactory.create(), UserFactory.create()
        Client(other).get("/auth/me")
        signed_in(user).post("/admin/logout/")

        with patch.object(User, "check_password") as verify:
            assert Client(other).get("/auth/me").status_code == 200

        assert not verify.called


class TestAudit:
    def test_knows_who_acted_in_the_first_request_after_a_failure(self):
        user = UserFactory.create()
        estate = EstateFactory.create()
        Client(user, "wrong").get("/auth/me")

        Client(user).patch(f"/estates/{estate.pk}", {"name": "New"})

        entry = AuditEntry.objects.filter(object_id=estate.pk, action="update").get()
        assert entry.actor == user.pk


class TestLockout:
    def test_refuses_with_a_time_to_wait(self):
        user = UserFactory.create()
        for _ in range(5):
            response = Client(user, "wrong").get("/auth/me")

        assert response.status_code == 429
        assert response["Retry-After"] == "900"
        assert response.json()["code"] == "locked_out"

    def test_holds_for_the_right_password_remembered_or_not(self):
        user = UserFactory.create()
        Client(user).get("/auth/me")
        for _ in range(5):
            Client(user, "wrong").get("/auth/me")

        assert Client(user).get("/auth/me").status_code == 429

    def test_holds_for_every_spelling_of_the_name(self):
        UserFactory.create(username="someone")
        for name in ("someone", "Someone", "SOMEONE", "sOmeone", "soMeone"):
            Client().get("/auth/me", HTTP_AUTHORIZATION=basic(name, "wrong"))

        response = Client().get("/auth/me", HTTP_AUTHORIZATION=basic("someone"))

        assert response.status_code == 429

    def test_leaves_other_addresses_alone(self):
        user = UserFactory.create()
        for _ in range(5):
            Client(user, "wrong").get("/auth/me")

        assert Client(user).get("/auth/me", REMOTE_ADDR="10.0.0.9").status_code == 200

    def test_is_forgotten_after_success(self):
        user = UserFactory.create()
        for _ in range(4):
            Client(user, "wrong").get("/auth/me")
        Client(user).get("/auth/me")
        for _ in range(4):
            response = Client(user, "wrong").get("/auth/me")

        assert response.status_code == 401


class TestProblems:
    @pytest.mark.parametrize("path", ["/nothing", "/estates/", "/estates/1", "", "/estates/x/y"])
    def test_answer_what_is_not_there(self, admin, path):
        response = admin.get(path)

        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["code"] == "not_found"

    def test_carry_the_request_id(self, admin):
        response = admin.get("/nothing", HTTP_X_REQUEST_ID="request-0001")

        assert response.json()["request_id"] == "request-0001"
        assert response["X-Request-ID"] == "request-0001"

    def test_name_what_is_allowed_instead(self, admin):
        response = admin.delete("/estates")

        assert response.status_code == 405
        assert response["Allow"] == "GET, HEAD, POST"
        assert response.json()["code"] == "method_not_allowed"

    def test_answer_malformed_json(self, admin):
        response = admin.post("/estates", data="{", content_type="application/json")

        assert response.status_code == 400
        assert response.json()["code"] == "malformed"

    @pytest.mark.parametrize("depth", [70, 5_000, 20_000])
    @pytest.mark.parametrize("around", ["[]", '{"a": }'])
    def test_answer_what_is_nested_too_deeply(self, admin, depth, around):
        begins, ends = around[:-1], around[-1]
        body = f'{{"name": {begins * depth}1{ends * depth}}}'

        response = admin.post("/estates", body, content_type="application/json")

        assert (response.status_code, response.json()["code"]) == (400, "malformed")

    def test_answer_another_media_type(self, admin):
        response = admin.post("/estates", data="a=1", content_type="text/plain")

        assert response.status_code == 415

    def test_answer_a_body_that_is_no_object(self, admin):
        response = admin.post("/estates", data=[1, 2])

        assert response.status_code == 422

    def test_tell_nothing_of_what_failed(self, admin, caplog):
        with patch.object(Estate.objects, "all", side_effect=OperationalError("secret detail")):
            response = Client(UserFactory.create()).get("/estates")
        with patch("estates.api.views.EstateViewSet.list", side_effect=RuntimeError("secret")):
            response = admin.get("/estates")

        assert response.status_code == 500
        assert response.json()["code"] == "unexpected"
        assert "secret" not in response.content.decode()
        assert "secret" in caplog.text

    @pytest.mark.parametrize("code", sorted(problems.known()))
    def test_have_a_page_each(self, code):
        kind = problems.known()[code]

        assert Client().get(kind.type).json()["data"]["title"] == kind.title
        page = Client().get(kind.type, HTTP_ACCEPT="text/html")
        assert page["Content-Type"] == "text/html; charset=utf-8"
        assert escape(kind.title) in page.content.decode()


class TestEnvelope:
    def test_pages(self, admin):
        for number in range(5):
            EstateFactory.create(code=f"E{number}")

        response = admin.get("/estates?page=2&per_page=2")

        body = response.json()
        assert [estate["code"] for estate in body.pop("data")] == ["E2", "E3"]
        assert body == {
            "page": 2, "per_page": 2, "total": 5, "pages": 3, "next_page": 3, "prev_page": 1,
        }  # fmt: skip

    def test_of_an_empty_list(self, admin):
        assert admin.get("/estates").json() == {
            "data": [], "page": 1, "per_page": 20, "total": 0, "pages": 0, "next_page": None,
            "prev_page": None,
        }  # fmt: skip

    def test_past_the_end_is_empty(self, admin):
        EstateFactory.create()

        body = admin.get("/estates?page=9").json()

        assert body["data"] == []
        assert (body["next_page"], body["prev_page"]) == (None, 1)

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ("page=0", ("page", "invalid")),
            ("page=x", ("page", "invalid")),
            ("page=²", ("page", "invalid")),
            ("page=99999999999999999999", ("page", "invalid")),
            ("per_page=101", ("per_page", "invalid")),
            ("per_page=-1", ("per_page", "invalid")),
            ("nothing=1", ("nothing", "unknown")),
            ("cursor=", ("cursor", "unknown")),
            ("sort=nothing", ("sort", "invalid_choice")),
            ("order=up", ("order", "invalid_choice")),
            ("is_active=banana", ("is_active", "invalid_choice")),
            ("city=", ("city", "blank")),
            ("page=1&page=2", ("page", "repeated")),
            ("q=%00", ("q", "null_characters_not_allowed")),
        ],
    )
    def test_refuses_what_it_does_not_know(self, admin, query, error):
        response = admin.get(f"/estates?{query}")

        assert response.status_code == 422
        assert codes(response) == [error]

    def test_refuses_parameters_of_a_single_object(self, admin):
        estate = EstateFactory.create()

        assert admin.get(f"/estates/{estate.pk}?page=1").status_code == 422

    def test_sorts_searches_and_filters(self, admin):
        EstateFactory.create(code="A1", city="Cape Town", name="Green Valley")
        EstateFactory.create(code="B1", city="Durban", name="Green Hills")
        EstateFactory.create(code="C1", city="Durban", name="Blue Hills", is_active=False)

        def listed(query):
            return [estate["code"] for estate in admin.get(f"/estates?{query}").json()["data"]]

        assert listed("sort=name") == ["C1", "B1", "A1"]
        assert listed("sort=code&order=desc") == ["C1", "B1", "A1"]
        assert listed("order=desc") == ["C1", "B1", "A1"]
        assert listed("q=green durban") == ["B1"]
        assert listed("q=") == ["A1", "B1", "C1"]
        assert listed("city=durban&is_active=true") == ["B1"]


class TestVersions:
    def test_answer_304_to_who_knows(self, admin):
        estate = EstateFactory.create()
        tag = admin.get(f"/estates/{estate.pk}")["ETag"]

        response = admin.get(f"/estates/{estate.pk}", HTTP_IF_NONE_MATCH=tag)

        assert response.status_code == 304
        assert response["ETag"] == tag
        assert response.content == b""

    def test_refuse_a_stale_change(self, admin):
        estate = EstateFactory.create(name="Before")
        tag = admin.get(f"/estates/{estate.pk}")["ETag"]
        admin.patch(f"/estates/{estate.pk}", {"name": "Other"})

        response = admin.patch(f"/estates/{estate.pk}", {"name": "Mine"}, HTTP_IF_MATCH=tag)

        assert response.status_code == 412
        assert response.json()["code"] == "stale"
        estate.refresh_from_db()
        assert estate.name == "Other"

    def test_accept_a_current_change(self, admin):
        estate = EstateFactory.create()
        tag = admin.get(f"/estates/{estate.pk}")["ETag"]

        response = admin.patch(f"/estates/{estate.pk}", {"name": "Mine"}, HTTP_IF_MATCH=tag)

        assert response.status_code == 200
        assert response["ETag"] != tag

    @pytest.mark.parametrize("given", ["", " ", ",", "\u00ff"])
    def test_refuse_a_change_of_none(self, admin, given):
        """A variable of the caller's that was not set is no leave to change whatever is there."""
        estate = EstateFactory.create()

        response = admin.patch(f"/estates/{estate.pk}", {"city": "Paarl"}, HTTP_IF_MATCH=given)

        assert response.status_code == 412
        assert Estate.objects.get().city != "Paarl"

    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_stay_where_nothing_changes(self, admin, method):
        estate = EstateFactory.create()
        shown = admin.get(f"/estates/{estate.pk}")

        again = getattr(admin, method)(f"/estates/{estate.pk}", shown.json()["data"])

        assert again.status_code == 200
        assert again["ETag"] == shown["ETag"]
        assert again.json() == shown.json()


class TestBodies:
    def test_refuse_unknown_fields_beside_the_others(self, admin):
        response = admin.post("/estates", {"code": "A", "nmae": "x", "total_units": -1})

        assert response.status_code == 422
        assert sorted(codes(response)) == [
            ("name", "required"), ("nmae", "unknown"), ("total_units", "min_value"),
        ]  # fmt: skip

    def test_take_back_what_was_read(self, admin):
        estate = EstateFactory.create()
        shown = admin.get(f"/estates/{estate.pk}").json()["data"]

        response = admin.put(f"/estates/{estate.pk}", {**shown, "name": "New"})

        assert response.status_code == 200
        assert response.json()["data"]["name"] == "New"

    def test_refuse_another_value_of_what_is_only_read(self, admin):
        estate = EstateFactory.create()

        response = admin.patch(f"/estates/{estate.pk}", {"created_at": "2020-01-01T00:00:00Z"})

        assert response.status_code == 422
        assert codes(response) == [("created_at", "read_only")]

    @pytest.mark.parametrize("body", ["0", "false", '""', "[]", "null", "[0]", '{"a": 1}'])
    def test_refuse_what_is_sent_where_none_is_taken(self, admin, body):
        template = Template.objects.create(
            scope=EstateFactory.create().pk, event="low_balance", subject="x", body="x", short="x"
        )
        path = f"/notification-templates/{template.pk}/preview"

        assert admin.post(path, data=body, content_type="application/json").status_code == 422
        assert admin.post(path, data="{}", content_type="application/json").status_code == 200
        assert admin.post(path).status_code == 200

    def test_refuse_a_number_for_an_id(self, admin):
        estate = EstateFactory.create()
        person = {"username": "thandi", "role": "viewer"}
        words = {"event": "low_balance", "subject": "x", "body": "x", "short": "x"}

        for path, field, body in (
            ("/units", "estate", {"unit_number": "1", "estate": estate.pk.int}),
            ("/users", "estates", {**person, "estates": [estate.pk.int]}),
            ("/notification-templates", "estate", {**words, "estate": 0}),
        ):
            response = admin.post(path, body)
            assert response.status_code == 422, path
            assert codes(response) == [(field, "invalid")]

    def test_count_the_spaces_around_a_text(self, admin):
        body = {"code": "A", "name": "x" * 119}

        refused = admin.post("/estates", {**body, "name": f" {body['name']} "})

        assert codes(refused) == [("name", "max_length")]
        assert admin.post("/estates", {**body, "name": f" {body['name']}"}).status_code == 201

    @pytest.mark.parametrize("name", ["\u0000", "\ud800"])
    def test_refuse_characters_no_database_holds(self, admin, name):
        body = json.dumps({"code": "A", "name": name})

        response = admin.post("/estates", data=body, content_type="application/json")

        assert response.status_code == 422


class TestHealth:
    def test_lives(self):
        assert Client().get("/health/live").json() == {"data": {"status": "ok"}}

    def test_is_ready(self):
        assert Client().get("/health/ready").json() == {"data": {"status": "ok"}}

    def test_is_not_ready_without_its_database(self):
        with patch("quantify.api.health.connection.cursor", side_effect=OperationalError):
            response = Client().get("/health/ready")

        assert response.status_code == 503
        assert response.json()["code"] == "not_ready"


class TestDocument:
    def test_has_neither_errors_nor_warnings(self, tmp_path):
        call_command(
            "spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "api.yaml")
        )

    @pytest.mark.parametrize("accept", ["application/json", "application/vnd.oai.openapi"])
    def test_is_not_sent_to_who_has_it(self, accept):
        first = Client().get("/schema", HTTP_ACCEPT=accept)
        again = Client().get("/schema", HTTP_ACCEPT=accept, HTTP_IF_NONE_MATCH=first["ETag"])

        assert first.status_code == 200
        assert first["Content-Type"].startswith(accept)
        assert (again.status_code, again.content) == (304, b"")

    def test_is_openapi_3_1_with_examples_of_success_and_problems(self):
        document = Client().get("/schema").json()

        assert document["openapi"].startswith("3.1")
        listed = document["paths"]["/api/v1/estates"]["get"]["responses"]
        assert "example" in listed["200"]["content"]["application/json"]
        assert set(listed["422"]["content"]["application/problem+json"]["examples"]) == {"invalid"}

    @pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs?script="])
    def test_has_readers_that_need_no_other_host(self, path):
        response = Client().get(path)

        assert response.status_code == 200
        assert "https://" not in response.content.decode()
        assert "unsafe-eval" not in response["Content-Security-Policy"]


class TestMe:
    def test_tells_who_asks(self):
        user = UserFactory.create(role=roles.VIEWER)
        estate = EstateFactory.create(members=[user])
        EstateFactory.create()

        data = Client(user).get("/auth/me").json()["data"]

        assert data["role"] == {"code": "viewer", "name": "Viewer"}
        assert data["estates"] == [{"id": str(estate.pk), "code": estate.code, "name": estate.name}]
        assert "units.view_unit" in data["permissions"]
        assert "wallets.topup_wallet" not in data["permissions"]

    def test_tells_a_super_admin_everything(self, admin):
        assert "wallets.topup_wallet" in admin.get("/auth/me").json()["data"]["permissions"]
