from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters.tests.factories import MeterFactory
from quantify.tests.client import Client
from rates.tests.factories import AssignmentFactory, flat
from units.tests.factories import UnitFactory
from wallets import ledger, topups
from wallets.api import numbers
from wallets.billing import runs
from wallets.models import Transaction
from wallets.tests.factories import WalletFactory
from wallets.tests.metering import use

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 7, 1, 10, tzinfo=UTC)


@pytest.fixture
def biller():
    return UserFactory.create(role=roles.BILLING_ADMIN)


@pytest.fixture
def estate(biller):
    return EstateFactory.create(code="WC001", members=[biller])


@pytest.fixture
def wallet(estate):
    return WalletFactory.create(unit__estate=estate, unit__unit_number="A-101")


@pytest.fixture
def client(biller):
    return Client(biller)


def fund(wallet, amount="100.00", **fields):
    return topups.top_up(
        wallet_id=wallet.pk, amount=Decimal(amount), payment_method="eft", occurred_at=NOON,
        actor=None, **fields,
    ).transaction  # fmt: skip


def topup(client, wallet, amount="500.00", query="", **headers):
    body = {"amount": amount, "payment_method": "eft", "reference": "EFT-1"}
    return client.post(f"/wallets/{wallet.pk}/topup{query}", body, **headers)


class TestTopUp:
    def test_pays_money_in(self, client, wallet, biller):
        response = topup(client, wallet)

        assert response.status_code == 201
        data = response.json()["data"]
        assert data["balance"] == "500.00"
        assert data["split"] == [{"account": "available", "amount": "500.00"}]
        assert data["transaction"]["kind"] == "topup"
        assert data["transaction"]["actor"] == biller.username
        assert response["Location"] == f"/api/v1/transactions/{data['transaction']['id']}"
        wallet.refresh_from_db()
        assert wallet.balance == Decimal("500.00")

    def test_takes_numbers(self, client, wallet):
        assert topup(client, wallet, 99.5).json()["data"]["balance"] == "99.50"

    @pytest.mark.parametrize(
        ("amount", "code"), [("9.99", "below_minimum"), ("50000.01", "above_maximum")]
    )
    def test_refuses_what_the_estate_does_not_take(self, client, wallet, amount, code):
        response = topup(client, wallet, amount)

        assert response.status_code == 400
        assert response.json()["code"] == code

    def test_previews_without_posting(self, client, wallet):
        response = topup(client, wallet, query="?preview=true")

        assert response.status_code == 200
        assert response.json()["data"] == {
            "transaction": None,
            "balance": "500.00",
            "split": [{"account": "available", "amount": "500.00"}],
        }
        assert not Transaction.objects.exists()

    def test_previews_with_no_key_that_it_would_not_take(self, client, wallet):
        body = {"amount": "50", "payment_method": "eft", "reference": "x"}
        path = f"/wallets/{wallet.pk}/topup?preview=true"

        for key, status in (("", 422), ("two words", 422), ("once", 200)):
            assert client.post(path, body, HTTP_IDEMPOTENCY_KEY=key).status_code == status

    def test_refuses_an_unclear_preview(self, client, wallet):
        assert topup(client, wallet, query="?preview=1").status_code == 422

    @pytest.mark.parametrize(("role", "status"), [
        (roles.PROPERTY_MANAGER, 201), (roles.VIEWER, 403), (roles.RESIDENT, 403),
    ])  # fmt: skip
    def test_depends_on_the_role(self, wallet, estate, role, status):
        user = UserFactory.create(role=role)
        estate.memberships.create(user=user)

        assert topup(Client(user), wallet).status_code == status

    def test_by_adjustment_is_for_those_who_adjust(self, client, wallet, estate):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        estate.memberships.create(user=manager)
        body = {"amount": "50", "payment_method": "adjustment", "reference": "x"}
        path = f"/wallets/{wallet.pk}/topup"

        assert Client(manager).post(path, body).status_code == 403
        assert not Transaction.objects.exists()
        assert client.post(path, body).status_code == 201


class TestIdempotency:
    def test_answers_the_same_once_more(self, client, wallet):
        first = topup(client, wallet, HTTP_IDEMPOTENCY_KEY="key-1")
        fund(wallet)
        second = topup(client, wallet, HTTP_IDEMPOTENCY_KEY="key-1")

        assert second.json() == first.json()
        assert second.status_code == 201
        assert second["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        assert Transaction.objects.count() == 2

    def test_answers_the_same_after_a_reversal(self, client, wallet):
        first = topup(client, wallet, HTTP_IDEMPOTENCY_KEY="key-1").json()
        made = first["data"]["transaction"]["id"]
        assert client.post(f"/transactions/{made}/reverse", {"reason": "x"}).status_code == 201

        assert topup(client, wallet, HTTP_IDEMPOTENCY_KEY="key-1").json() == first

    def test_refuses_another_body(self, client, wallet):
        topup(client, wallet, HTTP_IDEMPOTENCY_KEY="key-1")
        response = topup(client, wallet, "600.00", HTTP_IDEMPOTENCY_KEY="key-1")

        assert response.status_code == 409
        assert response.json()["code"] == "idempotency_key_reused"

    def test_keeps_the_keys_of_people_apart(self, client, wallet, estate):
        other = UserFactory.create(role=roles.BILLING_ADMIN)
        estate.memberships.create(user=other)

        topup(client, wallet, HTTP_IDEMPOTENCY_KEY="key-1")
        response = topup(Client(other), wallet, "600.00", HTTP_IDEMPOTENCY_KEY="key-1")

        assert response.status_code == 201

    def test_refuses_a_key_that_is_none(self, client, wallet):
        response = topup(client, wallet, HTTP_IDEMPOTENCY_KEY="a b")

        assert response.status_code == 422


class TestPurchase:
    def test_binds_money_to_a_utility(self, client, wallet):
        fund(wallet)

        response = client.post(
            f"/wallets/{wallet.pk}/purchase", {"utility": "electricity", "amount": "60.00"}
        )

        assert response.status_code == 201
        assert response.json()["data"]["transaction"]["kind"] == "purchase_electricity"
        shown = client.get(f"/wallets/{wallet.pk}").json()["data"]
        assert shown["balance"] == "100.00"
        assert shown["pockets"] == {
            "available": "40.00", "electricity": "60.00", "water": "0.00", "solar": "0.00",
        }  # fmt: skip

    def test_is_not_for_managers(self, wallet, estate):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        estate.memberships.create(user=manager)

        response = Client(manager).post(
            f"/wallets/{wallet.pk}/purchase", {"utility": "water", "amount": "60.00"}
        )

        assert response.status_code == 403


class TestWallets:
    def test_show_their_newest_transactions(self, client, wallet):
        fund(wallet, "50.00")
        newest = fund(wallet, "70.00")

        data = client.get(f"/wallets/{wallet.pk}").json()["data"]

        assert data["balance"] == "120.00"
        assert data["transactions"][0]["id"] == str(newest.pk)

    def test_are_low_below_their_own_limit_or_the_estates(self, client, wallet, estate):
        fund(wallet, "50.00")
        rich = WalletFactory.create(unit__estate=estate, low_balance_limit=Decimal(80))
        fund(rich, "70.00")

        def listed(query):
            return [one["id"] for one in client.get(f"/wallets?{query}").json()["data"]]

        assert listed("low_balance=true") == [str(rich.pk)]
        assert listed("low_balance=false") == [str(wallet.pk)]
        assert listed("q=a-101") == [str(wallet.pk)]
        assert listed("sort=balance&order=desc") == [str(rich.pk), str(wallet.pk)]

    def test_have_a_limit_to_set(self, client, wallet):
        path = f"/wallets/{wallet.pk}"

        assert client.patch(path, {"low_balance_limit": "75"}).status_code == 200
        assert client.get(path).json()["data"]["effective_low_balance_limit"] == "75.00"
        assert client.patch(path, {"balance": "75"}).status_code == 422
        assert client.put(path, {"low_balance_limit": "75"}).status_code == 405

    def test_take_few_statements(self, client, estate, django_assert_max_num_queries):
        UnitFactory.create_batch(20, estate=estate)
        client.get("/wallets")

        with django_assert_max_num_queries(5):
            assert len(client.get(f"/wallets?estate={estate.pk}").json()["data"]) == 20

    def test_change_their_etag_with_their_money(self, client, wallet):
        path = f"/wallets/{wallet.pk}"
        tag = client.get(path)["ETag"]
        assert client.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 304
        fund(wallet)

        assert client.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 200


class TestTransactions:
    def test_show_their_postings(self, client, wallet):
        made = fund(wallet)

        data = client.get(f"/transactions/{made.pk}").json()["data"]

        assert data["number"] == str(made)
        assert data["postings"] == [
            {"line": 1, "debit": "clearing_eft", "credit": "available", "amount": "100.00"}
        ]

    def test_filter(self, client, wallet, estate):
        fund(wallet, "20.00")
        fund(wallet, "30.00", utility="water")
        other = WalletFactory.create(unit__estate=estate)
        fund(other, "40.00", reference="needle")

        def listed(query):
            return [one["amount"] for one in client.get(f"/transactions?{query}").json()["data"]]

        assert listed(f"wallet={wallet.pk}") == ["30.00", "20.00"]
        assert listed(f"unit={other.unit.pk}") == ["40.00"]
        assert listed(f"estate={estate.pk}&min_amount=25&max_amount=35.5") == ["30.00"]
        assert listed("kind=topup&payment_method=cash") == []
        assert listed("from=2026-07-01&to=2026-07-02") == ["40.00", "30.00", "20.00"]
        assert listed("from=2026-07-01T12:00:00%2B02:00&to=2026-07-01T12:00:01Z") == [
            "40.00", "30.00", "20.00",
        ]  # fmt: skip
        assert listed("to=2026-07-01T10:00:00Z") == []
        assert listed("q=needle") == ["40.00"]
        assert listed("sort=amount") == ["20.00", "30.00", "40.00"]
        assert listed("reversed=true") == []

    @pytest.mark.parametrize(
        "query",
        [
            "kind=gift",
            "from=2026-07-01T00:00:00",
            "min_amount=x",
            "min_amount=1e2",
            "max_amount=1.005",
            "reversed=yes",
        ],
    )
    def test_refuse_a_bad_filter(self, client, wallet, query):
        assert client.get(f"/transactions?{query}").status_code == 422

    def test_are_found_by_their_number_and_its_beginning(self, client, wallet):
        made = [fund(wallet) for _ in range(2)]
        back = ledger.reverse(
            transaction_id=made[1].pk, reason="Bounced", occurred_at=NOON, actor=None
        ).transaction

        def found(text):
            listed = client.get(f"/transactions?q={text}").json()
            assert listed["total"] == len(listed["data"])
            return [one["number"] for one in listed["data"]]

        assert found(made[0]) == found(str(made[0]).lower()) == [str(made[0])]
        assert found(made[0].number) == found(f"{made[0].number:06d}") == [str(made[0])]
        assert found(made[1]) == [str(back), str(made[1])]
        assert found(str(made[0])[:6]) == [str(back), str(made[1]), str(made[0])]
        assert found(f"{made[0]} A-101") == [str(made[0])]
        assert found(f"{made[0]}0") == found("T99999") == found("9" * 90) == []

    def test_are_found_by_what_reads_like_a_number_and_is_none(self, client, wallet, estate):
        tower = WalletFactory.create(unit__estate=estate, unit__unit_number="T10101")
        paid = [fund(tower), fund(wallet, reference="For T10101")]
        fund(WalletFactory.create(unit__unit_number="T10101"), reference="T10101")

        listed = client.get("/transactions?q=t10101&sort=number").json()["data"]

        assert [one["id"] for one in listed] == [str(one.pk) for one in paid]

    def test_are_looked_for_by_number_in_indexes(self):
        named = numbers.numbers("T00002955")
        assert (named.start, named.stop) == (29550, 29560)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")

        plan = Transaction.objects.filter(numbers.told_by(named, "T00002955")).explain()

        assert "wallets_transaction_number" in plan
        assert "Seq Scan on wallets_transaction" not in plan

    def test_page_by_cursor(self, client, wallet):
        amounts = ["20.00", "30.00", "40.00", "50.00", "60.00"]
        for amount in amounts:
            fund(wallet, amount)

        seen, cursor = [], ""
        while cursor is not None:
            body = client.get(f"/transactions?per_page=2&cursor={cursor}").json()
            seen += [one["amount"] for one in body["data"]]
            assert (body["page"], body["total"], body["pages"]) == (None, None, None)
            cursor = body["next_cursor"]

        assert seen == amounts[::-1]
        ascending = client.get("/transactions?cursor=&order=asc").json()["data"]
        assert [one["amount"] for one in ascending] == amounts
        for written in ("[null, null]", "[1, 2]", "{}", "null", "[[]]", "[" * 12_000, '["a"]'):
            token = urlsafe_b64encode(written.encode()).decode()
            assert client.get(f"/transactions?cursor={token}").status_code == 422, written
        assert client.get("/transactions?cursor=abc").status_code == 422
        assert client.get("/transactions?cursor=&page=1").status_code == 422

    def test_of_foreign_estates_are_hidden(self, client):
        foreign = fund(WalletFactory.create())

        assert client.get("/transactions").json()["total"] == 0
        assert client.get(f"/transactions/{foreign.pk}").status_code == 404
        assert client.get(f"/transactions?wallet={foreign.wallet_id}").status_code == 404
        assert client.get(f"/transactions/{foreign.pk}/explain").status_code == 404
        assert (
            client.post(f"/transactions/{foreign.pk}/reverse", {"reason": "x"}).status_code == 404
        )

    def test_take_few_statements(self, client, wallet, django_assert_max_num_queries):
        for _ in range(20):
            fund(wallet, "20.00")
        client.get("/transactions")

        with django_assert_max_num_queries(5):
            assert len(client.get("/transactions").json()["data"]) == 20

    def test_are_explained_only_if_they_charge(self, client, wallet):
        response = client.get(f"/transactions/{fund(wallet).pk}/explain")

        assert response.status_code == 400
        assert response.json()["code"] == "not_a_charge"


class TestExplain:
    def test_opens_a_charge_to_its_lines(self, client, wallet, estate):
        meter = MeterFactory.create(
            estate=estate, with_register=True, installed=True, installation__unit=wallet.unit
        )
        table = AssignmentFactory.create(
            estate=estate, rate_table__version__components=flat("2.00")
        ).rate_table
        fund(wallet)
        use(meter, date(2026, 7, 3), "10")
        runs.bill(now=datetime(2026, 7, 3, 10, tzinfo=UTC), since=date(2026, 7, 1))
        (charge,) = client.get("/transactions?kind=consumption_electricity").json()["data"]

        data = client.get(f"/transactions/{charge['id']}/explain").json()["data"]

        assert data["lines"] == [
            {"what": "energy", "quantity": "10.000", "unit": "kWh", "price": "2.00",
             "amount": "20.00", "unrounded": "20", "rounding": "0", "is_free": False},
        ]  # fmt: skip
        assert (data["net"], data["vat"], data["amount"]) == ("20.00", "3.00", "23.00")
        assert (data["consumption_before"], data["consumption_after"]) == ("0.000", "10.000")
        assert (data["rate_table"], data["version"]) == (str(table.pk), 1)


class TestReverse:
    def test_posts_the_opposite_once(self, client, wallet):
        made = fund(wallet)
        path = f"/transactions/{made.pk}"

        response = client.post(f"{path}/reverse", {"reason": "Paid twice"})

        assert response.status_code == 201
        data = response.json()["data"]
        assert data["balance"] == "0.00"
        assert data["transaction"]["reverses"] == str(made.pk)
        assert client.get(path).json()["data"]["reversed_by"] == data["transaction"]["id"]
        again = client.post(f"{path}/reverse", {"reason": "Paid twice"})
        assert again.status_code == 409
        assert again.json()["code"] == "already_reversed"
        assert client.get("/transactions?reversed=true").json()["total"] == 1

    def test_is_not_for_managers(self, wallet, estate):
        manager = UserFactory.create(role=roles.PROPERTY_MANAGER)
        estate.memberships.create(user=manager)
        made = fund(wallet)

        response = Client(manager).post(f"/transactions/{made.pk}/reverse", {"reason": "x"})

        assert response.status_code == 403
