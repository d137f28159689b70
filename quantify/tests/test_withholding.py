"""What an object shows of others needs the permission to look at these by themselves."""

from decimal import Decimal

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts import keys, roles
from accounts.models import ApiKey, User
from accounts.tests.factories import RoleFactory, UserFactory
from quantify.tests import world
from quantify.tests.client import Client
from quantify.tests.world import World
from units.models import Resident
from wallets import topups
from wallets.models import Transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> World:
    return world.build("OURS")


def member(ours: World, *permissions: str) -> User:
    person = UserFactory.create(role=RoleFactory.create(permissions=list(permissions)).code)
    ours.estate.memberships.create(user=person)
    return person


def shown(client: Client, path: str) -> dict:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


UNIT = {
    "wallet": "wallets.view_wallet",
    "meters": "meters.view_meter",
    "occupancy": "units.view_resident",
}


class TestUnit:
    def test_alone_shows_nothing_of_others(self, ours: World):
        client = Client(member(ours, "units.view_unit"))

        alone = shown(client, f"/units/{ours.units[0].pk}")
        (listed,) = shown(client, "/units")

        assert alone["unit_number"] == ours.units[0].unit_number
        assert {name: alone[name] for name in UNIT} == dict.fromkeys(UNIT)
        assert (listed["wallet"], listed["meters"]) == (None, None)

    @pytest.mark.parametrize(("name", "permission"), UNIT.items())
    def test_shows_each_with_its_permission(self, ours: World, name: str, permission: str):
        client = Client(member(ours, "units.view_unit", permission))

        alone = shown(client, f"/units/{ours.units[0].pk}")

        assert [one for one in UNIT if alone[one]] == [name]

    def test_is_not_found_by_what_is_withheld(self, ours: World):
        client = Client(member(ours, "units.view_unit"))

        assert client.get("/units?low_balance=true").status_code == 403

    def test_can_be_sent_back_as_it_was_shown(self, ours: World):
        client = Client(member(ours, "units.view_unit", "units.change_unit"))
        path = f"/units/{ours.units[0].pk}"

        assert client.put(path, shown(client, path)).status_code == 200

    def test_follows_the_scopes_of_a_key(self, ours: World):
        made = keys.make(
            user=UserFactory.create(role=roles.SUPER_ADMIN), name="units", scopes=["units:read"],
            estates=None, expires_at=None, at=timezone.now(),
        )  # fmt: skip
        client = Client()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.text}")

        alone = shown(client, f"/units/{ours.units[0].pk}")

        assert alone["occupancy"] is not None
        assert (alone["wallet"], alone["meters"]) == (None, None)


class TestWallet:
    def test_shows_no_transactions_without_their_permission(self, ours: World):
        wallet = ours.wallets[0]
        person = member(ours, "wallets.view_wallet")
        client = Client(person)

        alone = shown(client, f"/wallets/{wallet.pk}")

        assert alone["balance"] == str(wallet.balance)
        assert alone["transactions"] is None
        assert client.get(f"/wallets/{wallet.pk}/statement").status_code == 403

    @pytest.mark.parametrize("permission", [None, "wallets.view_transaction"])
    def test_holds_for_its_page_too(self, ours: World, permission: str | None):
        more = [permission] if permission else []
        browser = Browser()
        browser.force_login(
            member(ours, "wallets.view_wallet", *more), backend="accounts.backends.RoleBackend"
        )

        page = browser.get(
            reverse("admin:wallets_wallet_change", args=[ours.wallets[0].pk])
        ).content.decode()

        assert ("Latest movements" in page) is bool(permission)
        assert (">Statement<" in page.replace("\n", "").replace(" ", "")) is bool(permission)


class TestTransaction:
    def test_names_to_residents_nobody_but_themselves(self, ours: World):
        resident = Resident.objects.get(occupancies__unit=ours.units[0], occupancies__ends_on=None)
        resident.user = UserFactory.create(role=roles.RESIDENT)
        resident.save()
        topups.top_up(
            wallet_id=ours.wallets[0].pk, amount=Decimal(10), payment_method="cash",
            occurred_at=timezone.now(), actor=resident.user,
        )  # fmt: skip
        staff = set(
            Transaction.objects.filter(wallet=ours.wallets[0])
            .exclude(actor=None)
            .exclude(actor=resident.user)
            .values_list("actor__username", flat=True)
        )

        client = Client(resident.user)
        listed = client.get("/transactions").json()["data"]
        newest = shown(client, f"/wallets/{ours.wallets[0].pk}")["transactions"]
        file = client.get("/transactions", HTTP_ACCEPT="text/csv").getvalue().decode()

        assert staff
        for rows in (listed, newest):
            assert {one["actor"] for one in rows} == {None, resident.user.username}
        assert not any(name in file for name in staff)
        everything = Client(UserFactory.create()).get("/transactions").json()["data"]
        assert staff <= {one["actor"] for one in everything}


class TestEstate:
    def test_adds_up_what_may_be_looked_at(self, ours: World):
        client = Client(member(ours, "estates.view_estate", "meters.view_meter"))

        stats = shown(client, f"/estates/{ours.estate.pk}")["stats"]

        known = {name for name, value in stats.items() if value is not None}
        assert known == {"meters", "meters_offline"}


class TestMeterStatus:
    def test_tells_no_alerts_readings_and_commands_without_their_permissions(self, ours: World):
        meter = ours.meters[0]

        status = shown(Client(member(ours, "meters.view_meter")), f"/meters/{meter.pk}/status")
        everything = shown(Client(UserFactory.create()), f"/meters/{meter.pk}/status")

        others = ("last_reading", "open_alerts", "open_command")
        assert {name: status[name] for name in others} == dict.fromkeys(others)
        assert everything["last_reading"] is not None
        assert status["communication_status"] == everything["communication_status"]


class TestKey:
    def test_lets_no_resident_sign_in(self, ours: World):
        """A key that leaked must not make another credential."""
        resident = Resident.objects.filter(estate=ours.estate, user=None)[0]
        made = keys.make(
            user=UserFactory.create(role=roles.SUPER_ADMIN), name="all", scopes=["write"],
            estates=None, expires_at=None, at=timezone.now(),
        )  # fmt: skip
        client = Client()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.text}")

        answer = client.post(f"/residents/{resident.pk}/sign-in", {"username": "someone"})

        assert answer.status_code == 403
        assert not User.objects.filter(username="someone").exists()
        assert ApiKey.objects.get().covers("units.change_resident")
