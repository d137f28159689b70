"""Money moved by programs that sign in with an API key."""

import pytest

from estates.tests.test_api_keys import bearer, key_of, manager_of
from wallets.models import Transaction
from wallets.tests.factories import WalletFactory

pytestmark = pytest.mark.django_db


class TestPayment:
    def test_needs_an_idempotency_key(self):
        wallet = WalletFactory.create()
        client = bearer(key_of(manager_of(wallet.unit.estate)))
        path = f"/wallets/{wallet.pk}/topup"
        body = {"amount": "100.00", "payment_method": "eft", "reference": "R1"}

        refused = client.post(path, body)

        assert refused.status_code == 422
        assert refused.json()["errors"] == [
            {
                "field": "Idempotency-Key",
                "code": "required",
                "detail": "Needed with an API key where money moves.",
            }
        ]
        assert not Transaction.objects.exists()
        assert client.post(path, body, HTTP_IDEMPOTENCY_KEY="once").status_code == 201
        again = client.post(path, body, HTTP_IDEMPOTENCY_KEY="once")
        assert again["Idempotent-Replayed"] == "true"
        assert Transaction.objects.count() == 1

    def test_is_previewed_without_one(self):
        wallet = WalletFactory.create()
        client = bearer(key_of(manager_of(wallet.unit.estate)))
        body = {"amount": "100.00", "payment_method": "eft", "reference": "R1"}

        assert client.post(f"/wallets/{wallet.pk}/topup?preview=true", body).status_code == 200
