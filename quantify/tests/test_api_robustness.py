"""Whatever is sent, the API answers with what its document promises, and never with 500."""

import json
from uuid import uuid4

import pytest

from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters.tests.factories import (
    ConcentratorFactory,
    MeterAlertFactory,
    MeterFactory,
    RelayDriftFactory,
)
from quantify.api import documents
from quantify.tests.client import BASE, Client
from rates.tests.factories import RateTableFactory
from units.tests.factories import ResidentFactory, UnitFactory
from wallets.tests.office.test_suspense import received

pytestmark = pytest.mark.django_db

NASTY = [
    None, True, 0, -1, 10**30, 1.5, 1e308, "", " ", "x" * 5000, "\u0000", "a\u0000b", "'; --",
    "2026-02-30", "0000-00-00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "NaN",
    "Infinity", "1e400", "\ud800", "💡", [], {}, [None], {"a": {"b": []}}, [{}],
    "7d0e5f8e-0000-7000-8000-000000000000",
]  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def world():
    """One of each, under the first word of its address."""
    meter = MeterFactory.create(with_register=True, installed=True)
    return {
        "estates": EstateFactory.create().pk,
        "units": (unit := UnitFactory.create()).pk,
        "wallets": unit.wallet.pk,
        "residents": ResidentFactory.create().pk,
        "meters": meter.pk,
        "meter-alerts": MeterAlertFactory.create(meter=meter).pk,
        "relay-drift": RelayDriftFactory.create(meter=meter).pk,
        "concentrators": ConcentratorFactory.create().pk,
        "rate-tables": RateTableFactory.create().pk,
        "suspense": received().pk,
    }


def operations(*methods):
    return [
        (method, path.removeprefix(BASE), operation)
        for path, by_method in documents.openapi()["paths"].items()
        for method, operation in by_method.items()
        if method in methods
    ]


def address(path, world):
    first = path.strip("/").split("/")[0]
    return path.replace("{id}", str(world.get(first, uuid4()))).replace("{code}", "duplicate")


def fields(operation):
    """The fields of an operation's body by the document, all of its alternatives together."""
    document = documents.openapi()

    def properties(schema):
        if "$ref" in schema:
            return properties(document["components"]["schemas"][schema["$ref"].rsplit("/")[-1]])
        found = dict(schema.get("properties", {}))
        for other in schema.get("oneOf", []):
            found |= properties(other)
        return found

    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return sorted(properties(content.get("schema", {})))


def assert_answered(client, method, path, body):
    response = getattr(client, method)(
        path, json.dumps(body), content_type="application/json", HTTP_IF_MATCH="*"
    )
    assert response.status_code < 500, (method, path, body, response.content)


@pytest.mark.parametrize("nasty", NASTY, ids=lambda value: ascii(value)[:20])
def test_bodies(world, nasty):
    client = Client(UserFactory.create())
    for method, path, operation in operations("post", "put", "patch"):
        if path.endswith("/collect"):
            continue
        for body in (nasty, dict.fromkeys(fields(operation), nasty)):
            assert_answered(client, method, address(path, world), body)


@pytest.mark.slow
@pytest.mark.parametrize("nasty", NASTY, ids=lambda value: ascii(value)[:20])
def test_single_fields(world, nasty):
    client = Client(UserFactory.create())
    for method, path, operation in operations("post", "put", "patch"):
        for name in fields(operation):
            assert_answered(client, method, address(path, world), {name: nasty})


@pytest.mark.parametrize(
    "nasty",
    [value for value in NASTY if isinstance(value, str) and value != "\ud800"],
    ids=lambda value: ascii(value)[:20],
)
def test_parameters(world, nasty):
    client = Client(UserFactory.create())
    for method, path, operation in operations("get"):
        names = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
        for name in [*names, nasty]:
            response = getattr(client, method)(address(path, world), {name: nasty})
            assert response.status_code < 500, (method, path, name, response.content)


def test_every_operation_asks_who_is_there(world):
    public = ("/health", "/problems")
    for method, path, _ in operations(*METHODS):
        response = getattr(Client(), method)(address(path, world))
        expected = 200 if path.startswith(public) else 401
        assert response.status_code == expected, (method, path)


def test_no_operation_is_open_to_a_person_without_permissions(world):
    client = Client(UserFactory.create(role="resident"))
    for method, path, _ in operations(*METHODS):
        # What machines post asks for a secret of its own, never for a person; of a batch, every
        # request within is asked.
        if path.startswith(("/health", "/problems", "/auth/me", "/integrations", "/batch")):
            continue
        response = getattr(client, method)(address(path, world))
        assert response.status_code == 403, (method, path)


def test_no_object_of_a_foreign_estate_is_found(world):
    """For every address with an id, what is foreign is what does not exist."""
    client = Client(UserFactory.create(role="property_manager"))
    other = Client(UserFactory.create(role="billing_admin"))
    for method, path, _ in operations(*METHODS):
        if "{id}" not in path or path.startswith("/rate-tables"):
            continue
        answers = {
            getattr(one, method)(address(path, world)).status_code for one in (client, other)
        }
        assert answers <= {403, 404}, (method, path, answers)
        assert answers != {403} or method == "delete", (method, path)
