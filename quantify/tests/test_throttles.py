"""Limits: counted together, told in headers, and no worse than strict while Valkey is away."""

import threading
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest
from django.test import Client as Browser
from django.test import RequestFactory
from django.urls import reverse
from redis.exceptions import ConnectionError as Unreachable

from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from estates.tests.factories import EstateFactory
from quantify.api import addresses, hashing, throttles
from quantify.tests.client import Client, basic
from units.tests.factories import UnitFactory

SLOW = "3/3600"


@pytest.fixture
def limits(settings):
    """Limits of a test: those it names, the others as good as none."""

    def limit(**named):
        settings.THROTTLES = settings.THROTTLES | {
            name.replace("_", "-"): value for name, value in named.items()
        }

    return limit


@pytest.fixture
def valkey_away():
    with patch("quantify.api.throttles._script", side_effect=Unreachable):
        throttles._fallback.until = 0.0
        yield
    throttles._fallback = throttles._Fallback()


def asked() -> object:
    return RequestFactory().get("/")


class TestCounting:
    def test_lets_a_quota_in_and_tells_when_the_next_is(self, limits):
        limits(read="3/30")
        request = asked()
        for left in (2, 1, 0):
            throttles.spend(request, "read", "somebody")
            assert f'"read";r={left};' in throttles.headers(request)["RateLimit"]

        with pytest.raises(throttles.TooMany) as refused:
            throttles.spend(request, "read", "somebody")

        assert 1 <= refused.value.wait <= 10
        assert throttles.headers(request)["RateLimit-Policy"] == '"read";q=3;w=30'

    def test_counts_callers_and_kinds_apart(self, limits):
        limits(read=SLOW, write=SLOW)
        for _ in range(3):
            throttles.spend(asked(), "read", "somebody")

        throttles.spend(asked(), "write", "somebody")
        throttles.spend(asked(), "read", "another")

    def test_counts_for_none_where_one_is_over(self, limits):
        limits(read=SLOW)
        for _ in range(3):
            throttles.spend(asked(), "read", "name")
        for _ in range(5):
            with pytest.raises(throttles.TooMany):
                throttles.spend(asked(), "read", "address", "name")

        for _ in range(3):
            throttles.spend(asked(), "read", "address")

    def test_is_free_again_with_time(self, limits):
        limits(read="10/1")
        for _ in range(10):
            throttles.spend(asked(), "read", "somebody")
        with pytest.raises(throttles.TooMany):
            throttles.spend(asked(), "read", "somebody")
        threading.Event().wait(0.25)

        throttles.spend(asked(), "read", "somebody")

    def test_lets_in_no_more_when_many_ask_at_once(self, limits):
        limits(read="20/3600")

        def let_in(_: int) -> bool:
            try:
                throttles.spend(asked(), "read", "crowd")
            except throttles.TooMany:
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(let_in, range(200))) == 20


class TestWithoutValkey:
    def test_each_process_counts_for_itself(self, limits, valkey_away):
        limits(sign_in=SLOW)
        for _ in range(3):
            throttles.spend_sign_in(asked(), "thandi")

        with pytest.raises(throttles.TooMany):
            throttles.spend_sign_in(asked(), "thandi")

    @pytest.mark.django_db
    def test_the_api_answers_and_still_refuses_guesses(self, limits, valkey_away):
        limits(sign_in="8/3600")
        user = UserFactory.create()
        away = patch("quantify.api.authentication.cache.get_many", side_effect=Unreachable)
        keep = patch("quantify.api.authentication.cache.set", side_effect=Unreachable)
        forget = patch("quantify.api.authentication.cache.delete", side_effect=Unreachable)
        with away, keep, forget:
            assert Client(user).get("/estates").status_code == 200
            guesses = [Client(user, "wrong").get("/estates").status_code for _ in range(9)]

        assert guesses[:4] == [401] * 4
        assert set(guesses[4:]) == {429}

    def test_asks_valkey_again_after_a_rest(self, limits, valkey_away):
        limits(read=SLOW)
        throttles.spend(asked(), "read", "somebody")
        assert throttles._fallback.until > 0

        throttles._fallback.until = 0.0
        with patch("quantify.api.throttles._script") as script:
            script.return_value.return_value = [1, b"0.5"]
            throttles.spend(asked(), "read", "somebody")

        assert script.called


@pytest.mark.django_db
class TestTheApi:
    def test_tells_limits_with_each_answer(self, limits):
        limits(read="100/60", address="1000/60")

        answer = Client(UserFactory.create()).get("/estates")

        policy = '"address";q=1000;w=60, "sign-in";q=100000;w=1, "read";q=100;w=60'
        assert answer["RateLimit-Policy"] == policy
        assert '"read";r=99;t=1' in answer["RateLimit"]

    @pytest.mark.parametrize(
        ("kind", "method", "path"),
        [
            ("read", "get", "/estates"),
            ("write", "patch", "/estates/{estate}"),
            ("money", "post", "/wallets/{wallet}/topup"),
        ],
    )
    def test_limits_each_kind_by_itself(self, limits, kind, method, path):
        limits(**{kind: "2/3600"})
        unit = UnitFactory.create()
        client = Client(UserFactory.create())
        address = path.format(estate=unit.estate.pk, wallet=unit.wallet.pk)
        for _ in range(2):
            assert getattr(client, method)(address, {}).status_code != 429

        answer = getattr(client, method)(address, {})

        assert answer.status_code == 429
        assert answer.json()["code"] == "throttled"
        assert 1 <= int(answer["Retry-After"]) <= 1800
        other = {"get": "/units", "patch": "/estates", "post": "/estates"}[method]
        if kind != "read":
            assert client.get(other).status_code == 200

    def test_limits_an_address_before_anybody_is_asked_who_they_are(self, limits):
        limits(address="3/3600")
        for _ in range(3):
            assert Client().get("/auth/me").status_code == 401

        answer = Client().get("/auth/me")

        assert answer.status_code == 429
        assert "Retry-After" in answer.headers
        assert Client().get("/auth/me", REMOTE_ADDR="10.0.0.9").status_code == 401
        assert Client().get("/health/live").status_code == 200

    def test_hashes_no_password_past_the_limit(self, limits):
        limits(sign_in=SLOW)
        user = UserFactory.create()
        with patch.object(User, "check_password", return_value=False) as check:
            answers = [
                Client().get("/auth/me", HTTP_AUTHORIZATION=basic(user.username, str(guess)))
                for guess in range(5)
            ]

        assert [one.status_code for one in answers] == [401, 401, 401, 429, 429]
        assert check.call_count == 3

    def test_counts_no_remembered_credential_as_an_attempt(self, limits):
        limits(sign_in=SLOW)
        client = Client(UserFactory.create())

        assert {client.get("/auth/me").status_code for _ in range(8)} == {200}


@pytest.mark.django_db
class TestThePortal:
    def test_limits_sign_in(self, limits):
        limits(sign_in=SLOW)
        UserFactory.create(username="thandi")
        for name in ("thandi", "THANDI", "thandi "):
            Browser().post(reverse("admin:login"), {"username": name, "password": "wrong"})

        answer = Browser().post(
            reverse("admin:login"), {"username": "thandi", "password": PASSWORD}
        )

        assert answer.status_code == 429
        assert int(answer["Retry-After"]) >= 1
        assert "Too many requests" in answer.content.decode()


class TestHashing:
    @pytest.mark.django_db
    def test_refuses_with_a_time_to_wait_when_every_turn_is_taken(self, settings):
        settings.PASSWORD_HASHES_AT_ONCE, settings.PASSWORD_HASH_PATIENCE = 1, 0.05
        user = UserFactory.create()
        hashing._turns.cache_clear()
        with hashing.one_hash():
            answer = Client(user).get("/auth/me")
            page = Browser().post(
                reverse("admin:login"), {"username": user.username, "password": PASSWORD}
            )

        assert answer.status_code == 503
        assert answer.json()["code"] == "sign_in_busy"
        assert answer["Retry-After"] == "1"
        assert page.status_code == 503
        assert Client(user).get("/auth/me").status_code == 200

    def test_lets_no_more_in_than_there_are_turns(self, settings):
        settings.PASSWORD_HASHES_AT_ONCE, settings.PASSWORD_HASH_PATIENCE = 2, 5.0
        hashing._turns.cache_clear()
        inside, most, lock = [0], [0], threading.Lock()

        def hash_one(_: int) -> None:
            with hashing.one_hash():
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                threading.Event().wait(0.01)
                with lock:
                    inside[0] -= 1

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(hash_one, range(16)))

        assert most[0] == 2


class TestAddresses:
    @pytest.mark.parametrize(
        ("proxies", "peer", "forwarded", "expected"),
        [
            pytest.param([], "203.0.113.9", "10.1.1.1", "203.0.113.9", id="nobody is trusted"),
            pytest.param(["10.0.0.0/8"], "203.0.113.9", "1.1.1.1", "203.0.113.9", id="no proxy"),
            pytest.param(["10.0.0.0/8"], "10.0.0.1", "198.51.100.7", "198.51.100.7", id="proxy"),
            pytest.param(
                ["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7", id="spoofed"
            ),
            pytest.param(
                ["10.0.0.0/8"], "10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7", id="two"
            ),
            pytest.param(["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1", id="says nothing"),
            pytest.param(["10.0.0.0/8"], "10.0.0.1", "x'; --", "10.0.0.1", id="no address"),
        ],
    )
    def test_believes_known_proxies_only(self, settings, proxies, peer, forwarded, expected):
        settings.TRUSTED_PROXIES = proxies
        request = RequestFactory().get(
            "/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded}
        )

        assert addresses.of(request) == expected

    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            pytest.param("203.0.113.9", "203.0.113.9", id="IPv4"),
            pytest.param("::ffff:203.0.113.9", "203.0.113.9", id="IPv4 in IPv6"),
            pytest.param("2001:db8:1:2:a:b:c:d", "2001:db8:1:2::", id="IPv6"),
            pytest.param("2001:DB8:1:2::", "2001:db8:1:2::", id="first of a network"),
            pytest.param("2001:db8:1:3::d", "2001:db8:1:3::", id="next network"),
            pytest.param("fe80::1%eth0", "fe80::", id="with a zone"),
            pytest.param("", "", id="of a socket"),
        ],
    )
    def test_of_one_network_are_counted_together(self, address, expected):
        request = RequestFactory().get("/", REMOTE_ADDR=address)

        assert addresses.counted_as(request) == expected
        assert addresses.of(request) == address

    @pytest.mark.django_db
    @pytest.mark.parametrize("way", ["lockout", "throttle", "address", "key"])
    def test_another_of_the_network_is_no_fresh_start(self, limits, way):
        user = UserFactory.create()
        if way == "throttle":
            limits(sign_in="4/3600")
        elif way == "address":
            limits(address="4/3600")
        credential = "Bearer qk_live_wrong" if way == "key" else basic(user.username, "wrong")

        def asked(address: str) -> int:
            header = {"HTTP_AUTHORIZATION": credential}
            return Client().get("/auth/me", REMOTE_ADDR=address, **header).status_code

        tried = [asked(f"2001:db8::{number}") for number in range(1, 8)]

        # The fifth wrong password is told of the lockout at once, the fifth wrong key is not.
        assert tried[:4] == [401] * 4
        assert tried[5:] == [429] * 2
        if way != "throttle":
            assert asked("2001:db8:0:1::1") == 401

    @pytest.mark.django_db
    def test_a_spoofed_header_resets_no_count(self, limits):
        limits(sign_in=SLOW)
        user = UserFactory.create()
        EstateFactory.create()
        answers = [
            Client(user, "wrong").get("/auth/me", HTTP_X_FORWARDED_FOR=f"10.0.0.{number}")
            for number in range(4)
        ]

        assert [one.status_code for one in answers] == [401, 401, 401, 429]
