"""One world for all tests of a module, taken back after the last."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from quantify.tests.access import ground as grounds
from quantify.tests.access.ground import Ground


@pytest.fixture(scope="module")
def ground(django_db_setup: None, django_db_blocker) -> Iterator[Ground]:
    with django_db_blocker.unblock():
        whole = transaction.atomic()
        # As for a test case: what insists on being outermost may run inside.
        whole._from_testcase = True  # type: ignore[attr-defined]
        with whole:
            yield grounds.build()
            transaction.set_rollback(True)
