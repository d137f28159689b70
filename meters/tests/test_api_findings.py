"""The queue of exceptions and the limits of the checks over the API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts import roles
from accounts.models import AuditEntry
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters.models import CheckLimit, Finding, Reading
from meters.tests.recording import new_meter, record
from quantify.tests.client import Client

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


@pytest.fixture
def finding(estate) -> Finding:
    """A register that was set back."""
    meter = new_meter(estate=estate)
    record(meter, {0: 5000, 1: 5100, 2: 10, 3: 60})
    return Finding.objects.get()


@pytest.fixture
def foreign() -> Finding:
    meter = new_meter()
    record(meter, {0: 5000, 1: 10})
    return Finding.objects.get(meter=meter)


class TestList:
    def test_says_what_why_and_what_to_do(self, client, finding, foreign):
        (shown,) = client.get("/findings").json()["data"]

        assert shown["check"] == "negative_step"
        assert shown["check_name"] == "Register went back"
        assert shown["says"] == "The register went back to 0.010 at 2026-06-08 00:30."
        assert shown["actions"] == ["accept", "edit", "reject", "snooze"]
        assert (shown["quantity"], shown["unit"]) == ("5.090", "kWh")
        assert shown["state"] == "open"

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("state=open", 1), ("state=closed", 0), ("check=negative_step", 1), ("check=spike", 0),
            ("q=went back", 1), ("from=2026-06-09T00:00:00%2B02:00", 0),
        ],
    )  # fmt: skip
    def test_is_filtered(self, client, finding, query, count):
        assert client.get(f"/findings?{query}").json()["total"] == count

    def test_what_was_snoozed_until_a_time_that_has_come_is_open(self, client, finding):
        past = timezone.now() - timedelta(hours=1)
        Finding.objects.update(state="snoozed", snoozed_until=past)

        assert client.get("/findings?state=open").json()["total"] == 1
        assert client.get("/findings?state=snoozed").json()["total"] == 0

    def test_costs_the_same_however_long(
        self, client, estate, finding, django_assert_max_num_queries
    ):
        for _ in range(5):
            record(new_meter(estate=estate), {0: 5000, 1: 10})
        client.get("/findings")

        with django_assert_max_num_queries(5):
            assert client.get("/findings").json()["total"] == 6


class TestDecide:
    def decide(self, client, finding, what, **asked):
        body = {"reason": "Seen on the spot.", **asked}
        return client.post(f"/findings/{finding.pk}/{what}", body)

    def test_accept_and_undo(self, client, manager, finding):
        accepted = self.decide(client, finding, "accept")

        assert accepted.status_code == 200
        data = accepted.json()["data"]
        assert (data["state"], data["resolution"]) == ("closed", "accepted")
        assert data["handled_by"] == manager.username
        assert data["actions"] == ["undo"]
        assert [edit["action"] for edit in data["edits"]] == ["accept"]
        undone = self.decide(client, finding, "undo").json()["data"]
        assert (undone["state"], undone["resolution"]) == ("open", "")

    def test_edit_keeps_what_was_read(self, client, finding):
        answer = self.decide(
            client, finding, "edit", taken_at="2026-06-08T00:45:00+02:00", value="5.150"
        )

        assert answer.status_code == 200, answer.json()
        (edit,) = answer.json()["data"]["edits"]
        assert edit["value"] == "5.150"
        reading = Reading.objects.get(edited_value=5150)
        assert reading.value == 60

    @pytest.mark.parametrize(
        ("what", "asked", "status", "code"),
        [
            ("estimate", {}, 400, "decision_not_offered"),
            ("undo", {}, 409, "nothing_to_undo"),
            ("snooze", {"until": "2020-01-01T00:00:00Z"}, 400, "snooze_in_the_past"),
            ("edit", {"taken_at": "2026-06-08T00:31:00+02:00", "value": "1"}, 400,
             "no_such_reading"),
            ("edit", {"taken_at": "2026-06-08T00:30:00+02:00", "value": "900"}, 400,
             "impossible_value"),
            ("edit", {"taken_at": "2026-06-08T00:30:00+02:00", "value": "-1"}, 422, "invalid"),
            ("accept", {"reason": ""}, 422, "invalid"),
        ],
    )  # fmt: skip
    def test_a_refusal_changes_nothing(self, client, finding, what, asked, status, code):
        answer = self.decide(client, finding, what, **asked)

        assert (answer.status_code, answer.json()["code"]) == (status, code)
        finding.refresh_from_db()
        assert finding.state == "open"
        assert not Reading.objects.exclude(edited_value=None).exists()

    def test_the_second_is_told(self, client, finding):
        assert self.decide(client, finding, "reject").status_code == 200

        again = self.decide(client, finding, "accept")

        assert (again.status_code, again.json()["code"]) == (409, "finding_decided")

    def test_is_audited(self, client, manager, finding):
        self.decide(client, finding, "reject")

        entry = AuditEntry.objects.get(table="meters_finding")
        assert entry.actor == manager.pk
        assert entry.after["resolution"] == "rejected"
        assert AuditEntry.objects.filter(table="meters_readingedit").count() == 0

    def test_of_another_estate_does_not_exist(self, client, foreign):
        assert self.decide(client, foreign, "accept").status_code == 404
        assert client.get(f"/findings/{foreign.pk}").status_code == 404

    @pytest.mark.parametrize("role", [roles.VIEWER, roles.BILLING_ADMIN])
    def test_is_for_who_manages_the_estate(self, estate, finding, role):
        reader = Client(_member(estate, role))

        assert reader.get("/findings").json()["total"] == 1
        for what in ("accept", "reject", "snooze", "undo", "edit", "estimate"):
            assert self.decide(reader, finding, what).status_code == 403
        assert Finding.objects.get().state == "open"


def _member(estate, role):
    user = UserFactory.create(role=role)
    estate.memberships.create(user=user)
    return user


class TestLimits:
    def test_shows_what_holds(self, client, estate):
        CheckLimit.objects.create(estate=estate, parameter="spike.ratio", value="2.5")

        shown = {
            one["parameter"]: one
            for one in client.get(f"/estates/{estate.pk}/checks").json()["data"]
        }

        assert shown["spike.ratio"]["value"] == "2.500"
        assert shown["spike.ratio"]["default"] == "1.800"
        assert shown["spike.floor"]["value"] == "0.500"

    def test_sets_and_takes_back(self, client, estate):
        url = f"/estates/{estate.pk}/checks"

        assert (
            client.patch(url, {"limits": {"spike.ratio": "3", "leak.nights": 2}}).status_code == 200
        )
        assert CheckLimit.objects.count() == 2
        client.patch(url, {"limits": {"spike.ratio": None}})

        assert CheckLimit.objects.get().parameter == "leak.nights"
        assert AuditEntry.objects.filter(table="meters_checklimit").count() == 3

    @pytest.mark.parametrize(
        "limits",
        [{"spike.ratio": "21"}, {"spike.ratio": "0.4"}, {"nothing.here": "1"}, {},
         {"spike.ratio": "x"}, {"leak.nights": "2", "spike.ratio": "100"}],
    )  # fmt: skip
    def test_a_limit_out_of_its_bounds_changes_nothing(self, client, estate, limits):
        answer = client.patch(f"/estates/{estate.pk}/checks", {"limits": limits})

        assert answer.status_code == 422
        assert not CheckLimit.objects.exists()

    def test_is_for_members_who_manage(self, client, estate):
        other = EstateFactory.create()
        viewer = Client(_member(estate, roles.VIEWER))

        assert client.get(f"/estates/{other.pk}/checks").status_code == 404
        assert (
            client.patch(
                f"/estates/{other.pk}/checks", {"limits": {"spike.ratio": "3"}}
            ).status_code
            == 404
        )
        assert viewer.get(f"/estates/{estate.pk}/checks").status_code == 200
        assert (
            viewer.patch(
                f"/estates/{estate.pk}/checks", {"limits": {"spike.ratio": "3"}}
            ).status_code
            == 403
        )


def test_an_instant_is_told_with_its_offset(client, finding):
    shown = client.get(f"/findings/{finding.pk}").json()["data"]

    assert datetime.fromisoformat(shown["starts_at"]) == datetime(2026, 6, 7, 22, 15, tzinfo=UTC)
