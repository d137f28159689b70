"""Several operations in one database transaction, through the API."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, connections
from django.utils import timezone

from accounts import answers, keys, roles
from accounts.models import AuditEntry, KeptAnswer, Role
from accounts.tests.factories import UserFactory
from estates.models import Estate, Membership
from estates.tests.factories import EstateFactory
from meters.tests.factories import ConcentratorFactory
from notifications.models import Notification
from quantify.tests.client import Client
from units.models import Unit
from units.tests.factories import UnitFactory
from wallets.models import Transaction, Wallet
from wallets.proving import verification
from wallets.tests.factories import WalletFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    return Client(UserFactory.create(username="admin"))


def top_up(wallet: Wallet, amount: str = "20.00", **more: Any) -> dict[str, Any]:
    body = {"amount": amount, "payment_method": "eft", "reference": "batch"}
    return {"method": "POST", "path": f"/wallets/{wallet.pk}/topup", "body": body, **more}


def send(client: Client, *operations: dict[str, Any], **headers: str) -> Any:
    return client.post("/batch", {"operations": list(operations)}, **headers)


class TestBatch:
    def test_answers_each_operation_in_its_order(self, admin):
        estate = EstateFactory.create(code="WC001")

        response = send(
            admin,
            {"method": "POST", "path": "/units", "body": {
                "estate": str(estate.pk), "unit_number": "A-1"
            }},
            {"method": "PATCH", "path": f"/api/v1/estates/{estate.pk}", "body": {"city": "Paarl"}},
            {"method": "GET", "path": "/estates?q=WC001&per_page=1"},
        )  # fmt: skip

        assert response.status_code == 200
        made, changed, listed = response.json()["data"]["results"]
        assert (made["status"], made["body"]["data"]["unit_number"]) == (201, "A-1")
        assert (changed["status"], changed["body"]["data"]["city"]) == (200, "Paarl")
        assert [one["city"] for one in listed["body"]["data"]] == ["Paarl"]
        assert listed["body"]["total"] == 1

    def test_answers_nothing_where_there_is_nothing_to_answer(self, admin):
        unit = UnitFactory.create()

        response = send(admin, {"method": "DELETE", "path": f"/units/{unit.pk}"})

        assert response.json()["data"]["results"] == [{"status": 204, "body": None}]
        assert Unit.objects.get().deleted_at is not None

    def test_takes_a_hundred_top_ups(self, admin):
        estate = EstateFactory.create()
        wallets = [WalletFactory.create(unit__estate=estate) for _ in range(10)]

        response = send(admin, *(top_up(wallets[number % 10]) for number in range(100)))

        results = response.json()["data"]["results"]
        assert [result["status"] for result in results] == [201] * 100
        balances = Wallet.objects.values_list("balance", flat=True)
        assert list(balances) == [Decimal("200.00")] * 10
        assert verification.verify().differences == []

    def test_keeps_nothing_when_one_fails(self, admin):
        wallet = WalletFactory.create()
        operations = [top_up(wallet) for _ in range(100)]
        operations[57] = top_up(wallet, "0.00")

        response = send(admin, *operations)

        problem = response.json()
        assert response.status_code == 400
        assert problem["code"] == "batch_failed"
        assert problem["operation"]["index"] == 57
        assert problem["operation"]["path"] == f"/wallets/{wallet.pk}/topup"
        assert problem["operation"]["problem"]["status"] == 422
        assert problem["operation"]["problem"]["errors"][0]["field"] == "amount"
        assert Transaction.objects.count() == 0
        assert Wallet.objects.get().balance == Decimal(0)
        assert verification.verify().differences == []

    def test_says_what_the_operation_itself_would_say(self, admin):
        wallet = WalletFactory.create()
        buy = {"utility": "electricity", "amount": "20.01"}

        response = send(
            admin,
            top_up(wallet),
            {"method": "POST", "path": f"/wallets/{wallet.pk}/purchase", "body": buy},
        )

        assert response.json()["operation"]["problem"]["code"] == "insufficient_balance"
        assert Transaction.objects.count() == 0

    def test_goes_on_from_what_went_before(self, admin):
        wallet = WalletFactory.create()
        buy = {"utility": "electricity", "amount": "20.00"}

        response = send(
            admin,
            top_up(wallet),
            {"method": "POST", "path": f"/wallets/{wallet.pk}/purchase", "body": buy},
        )

        assert response.status_code == 200
        assert Wallet.objects.get().electricity == Decimal("20.00")

    def test_survives_what_only_the_database_refuses(self, admin):
        unit = UnitFactory.create(unit_number="A-1")
        body = {"estate": str(unit.estate_id), "unit_number": "A-1"}
        with patch("django.db.models.Model.full_clean"):
            response = send(admin, {"method": "POST", "path": "/units", "body": body})

        assert response.json()["operation"]["problem"]["code"] == "duplicate"
        assert Unit.objects.count() == 1

    def test_names_who_acted(self, admin):
        estate = EstateFactory.create()

        send(
            admin, {"method": "PATCH", "path": f"/estates/{estate.pk}", "body": {"name": "New"}},
            HTTP_X_REQUEST_ID="request-0001",
        )  # fmt: skip

        entry = AuditEntry.objects.get(object_id=estate.pk, action="update")
        assert (entry.actor_name, entry.request_id) == ("admin", "request-0001")

    def test_honours_if_match(self, admin):
        estate = EstateFactory.create(name="Before")
        tag = admin.get(f"/estates/{estate.pk}")["ETag"]
        change = {"method": "PATCH", "path": f"/estates/{estate.pk}", "headers": {"If-Match": tag}}

        response = send(
            admin, {**change, "body": {"name": "First"}}, {**change, "body": {"name": "Second"}}
        )

        assert response.json()["operation"]["index"] == 1
        assert response.json()["operation"]["problem"]["code"] == "stale"
        assert Estate.objects.get().name == "Before"


class TestWhatBelongsToNoBatch:
    @pytest.mark.parametrize(
        "path",
        [
            "/batch", "/api/v1/batch", "/schema", "/docs", "/redoc", "/problems/busy",
            "/health/live", "/health/ready", "/integrations/chirpstack", "/nothing", "/../admin/",
            "/api/v1/../../admin/login/", "//example.com/units", "https://example.com/units",
            "/units/", "/units#a", "/units%2f", "units", "/units\\x", "/admin/login/", "/",
            "/api/v1",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_is_refused(self, admin, path, method):
        response = send(admin, {"method": method, "path": path, "body": {}})

        assert response.status_code in (400, 422)
        if response.status_code == 400:
            assert response.json()["operation"]["problem"]["code"] == "not_in_a_batch"

    def test_is_what_begins_at_once(self, admin):
        concentrator = ConcentratorFactory.create()
        path = f"/concentrators/{concentrator.pk}/collect"
        with patch("meters.tasks.collect.delay") as begun:
            response = send(admin, {"method": "POST", "path": path})

        assert response.json()["operation"]["problem"]["code"] == "not_in_a_batch"
        assert begun.call_count == 0

    def test_is_a_query_of_anything_but_a_get(self, admin):
        wallet = WalletFactory.create()

        response = send(admin, top_up(wallet, path=f"/wallets/{wallet.pk}/topup?preview=true"))

        assert response.json()["operation"]["problem"]["code"] == "not_in_a_batch"

    def test_is_a_file(self, admin):
        path = "/reports/resale-compliance?month=2026-06&format=csv"

        response = send(admin, {"method": "GET", "path": path})

        assert response.status_code == 400
        assert response.json()["operation"]["problem"]["status"] in (404, 406, 422)

    @pytest.mark.parametrize(
        "operations",
        [
            pytest.param([], id="nothing"),
            pytest.param([{"method": "GET", "path": "/units"}] * 101, id="too many"),
            pytest.param([{"method": "TRACE", "path": "/units"}], id="method"),
            pytest.param([{"method": "GET", "path": "/units", "body": {"q": "A"}}], id="read"),
            pytest.param([{"method": "GET"}], id="no path"),
            pytest.param([{"method": "GET", "path": "/units", "more": 1}], id="unknown field"),
            pytest.param(
                [{"method": "GET", "path": "/units", "headers": {"Authorization": "Basic x"}}],
                id="header",
            ),
            pytest.param(
                [{"method": "GET", "path": "/units", "headers": {"If-Match": "a\r\nb"}}],
                id="two lines",
            ),
            pytest.param(["GET /units"], id="text"),
            pytest.param({"method": "GET"}, id="an object"),
            pytest.param(None, id="null"),
        ],
    )
    def test_is_no_valid_batch(self, admin, operations):
        response = admin.post("/batch", {"operations": operations})

        assert response.status_code == 422


class TestScope:
    def test_finds_nothing_of_another_estate(self):
        user = UserFactory.create(role=roles.PROPERTY_MANAGER)
        own = WalletFactory.create(unit__estate=EstateFactory.create(members=[user]))
        foreign = WalletFactory.create()

        response = send(Client(user), top_up(own), top_up(foreign))

        assert response.json()["operation"]["index"] == 1
        assert response.json()["operation"]["problem"]["status"] == 404
        assert Transaction.objects.count() == 0

    def test_asks_for_the_permission_of_each_operation(self):
        user = UserFactory.create(role=roles.VIEWER)
        wallet = WalletFactory.create(unit__estate=EstateFactory.create(members=[user]))

        response = send(Client(user), {"method": "GET", "path": "/units"}, top_up(wallet))

        assert response.json()["operation"]["problem"]["status"] == 403
        assert Transaction.objects.count() == 0

    def test_asks_for_credentials(self):
        assert send(Client(), {"method": "GET", "path": "/units"}).status_code == 401

    def test_asks_for_credentials_once(self, admin):
        user_reads = "quantify.api.authentication.RememberedBasicAuthentication.authenticate"
        with patch(user_reads, autospec=True, side_effect=lambda *_: (_user(), None)) as asked:
            send(admin, *[{"method": "GET", "path": "/units"}] * 5)

        assert asked.call_count == 1


def _user():
    return UserFactory._meta.model.objects.get(username="admin")


class TestIdempotency:
    def test_answers_the_same_again(self, admin):
        wallet = WalletFactory.create()

        first = send(admin, top_up(wallet), top_up(wallet), HTTP_IDEMPOTENCY_KEY="one")
        again = send(admin, top_up(wallet), top_up(wallet), HTTP_IDEMPOTENCY_KEY="one")

        assert again.json() == first.json()
        assert "Idempotent-Replayed" not in first.headers
        assert again["Idempotent-Replayed"] == "true"
        assert Transaction.objects.count() == 2

    def test_reads_anew_what_was_read(self, admin):
        estate = EstateFactory.create(code="WC001")
        change = {"method": "PATCH", "path": f"/estates/{estate.pk}", "body": {"city": "Paarl"}}
        read = {"method": "GET", "path": f"/estates/{estate.pk}"}
        send(admin, change, read, HTTP_IDEMPOTENCY_KEY="one")
        Estate.objects.update(city="Wellington")

        again = send(admin, change, read, HTTP_IDEMPOTENCY_KEY="one").json()["data"]["results"]

        assert [one["body"]["data"]["city"] for one in again] == ["Paarl", "Wellington"]
        assert Estate.objects.get().city == "Wellington"
        kept = KeptAnswer.objects.get().body
        assert list(kept["written"]) == ["0"]

    @pytest.mark.parametrize("loses", ["role", "estate"])
    def test_answers_nobody_who_may_do_something_else_by_now(self, loses):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        estate = EstateFactory.create(members=[manager])
        asked = {"method": "POST", "path": "/residents", "body": {
            "estate": str(estate.pk), "first_name": "Thandi", "last_name": "Mokoena",
        }}  # fmt: skip
        assert send(Client(manager), asked, HTTP_IDEMPOTENCY_KEY="one").status_code == 200
        if loses == "role":
            manager.role = Role.objects.get(code=roles.VIEWER)
            manager.save()
        else:
            Membership.objects.all().delete()

        again = send(Client(manager), asked, HTTP_IDEMPOTENCY_KEY="one")

        assert again.status_code == 403
        assert "Mokoena" not in again.content.decode()

    def test_answers_no_narrower_key_of_the_same_person(self):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        here, there = (EstateFactory.create(members=[manager]) for _ in range(2))
        asked = {"method": "GET", "path": f"/residents?estate={there.pk}"}
        assert send(Client(manager), asked, HTTP_IDEMPOTENCY_KEY="one").status_code == 200
        made = keys.make(
            user=manager, name="here", scopes=["write"], estates=[here.pk], expires_at=None,
            at=timezone.now(),
        )  # fmt: skip
        narrower = Client()
        narrower.credentials(HTTP_AUTHORIZATION=f"Bearer {made.text}")

        assert send(narrower, asked, HTTP_IDEMPOTENCY_KEY="one").status_code == 403

    def test_refuses_another_batch_under_the_key(self, admin):
        wallet = WalletFactory.create()
        send(admin, top_up(wallet), HTTP_IDEMPOTENCY_KEY="one")

        response = send(admin, top_up(wallet, "30.00"), HTTP_IDEMPOTENCY_KEY="one")

        assert response.status_code == 409
        assert response.json()["code"] == "idempotency_key_reused"
        assert Transaction.objects.count() == 1

    def test_keeps_no_key_of_a_batch_that_failed(self, admin):
        wallet = WalletFactory.create()
        send(admin, top_up(wallet), top_up(wallet, "0"), HTTP_IDEMPOTENCY_KEY="one")

        response = send(admin, top_up(wallet), HTTP_IDEMPOTENCY_KEY="one")

        assert response.status_code == 200
        assert Transaction.objects.count() == 1

    def test_leaves_the_key_to_each_person(self, admin):
        wallet = WalletFactory.create()
        send(admin, top_up(wallet), HTTP_IDEMPOTENCY_KEY="one")

        send(Client(UserFactory.create()), top_up(wallet), HTTP_IDEMPOTENCY_KEY="one")

        assert Transaction.objects.count() == 2

    def test_moves_no_money_twice_after_the_answer_is_forgotten(self, admin):
        wallet = WalletFactory.create()
        send(admin, top_up(wallet), HTTP_IDEMPOTENCY_KEY="one")

        forgotten = answers.forget_old(now=timezone.now() + timedelta(days=46))
        send(admin, top_up(wallet), HTTP_IDEMPOTENCY_KEY="one")

        assert forgotten == 1
        assert Transaction.objects.count() == 1

    def test_is_kept_for_thirty_days(self, admin):
        send(admin, {"method": "GET", "path": "/units"}, HTTP_IDEMPOTENCY_KEY="one")

        answers.forget_old(now=timezone.now() + timedelta(days=30))

        assert KeptAnswer.objects.count() == 1

    def test_takes_a_key_of_each_operation(self, admin):
        wallet = WalletFactory.create()
        own = {"Idempotency-Key": "mine"}

        response = send(admin, top_up(wallet, headers=own), top_up(wallet, headers=own))

        first, second = response.json()["data"]["results"]
        assert first == second
        assert Transaction.objects.count() == 1


class TestAfterCommit:
    def test_wakes_credit_control_once_for_each_top_up(
        self, admin, django_capture_on_commit_callbacks
    ):
        wallets = [WalletFactory.create() for _ in range(2)]
        with (
            patch("wallets.wakeups.current_app.send_task") as woken,
            django_capture_on_commit_callbacks(execute=True),
        ):
            send(admin, *map(top_up, wallets))
            assert woken.call_count == 0

        sent = [call.kwargs["kwargs"]["wallet_id"] for call in woken.call_args_list]
        assert sent == [str(wallet.pk) for wallet in wallets]

    def test_wakes_nobody_when_nothing_is_kept(self, admin, django_capture_on_commit_callbacks):
        wallet = WalletFactory.create()
        with (
            patch("wallets.wakeups.current_app.send_task") as woken,
            django_capture_on_commit_callbacks(execute=True),
        ):
            send(admin, top_up(wallet), top_up(wallet, "0"))

        assert woken.call_count == 0
        assert Notification.objects.count() == 0


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_two_batches_in_opposite_orders_lose_nothing(self):
        user = UserFactory.create()
        wallets = [WalletFactory.create() for _ in range(10)]
        forwards = [top_up(wallet) for wallet in wallets]

        given = _at_once(
            lambda: send(Client(user), *forwards), lambda: send(Client(user), *forwards[::-1])
        )

        codes = sorted(response.status_code for response in given)
        assert codes in ([200, 200], [200, 409])
        if codes[1] == 409:
            problem = next(response.json() for response in given if response.status_code == 409)
            assert problem["code"] == "busy"
            assert problem["operation"]["problem"]["code"] == "busy"
        kept = codes.count(200)
        balances = list(Wallet.objects.values_list("balance", flat=True))
        assert balances == [Decimal(20 * kept)] * 10
        assert verification.verify().differences == []

    def test_tells_who_is_in_a_deadlock_to_try_again(self):
        user = UserFactory.create()
        one, other = WalletFactory.create(), WalletFactory.create()
        meet = threading.Barrier(2, timeout=10)

        def slowly(first: Wallet, second: Wallet) -> Any:
            met = []

            def wait(execute, sql, params, many, context):
                found = execute(sql, params, many, context)
                if "ledger_post" in sql and not met:
                    met.append(True)
                    meet.wait()
                return found

            with connection.execute_wrapper(wait):
                return send(Client(user), top_up(first), top_up(second))

        given = _at_once(lambda: slowly(one, other), lambda: slowly(other, one))

        assert sorted(response.status_code for response in given) == [200, 409]
        balances = list(Wallet.objects.values_list("balance", flat=True))
        assert balances == [Decimal("20.00")] * 2
        assert verification.verify().differences == []

    def test_one_key_is_one_batch(self):
        user = UserFactory.create()
        wallet = WalletFactory.create()

        def pay() -> Any:
            return send(Client(user), top_up(wallet), HTTP_IDEMPOTENCY_KEY="one")

        given = _at_once(pay, pay, pay)

        assert [response.status_code for response in given] == [200, 200, 200]
        first, *others = [response.json() for response in given]
        assert others == [first, first]
        assert Transaction.objects.count() == 1


def _at_once(*calls: Callable[[], Any]) -> list[Any]:
    given: list[Any] = [None] * len(calls)

    def run(place: int) -> None:
        try:
            given[place] = calls[place]()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return given
