"""Rate tables and their versions in the portal."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from rates.models import RateTable, RateTableVersion
from rates.tests.factories import AssignmentFactory, RateTableFactory

pytestmark = pytest.mark.django_db

ADD_VERSION = "/admin/rates/ratetableversion/add/"
PRICES = '[{"kind": "energy", "price": "2.35"}]'


def client_of(role: str, *estates: object) -> Client:
    user = UserFactory.create(role=role)
    for estate in estates:
        estate.memberships.create(user=user)  # type: ignore[attr-defined]
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def table(**changes: object) -> dict[str, object]:
    return {
        "name": "Flat 2026",
        "utility": "electricity",
        "calendar": "eskom",
        "mid_month": "carry_mtd",
        "effective_from": "2026-07-01",
        "components": PRICES,
        "versions-TOTAL_FORMS": "0",
        "versions-INITIAL_FORMS": "0",
    } | changes


class TestRateTable:
    def test_starts_with_its_first_version(self):
        answer = client_of(roles.SUPER_ADMIN).post(reverse("admin:rates_ratetable_add"), table())

        assert answer.status_code == 302
        version = RateTable.objects.get().versions.get()
        assert version.effective_from == date(2026, 7, 1)
        assert version.components == [{"kind": "energy", "price": "2.35"}]

    def test_is_an_estates_own_unless_one_sees_them_all(self):
        estate = EstateFactory.create()
        client = client_of(roles.BILLING_ADMIN, estate)
        url = reverse("admin:rates_ratetable_add")

        assert client.post(url, table()).status_code == 200
        assert not RateTable.objects.exists()
        assert client.post(url, table(estate=estate.pk)).status_code == 302

    def test_shared_ones_are_not_changed_by_an_estates_people(self):
        shared = RateTableFactory.create()
        client = client_of(roles.BILLING_ADMIN, EstateFactory.create())
        url = reverse("admin:rates_ratetable_change", args=[shared.pk])

        assert client.get(url).status_code == 200
        assert client.post(url, table(name="Mine")).status_code == 403

    def test_is_not_deleted_while_assigned(self):
        estate = EstateFactory.create()
        own = RateTableFactory.create(estate=estate)
        AssignmentFactory.create(estate=estate, rate_table=own)
        client = client_of(roles.BILLING_ADMIN, estate)

        answer = client.post(
            reverse("admin:rates_ratetable_delete", args=[own.pk]), {"post": "yes"}, follow=True
        )

        assert "is assigned" in answer.content.decode()
        own.refresh_from_db()
        assert own.deleted_at is None


class TestVersion:
    def test_follows_the_newest_and_ends_it(self):
        own = RateTableFactory.create()
        sent = {"rate_table": own.pk, "effective_from": "2026-07-01", "components": PRICES}

        answer = client_of(roles.SUPER_ADMIN).post(
            reverse("admin:rates_ratetableversion_add"), sent
        )

        assert answer.status_code == 302
        first, second = own.versions.order_by("number")
        assert first.effective_to == second.effective_from == date(2026, 7, 1)

    @pytest.mark.parametrize("written", ["[]", "{}", "[{}]", '[{"kind": "energy"}]', "nonsense"])
    def test_lists_what_is_wrong(self, written: str):
        own = RateTableFactory.create()
        sent = {"rate_table": own.pk, "effective_from": "2026-07-01", "components": written}

        answer = client_of(roles.SUPER_ADMIN).post(
            reverse("admin:rates_ratetableversion_add"), sent
        )

        assert answer.status_code == 200
        assert answer.context["adminform"].form.errors["components"]
        assert own.versions.count() == 1

    def test_is_read_only_once_used(self):
        version = RateTableFactory.create().versions.get()
        RateTableVersion.objects.filter(pk=version.pk).update(used_at=timezone.now())
        url = reverse("admin:rates_ratetableversion_change", args=[version.pk])
        client = client_of(roles.SUPER_ADMIN)

        assert client.get(url).status_code == 200
        assert client.post(url, {"effective_from": "2026-02-01"}).status_code == 403
