"""One world for all tests of the matrix, taken back after the last."""

import logging
import math
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.test import override_settings

from quantify.api import throttles
from quantify.tests.access import ground as grounds
from quantify.tests.access.ground import Ground
from quantify.tests.taken_back import taken_back

NEAR = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
"""What Valkey remembers and counts is none of the matrix's business, and thousands of walks."""


@pytest.fixture(scope="package")
def ground(django_db_setup: None, django_db_blocker) -> Iterator[Ground]:
    with (
        override_settings(CACHES=NEAR),
        patch.object(throttles._fallback, "until", math.inf),
        taken_back(django_db_blocker),
    ):
        built = grounds.build()
        # Every refusal is a warning in the log, with a trace that nobody reads.
        logging.disable(logging.WARNING)
        yield built
        logging.disable(logging.NOTSET)
