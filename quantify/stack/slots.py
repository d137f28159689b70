"""Commands that share one set of servers, each with a database and a queue of its own."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SLOTS = range(1, 32)  # slot 0 is for those who come without one
NUMBERS_PER_SLOT = 16  # Valkey databases, so that parallel workers of a test run can have one each


class NoSlotFree(Exception):
    """More commands share the servers than there is room for."""


@contextmanager
def taken(home: Path) -> Iterator[int]:
    """
    Hold the first free slot; the kernel frees it when the process ends.

    :raises NoSlotFree: if every one is held.
    """
    folder = home / "slots"
    folder.mkdir(exist_ok=True)
    for slot in SLOTS:
        with (folder / str(slot)).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield slot
            return
    raise NoSlotFree(f"{len(SLOTS)} commands use these servers already.")


def in_use(home: Path) -> int:
    """How many slots are held now."""
    held = 0
    for path in (home / "slots").glob("*"):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                held += 1
    return held
