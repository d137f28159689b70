"""Two estates, everybody who calls, and a server that keeps the connection of the test."""

from collections.abc import Iterator

import pytest
from django.core import signals
from django.db import close_old_connections
from django.test.utils import override_settings

from quantify.tests.access import ground as grounds
from quantify.tests.access.ground import Ground
from quantify.tests.taken_back import taken_back

UNLIMITED = 10**9


@pytest.fixture(scope="module")
def ground(django_db_setup: None, django_db_blocker) -> Iterator[Ground]:
    around = (signals.request_started, signals.request_finished)
    with override_settings(AXES_FAILURE_LIMIT=UNLIMITED), taken_back(django_db_blocker):
        built = grounds.build(with_canaries=False)
        # A server lets its connections go between requests; what is taken back is in this one.
        # Whoever signs in for the ground by a client of Django's connects this again.
        for signal in around:
            signal.disconnect(close_old_connections)
        yield built
    for signal in around:
        signal.connect(close_old_connections)
