"""`GET /meters/{id}/events`."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters import events
from meters.event_codes import Log
from meters.events import RawEvent
from meters.tests.factories import MeterFactory
from quantify.tests.client import Client

NOON = datetime(2026, 7, 1, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer():
    return UserFactory.create(role=roles.VIEWER)


@pytest.fixture
def client(viewer):
    return Client(viewer)


@pytest.fixture
def meter(viewer):
    meter = MeterFactory.create(estate=EstateFactory.create(members=[viewer]))
    events.record([
        RawEvent(meter.pk, Log.STANDARD, NOON, 1),
        RawEvent(meter.pk, Log.STANDARD, NOON + MINUTE, 2),
        RawEvent(meter.pk, Log.FRAUD, NOON + 2 * MINUTE, 42),
        RawEvent(meter.pk, Log.SYSTEM, NOON + 3 * MINUTE, 1, "It was +90 s off."),
    ])  # fmt: skip
    return meter


@pytest.fixture
def foreign():
    """A meter of another estate, with an event that nobody here may see."""
    meter = MeterFactory.create()
    events.record([RawEvent(meter.pk, Log.FRAUD, NOON, 44, "canary")])
    return meter


def listed(client, meter, query=""):
    answer = client.get(f"/meters/{meter.pk}/events?{query}")
    assert answer.status_code == 200, answer.content
    return [one["words"] for one in answer.json()["data"]]


def test_are_told_in_words_the_newest_first(client, meter):
    told = client.get(f"/meters/{meter.pk}/events").json()

    newest = told["data"][0]
    assert (newest["log"], newest["code"], newest["detail"]) == ("system", 1, "It was +90 s off.")
    assert newest["meter"] == str(meter.pk)
    assert newest["occurred_at"] == "2026-07-01T12:03:00+02:00"
    assert [one["words"] for one in told["data"]] == [
        "Clock set by this system", "Strong magnetic field", "Power returned", "Power failure",
    ]  # fmt: skip
    assert told["total"] == 4


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("log=fraud", ["Strong magnetic field"]),
        ("log=standard&order=asc", ["Power failure", "Power returned"]),
        ("log=communication", []),
        ("from=2026-07-01T12:01:00%2B02:00&to=2026-07-01T12:02:00%2B02:00", ["Power returned"]),
        ("from=2026-07-02", []),
        ("sort=occurred_at&order=asc&per_page=1", ["Power failure"]),
    ],
)
def test_filter_and_sort(client, meter, query, words):
    assert listed(client, meter, query) == words


def test_page(client, meter):
    path = f"/meters/{meter.pk}/events?per_page=3"

    first, second = client.get(path).json(), client.get(f"{path}&page=2").json()

    assert (first["pages"], first["next_page"], second["next_page"]) == (2, 2, None)
    assert len(first["data"]) == 3
    assert [one["words"] for one in second["data"]] == ["Power failure"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("log=diary", "log"),
        ("sort=words", "sort"),
        ("from=2026-07-01T12:00:00", "from"),
        ("per_page=101", "per_page"),
        ("code=42", "code"),
    ],
)
def test_refuse_what_they_do_not_understand(client, meter, query, field):
    answer = client.get(f"/meters/{meter.pk}/events?{query}")

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_of_another_estate_are_hidden(client, meter, foreign):
    hidden = client.get(f"/meters/{foreign.pk}/events")
    ours = client.get(f"/meters/{meter.pk}/events")

    assert hidden.status_code == 404
    assert b"canary" not in hidden.content + ours.content
    assert ours.json()["total"] == 4
    assert b"canary" in Client(UserFactory.create()).get(f"/meters/{foreign.pk}/events").content


def test_are_closed_to_residents(meter):
    resident = Client(UserFactory.create(role=roles.RESIDENT))

    assert resident.get(f"/meters/{meter.pk}/events").status_code == 403
    assert Client().get(f"/meters/{meter.pk}/events").status_code == 401


def test_take_few_statements(client, meter, django_assert_max_num_queries):
    events.record(RawEvent(meter.pk, Log.FRAUD, NOON - n * MINUTE, 42) for n in range(40))
    client.get("/meters")

    with django_assert_max_num_queries(5):
        assert len(listed(client, meter)) == 20
