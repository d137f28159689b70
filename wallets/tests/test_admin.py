"""The top-up counter and orders to meters, as an operator meets them."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts import roles
from accounts.models import User
from accounts.tests.factories import UserFactory
from meters.models import Command
from meters.tests.factories import MeterFactory
from quantify.ids import uuid7
from units.tests.factories import UnitFactory
from wallets.models import CreditSwitch, Transaction, Wallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet() -> Wallet:
    return Wallet.objects.select_related("unit__estate").get(unit=UnitFactory.create())


def client_of(role: str, wallet: Wallet) -> Client:
    user: User = UserFactory.create(role=role)
    wallet.unit.estate.memberships.create(user=user)
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def payment(**changes: object) -> dict[str, object]:
    return {
        "amount": "200.00",
        "payment_method": "cash",
        "reference": "R-77",
        "utility": "electricity",
        "key": str(uuid7()),
        "_confirm": "",
    } | changes


def counter(wallet: Wallet) -> str:
    return reverse("admin:wallets_wallet_top_up", args=[wallet.pk])


class TestTopUp:
    def test_shows_the_split_and_posts_nothing_before_it_is_confirmed(self, wallet: Wallet):
        sent = payment()
        del sent["_confirm"]

        answer = client_of(roles.PROPERTY_MANAGER, wallet).post(counter(wallet), sent)

        assert answer.context["parts"] == [("Electricity", Decimal("200.00"))]
        assert not Transaction.objects.exists()

    def test_posts_and_leads_to_the_transaction(self, wallet: Wallet):
        client = client_of(roles.PROPERTY_MANAGER, wallet)

        answer = client.post(counter(wallet), payment(), follow=True)

        wallet.refresh_from_db()
        assert wallet.electricity == Decimal("200.00")
        made = Transaction.objects.get()
        assert (made.reference, made.payment_method) == ("R-77", "cash")
        assert made.actor is not None
        assert answer.redirect_chain[-1][0].endswith(f"{made.pk}/change/")

    def test_a_double_click_posts_once(self, wallet: Wallet):
        client, sent = client_of(roles.BILLING_ADMIN, wallet), payment()

        first = client.post(counter(wallet), sent)
        second = client.post(counter(wallet), sent)

        assert first["Location"] == second["Location"]
        wallet.refresh_from_db()
        assert wallet.balance == Decimal("200.00")

    def test_the_same_key_with_another_amount_is_refused(self, wallet: Wallet):
        client, sent = client_of(roles.BILLING_ADMIN, wallet), payment()
        client.post(counter(wallet), sent)

        answer = client.post(counter(wallet), sent | {"amount": "300.00"})

        assert answer.status_code == 200
        assert answer.context["form"].non_field_errors()
        assert Transaction.objects.count() == 1

    @pytest.mark.parametrize("amount", ["0", "9.99", "50000.01", "-20", "abc", ""])
    def test_refuses_amounts_outside_the_limits(self, amount: str, wallet: Wallet):
        client = client_of(roles.BILLING_ADMIN, wallet)

        answer = client.post(counter(wallet), payment(amount=amount))

        assert answer.status_code == 200
        assert answer.context["form"].errors["amount"]
        assert not Transaction.objects.exists()

    def test_refuses_a_suspended_wallet(self, wallet: Wallet):
        Wallet.objects.filter(pk=wallet.pk).update(is_suspended=True)

        answer = client_of(roles.BILLING_ADMIN, wallet).post(counter(wallet), payment())

        assert "suspended" in answer.context["form"].non_field_errors()[0]
        assert not Transaction.objects.exists()

    def test_is_refused_to_viewers(self, wallet: Wallet):
        client = client_of(roles.VIEWER, wallet)

        assert client.get(counter(wallet)).status_code == 403
        assert client.post(counter(wallet), payment()).status_code == 403
        assert not Transaction.objects.exists()

    def test_only_those_who_adjust_may_name_it_an_adjustment(self, wallet: Wallet):
        sent = payment(payment_method="adjustment")

        manager = client_of(roles.PROPERTY_MANAGER, wallet).post(counter(wallet), sent)

        assert manager.context["form"].errors["payment_method"]
        biller = client_of(roles.BILLING_ADMIN, wallet).post(counter(wallet), sent)
        assert biller.status_code == 302


class TestSupply:
    def test_is_cut_with_a_reason(self, wallet: Wallet):
        meter = MeterFactory.create(
            estate=wallet.unit.estate, installed=True, installation__unit=wallet.unit
        )
        url = reverse("admin:meters_meter_disconnect", args=[meter.pk])
        client = client_of(roles.PROPERTY_MANAGER, wallet)

        assert client.post(url, {"reason": ""}).context["form"].errors["reason"]
        client.post(url, {"reason": "Burst pipe in the meter room"})

        command = Command.objects.get()
        assert command.action == Command.Action.DISCONNECT
        assert command.cause == Command.Cause.PERSON
        assert command.reason == "Burst pipe in the meter room"

    def test_is_refused_to_viewers_and_for_meters_without_a_relay(self, wallet: Wallet):
        meter = MeterFactory.create(estate=wallet.unit.estate, has_relay=False)
        url = reverse("admin:meters_meter_reconnect", args=[meter.pk])
        for role in (roles.VIEWER, roles.PROPERTY_MANAGER):
            assert client_of(role, wallet).post(url, {"reason": "x"}).status_code == 403
        assert not Command.objects.exists()


class TestCreditSwitch:
    def test_is_added_once(self, wallet: Wallet):
        url = reverse("admin:wallets_creditswitch_add")
        client = client_of(roles.SUPER_ADMIN, wallet)
        sent = {"is_inhibited": "on", "reason": "Restored from a backup"}

        page = client.get(url)
        assert page.status_code == 200
        assert 'name="_save"' in page.content.decode()
        assert 'name="_addanother"' not in page.content.decode()
        assert client.post(url, sent).status_code == 302
        assert client.get(url).status_code == 403
        assert client.post(url, sent).status_code == 403
        assert CreditSwitch.objects.count() == 1

    def test_is_set_with_a_reason_by_super_admins_only(self, wallet: Wallet):
        switch = CreditSwitch.objects.create()
        url = reverse("admin:wallets_creditswitch_change", args=[switch.pk])
        sent = {"is_inhibited": "on", "reason": "Restored from a backup"}

        assert client_of(roles.BILLING_ADMIN, wallet).post(url, sent).status_code == 403
        client = client_of(roles.SUPER_ADMIN, wallet)
        client.post(url, {"is_inhibited": "on", "reason": ""})
        switch.refresh_from_db()
        assert not switch.is_inhibited

        client.post(url, sent)
        switch.refresh_from_db()
        assert switch.is_inhibited
        assert switch.changed_by is not None
