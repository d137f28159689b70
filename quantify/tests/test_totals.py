"""Totals of lists: exact, but of a list of very many remembered for some seconds."""

import pytest
import redis
from django.core.cache import cache

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from quantify.api import totals
from quantify.tests.client import Client
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import top_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager():
    return UserFactory.create(role=roles.PROPERTY_MANAGER)


@pytest.fixture
def wallet(manager):
    wallet = WalletFactory.create(unit__estate=EstateFactory.create(members=[manager]))
    top_up(wallet, 100)
    top_up(wallet, 100)
    return wallet


@pytest.fixture
def two_are_many(monkeypatch):
    monkeypatch.setattr(totals, "MANY", 2)


def total(user) -> int:
    return Client(user).get("/transactions?per_page=2").json()["total"]


def test_a_list_of_few_is_counted_each_time(manager, wallet):
    assert total(manager) == 2

    top_up(wallet, 100)

    assert total(manager) == 3


def test_a_list_of_many_is_remembered_for_a_while(manager, wallet, two_are_many):
    assert total(manager) == 2
    top_up(wallet, 100)

    assert total(manager) == 2
    page = Client(manager).get("/transactions").json()
    # What is shown is never remembered; a first page that is not full needs no count.
    assert (len(page["data"]), page["total"]) == (3, 3)

    cache.clear()
    assert total(manager) == 3


def test_what_is_remembered_is_of_one_question_by_one_person(manager, wallet, two_are_many):
    assert total(manager) == 2
    top_up(wallet, 100)
    elsewhere = UserFactory.create(role=roles.PROPERTY_MANAGER)

    assert total(elsewhere) == 0
    assert total(UserFactory.create(role=roles.SUPER_ADMIN)) == 3
    filtered = Client(manager).get(f"/transactions?wallet={wallet.pk}").json()
    assert filtered["total"] == 3


def test_without_valkey_every_list_is_counted(manager, wallet, two_are_many, monkeypatch):
    def away(*_: object, **__: object) -> None:
        raise redis.ConnectionError

    for name in ("get", "set"):
        monkeypatch.setattr(totals.cache, name, away)

    assert total(manager) == 2
    top_up(wallet, 100)
    assert total(manager) == 3


def test_nobody_sees_nothing(manager, wallet):
    nobody = UserFactory.create(role=roles.VIEWER)

    assert totals.of_long(wallet.transactions.none()) == 0
    assert total(nobody) == 0
