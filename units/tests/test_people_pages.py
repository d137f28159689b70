"""Identity documents and consents on a resident's page of the portal."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts import roles
from accounts.models import AuditEntry
from accounts.tests.factories import UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from units.identities import Identity
from units.models import Resident
from units.tests.factories import ConsentFactory, ResidentFactory

pytestmark = pytest.mark.django_db

NUMBER, MASKED = "8001015009087", "**********087"
ADD = "/admin/units/resident/add/"
PERSON = {"first_name": "Sipho", "last_name": "Dlamini", "phone": "", "email": ""}
NO_CONSENTS = {"consents-TOTAL_FORMS": "0", "consents-INITIAL_FORMS": "0"}


@pytest.fixture
def estate() -> Estate:
    return EstateFactory.create()


@pytest.fixture
def resident(estate: Estate) -> Resident:
    document = Identity(Resident.Identity.SA_ID, "ZA", NUMBER)
    return ResidentFactory.create(estate=estate, identity=document)


def browser(estate: Estate, role: str = roles.PROPERTY_MANAGER) -> Client:
    user = UserFactory.create(role=role)
    estate.memberships.create(user=user)
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def page_of(resident: Resident, name: str = "change") -> str:
    return reverse(f"admin:units_resident_{name}", args=[resident.pk])


def sent(resident: Resident, **changes: str) -> dict[str, object]:
    held = {"document_kind": resident.identity_kind, "document_country": resident.identity_country}
    return {"estate": resident.estate_id, **PERSON, **NO_CONSENTS, **held, **changes}


class TestForm:
    def test_takes_a_document_with_a_new_resident(self, estate):
        fields = {"document_kind": "sa_id", "document_number": "800101 5009 087"}

        answer = browser(estate).post(ADD, {"estate": estate.pk, **PERSON, **NO_CONSENTS, **fields})

        assert answer.status_code == 302
        assert Resident.objects.get().identity == ("sa_id", "ZA", MASKED)

    def test_shows_the_ending_alone(self, resident):
        page = browser(resident.estate).get(page_of(resident)).content.decode()

        assert f'placeholder="{MASKED}"' in page
        assert NUMBER not in page

    def test_keeps_what_is_not_typed_again(self, resident):
        answer = browser(resident.estate).post(page_of(resident), sent(resident))

        assert answer.status_code == 302
        before = resident.identity_sealed
        resident.refresh_from_db()
        assert (resident.first_name, resident.identity_sealed) == ("Sipho", before)

    def test_takes_it_away(self, resident):
        none = sent(resident, document_kind="", document_country="")

        browser(resident.estate).post(page_of(resident), none)

        resident.refresh_from_db()
        assert (resident.identity, resident.identity_sealed) == (None, "")

    @pytest.mark.parametrize(
        ("fields", "wrong"),
        [
            pytest.param(
                {"document_number": "8001015009088"}, "document_number", id="check digit"
            ),
            pytest.param({"document_kind": "passport"}, "document_number", id="no number"),
            pytest.param(
                {"document_kind": "passport", "document_country": "", "document_number": "A12345"},
                "document_country", id="no country",
            ),
            pytest.param(
                {"document_kind": "", "document_number": NUMBER}, "document_kind", id="no kind"
            ),
        ],
    )  # fmt: skip
    def test_refuses_beside_the_field(self, resident, fields, wrong):
        before = resident.identity_sealed

        answer = browser(resident.estate).post(page_of(resident), sent(resident, **fields))

        assert list(answer.context["adminform"].form.errors) == [wrong]
        resident.refresh_from_db()
        assert resident.identity_sealed == before

    def test_says_what_is_missing_to_keep_it(self, resident, settings):
        settings.SEALING_SECRETS = []
        number = sent(resident, document_number="7503305044089")

        answer = browser(resident.estate).post(page_of(resident), number)

        errors = answer.context["adminform"].form.errors["document_number"]
        assert "SEALING_SECRETS" in errors[0]

    def test_is_read_by_viewers(self, resident):
        page = browser(resident.estate, roles.VIEWER).get(page_of(resident)).content.decode()

        assert f"South African ID ZA {MASKED}" in page
        assert page_of(resident, "reveal") not in page


class TestReveal:
    def test_asks_why_and_shows_the_number(self, resident):
        client = browser(resident.estate)
        assert page_of(resident, "reveal") in client.get(page_of(resident)).content.decode()
        assert NUMBER not in client.get(page_of(resident, "reveal")).content.decode()

        shown = client.post(page_of(resident, "reveal"), {"reason": "Signing the lease"})

        assert NUMBER in shown.content.decode()
        assert "no-store" in shown["Cache-Control"]
        entry = AuditEntry.objects.get(action="reveal")
        assert entry.after == {"reason": "Signing the lease"}

    def test_needs_a_reason(self, resident):
        page = browser(resident.estate).post(page_of(resident, "reveal"), {"reason": ""})

        assert NUMBER not in page.content.decode()
        assert not AuditEntry.objects.filter(action="reveal").exists()

    @pytest.mark.parametrize("role", [roles.VIEWER, roles.BILLING_ADMIN])
    def test_is_a_permission_of_its_own(self, role, resident):
        page = browser(resident.estate, role).post(page_of(resident, "reveal"), {"reason": "I"})

        assert page.status_code == 403
        assert not AuditEntry.objects.filter(action="reveal").exists()


class TestConsents:
    GIVEN = {
        "purpose": "marketing", "channel": "app", "wording": "Notice 3",
        "given_at_0": "2026-03-01", "given_at_1": "10:00",
    }  # fmt: skip

    def test_are_taken_and_shown(self, resident):
        client = browser(resident.estate)

        client.post(page_of(resident, "take_consent"), self.GIVEN)

        consent = resident.consents.get()
        assert (consent.purpose, consent.channel, consent.wording) == (
            "marketing", "app", "Notice 3"
        )  # fmt: skip
        assert "Notice 3" in client.get(page_of(resident)).content.decode()

    def test_twice_to_one_purpose_are_refused(self, resident):
        ConsentFactory.create(resident=resident, purpose="marketing")

        page = browser(resident.estate).post(page_of(resident, "take_consent"), self.GIVEN)

        assert "consents to this already" in page.content.decode()
        assert resident.consents.count() == 1

    def test_are_withdrawn(self, resident):
        consent = ConsentFactory.create(resident=resident)
        given = {"consent": consent.pk, "withdrawn_at_0": "2026-03-01", "withdrawn_at_1": "10:00"}

        browser(resident.estate).post(page_of(resident, "withdraw_consent"), given)

        consent.refresh_from_db()
        assert consent.withdrawn_at is not None

    def test_of_others_are_not_withdrawn(self, resident):
        ConsentFactory.create(resident=resident)
        other = ConsentFactory.create(resident=ResidentFactory.create(estate=resident.estate))
        given = {"consent": other.pk, "withdrawn_at_0": "2026-03-01", "withdrawn_at_1": "10:00"}

        browser(resident.estate).post(page_of(resident, "withdraw_consent"), given)

        other.refresh_from_db()
        assert other.withdrawn_at is None
