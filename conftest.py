"""Fixtures that every test may use."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from hypothesis import HealthCheck, settings

# No test fails because the machine was busy.
settings.register_profile("timeless", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("timeless")

APPEND_ONLY = (
    "wallets_transaction",
    "wallets_charge",
    "wallets_monthclosing",
    "wallets_settlement",
    "wallets_suspensereceipt",
    "wallets_suspenserelease",
    "meters_commandstep",
    "meters_meterevent",
    "accounts_auditentry",
    "meters_readingedit",
)


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Counters, remembered credentials and lockouts do not travel from test to test."""
    yield
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def _truncate_the_ledger_between_transactional_tests() -> Iterator[None]:
    """
    Let the test runner, and nobody else, empty the append-only tables.

    Tests that commit are cleaned by TRUNCATE, which the ledger's triggers refuse.
    """
    from django.db.backends.postgresql.operations import DatabaseOperations

    original = DatabaseOperations.execute_sql_flush

    def flush(self: Any, statements: list[str]) -> None:
        off = [f"ALTER TABLE {table} DISABLE TRIGGER no_truncate" for table in APPEND_ONLY]
        on = [f"ALTER TABLE {table} ENABLE TRIGGER no_truncate" for table in APPEND_ONLY]
        original(self, [*off, *statements, *on])

    DatabaseOperations.execute_sql_flush = flush
    yield
    DatabaseOperations.execute_sql_flush = original
    connection.close()


@pytest.fixture
def kept() -> Iterator[Any]:
    """Every line of the log that is written meanwhile."""
    from quantify.tests import log_lines

    with log_lines.keeping() as keeper:
        yield keeper
