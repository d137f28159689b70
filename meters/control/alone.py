"""One conversation at a time with a device's queue, whichever process holds it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection

PATIENCE = 20.0
"""Seconds: longer than the three questions of a conversation may take."""
PAUSE = 0.02
_TRY = "SELECT pg_try_advisory_lock(hashtextextended('orders to ' || %s, 0))"
_LEAVE = "SELECT pg_advisory_unlock(hashtextextended('orders to ' || %s, 0))"


class Busy(Exception):
    """Somebody else has been speaking with the device's queue for too long."""


@contextmanager
def alone_at(device_id: UUID, *, patience: float = PATIENCE) -> Iterator[None]:
    """
    Hold a device's queue; a process that dies lets go of it.

    The lock is one of the session, not of a transaction: while the network server is asked no
    transaction may be open, or the wallets that the guards hold would be held as long.

    :raises Busy: if it is not free in time.
    """
    deadline = time.monotonic() + patience
    while not _asked(_TRY, device_id):
        if time.monotonic() > deadline:
            raise Busy("Another order to the device is being sent.")
        time.sleep(PAUSE)
    try:
        yield
    finally:
        _asked(_LEAVE, device_id)


def _asked(statement: str, device_id: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [str(device_id)])
        (answer,) = cursor.fetchone() or (False,)
    return bool(answer)
