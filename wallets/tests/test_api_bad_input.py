"""Whatever is sent to the operations that move money: a clear refusal, and nothing is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from quantify.tests.client import Client
from wallets.models import (
    AdjustmentProposal,
    SuspenseReceipt,
    SuspenseRelease,
    Transaction,
    Wallet,
)
from wallets.office import suspense
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up

pytestmark = pytest.mark.django_db

WITH_AMOUNT = [
    "topup", "purchase", "refund", "adjust", "service-charge", "allocate", "record"
]  # fmt: skip
OF_A_WALLET = ["topup", "purchase", "refund", "adjust", "service-charge"]
WITH_METHOD = ["topup", "refund", "record"]
WITH_UTILITY = ["topup", "purchase", "allocate"]
WITH_REASON = ["refund", "adjust", "service-charge", "reverse", "return"]
ALL = [*WITH_AMOUNT, "reverse", "return"]
NOBODY = "00000000-0000-0000-0000-000000000000"
NO_AMOUNT = [
    0, "0", "0.00", "1.001", 1.001, "NaN", "Infinity", "1e30", "1e-3", "-1e30", "text", "R100",
    "1,00", "", " ", None, True, [], {}, [1], {"amount": 1}, "9" * 400,
]  # fmt: skip


@dataclass(frozen=True)
class Office:
    """A wallet with money and a payment in suspense, and how each operation is asked for."""

    wallet: Wallet
    paid: Transaction
    receipt: SuspenseReceipt

    def path(self, operation: str) -> str:
        match operation:
            case "record":
                return "/suspense"
            case "allocate" | "return":
                return f"/suspense/{self.receipt.pk}/{operation}"
            case "reverse":
                return f"/transactions/{self.paid.pk}/reverse"
        return f"/wallets/{self.wallet.pk}/{operation}"

    def body(self, operation: str) -> dict[str, object]:
        amount, why = {"amount": "40.00"}, {"reason": "Wrong meter"}
        bodies: dict[str, dict[str, object]] = {
            "topup": {**amount, "payment_method": "cash"},
            "purchase": {**amount, "utility": "electricity"},
            "refund": {**amount, **why, "payment_method": "eft"},
            "adjust": {**amount, **why},
            "service-charge": {**amount, **why},
            "allocate": {**amount, "wallet": str(self.wallet.pk)},
            "record": {
                **amount, "payment_method": "eft", "external_key": "BANK-2",
                "received_at": "2026-07-15T12:00:00+02:00", "estate": str(self.receipt.estate_id),
            },
            "reverse": why,
            "return": why,
        }  # fmt: skip
        return bodies[operation]


@pytest.fixture
def office() -> Office:
    return office_of(WalletFactory.create())


@pytest.fixture
def client(office: Office) -> Client:
    user = UserFactory.create(role=roles.BILLING_ADMIN)
    office.wallet.unit.estate.memberships.create(user=user)
    return Client(user)


def office_of(wallet: Wallet) -> Office:
    paid = top_up(wallet, "100.00")
    receipt = suspense.record(
        amount=Decimal("900.00"), payment_method="eft", external_key=f"BANK {wallet.pk}",
        received_at=NOON, recorded_at=NOON, actor=None, estate=wallet.unit.estate,
    ).receipt  # fmt: skip
    return Office(wallet, paid, receipt)


def written() -> list[object]:
    """Everything that an operation of money may write."""
    tables = (Transaction, SuspenseReceipt, SuspenseRelease, AdjustmentProposal)
    pockets = ("available", "electricity", "water", "solar", "arrears", "sequence")
    return [
        *(table.objects.count() for table in tables),
        *Wallet.objects.order_by("pk").values_list("pk", *pockets),
    ]


@contextmanager
def nothing_written() -> Iterator[None]:
    before = written()
    yield
    assert written() == before


def refused(answer, status: int, *, code: str = "", field: str = "") -> None:
    """A problem that says what is wrong and, of a field, which one and why."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["title"]
    assert not code or problem["code"] == code
    if field:
        (error,) = problem["errors"]
        assert error["field"] == field
        assert error["detail"]


class TestRequest:
    @pytest.mark.parametrize("operation", ALL)
    def test_that_is_whole_is_done(self, operation: str, client: Client, office: Office):
        before = written()

        answer = client.post(office.path(operation), office.body(operation))

        assert answer.status_code == (200 if operation == "return" else 201)
        assert written() != before

    @pytest.mark.parametrize("operation", ALL)
    @pytest.mark.parametrize("body", [[], "text", None, [{"amount": "1"}]])
    def test_that_is_no_object_is_refused(
        self, operation: str, body: object, client: Client, office: Office
    ):
        with nothing_written():
            refused(client.post(office.path(operation), body), 422)

    @pytest.mark.parametrize("operation", ALL)
    def test_with_an_unknown_field_is_refused(self, operation: str, client: Client, office: Office):
        body = {**office.body(operation), "balance": "1000000.00"}
        with nothing_written():
            refused(client.post(office.path(operation), body), 422, field="balance")

    @pytest.mark.parametrize("operation", [one for one in ALL if one != "record"])
    @pytest.mark.parametrize("key", ["a b", "x" * 300, " "])
    def test_with_a_key_that_is_none_is_refused(
        self, operation: str, key: str, client: Client, office: Office
    ):
        path, body = office.path(operation), office.body(operation)
        with nothing_written():
            refused(client.post(path, body, HTTP_IDEMPOTENCY_KEY=key), 422)


class TestAmount:
    @pytest.mark.parametrize("amount", NO_AMOUNT, ids=lambda amount: str(amount)[:20] or "empty")
    @pytest.mark.parametrize("operation", WITH_AMOUNT)
    def test_that_is_none_is_refused(
        self, operation: str, amount: object, client: Client, office: Office
    ):
        body = {**office.body(operation), "amount": amount}
        with nothing_written():
            refused(client.post(office.path(operation), body), 422, field="amount")

    @pytest.mark.parametrize("amount", ["-5", -5, "-0.01", "-0.001"])
    @pytest.mark.parametrize("operation", [one for one in WITH_AMOUNT if one != "adjust"])
    def test_below_zero_is_refused(
        self, operation: str, amount: object, client: Client, office: Office
    ):
        body = {**office.body(operation), "amount": amount}
        with nothing_written():
            refused(client.post(office.path(operation), body), 422, field="amount")

    @pytest.mark.parametrize("operation", WITH_AMOUNT)
    def test_that_is_missing_is_refused(self, operation: str, client: Client, office: Office):
        body = office.body(operation)
        del body["amount"]
        with nothing_written():
            refused(client.post(office.path(operation), body), 422, field="amount")

    @pytest.mark.parametrize(("operation", "amount", "code"), [
        ("purchase", "100.01", "insufficient_balance"),
        ("refund", "100.01", "insufficient_balance"),
        ("adjust", "-100.01", "insufficient_balance"),
        ("allocate", "900.01", "not_enough_left"),
        ("topup", "999999999.99", "above_maximum"),
        ("topup", "0.01", "below_minimum"),
    ])  # fmt: skip
    def test_that_is_too_much_or_too_little_is_refused(
        self, operation: str, amount: str, code: str, client: Client, office: Office
    ):
        body = {**office.body(operation), "amount": amount}
        with nothing_written():
            refused(client.post(office.path(operation), body), 400, code=code)


class TestField:
    @pytest.mark.parametrize("method", ["cheque", "system", "", None, 7, [], {}])
    @pytest.mark.parametrize("operation", WITH_METHOD)
    def test_method_that_is_unknown_is_refused(
        self, operation: str, method: object, client: Client, office: Office
    ):
        body = {**office.body(operation), "payment_method": method}
        with nothing_written():
            refused(client.post(office.path(operation), body), 422, field="payment_method")

    @pytest.mark.parametrize("utility", ["gas", None, 7, [], {}, "available"])
    @pytest.mark.parametrize("operation", WITH_UTILITY)
    def test_utility_that_is_unknown_is_refused(
        self, operation: str, utility: object, client: Client, office: Office
    ):
        body = {**office.body(operation), "utility": utility}
        with nothing_written():
            refused(client.post(office.path(operation), body), 422, field="utility")

    @pytest.mark.parametrize("reason", ["", "   ", None, [], {}, "x" * 251, "a\x00b"])
    @pytest.mark.parametrize("operation", WITH_REASON)
    def test_reason_that_says_nothing_is_refused(
        self, operation: str, reason: object, client: Client, office: Office
    ):
        body = {**office.body(operation), "reason": reason}
        with nothing_written():
            refused(client.post(office.path(operation), body), 422, field="reason")

    @pytest.mark.parametrize("override", ["maybe", None, [], 7])
    def test_override_that_is_no_yes_or_no_is_refused(
        self, override: object, client: Client, office: Office
    ):
        body = {"reason": "x", "override": override}
        with nothing_written():
            refused(client.post(office.path("reverse"), body), 422, field="override")

    @pytest.mark.parametrize("wallet", ["text", None, 7, NOBODY])
    def test_wallet_that_is_none_is_refused(self, wallet: object, client: Client, office: Office):
        body = {**office.body("allocate"), "wallet": wallet}
        with nothing_written():
            refused(client.post(office.path("allocate"), body), 422, field="wallet")


class TestPlace:
    @pytest.mark.parametrize("operation", [one for one in ALL if one != "record"])
    def test_of_other_people_is_not_found(self, operation: str, client: Client):
        foreign = office_of(WalletFactory.create())
        with nothing_written():
            refused(client.post(foreign.path(operation), foreign.body(operation)), 404)

    def test_of_other_people_takes_no_money_in_suspense(self, client: Client, office: Office):
        foreign = WalletFactory.create()
        body = {**office.body("allocate"), "wallet": str(foreign.pk)}
        with nothing_written():
            refused(client.post(office.path("allocate"), body), 422, field="wallet")

    @pytest.mark.parametrize("path", [
        f"/wallets/{NOBODY}/topup", "/wallets/x/topup", f"/transactions/{NOBODY}/reverse",
        f"/suspense/{NOBODY}/allocate",
    ])  # fmt: skip
    def test_that_does_not_exist_is_not_found(self, path: str, client: Client, office: Office):
        with nothing_written():
            refused(client.post(path, office.body("topup")), 404)

    @pytest.mark.parametrize("operation", [*OF_A_WALLET, "allocate"])
    def test_that_is_suspended_is_refused(self, operation: str, client: Client, office: Office):
        Wallet.objects.update(is_suspended=True)
        with nothing_written():
            answer = client.post(office.path(operation), office.body(operation))
            refused(answer, 400, code="wallet_suspended")

    @pytest.mark.parametrize("closed", ["unit", "estate"])
    @pytest.mark.parametrize(
        "operation", ["topup", "purchase", "adjust", "service-charge", "allocate"]
    )
    def test_that_is_closed_is_refused(
        self, operation: str, closed: str, client: Client, office: Office
    ):
        unit = office.wallet.unit
        gone = unit if closed == "unit" else unit.estate
        gone.deleted_at = timezone.now()
        gone.save()
        with nothing_written():
            answer = client.post(office.path(operation), office.body(operation))
            if operation == "allocate":
                refused(answer, 400, code="estate_closed")
            else:
                refused(answer, 404)


class TestReversal:
    def test_twice_is_refused(self, client: Client, office: Office):
        path, body = office.path("reverse"), office.body("reverse")
        assert client.post(path, body).status_code == 201
        with nothing_written():
            refused(client.post(path, body), 409, code="already_reversed")

    def test_of_a_reversal_is_refused(self, client: Client, office: Office):
        made = client.post(office.path("reverse"), office.body("reverse")).json()["data"]
        path = f"/transactions/{made['transaction']['id']}/reverse"
        with nothing_written():
            refused(client.post(path, {"reason": "x"}), 400, code="not_reversible")

    def test_of_money_that_was_spent_is_refused(self, client: Client, office: Office):
        assert client.post(office.path("purchase"), office.body("purchase")).status_code == 201
        with nothing_written():
            answer = client.post(office.path("reverse"), office.body("reverse"))
            refused(answer, 400, code="not_reversible")

    def test_of_suspense_twice_is_refused(self, client: Client, office: Office):
        path, body = office.path("return"), office.body("return")
        assert client.post(path, body).status_code == 200
        with nothing_written():
            refused(client.post(path, body), 400, code="not_enough_left")
