"""These tests need neither Django nor its servers: what the project clears, they do not have."""

import pytest


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Take the place of the project's fixture."""


@pytest.fixture(scope="session", autouse=True)
def _truncate_the_ledger_between_transactional_tests() -> None:
    """Take the place of the project's fixture."""
