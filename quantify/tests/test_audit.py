import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser

from accounts.models import AuditEntry
from accounts.tests.factories import UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from quantify.tests.client import Client
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import top_up

pytestmark = pytest.mark.django_db


def change_city() -> Estate:
    user = UserFactory.create(username="thandi")
    estate = EstateFactory.create(city="Durban")
    Client(user).patch(f"/estates/{estate.pk}", {"city": "Cape Town"})
    return estate


class TestTrail:
    def test_keeps_what_a_person_changed_before_and_after(self):
        estate = change_city()

        entry = AuditEntry.objects.get()
        assert (entry.before, entry.after) == ({"city": "Durban"}, {"city": "Cape Town"})
        assert (entry.actor_name, entry.table, entry.address) == (
            "thandi",
            "estates_estate",
            "127.0.0.1",
        )
        assert (entry.object_id, entry.scope) == (estate.pk, estate.pk)
        assert entry.request_id

    def test_knows_who_acts_in_the_portal_too(self, client: Browser):
        user = UserFactory.create(username="sipho")
        client.force_login(user)

        client.post(
            "/admin/estates/estate/add/",
            {
                "code": "NEW01",
                "name": "New",
                "time_zone": "Africa/Johannesburg",
                "total_units": 3,
                "solar_free_allocation_kwh": "50",
                "settings-TOTAL_FORMS": 0,
                "settings-INITIAL_FORMS": 0,
                "memberships-TOTAL_FORMS": 0,
                "memberships-INITIAL_FORMS": 0,
            },
        )

        entries = AuditEntry.objects.filter(table="estates_estate", action="insert")
        assert [entry.actor_name for entry in entries] == ["sipho"]

    def test_is_silent_about_what_machines_note(self):
        wallet = WalletFactory.create()

        top_up(wallet, "50.00")
        Estate.objects.update(city="Cape Town")

        assert not AuditEntry.objects.exists()

    def test_forgets_the_person_with_the_request(self):
        estate = change_city()

        Estate.objects.filter(pk=estate.pk).update(city="Knysna")

        assert AuditEntry.objects.count() == 1

    @pytest.mark.parametrize(
        "statement",
        ["UPDATE accounts_auditentry SET actor_name = 'nobody'", "DELETE FROM accounts_auditentry"],
    )
    def test_cannot_be_changed(self, statement: str):
        change_city()

        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            connection.cursor().execute(statement)

        assert AuditEntry.objects.get().actor_name == "thandi"

    def test_is_seen_by_members_of_the_estate_only(self):
        estate = change_city()
        member = UserFactory.create(role="viewer")
        stranger = UserFactory.create(role="viewer")
        estate.memberships.create(user=member)

        assert AuditEntry.objects.visible_to(member).count() == 1
        assert not AuditEntry.objects.visible_to(stranger).exists()
