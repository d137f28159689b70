"""`/metrics`: shut by default, and true about what waits."""

from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters.tests.factories import CommandFactory, MeterFactory
from notifications.models import Notification
from quantify.tests.client import Client
from wallets.proving import verification

pytestmark = pytest.mark.django_db


@pytest.fixture
def scrape(settings):
    settings.METRICS_TOKEN = "scraper"

    def values() -> dict[str, float]:
        answer = Browser().get("/metrics", headers={"Authorization": "Bearer scraper"})
        assert answer.status_code == 200
        lines = [line for line in answer.content.decode().splitlines() if line[:1] != "#"]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    return values


class TestAccess:
    @pytest.mark.parametrize(
        ("token", "networks", "header", "address", "expected"),
        [
            pytest.param("", [], "", "127.0.0.1", 404, id="shut by default"),
            pytest.param("", [], "Bearer ", "127.0.0.1", 404, id="no token is no key"),
            pytest.param("scraper", [], "Bearer wrong", "127.0.0.1", 404, id="wrong token"),
            pytest.param("scraper", [], "Bearer scraper", "8.8.8.8", 200, id="token"),
            pytest.param("", ["10.0.0.0/8"], "", "10.1.2.3", 200, id="network"),
            pytest.param("", ["10.0.0.0/8"], "", "8.8.8.8", 404, id="another network"),
        ],
    )
    def test_is_for_those_who_are_named(self, settings, token, networks, header, address, expected):
        settings.METRICS_TOKEN, settings.METRICS_NETWORKS = token, networks

        answer = Browser().get("/metrics", headers={"Authorization": header}, REMOTE_ADDR=address)

        assert answer.status_code == expected

    def test_looks_at_no_token_after_five_wrong_ones(self, settings, kept):
        settings.METRICS_TOKEN = "scraper"

        def scraped(token: str, address: str = "10.0.0.1") -> int:
            asked = {"Authorization": f"Bearer {token}"}
            return Browser().get("/metrics", headers=asked, REMOTE_ADDR=address).status_code

        for number in range(5):
            assert scraped("scraper") == 200
            assert scraped(f"QZX{number}") == 404

        assert scraped("scraper") == 404
        assert scraped("scraper", "10.0.0.2") == 200
        assert len(kept.events("sign_in_failed")) == 5
        (locked,) = kept.events("locked_out")
        assert (locked["way"], locked["address"]) == ("metrics", "10.0.0.1")
        assert "QZX" not in "\n".join(kept.lines)

    def test_is_not_shut_to_a_network_for_what_it_tries(self, settings):
        settings.METRICS_TOKEN, settings.METRICS_NETWORKS = "scraper", ["10.0.0.0/8"]
        asked = {"Authorization": "Bearer wrong"}

        answers = {
            Browser().get("/metrics", headers=asked, REMOTE_ADDR="10.0.0.1").status_code
            for _ in range(7)
        }

        assert answers == {200}

    def test_is_not_opened_by_a_person(self):
        browser = Browser()
        browser.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")

        assert browser.get("/metrics").status_code == 404


class TestFigures:
    def test_count_requests_by_route_and_status(self, scrape):
        client = Client(UserFactory.create())
        estate = EstateFactory.create()
        labels = 'method="GET",route="api/v1/estates/<uuid:pk>",status="200"'
        before = scrape().get(f"quantify_request_seconds_count{{{labels}}}", 0)

        for _ in range(3):
            client.get(f"/estates/{estate.pk}")

        assert scrape()[f"quantify_request_seconds_count{{{labels}}}"] == before + 3

    def test_are_zero_where_nothing_waits(self, scrape):
        told = scrape()

        assert told["quantify_outbox_age_seconds"] == 0
        assert told["quantify_command_age_seconds"] == 0
        assert told["quantify_delivery_age_seconds"] == 0
        assert told["quantify_unbilled_bills"] == 0
        assert "quantify_ledger_check_age_seconds" not in told

    def test_tell_how_long_messages_and_commands_wait(self, scrape):
        now = timezone.now()
        Notification.objects.create(
            event=Notification.Event.LOW_BALANCE, subject_key="unit:1",
            once_key="low:1", text="low", due_at=now - timedelta(minutes=5),
        )  # fmt: skip
        CommandFactory.create(state="queued", due_at=now - timedelta(minutes=2))

        told = scrape()

        assert 300 <= told["quantify_outbox_age_seconds"] < 330
        assert 120 <= told["quantify_command_age_seconds"] < 150

    def test_count_meters_by_how_they_answer(self, scrape):
        MeterFactory.create(communication_status="online")
        MeterFactory.create(communication_status="offline")
        MeterFactory.create(communication_status="offline", deleted_at=timezone.now())

        told = scrape()

        assert told['quantify_meters{status="online"}'] == 1
        assert told['quantify_meters{status="offline"}'] == 1

    def test_tell_the_age_of_the_ledgers_check(self, scrape):
        verification.watch(now=timezone.now() - timedelta(hours=3))

        told = scrape()

        assert 3 * 3600 <= told["quantify_ledger_check_age_seconds"] < 3 * 3600 + 60
        assert told["quantify_ledger_differences"] == 0
