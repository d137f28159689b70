"""One world for all tests of the matrix, taken back after the last."""

from collections.abc import Iterator

import pytest

from quantify.tests.access import ground as grounds
from quantify.tests.access.ground import Ground
from quantify.tests.taken_back import taken_back


@pytest.fixture(scope="package")
def ground(django_db_setup: None, django_db_blocker) -> Iterator[Ground]:
    with taken_back(django_db_blocker):
        yield grounds.build()
