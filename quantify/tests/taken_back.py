"""What is built once for all tests of a module, and taken back after the last."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction


@contextmanager
def taken_back(blocker: Any) -> Iterator[None]:
    """Let what is written within it be there until it ends, and not afterwards."""
    with blocker.unblock():
        whole = transaction.atomic()
        # As for a test case: what insists on being outermost may run inside.
        whole._from_testcase = True  # type: ignore[attr-defined]
        with whole:
            yield
            transaction.set_rollback(True)
