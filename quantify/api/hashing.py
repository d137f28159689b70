"""How many passwords a process hashes at once: it is slow on purpose, and must leave room."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings


class HashingBusy(Exception):
    """Too many passwords are being checked; ask again in a moment."""

    wait = 1


@contextmanager
def one_hash() -> Iterator[None]:
    """
    Wait for a turn to hash a password, `PASSWORD_HASH_PATIENCE` seconds at most.

    :raises HashingBusy: if there was none.
    """
    turns = _turns(settings.PASSWORD_HASHES_AT_ONCE)
    if not turns.acquire(timeout=settings.PASSWORD_HASH_PATIENCE):
        raise HashingBusy
    try:
        yield
    finally:
        turns.release()


@cache
def _turns(number: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(number)
