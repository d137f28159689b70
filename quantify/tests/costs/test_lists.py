"""Every list of the API costs a few SQL statements, as many for thirty rows as for three."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import roles
from quantify.tests.access.matrix import schema_of
from quantify.tests.access.routes import Operation, operations
from quantify.tests.client import Client
from quantify.tests.costs import plenty
from quantify.tests.costs.plenty import Plenty
from quantify.tests.taken_back import taken_back

FEW, MANY = 3, 30
MOST = 5
"""Statements of a request, with those that find out who asks and what they may do."""

SEARCH = 7
"""Statements of a search: one for each of its five kinds of objects, and who asks."""

FEWER = {
    # One for each utility at most.
    "estates/<uuid:pk>/reference-rates": 1,
    # A resident sees one: themselves.
    f"{roles.RESIDENT} residents": 1,
}
"""Lists that cannot have thirty rows, for a reader or for anybody, and how many they have."""

pytestmark = pytest.mark.django_db


def lists() -> Iterator[Operation]:
    """Every operation that answers pages, from the URL configuration."""
    for of_route in operations().values():
        for operation in of_route:
            if operation.method == "GET" and schema_of(operation, "per_page"):
                yield operation


def asked() -> Iterator[Any]:
    """Each list by each reader who may read it, by pages and by cursor."""
    for operation in lists():
        for reader in plenty.READERS:
            _, permissions = roles.BUILT_IN[reader]
            named = operation.permission
            if reader == roles.SUPER_ADMIN or named == "" or named in permissions:
                yield pytest.param(operation, reader, {}, id=f"{reader} {operation.route}")
                if schema_of(operation, "cursor"):
                    by_cursor = f"{reader} {operation.route} by cursor"
                    yield pytest.param(operation, reader, {"cursor": ""}, id=by_cursor)


@pytest.fixture(scope="module")
def estate(django_db_setup: None, django_db_blocker) -> Iterator[Plenty]:
    with taken_back(django_db_blocker):
        yield plenty.build()


def path_of(operation: Operation, estate: Plenty) -> str:
    first, *_ = operation.route.split("/")
    objects: dict[str, UUID] = {
        "estates": estate.world.estate.pk,
        "units": estate.world.units[0].pk,
        "residents": estate.readers[roles.RESIDENT].resident.pk,
        "meters": estate.world.meters[0].pk,
    }
    return operation.path(objects.get(first))


@pytest.mark.parametrize(("operation", "reader", "parameters"), list(asked()))
def test_a_list_costs_as_much_for_many_rows_as_for_few(estate, operation, reader, parameters):
    client, path = Client(estate.readers[reader]), path_of(operation, estate)
    statements = {}
    # The first request is not counted: it verifies the password, which is then remembered.
    for size in (1, FEW, MANY):
        with CaptureQueriesContext(connection) as seen:
            answer = client.get(path, {"per_page": size, **parameters})
        assert answer.status_code == 200, answer.content
        most = FEWER.get(operation.route, FEWER.get(f"{reader} {operation.route}", MANY))
        assert len(answer.json()["data"]) == min(size, most), f"{operation} has too few rows"
        statements[size] = [one["sql"] for one in seen.captured_queries]

    told = "\n".join(statements[MANY])
    assert len(statements[FEW]) == len(statements[MANY]), f"{operation} grows:\n{told}"
    assert len(statements[MANY]) <= MOST, f"{operation} costs more than {MOST}:\n{told}"


def test_a_search_costs_as_much_for_many_rows_as_for_few(estate):
    client = Client(estate.readers[roles.PROPERTY_MANAGER])
    counts = {}
    for limit in (1, FEW, MANY):
        with CaptureQueriesContext(connection) as seen:
            found = client.get("/search", {"q": "PLENTY", "limit": limit}).json()["data"]
        assert len(found) >= limit
        counts[limit] = len(seen)

    assert counts[FEW] == counts[MANY], counts
    assert counts[MANY] <= SEARCH, counts
