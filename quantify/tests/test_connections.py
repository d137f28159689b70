"""A connection that the server ended is not handed out again."""

import psycopg
import pytest
from django.db import connection
from psycopg import OperationalError

from quantify import connections

pytestmark = pytest.mark.django_db


@pytest.fixture
def pooled():
    named = connection.get_connection_params()
    named.pop("cursor_factory", None)
    named.pop("context", None)
    with psycopg.connect(**named, autocommit=True) as made:
        yield made


class TestCheck:
    def test_asks_nothing_of_one_that_is_there(self, pooled):
        number = pooled.execute("SELECT pg_backend_pid()").fetchone()

        connections.check(pooled)

        assert pooled.execute("SELECT pg_backend_pid()").fetchone() == number

    def test_refuses_one_that_the_server_ended(self, pooled):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pooled.info.backend_pid])

        with pytest.raises(OperationalError):
            connections.check(pooled)
