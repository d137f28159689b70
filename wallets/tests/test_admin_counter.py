"""Refunds, adjustments, service charges and reversals, as a person at the counter meets them."""

from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.models import Role, User
from accounts.tests.factories import UserFactory
from estates.models import EstateSettings
from quantify.ids import uuid7
from units.tests.factories import UnitFactory
from wallets import purchases, topups
from wallets.models import AdjustmentProposal, Transaction, Wallet
from wallets.tests.test_admin import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet() -> Wallet:
    """A wallet with R100 available."""
    wallet = Wallet.objects.select_related("unit__estate").get(unit=UnitFactory.create())
    topped_up(wallet)
    wallet.refresh_from_db()
    return wallet


@pytest.fixture
def biller(wallet: Wallet) -> Client:
    return client_of(roles.BILLING_ADMIN, wallet)


def topped_up(wallet: Wallet, amount: str = "100.00") -> Transaction:
    return topups.top_up(
        wallet_id=wallet.pk,
        amount=Decimal(amount),
        payment_method="eft",
        occurred_at=timezone.now(),
        actor=None,
    ).transaction


def page(wallet: Wallet, name: str) -> str:
    return reverse(f"admin:wallets_wallet_{name}", args=[wallet.pk])


def filled(**changes: object) -> dict[str, Any]:
    return {
        "amount": "30.00",
        "payment_method": "cash",
        "direction": "take",
        "reason": "Moved out",
        "reference": "L-7",
        "key": str(uuid7()),
    } | changes


def confirmed(**changes: object) -> dict[str, Any]:
    return filled(**changes) | {"_confirm": ""}


def then(answer: HttpResponse) -> dict[str, Decimal]:
    return {step.what: step.after for step in answer.context["steps"]}


EACH = pytest.mark.parametrize(
    ("name", "kind", "left"),
    [
        pytest.param("refund", "refund", "70.00", id="refund"),
        pytest.param("adjust", "adjustment", "70.00", id="adjustment"),
        pytest.param("service_charge", "service_charge", "70.00", id="service charge"),
    ],
)


@EACH
class TestEach:
    def test_shows_what_would_be_and_posts_nothing(self, name, kind, left, wallet, biller):
        answer = biller.post(page(wallet, name), filled())

        assert then(answer)["balance"] == Decimal(left)
        wallet.refresh_from_db()
        assert wallet.available == Decimal("100.00")
        assert Transaction.objects.count() == 1

    def test_posts_and_leads_to_the_transaction(self, name, kind, left, wallet, biller):
        answer = biller.post(page(wallet, name), confirmed(), follow=True)

        made = Transaction.objects.latest("number")
        assert (made.kind, made.reason, made.reference) == (kind, "Moved out", "L-7")
        assert made.balance_after == Decimal(left)
        assert made.actor is not None
        assert answer.redirect_chain[-1][0].endswith(f"{made.pk}/change/")
        assert "was taken from available." in answer.content.decode()

    def test_posts_exactly_what_the_preview_showed(self, name, kind, left, wallet, biller):
        preview = biller.post(page(wallet, name), filled())
        biller.post(page(wallet, name), confirmed())

        wallet.refresh_from_db()
        assert then(preview)["balance"] == wallet.balance
        assert then(preview)["arrears"] == wallet.arrears

    def test_a_double_click_posts_once(self, name, kind, left, wallet, biller):
        sent = confirmed()

        first, second = (biller.post(page(wallet, name), sent) for _ in range(2))

        assert first["Location"] == second["Location"]
        wallet.refresh_from_db()
        assert wallet.balance == Decimal(left)

    def test_previewing_again_leads_to_what_was_posted(self, name, kind, left, wallet, biller):
        sent = confirmed()
        posted = biller.post(page(wallet, name), sent)
        del sent["_confirm"]

        again = biller.post(page(wallet, name), sent)

        assert again["Location"] == posted["Location"]

    def test_the_same_key_for_something_else_is_refused(self, name, kind, left, wallet, biller):
        sent = confirmed()
        biller.post(page(wallet, name), sent)

        answer = biller.post(page(wallet, name), sent | {"amount": "31.00"})

        assert "another request" in answer.context["form"].non_field_errors()[0]
        assert Transaction.objects.count() == 2

    @pytest.mark.parametrize("amount", ["", "0", "-5", "abc", "1.005", "99999999999"])
    def test_refuses_what_is_no_amount(self, amount, name, kind, left, wallet, biller):
        answer = biller.post(page(wallet, name), confirmed(amount=amount))

        assert answer.context["form"].errors["amount"]
        assert Transaction.objects.count() == 1

    def test_needs_a_reason_and_keeps_what_was_typed(self, name, kind, left, wallet, biller):
        answer = biller.post(page(wallet, name), confirmed(reason="  "))

        assert answer.context["form"].errors["reason"]
        body = answer.content.decode()
        assert 'value="30.00"' in body
        assert 'value="L-7"' in body

    def test_change_goes_back_with_what_was_typed(self, name, kind, left, wallet, biller):
        answer = biller.post(page(wallet, name), filled() | {"_edit": ""})

        assert 'value="30.00"' in answer.content.decode()
        assert not answer.context["form"].errors

    def test_refuses_a_suspended_wallet(self, name, kind, left, wallet, biller):
        Wallet.objects.filter(pk=wallet.pk).update(is_suspended=True)

        answer = biller.post(page(wallet, name), filled())

        assert "suspended" in answer.context["form"].non_field_errors()[0]


class TestRefund:
    def test_refuses_more_than_is_free_beside_the_amount(self, wallet, biller):
        answer = biller.post(page(wallet, "refund"), filled(amount="100.01"))

        assert "can be refunded" in answer.context["form"].errors["amount"][0]

    def test_is_offered_for_the_wallet_of_a_deleted_unit(self, wallet, biller):
        wallet.unit.deleted_at = timezone.now()
        wallet.unit.save()

        assert biller.post(page(wallet, "refund"), confirmed()).status_code == 302


class TestAdjust:
    def test_gives(self, wallet, biller):
        biller.post(page(wallet, "adjust"), confirmed(direction="give"))

        wallet.refresh_from_db()
        assert wallet.available == Decimal("130.00")

    def test_refuses_to_take_more_than_is_available(self, wallet, biller):
        answer = biller.post(page(wallet, "adjust"), filled(amount="100.01"))

        assert "available" in answer.context["form"].errors["amount"][0]

    def test_above_the_limit_says_that_a_second_person_decides(self, wallet, biller):
        answer = biller.post(page(wallet, "adjust"), filled(direction="give", amount="500.01"))

        assert "needs a second person" in answer.content.decode()
        assert not AdjustmentProposal.objects.exists()

    def test_above_the_limit_proposes_once(self, wallet, biller):
        sent = confirmed(direction="give", amount="500.01")

        first, second = (biller.post(page(wallet, "adjust"), sent) for _ in range(2))

        proposal = AdjustmentProposal.objects.get()
        assert proposal.amount == Decimal("500.01")
        assert first["Location"] == second["Location"]
        assert str(proposal.pk) in first["Location"]
        wallet.refresh_from_db()
        assert wallet.available == Decimal("100.00")

    def test_follows_the_estates_own_limit(self, wallet, biller):
        EstateSettings.objects.update(adjustment_limit=Decimal(20))

        answer = biller.post(page(wallet, "adjust"), filled())

        assert answer.context["proposal"]


class TestServiceCharge:
    def test_shows_what_becomes_arrears(self, wallet, biller):
        answer = biller.post(page(wallet, "service_charge"), filled(amount="130.00"))

        assert then(answer) == {
            "available": Decimal("0.00"),
            "balance": Decimal("0.00"),
            "arrears": Decimal("30.00"),
        }
        assert answer.context["new_arrears"] == Decimal("30.00")


class TestReverse:
    @pytest.fixture
    def made(self, wallet: Wallet) -> Transaction:
        return Transaction.objects.get()

    @pytest.fixture
    def spent(self, wallet: Wallet) -> Transaction:
        """A top-up that was turned into electricity since."""
        made = Transaction.objects.get()
        purchases.purchase(
            wallet_id=wallet.pk,
            utility="electricity",
            amount=Decimal("60.00"),
            occurred_at=timezone.now(),
            actor=None,
        )
        return made

    @pytest.fixture
    def overrider(self, wallet: Wallet) -> Client:
        names = ["view_transaction", "view_wallet", "reverse_transaction", "override_reversal"]
        role = Role.objects.create(
            code="auditor", name="Auditor", permissions=[f"wallets.{name}" for name in names]
        )
        user: User = UserFactory.create(role=role)
        wallet.unit.estate.memberships.create(user=user)
        client = Client()
        client.force_login(user, backend="accounts.backends.RoleBackend")
        return client

    def url(self, made: Transaction) -> str:
        return reverse("admin:wallets_transaction_reverse", args=[made.pk])

    def test_shows_what_would_be_and_posts_nothing(self, made, biller):
        answer = biller.post(self.url(made), filled())

        assert then(answer)["balance"] == Decimal("0.00")
        assert Transaction.objects.count() == 1

    def test_posts_the_opposite_once(self, made, wallet, biller):
        first = biller.post(self.url(made), confirmed(reason="Bank refused it"))
        second = biller.post(self.url(made), confirmed(reason="Bank refused it"))

        assert first.status_code == 302
        assert "reversed before" in second.context["form"].non_field_errors()[0]
        wallet.refresh_from_db()
        assert wallet.balance == Decimal("0.00")
        assert made.reversed_by.reason == "Bank refused it"

    def test_a_double_click_leads_to_the_first(self, made, biller):
        sent = confirmed()

        first, second = (biller.post(self.url(made), sent) for _ in range(2))

        assert first["Location"] == second["Location"]

    def test_needs_a_reason(self, made, biller):
        answer = biller.post(self.url(made), confirmed(reason=" "))

        assert answer.context["form"].errors["reason"]
        assert Transaction.objects.count() == 1

    def test_spent_money_is_refused_in_words(self, spent, biller):
        answer = biller.post(self.url(spent), filled(override="on"))

        assert "spent since" in answer.context["form"].non_field_errors()[0]
        assert "override" not in answer.context["form"].fields

    def test_an_override_shows_the_arrears_and_posts_them(self, spent, wallet, overrider):
        refused = overrider.post(self.url(spent), filled())
        shown = overrider.post(self.url(spent), filled(override="on"))
        overrider.post(self.url(spent), confirmed(override="True"))

        assert "spent since" in refused.context["form"].errors["override"][0]
        assert shown.context["new_arrears"] == Decimal("60.00")
        wallet.refresh_from_db()
        assert (wallet.available, wallet.arrears) == (Decimal("0.00"), Decimal("60.00"))
        assert Transaction.objects.latest("number").metadata == {"override": True}

    def test_what_was_not_ticked_stays_unticked_in_the_preview(self, made, overrider):
        answer = overrider.post(self.url(made), filled())

        assert 'name="override" value="False"' in answer.content.decode()

    @pytest.mark.parametrize("role", [roles.VIEWER, roles.PROPERTY_MANAGER])
    def test_is_refused_without_the_permission(self, role, made, wallet):
        answer = client_of(role, wallet).post(self.url(made), confirmed())

        assert answer.status_code == 403
        assert Transaction.objects.count() == 1
