"""Identity documents and consents over the API: given, hidden, looked at, withdrawn."""

import logging
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import keys, roles
from accounts.models import AuditEntry
from accounts.tests.factories import RoleFactory, UserFactory
from estates.tests.factories import EstateFactory
from quantify.tests.client import Client
from units import identities
from units.models import Consent, Resident
from units.tests.factories import ConsentFactory, OccupancyFactory, ResidentFactory

pytestmark = pytest.mark.django_db

NUMBER, MASKED = "8001015009087", "**********087"
SA_ID = {"kind": "sa_id", "number": "800101 5009 087"}
SHOWN = {"kind": "sa_id", "country": "ZA", "number": MASKED}
REASON = {"reason": "Signing the lease"}


@pytest.fixture
def manager():
    return UserFactory.create(role=roles.PROPERTY_MANAGER)


@pytest.fixture
def estate(manager):
    return EstateFactory.create(members=[manager])


@pytest.fixture
def client(manager, estate):
    return Client(manager)


@pytest.fixture
def resident(client, estate) -> Resident:
    return Resident.objects.get(pk=made(client, estate, identity=SA_ID)["id"])


def made(client, estate, **fields):
    body = {"estate": str(estate.pk), "first_name": "Sipho", "last_name": "Dlamini", **fields}
    return client.post("/residents", body).json()["data"]


def trail() -> str:
    """Everything that the trail holds, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(to_jsonb(e)::text, ' ') FROM accounts_auditentry e")
        return str(cursor.fetchone()[0])


class TestIdentity:
    def test_is_shown_by_its_ending(self, client, resident):
        assert client.get(f"/residents/{resident.pk}").json()["data"]["identity"] == SHOWN
        [listed] = client.get("/residents").json()["data"]
        assert listed["identity"] == SHOWN

    def test_is_stored_sealed(self, resident):
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_jsonb(r)::text FROM units_resident r")
            stored = cursor.fetchone()[0]

        assert NUMBER not in stored
        assert NUMBER[6:] not in stored

    def test_may_be_a_passport(self, client, estate):
        passport = {"kind": "passport", "country": "zw", "number": "cn 123456"}

        shown = made(client, estate, identity=passport)["identity"]

        assert shown == {"kind": "passport", "country": "ZW", "number": "*****456"}

    def test_may_be_left_out(self, client, estate):
        assert made(client, estate)["identity"] is None

    @pytest.mark.parametrize(
        ("identity", "field", "code"),
        [
            pytest.param(
                {"kind": "sa_id", "number": "8001015009088"},
                "identity.number", "check_digit", id="check digit",
            ),
            pytest.param(
                {"kind": "sa_id", "number": "8013015009082"},
                "identity.number", "birth_date", id="birth date",
            ),
            pytest.param(
                {"kind": "sa_id", "country": "ZW", "number": NUMBER},
                "identity.country", "invalid", id="another country",
            ),
            pytest.param(
                {"kind": "passport", "number": "CN123456"},
                "identity.country", "invalid", id="passport of nowhere",
            ),
            pytest.param(
                {"kind": "passport", "country": "ZW", "number": "?"},
                "identity.number", "invalid", id="no passport number",
            ),
            pytest.param(
                {"kind": "licence", "number": NUMBER},
                "identity.kind", "invalid_choice", id="kind",
            ),
            pytest.param(
                {"kind": "sa_id", "number": NUMBER, "colour": "green"},
                "identity.colour", "unknown", id="unknown field",
            ),
        ],
    )  # fmt: skip
    def test_is_refused_by_field_and_not_repeated(self, client, estate, identity, field, code):
        body = {"estate": str(estate.pk), "first_name": "A", "last_name": "B"}

        refused = client.post("/residents", {**body, "identity": identity})

        assert refused.status_code == 422
        assert [(e["field"], e["code"]) for e in refused.json()["errors"]] == [(field, code)]
        assert identity["number"] not in refused.content.decode() or identity["number"] == "?"
        assert not Resident.objects.exists()

    def test_stays_when_what_was_read_is_sent_back(self, client, resident):
        read = client.get(f"/residents/{resident.pk}").json()["data"]
        before = resident.identity_sealed

        answer = client.put(f"/residents/{resident.pk}", {**read, "first_name": "Sizwe"})

        assert answer.status_code == 200
        resident.refresh_from_db()
        assert (resident.first_name, resident.identity_sealed) == ("Sizwe", before)

    def test_stays_when_something_else_is_changed(self, client, resident):
        client.patch(f"/residents/{resident.pk}", {"email": "s@example.com"})

        assert client.get(f"/residents/{resident.pk}").json()["data"]["identity"] == SHOWN

    @pytest.mark.parametrize(
        ("identity", "missing"),
        [({"kind": "sa_id"}, "identity.number"), ({"number": NUMBER}, "identity.kind")],
    )
    def test_is_changed_as_a_whole(self, client, resident, identity, missing):
        refused = client.patch(f"/residents/{resident.pk}", {"identity": identity})

        assert [(e["field"], e["code"]) for e in refused.json()["errors"]] == [
            (missing, "required")
        ]

    def test_is_taken_away_whole(self, client, resident):
        client.patch(f"/residents/{resident.pk}", {"identity": None})

        resident.refresh_from_db()
        assert resident.identity is None
        assert (resident.identity_sealed, resident.identity_ending) == ("", "")

    def test_needs_a_key_to_be_kept_with(self, client, estate, settings):
        settings.SEALING_SECRETS = []
        body = {"estate": str(estate.pk), "first_name": "A", "last_name": "B", "identity": SA_ID}

        refused = client.post("/residents", body)

        assert (refused.status_code, refused.json()["code"]) == (503, "not_sealed")
        assert not Resident.objects.exists()

    def test_of_another_resident_does_not_open(self, client, resident, estate):
        other = ResidentFactory.create(estate=estate)
        Resident.objects.filter(pk=other.pk).update(
            **{
                name: getattr(resident, name)
                for name in (
                    "identity_kind", "identity_country", "identity_ending", "identity_length",
                    "identity_sealed", "identity_given_at",
                )
            }
        )  # fmt: skip

        refused = client.post(f"/residents/{other.pk}/reveal-identity", REASON)

        assert refused.json()["code"] == "not_sealed"

    def test_is_sealed_anew(self, resident, settings):
        new = "dEo3ZGJmbGRoZWJ0dWVmcWhzY2xwbXRrd3h2eXphYmM="
        settings.SEALING_SECRETS = [new, *settings.SEALING_SECRETS]
        call_command("reseal")
        settings.SEALING_SECRETS = [new]
        resident.refresh_from_db()

        shown = identities.reveal(resident=resident, by=UserFactory.create(), reason="A test")

        assert shown.number == NUMBER


class TestReveal:
    def test_shows_the_number_and_is_kept(self, client, resident, manager):
        answer = client.post(f"/residents/{resident.pk}/reveal-identity", REASON)

        assert answer.json()["data"] == {"kind": "sa_id", "country": "ZA", "number": NUMBER}
        assert answer["Cache-Control"] == "no-store"
        entry = AuditEntry.objects.get(action="reveal")
        assert (entry.actor, entry.actor_name) == (manager.pk, manager.username)
        assert (entry.table, entry.object_id) == ("units_resident", resident.pk)
        assert (entry.scope, entry.before, entry.after) == (resident.estate_id, None, REASON)
        assert entry.request_id == answer["X-Request-ID"]
        assert entry.address == "127.0.0.1"

    def test_needs_a_reason(self, client, resident):
        refused = client.post(f"/residents/{resident.pk}/reveal-identity", {})

        assert refused.json()["errors"][0]["field"] == "reason"
        assert not AuditEntry.objects.filter(action="reveal").exists()

    def test_of_nothing_is_refused(self, client, estate):
        resident = ResidentFactory.create(estate=estate)

        refused = client.post(f"/residents/{resident.pk}/reveal-identity", REASON)

        assert refused.json()["code"] == "no_identity"

    @pytest.mark.parametrize("role", [roles.VIEWER, roles.BILLING_ADMIN, roles.RESIDENT, "own"])
    def test_is_a_permission_of_its_own(self, role, resident):
        if role == "own":
            RoleFactory.create(
                code="own", permissions=["units.view_resident", "units.change_resident"]
            )
        user = UserFactory.create(role=role)
        resident.estate.memberships.create(user=user)

        refused = Client(user).post(f"/residents/{resident.pk}/reveal-identity", REASON)

        assert refused.status_code == 403
        assert not AuditEntry.objects.filter(action="reveal").exists()

    @pytest.mark.parametrize(
        ("scopes", "status"),
        [
            pytest.param(["write"], 403, id="write"),
            pytest.param(["units:write"], 403, id="the area"),
            pytest.param(["units.view_resident", "units.reveal_resident"], 200, id="by name"),
        ],
    )
    def test_is_named_by_the_key_that_may(self, scopes, status, resident, manager):
        key = keys.make(
            user=manager, name="K", scopes=scopes, estates=None, expires_at=None,
            at=timezone.now(),
        )  # fmt: skip
        client = Client()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")

        answer = client.post(f"/residents/{resident.pk}/reveal-identity", REASON)

        assert answer.status_code == status

    def test_is_no_operation_of_a_batch(self, client, resident):
        path = f"/residents/{resident.pk}/reveal-identity"

        refused = client.post(
            "/batch", {"operations": [{"method": "POST", "path": path, "body": REASON}]}
        )

        assert refused.json()["code"] == "batch_failed"
        assert NUMBER not in refused.content.decode()
        assert not AuditEntry.objects.filter(action="reveal").exists()


class TestNowhereInClear:
    def test_neither_in_the_trail_nor_in_the_log(self, client, resident, caplog):
        caplog.set_level(logging.DEBUG)
        other = "7503305044089"

        client.patch(f"/residents/{resident.pk}", {"identity": {**SA_ID, "number": other}})
        client.patch(f"/residents/{resident.pk}", {"identity": {**SA_ID, "number": other[:-1]}})
        client.post(f"/residents/{resident.pk}/reveal-identity", REASON)

        resident.refresh_from_db()
        for number in (NUMBER, other):
            assert number not in trail()
            assert number not in caplog.text
        assert resident.identity_sealed not in trail()
        assert {"identity_ending", "identity_given_at"} <= set(
            AuditEntry.objects.filter(action="update").latest("at").after
        )

    def test_neither_in_a_search_nor_as_text(self, client, resident):
        assert client.get(f"/search?q={NUMBER}").json()["data"] == []
        assert NUMBER not in repr(
            identities.reveal(resident=resident, by=UserFactory.create(), reason="A test")
        )


class TestConsents:
    BODY = {"purpose": "marketing", "channel": "paper", "wording": "Notice 3"}

    def test_are_given_and_withdrawn(self, client, resident):
        path = f"/residents/{resident.pk}/consents"

        given = client.post(path, self.BODY)
        withdrawn = client.post(f"{given['Location']}/withdraw", {})

        assert given.status_code == 201
        assert given.json()["data"]["withdrawn_at"] is None
        assert withdrawn.json()["data"]["withdrawn_at"] is not None
        [listed] = client.get(path).json()["data"]
        assert listed == withdrawn.json()["data"]
        assert client.get(given["Location"]).json()["data"] == listed

    def test_to_one_purpose_stand_once(self, client, resident):
        path = f"/residents/{resident.pk}/consents"
        first = client.post(path, self.BODY)

        refused = client.post(path, {**self.BODY, "channel": "app"})

        assert (refused.status_code, refused.json()["code"]) == (409, "duplicate")
        client.post(f"{first['Location']}/withdraw", {})
        assert client.post(path, self.BODY).status_code == 201
        assert Consent.objects.count() == 2

    def test_are_withdrawn_once(self, client, resident):
        consent = ConsentFactory.create(resident=resident)
        client.post(f"/consents/{consent.pk}/withdraw", {})
        consent.refresh_from_db()

        refused = client.post(f"/consents/{consent.pk}/withdraw", {})

        assert refused.json()["code"] == "already_withdrawn"
        assert Consent.objects.get().withdrawn_at == consent.withdrawn_at

    def test_begin_and_end_in_the_past_and_in_that_order(self, client, resident):
        later = (timezone.now() + timedelta(hours=1)).isoformat()
        consent = ConsentFactory.create(resident=resident)
        asked = [
            (f"/residents/{resident.pk}/consents", {**self.BODY, "given_at": later}),
            (f"/consents/{consent.pk}/withdraw", {"withdrawn_at": later}),
            (f"/consents/{consent.pk}/withdraw", {"withdrawn_at": "2025-12-31T00:00:00+02:00"}),
        ]

        answers = [client.post(path, body).status_code for path, body in asked]

        assert answers == [422, 422, 422]
        assert Consent.objects.get().withdrawn_at is None

    def test_are_in_the_trail(self, client, resident):
        client.post(f"/residents/{resident.pk}/consents", self.BODY)

        entry = AuditEntry.objects.get(table="units_consent")
        assert (entry.action, entry.after["purpose"]) == ("insert", "marketing")

    def test_are_seen_by_who_gave_them(self, resident):
        user = UserFactory.create(role=roles.RESIDENT)
        Resident.objects.filter(pk=resident.pk).update(user=user)
        OccupancyFactory.create(unit__estate=resident.estate, resident=resident)
        own = ConsentFactory.create(resident=resident)
        other = ConsentFactory.create(resident=ResidentFactory.create(estate=resident.estate))

        assert Client(user).get(f"/residents/{resident.pk}/consents").json()["total"] == 1
        assert Client(user).get(f"/consents/{own.pk}").status_code == 200
        assert Client(user).get(f"/consents/{other.pk}").status_code == 404
        assert Client(user).post(f"/consents/{own.pk}/withdraw", {}).status_code == 403
