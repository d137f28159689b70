"""
Batches worked off by two at a time: while one waits for the database, the other prices.

Each lane is a thread with a connection of its own: PostgreSQL works on two batches at once, and
Python on one of them meanwhile. More lanes gain nothing where Python is one process.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from django.db import connection

LANES = 2


def work_off[Batch, Done](batches: Iterable[Batch], work: Callable[[Batch], Done]) -> list[Done]:
    """
    Do the work on each batch; what it returned, in any order.

    The first error ends the lane it came in and is raised when the other one is done. Within a
    database transaction, or with one batch, everything stays in this thread: another connection
    would not see what this one wrote.
    """
    todo = list(batches)
    if len(todo) < LANES or connection.in_atomic_block:
        return [work(batch) for batch in todo]
    shared = _Shared(todo)

    def lane() -> list[Done]:
        try:
            return [work(batch) for batch in shared]
        finally:
            connection.close()

    with ThreadPoolExecutor(LANES, thread_name_prefix="lane") as pool:
        lanes = [pool.submit(lane) for _ in range(LANES)]
        return [done for one in lanes for done in one.result()]


class _Shared[Batch]:
    """An iterator that several threads may take from."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._rest, self._lock = iter(batches), Lock()

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        with self._lock:
            return next(self._rest)
