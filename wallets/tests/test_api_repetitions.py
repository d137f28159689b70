"""Operations of money whose object goes on changing, asked for again under their key."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from accounts import roles
from accounts.models import KeptAnswer, User
from estates.models import Estate
from estates.tests.test_api_keys import bearer, key_of, manager_of
from quantify.tests.client import Client
from quantify.tests.crowd import at_once
from wallets import purchases
from wallets.billing import runs
from wallets.models import (
    AdjustmentProposal,
    BillDifference,
    Settlement,
    SuspenseRelease,
    Transaction,
    Wallet,
)
from wallets.office import adjustments
from wallets.tests.billing.test_billing import noon
from wallets.tests.billing.test_closings import closed_unit, late, look
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up
from wallets.tests.office.test_settlement import END, JULY, moved_out, wallet_at
from wallets.tests.office.test_suspense import received

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Asked:
    """An operation as it is asked for, and what happens to its object afterwards."""

    estate: Estate
    path: str
    body: dict[str, Any]
    status: int = 200
    other: dict[str, Any] = field(default_factory=lambda: {"reason": "Another one"})
    afterwards: Callable[[], object] = lambda: None


def adjusting() -> Asked:
    wallet = WalletFactory.create()

    def withdraw() -> None:
        proposal = AdjustmentProposal.objects.get()
        adjustments.withdraw(proposal_id=proposal.pk, decided_at=NOON, actor=proposal.proposed_by)

    return Asked(
        wallet.unit.estate, f"/wallets/{wallet.pk}/adjust",
        {"amount": "900.00", "reason": "Wrong meter"}, status=202,
        other={"amount": "901.00", "reason": "Wrong meter"}, afterwards=withdraw,
    )  # fmt: skip


def returning() -> Asked:
    estate = WalletFactory.create().unit.estate
    receipt = received(estate=estate)
    return Asked(estate, f"/suspense/{receipt.pk}/return", {"reason": "Paid us by mistake"})


def settling() -> Asked:
    occupancy = moved_out()
    top_up(wallet_at(occupancy), "100.00", occurred_at=noon(JULY))
    runs.bill(now=noon(END), since=JULY)
    return Asked(
        occupancy.unit.estate, f"/units/{occupancy.unit_id}/settle", {"payment_method": "eft"},
        status=201, other={"payment_method": "cash"},
    )  # fmt: skip


def approving() -> Asked:
    wallet = WalletFactory.create()
    made = proposed(wallet, "900.00")
    return Asked(
        wallet.unit.estate, f"/adjustments/{made.pk}/approve", {"note": "Seen"},
        other={"note": "Seen again"},
    )  # fmt: skip


def posting() -> Asked:
    meter = closed_unit()
    late(meter, "150")
    (one,) = look()
    return Asked(meter.estate, f"/bill-differences/{one.pk}/post", {"reason": "Read late"})


def proposed(wallet: Wallet, amount: str) -> AdjustmentProposal:
    made = adjustments.adjust(
        wallet_id=wallet.pk, amount=Decimal(amount), reason="Wrong meter", occurred_at=NOON,
        actor=manager_of(wallet.unit.estate, role=roles.BILLING_ADMIN),
    )  # fmt: skip
    assert isinstance(made, AdjustmentProposal)
    return made


def biller(estate: Estate) -> User:
    return manager_of(estate, role=roles.BILLING_ADMIN)


def moved() -> list[int]:
    """How much there is of whatever these operations write."""
    return [
        model.objects.count()
        for model in (Transaction, Settlement, SuspenseRelease, AdjustmentProposal, KeptAnswer)
    ]


@pytest.fixture(params=[adjusting, returning, settling, approving, posting])
def asked(request: pytest.FixtureRequest) -> Asked:
    made: Asked = request.param()
    return made


class TestRepetition:
    def test_is_answered_the_same(self, asked: Asked):
        client = Client(biller(asked.estate))
        first = client.post(asked.path, asked.body, HTTP_IDEMPOTENCY_KEY="k")
        asked.afterwards()
        done = moved()

        again = client.post(asked.path, asked.body, HTTP_IDEMPOTENCY_KEY="k")

        assert (first.status_code, again.status_code) == (asked.status, asked.status)
        assert again.json() == first.json()
        assert (first.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
        for name in ("Location", "ETag"):
            assert again.get(name) == first.get(name)
        assert moved() == done

    def test_with_another_body_is_refused(self, asked: Asked):
        client = Client(biller(asked.estate))
        client.post(asked.path, asked.body, HTTP_IDEMPOTENCY_KEY="k")
        done = moved()

        other = client.post(asked.path, asked.other, HTTP_IDEMPOTENCY_KEY="k")

        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
        assert moved() == done

    def test_needs_its_key_from_a_program(self, asked: Asked):
        program = bearer(key_of(biller(asked.estate)))
        before = moved()

        refused = program.post(asked.path, asked.body)

        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "Idempotency-Key"
        assert moved() == before
        made = program.post(asked.path, asked.body, HTTP_IDEMPOTENCY_KEY="k")
        assert made.status_code == asked.status

    def test_is_for_who_still_sees_the_object(self, asked: Asked):
        user = biller(asked.estate)
        Client(user).post(asked.path, asked.body, HTTP_IDEMPOTENCY_KEY="k")
        user.memberships.all().delete()

        again = Client(user).post(asked.path, asked.body, HTTP_IDEMPOTENCY_KEY="k")

        assert again.status_code == 404

    def test_leaves_the_key_to_each_person(self, asked: Asked):
        Client(biller(asked.estate)).post(asked.path, asked.body, HTTP_IDEMPOTENCY_KEY="k")

        other = Client(biller(asked.estate)).post(asked.path, asked.body, HTTP_IDEMPOTENCY_KEY="k")

        assert "Idempotent-Replayed" not in other

    def test_of_another_operation_is_refused(self):
        wallet = WalletFactory.create()
        client = Client(biller(wallet.unit.estate))
        paths = [f"/adjustments/{proposed(wallet, '900.00').pk}/approve" for _ in range(2)]

        answers = [client.post(path, {}, HTTP_IDEMPOTENCY_KEY="k") for path in paths]

        assert [one.status_code for one in answers] == [200, 409]
        assert Transaction.objects.count() == 1


class TestRefusal:
    def test_leaves_the_key_free(self):
        wallet = WalletFactory.create()
        top_up(wallet, "1000.00")
        made = proposed(wallet, "-900.00")
        purchases.purchase(
            wallet_id=wallet.pk, utility="water", amount=Decimal("500.00"), occurred_at=NOON,
            actor=None,
        )  # fmt: skip
        client = Client(biller(wallet.unit.estate))
        path = f"/adjustments/{made.pk}/approve"
        refused = client.post(path, {}, HTTP_IDEMPOTENCY_KEY="k")
        assert (refused.status_code, refused.json()["code"]) == (400, "insufficient_balance")
        top_up(wallet, "500.00")

        approved = client.post(path, {}, HTTP_IDEMPOTENCY_KEY="k")

        assert approved.status_code == 200
        assert "Idempotent-Replayed" not in approved

    def test_keeps_what_was_learned_of_the_difference(self):
        meter = closed_unit()
        late(meter, "150")
        (one,) = look()
        late(meter, "160")
        client = Client(biller(meter.estate))
        path = f"/bill-differences/{one.pk}"

        refused = client.post(f"{path}/post", {"reason": "Late"}, HTTP_IDEMPOTENCY_KEY="k")

        assert (refused.status_code, refused.json()["code"]) == (409, "difference_changed")
        assert client.get(path).json()["data"]["amount"] == "138.00"
        posted = client.post(f"{path}/post", {"reason": "Late"}, HTTP_IDEMPOTENCY_KEY="k")
        assert (posted.status_code, posted.json()["data"]["state"]) == (200, "posted")


def test_a_preview_of_a_settlement_takes_no_key_and_keeps_nothing():
    asked = settling()
    program = bearer(key_of(biller(asked.estate)))

    seen = program.post(f"{asked.path}?preview=true", asked.body)
    again = program.post(f"{asked.path}?preview=true", asked.body, HTTP_IDEMPOTENCY_KEY="k")

    assert (seen.status_code, again.status_code) == (200, 200)
    assert not Settlement.objects.exists()
    assert not KeptAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    @pytest.mark.parametrize("made", [adjusting, returning, approving])
    def test_one_key_is_one_movement(self, made: Callable[[], Asked]):
        asked = made()
        user = biller(asked.estate)

        given: list[Any] = at_once(
            lambda _: Client(user).post(asked.path, asked.body, HTTP_IDEMPOTENCY_KEY="k"),
            times=4, threads=4,
        )  # fmt: skip

        assert [one.status_code for one in given] == [asked.status] * 4
        assert len({one.content for one in given}) == 1
        assert sum("Idempotent-Replayed" not in one for one in given) == 1
        assert KeptAnswer.objects.count() == 1
        assert BillDifference.objects.count() + Settlement.objects.count() == 0
