"""Whatever is sent, the API answers with what its document promises, and never with 500."""

import json
import zlib
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
# In how many parts the fields are dealt out to the values; `make soak` gives each field each value.
SHARES = pytest.mark.parametrize("shares", [12, pytest.param(1, marks=pytest.mark.soak)])


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


def has_turn(nasty, shares, *place):
    """Whether a field is asked with this value: always the same of them."""
    return zlib.crc32(repr(place).encode()) % shares == NASTY.index(nasty) % shares


def assert_answered(client, method, path, body):
    response = getattr(client, method)(
        path, json.dumps(body), content_type="application/json", HTTP_IF_MATCH="*"
    )
    assert response.status_code < 500, (method, path, body, response.content)


@pytest.mark.slow
@SHARES
@pytest.mark.parametrize("nasty", NASTY, ids=lambda value: ascii(value)[:20])
def test_bodies(world, nasty, shares):
    client = Client(UserFactory.create())
    for method, path, operation in operations("post", "put", "patch"):
        if path.endswith("/collect") or not has_turn(nasty, shares, method, path):
            continue
        for body in (nasty, dict.fromkeys(fields(operation), nasty)):
            assert_answered(client, method, address(path, world), body)


@pytest.mark.slow
@SHARES
@pytest.mark.parametrize("nasty", NASTY, ids=lambda value: ascii(value)[:20])
def test_single_fields(world, nasty, shares):
    client = Client(UserFactory.create())
    for method, path, operation in operations("post", "put", "patch"):
        for name in fields(operation):
            if has_turn(nasty, shares, method, path, name):
                assert_answered(client, method, address(path, world), {name: nasty})


@SHARES
@pytest.mark.parametrize(
    "nasty",
    [value for value in NASTY if isinstance(value, str) and value != "\ud800"],
    ids=lambda value: ascii(value)[:20],
)
def test_parameters(world, nasty, shares):
    client = Client(UserFactory.create())
    for method, path, operation in operations("get"):
        names = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
        for name in [*names, nasty]:
            if not has_turn(nasty, shares, path, name):
                continue
            response = getattr(client, method)(address(path, world), {name: nasty})
            assert response.status_code < 500, (method, path, name, response.content)
