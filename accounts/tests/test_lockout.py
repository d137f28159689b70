import pytest
from django.test import Client

from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def sign_in(client: Client, username: str, password: str) -> int:
    response = client.post("/admin/login/", {"username": username, "password": password})
    return response.status_code


class TestLockout:
    def test_comes_after_five_failures(self, client: Client):
        UserFactory.create(username="thandi")
        for _ in range(5):
            sign_in(client, "thandi", "wrong")

        assert sign_in(client, "thandi", PASSWORD) == 429

    def test_cannot_be_evaded_by_upper_case(self, client: Client):
        UserFactory.create(username="thandi")
        for name in ("thandi", "Thandi", "THANDI", "tHANDI", "thANDI"):
            sign_in(client, name, "wrong")

        assert sign_in(client, "thandI", PASSWORD) == 429

    def test_leaves_others_alone(self, client: Client):
        UserFactory.create(username="thandi")
        UserFactory.create(username="sipho")
        for _ in range(5):
            sign_in(client, "thandi", "wrong")

        assert sign_in(client, "sipho", PASSWORD) == 302
