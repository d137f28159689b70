from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts import roles
from accounts.models import AuditEntry
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from quantify.tests.client import Client
from rates.models import Assignment, RateTable, RateTableVersion
from rates.tests.factories import AssignmentFactory, RateTableFactory, flat
from units.tests.factories import UnitFactory

pytestmark = pytest.mark.django_db

BODY = {
    "name": "City of Cape Town Home User",
    "utility": "electricity",
    "effective_from": "2026-07-01",
    "components": [
        {"kind": "block", "mode": "graduated", "blocks": [
            {"upto": "350", "price": "2.0967"}, {"upto": None, "price": "2.7405"},
        ]},
        {"kind": "fixed_per_day", "name": "Service", "price": 3.27},
    ],
}  # fmt: skip


@pytest.fixture
def admin():
    return Client(UserFactory.create())


@pytest.fixture
def biller():
    return UserFactory.create(role=roles.BILLING_ADMIN)


@pytest.fixture
def estate(biller):
    return EstateFactory.create(code="WC001", members=[biller])


@pytest.fixture
def client(biller, estate):
    return Client(biller)


def use(table):
    table.versions.update(used_at=timezone.now())


def put(client, table, body, method="patch"):
    path = f"/rate-tables/{table.pk}"
    return getattr(client, method)(path, body, HTTP_IF_MATCH=client.get(path)["ETag"])


class TestCreate:
    def test_takes_the_documented_format(self, admin):
        response = admin.post("/rate-tables", BODY)

        assert response.status_code == 201
        data = response.json()["data"]
        assert data["components"][0]["blocks"][0] == {"upto": "350", "price": "2.0967"}
        assert data["components"][1] == {
            "kind": "fixed_per_day", "name": "Service", "price": "3.27",
        }  # fmt: skip
        assert (data["version"], data["is_used"], data["calendar"]) == (1, False, "eskom")
        assert data["versions"][0]["effective_from"] == "2026-07-01"

    def test_names_everything_that_is_wrong_with_components(self, admin):
        wrong = [{"kind": "energy", "price": "-1"}, {"kind": "nothing"}]

        response = admin.post("/rate-tables", {**BODY, "components": wrong})

        assert response.status_code == 422
        errors = {error["field"]: error["code"] for error in response.json()["errors"]}
        assert errors == {"components[0].price": "negative", "components[1].kind": "unknown_kind"}
        assert not RateTable.objects.filter(name=BODY["name"]).exists()

    def test_refuses_a_calendar_that_there_is_not(self, admin):
        response = admin.post("/rate-tables", {**BODY, "components": flat("1"), "calendar": "nope"})

        assert response.status_code == 422
        assert response.json()["errors"] == [
            {
                "field": "calendar",
                "code": "unknown_calendar",
                "detail": "There is no calendar 'nope'; there is eskom.",
            }
        ]
        assert not RateTable.objects.exists()

    def test_refuses_a_name_again(self, admin):
        admin.post("/rate-tables", BODY)

        assert admin.post("/rate-tables", BODY).status_code == 409

    def test_warns_of_cents_taken_for_rand(self, admin):
        response = admin.post("/rate-tables", {**BODY, "components": flat("210")})

        assert response.json()["data"]["warnings"][0]["code"] == "unusual_price"

    def test_of_all_estates_is_for_those_who_see_all(self, client, estate):
        assert client.post("/rate-tables", BODY).status_code == 422
        assert client.post("/rate-tables", {**BODY, "estate": str(estate.pk)}).status_code == 201

    def test_is_not_for_managers(self, estate):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)

        assert Client(manager).post("/rate-tables", BODY).status_code == 403


class TestChange:
    def test_needs_the_version_that_was_read(self, admin):
        table = RateTableFactory.create()

        response = admin.patch(f"/rate-tables/{table.pk}", {"name": "x"})

        assert response.status_code == 428

    def test_shows_and_prices_by_decimals_that_were_once_stored_with_an_exponent(self, admin):
        stored = [
            {"kind": "energy", "name": "1E+1", "price": "1E+1"},
            {"kind": "minimum", "amount": "2.5E+2"},
        ]
        table = RateTableFactory.create(version__components=stored)

        shown = admin.get(f"/rate-tables/{table.pk}").json()["data"]
        quote = admin.post(
            f"/rate-tables/{table.pk}/calculate", {"consumption": "30", "month": "2026-07"}
        ).json()["data"]

        in_full = [
            {"kind": "energy", "name": "1E+1", "price": "10"},
            {"kind": "minimum", "amount": "250"},
        ]
        assert shown["components"] == shown["versions"][0]["components"] == in_full
        assert (quote["lines"][0]["price"], quote["subtotal"]) == ("10", "300.00")
        assert put(admin, table, {**shown, "name": "New"}, "put").status_code == 200

    def test_moves_the_edge_to_a_used_version_that_was_stored_with_an_exponent(self, admin):
        table = RateTableFactory.create(version__components=flat("1E+1"))
        use(table)
        put(admin, table, {"components": flat("3.00"), "effective_from": "2026-07-01"})

        assert put(admin, table, {"effective_from": "2026-08-01"}).status_code == 200
        assert [str(one.effective_from) for one in table.versions.order_by("number")] == [
            "2026-01-01", "2026-08-01",
        ]  # fmt: skip

    def test_edits_a_draft(self, admin):
        table = RateTableFactory.create()

        response = put(admin, table, {"components": flat("3.00")})

        assert response.status_code == 200
        assert response.json()["data"]["components"][0]["price"] == "3.00"
        assert table.versions.get().number == 1

    def test_adds_the_next_version_to_a_used_one(self, admin):
        table = RateTableFactory.create()
        use(table)

        response = put(admin, table, {"components": flat("3.00"), "effective_from": "2026-07-01"})

        assert response.status_code == 200
        assert response.json()["data"]["version"] == 2
        first, second = table.versions.order_by("number")
        assert first.components[0]["price"] == "2.10"
        assert first.effective_to == second.effective_from == date(2026, 7, 1)

    def test_refuses_to_change_what_a_used_version_says(self, admin):
        table = RateTableFactory.create()
        use(table)

        response = put(admin, table, {"components": flat("3.00")})

        assert response.status_code == 409
        assert response.json()["code"] == "versions_overlap"
        assert RateTableVersion.objects.get().components == flat("2.10")

    def test_refuses_another_calendar_for_what_was_charged(self, admin):
        table = RateTableFactory.create()
        use(table)

        response = put(admin, table, {"mid_month": "prorate_blocks"})

        assert response.status_code == 409
        assert response.json()["code"] == "rate_table_used"

    def test_refuses_a_calendar_that_there_is_not(self, admin):
        table = RateTableFactory.create()

        response = put(admin, table, {"calendar": "nope"})

        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == ["calendar"]
        table.refresh_from_db()
        assert table.calendar == "eskom"

    def test_renames_a_table_whose_calendar_was_never_there(self, admin):
        table = RateTableFactory.create(calendar="nope")

        assert put(admin, table, {"name": "New", "calendar": "nope"}).status_code == 200

    def test_renames_a_used_table_without_a_new_version(self, admin):
        table = RateTableFactory.create()
        use(table)
        shown = admin.get(f"/rate-tables/{table.pk}").json()["data"]

        response = put(admin, table, {**shown, "name": "New"}, "put")

        assert response.status_code == 200
        assert response.json()["data"]["version"] == 1

    def test_moves_the_edge_between_two_versions(self, admin):
        table = RateTableFactory.create()
        use(table)
        put(admin, table, {"components": flat("3.00"), "effective_from": "2026-07-01"})

        for day in ("2026-06-01", "2026-08-01"):
            assert put(admin, table, {"effective_from": day}).status_code == 200
            first, second = table.versions.order_by("number")
            assert str(first.effective_to) == str(second.effective_from) == day

        assert put(admin, table, {"effective_from": "2026-01-01"}).status_code == 409

    def test_notices_that_a_draft_was_used_meanwhile(self, admin):
        table = RateTableFactory.create()
        tag = admin.get(f"/rate-tables/{table.pk}")["ETag"]
        use(table)

        response = admin.patch(
            f"/rate-tables/{table.pk}", {"components": flat("3.00")}, HTTP_IF_MATCH=tag
        )

        assert response.status_code == 412

    def test_of_a_shared_table_is_for_those_who_see_all(self, client):
        table = RateTableFactory.create()

        response = put(client, table, {"name": "x"})

        assert response.status_code == 403
        assert response.json()["code"] == "shared_rate_table"

    def test_of_a_foreign_table_is_not_found(self, client):
        table = RateTableFactory.create(estate=EstateFactory.create())

        response = client.patch(f"/rate-tables/{table.pk}", {"name": "x"}, HTTP_IF_MATCH="*")

        assert response.status_code == 404
        assert client.get(f"/rate-tables/{table.pk}").status_code == 404


class TestDelete:
    def test_archives_what_was_never_used(self, admin):
        table = RateTableFactory.create()

        assert admin.delete(f"/rate-tables/{table.pk}").status_code == 204
        assert admin.get(f"/rate-tables/{table.pk}").status_code == 404

    def test_refuses_what_was_used_or_is_assigned(self, admin):
        used = RateTableFactory.create()
        use(used)
        assigned = AssignmentFactory.create(unit=UnitFactory.create()).rate_table

        for table in (used, assigned):
            assert admin.delete(f"/rate-tables/{table.pk}").status_code == 409


class TestList:
    def test_shows_shared_and_own_tables(self, client, estate):
        RateTableFactory.create(name="Shared")
        RateTableFactory.create(name="Own", estate=estate, utility="water")
        RateTableFactory.create(name="Foreign", estate=EstateFactory.create())

        def listed(query=""):
            return [one["name"] for one in client.get(f"/rate-tables{query}").json()["data"]]

        assert listed() == ["Shared", "Own"]
        assert listed("?utility=water") == ["Own"]
        assert listed(f"?estate={estate.pk}") == ["Own"]

    def test_takes_few_statements(self, admin, django_assert_max_num_queries):
        RateTableFactory.create_batch(20)
        admin.get("/rate-tables")

        with django_assert_max_num_queries(5):
            assert len(admin.get("/rate-tables").json()["data"]) == 20


class TestCalculate:
    def test_prices_a_month_line_by_line(self, admin):
        made = admin.post("/rate-tables", {**BODY, "components": BODY["components"][:1]})
        path = f"/rate-tables/{made.json()['data']['id']}/calculate"

        response = admin.post(path, {"consumption": "500.000", "month": "2026-07"})

        assert response.status_code == 200
        data = response.json()["data"]
        assert [(line["quantity"], line["amount"]) for line in data["lines"]] == [
            ("350.000", "733.85"), ("150.000", "411.08"),
        ]  # fmt: skip
        assert data["subtotal"] == "1144.93"
        assert data["vat"] == "171.74"
        assert data["total"] == "1316.67"

    def test_goes_on_where_the_month_stands(self, admin):
        made = admin.post("/rate-tables", {**BODY, "components": BODY["components"][:1]})
        path = f"/rate-tables/{made.json()['data']['id']}/calculate"

        response = admin.post(
            path, {"consumption": 100, "month": "2026-07", "month_to_date": "350",
                   "markup_percentage": "10"},
        )  # fmt: skip

        assert response.json()["data"]["subtotal"] == "274.05"
        assert response.json()["data"]["markup"] == "27.41"

    def test_prices_intervals_by_band(self, admin):
        body = {
            **BODY,
            "components": [{"kind": "time_of_use", "calendar": "eskom", "season": season,
                            "prices": {"peak": "7", "standard": "2", "off_peak": "1"}}
                           for season in ("high", "low")],
        }  # fmt: skip
        path = f"/rate-tables/{admin.post('/rate-tables', body).json()['data']['id']}/calculate"
        peak = {"start": "2026-07-01T07:00:00+02:00", "quantity": "10"}

        response = admin.post(path, {"intervals": [peak], "month": "2026-07"})

        assert response.json()["data"]["lines"][0]["what"] == "peak"
        assert response.json()["data"]["subtotal"] == "70.00"
        differing = {"intervals": [peak], "month": "2026-07", "consumption": "11"}
        assert admin.post(path, differing).status_code == 422
        assert admin.post(path, {"consumption": "11", "month": "2026-07"}).status_code == 422

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"consumption": "-1"},
            {"consumption": "1", "month": "2026-13"},
            {"consumption": "1.0001"},
            {"intervals": [{"start": "2026-07-01T07:00:00", "quantity": "1"}]},
        ],
    )
    def test_refuses_what_cannot_be_priced(self, admin, body):
        table = RateTableFactory.create()

        assert admin.post(f"/rate-tables/{table.pk}/calculate", body).status_code == 422

    @pytest.mark.parametrize(
        ("second", "code"),
        [
            pytest.param("2026-07-01T07:00:00+02:00", "repeated", id="again"),
            pytest.param("2026-07-01T05:00:00+00:00", "repeated", id="again by another offset"),
            pytest.param("2026-07-01T07:03:00+02:00", "not_aligned", id="off the quarter hour"),
            pytest.param("2026-07-01T07:15:00.5+02:00", "not_aligned", id="half a second late"),
        ],
    )
    def test_takes_each_quarter_of_an_hour_once(self, admin, second, code):
        table = RateTableFactory.create()
        starts = ("2026-07-01T07:00:00+02:00", second)
        intervals = [{"start": start, "quantity": "1"} for start in starts]

        response = admin.post(
            f"/rate-tables/{table.pk}/calculate", {"intervals": intervals, "month": "2026-07"}
        )

        assert response.status_code == 422
        errors = [(one["field"], one["code"]) for one in response.json()["errors"]]
        assert errors == [("intervals[1].start", code)]

    def test_refuses_intervals_of_another_month(self, admin):
        table = RateTableFactory.create()
        other = {"start": "2026-06-30T22:00:00+00:00", "quantity": "10"}

        response = admin.post(
            f"/rate-tables/{table.pk}/calculate", {"intervals": [other], "month": "2026-06"}
        )

        # Ten at night in UTC is already July.
        assert response.status_code == 422
        assert "June 2026 alone" in response.content.decode()

    def test_refuses_a_month_that_the_calendar_does_not_know(self, admin):
        prices = {"peak": "7", "standard": "2", "off_peak": "1"}
        table = RateTableFactory.create(
            version__effective_from=date(1999, 1, 1),
            version__components=[{"kind": "time_of_use", "prices": prices, "holidays": "megaflex"}],
        )

        for month in ("1999-06", "2024-06"):
            start = {"start": f"{month}-01T07:00:00+02:00", "quantity": "1"}
            response = admin.post(
                f"/rate-tables/{table.pk}/calculate", {"intervals": [start], "month": month}
            )
            assert (response.status_code, response.json()["code"]) == (400, "no_tariff")

    def test_needs_prices_in_that_month(self, admin):
        table = RateTableFactory.create()

        response = admin.post(
            f"/rate-tables/{table.pk}/calculate", {"consumption": "1", "month": "2025-01"}
        )

        assert response.status_code == 400
        assert response.json()["code"] == "no_tariff"


class TestAssign:
    def assign(self, client, place, table, day="2026-07-01", **more):
        body = {"utility": "electricity", "rate_table": str(table.pk), "effective_from": day}
        return client.post(f"{place}/assign-rates", {**body, **more})

    def test_ends_what_was_assigned_before(self, client, estate):
        earlier = AssignmentFactory.create(estate=estate)
        table = RateTableFactory.create()
        place = f"/estates/{estate.pk}"

        response = self.assign(client, place, table, markup_percentage="5")

        assert response.status_code == 201
        assert response.json()["data"]["warnings"][0]["code"] == "resale_markup"
        earlier.refresh_from_db()
        assert earlier.effective_to == date(2026, 7, 1)
        assert Assignment.objects.get(rate_table=table).markup_percentage == Decimal(5)
        in_force = client.get(f"{place}/assign-rates").json()["data"]
        assert in_force[-1]["rate_table"] == str(table.pk)

    def test_reaches_a_single_unit(self, client, estate):
        unit = UnitFactory.create(estate=estate)

        response = self.assign(client, f"/units/{unit.pk}", RateTableFactory.create())

        assert response.status_code == 201
        assert response.json()["data"]["unit"] == str(unit.pk)
        assert client.get(f"/units/{unit.pk}/assign-rates").json()["total"] == 1
        assert client.get(f"/estates/{estate.pk}/assign-rates").json()["total"] == 0

    def test_refuses_a_gap_an_overlap_and_the_wrong_table(self, client, estate, biller):
        place = f"/estates/{estate.pk}"
        table = RateTableFactory.create()
        other = EstateFactory.create(members=[biller])
        self.assign(client, place, table)

        refused = [
            self.assign(client, place, table),
            self.assign(client, place, table, "2025-01-01"),
            self.assign(client, place, RateTableFactory.create(utility="water"), "2026-08-01"),
            self.assign(client, place, RateTableFactory.create(estate=other), "2026-08-01"),
        ]

        assert [answer.json()["code"] for answer in refused] == [
            "assigned_later", "no_tariff", "wrong_utility", "foreign_rate_table",
        ]  # fmt: skip
        assert Assignment.objects.count() == 1

    def test_hides_what_is_foreign(self, client, estate):
        foreign = EstateFactory.create()
        hidden = RateTableFactory.create(estate=foreign)

        assert self.assign(client, f"/estates/{foreign.pk}", hidden).status_code == 404
        assert client.get(f"/estates/{foreign.pk}/assign-rates").status_code == 404
        assert self.assign(client, f"/estates/{estate.pk}", hidden).status_code == 422

    def test_is_not_for_viewers(self, estate):
        viewer = UserFactory.create(role=roles.VIEWER)
        estate.memberships.create(user=viewer)
        place = f"/estates/{estate.pk}"

        assert self.assign(Client(viewer), place, RateTableFactory.create()).status_code == 403
        assert Client(viewer).get(f"{place}/assign-rates").status_code == 200


class TestWithdraw:
    TODAY = date(2026, 7, 1)
    FIRST = date(2027, 7, 1)

    @pytest.fixture(autouse=True)
    def _today(self, monkeypatch):
        noon = datetime(2026, 7, 1, 10, tzinfo=UTC)
        monkeypatch.setattr("rates.api.views.timezone.now", lambda: noon)

    def address(self, assignment):
        return f"/rate-assignments/{assignment.pk}"

    def test_lets_what_was_assigned_before_hold_on(self, client, estate):
        before = AssignmentFactory.create(estate=estate)
        table = RateTableFactory.create(estate=estate)
        body = {"utility": "electricity", "rate_table": str(table.pk)}
        place = f"/estates/{estate.pk}/assign-rates"
        made = client.post(place, {**body, "effective_from": "2072-07-01"})
        refused = client.post(place, {**body, "effective_from": "2027-07-01"})

        answer = client.delete(made["Location"].removeprefix("/api/v1"))

        assert "withdraw it first" in refused.json()["detail"]
        assert (answer.status_code, answer.content) == (204, b"")
        before.refresh_from_db()
        assert before.effective_to is None
        assert client.post(place, {**body, "effective_from": "2027-07-01"}).status_code == 201

    def test_and_the_right_one_may_be_one_batch(self, client, estate):
        before = AssignmentFactory.create(estate=estate, effective_to=date(2072, 7, 1))
        wrong = AssignmentFactory.create(estate=estate, effective_from=date(2072, 7, 1))
        body = {
            "utility": "electricity",
            "rate_table": str(wrong.rate_table_id),
            "effective_from": "2027-07-01",
        }

        answer = client.post(
            "/batch",
            {
                "operations": [
                    {"method": "DELETE", "path": self.address(wrong)},
                    {"method": "POST", "path": f"/estates/{estate.pk}/assign-rates", "body": body},
                ]
            },
        )

        statuses = [one["status"] for one in answer.json()["data"]["results"]]
        assert statuses == [204, 201]
        before.refresh_from_db()
        assert before.effective_to == self.FIRST

    def test_is_kept_in_the_audit_trail(self, client, estate, biller):
        before = AssignmentFactory.create(estate=estate, effective_to=self.FIRST)
        assigned = AssignmentFactory.create(estate=estate, effective_from=self.FIRST)

        client.delete(self.address(assigned))

        told = AuditEntry.objects.filter(actor=biller.pk, table="rates_assignment")
        gone, held = told.order_by("pk")
        assert (gone.action, gone.object_id) == (AuditEntry.Action.DELETE, assigned.pk)
        assert gone.before["effective_from"] == "2027-07-01"
        assert (held.object_id, held.before["effective_to"]) == (before.pk, "2027-07-01")
        assert held.after["effective_to"] is None

    def test_leaves_a_rate_table_that_can_be_deleted(self, client, estate):
        table = RateTableFactory.create(estate=estate)
        assigned = AssignmentFactory.create(
            estate=estate, rate_table=table, effective_from=self.FIRST
        )

        assert put_away(client, table).status_code == 409
        assert client.delete(self.address(assigned)).status_code == 204
        assert put_away(client, table).status_code == 204

    def test_of_a_unit_leaves_its_estate_alone(self, client, estate):
        unit = UnitFactory.create(estate=estate)
        general = AssignmentFactory.create(estate=estate, effective_to=self.FIRST)
        own = AssignmentFactory.create(unit=unit, effective_from=self.FIRST)

        assert client.delete(self.address(own)).status_code == 204
        general.refresh_from_db()
        assert general.effective_to == self.FIRST

    def test_is_refused_from_the_first_day_on(self, client, estate):
        before = AssignmentFactory.create(estate=estate, effective_to=self.TODAY)
        assigned = AssignmentFactory.create(estate=estate, effective_from=self.TODAY)

        answer = client.delete(self.address(assigned))

        assert (answer.status_code, answer.json()["code"]) == (409, "assignment_in_force")
        before.refresh_from_db()
        assert before.effective_to == self.TODAY
        assert client.get(self.address(assigned)).status_code == 200

    def test_of_what_all_estates_pay_is_for_those_who_see_all(self, client, admin):
        assigned = AssignmentFactory.create(effective_from=self.FIRST)

        answer = client.delete(self.address(assigned))

        assert (answer.status_code, answer.json()["code"]) == (403, "shared_rate_table")
        assert admin.delete(self.address(assigned)).status_code == 204

    def test_of_what_was_changed_meanwhile_is_refused(self, client, estate):
        assigned = AssignmentFactory.create(estate=estate, effective_from=self.FIRST)
        tag = client.get(self.address(assigned))["ETag"]
        Assignment.objects.update(updated_at=timezone.now() + timedelta(seconds=1))

        answer = client.delete(self.address(assigned), HTTP_IF_MATCH=tag)

        assert answer.status_code == 412
        assert Assignment.objects.filter(pk=assigned.pk).exists()

    def test_hides_what_is_foreign(self, client):
        foreign = AssignmentFactory.create(estate=EstateFactory.create(), effective_from=self.FIRST)

        assert client.delete(self.address(foreign)).status_code == 404
        assert Assignment.objects.filter(pk=foreign.pk).exists()

    def test_is_not_for_viewers(self, estate):
        viewer = UserFactory.create(role=roles.VIEWER)
        estate.memberships.create(user=viewer)
        assigned = AssignmentFactory.create(estate=estate, effective_from=self.FIRST)

        assert Client(viewer).delete(self.address(assigned)).status_code == 403
        assert Client(viewer).get(self.address(assigned)).status_code == 200


def put_away(client, table):
    return client.delete(f"/rate-tables/{table.pk}")
