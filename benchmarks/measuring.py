"""Seconds that passed, and seconds that the processor worked: here, and in the database."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

NANOSECONDS = 1_000_000_000
# Places in /proc/pid/stat, counted after the name: see proc_pid_stat(5).
PARENT, CHILDREN_TIMES = 1, slice(13, 15)


@dataclass(slots=True)
class Took:
    """
    The seconds of something: passed, worked here, and worked by the database.

    On a busy machine only those of work can be compared.
    """

    wall: float = 0.0
    client: float = 0.0
    server: float = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        began, worked, before = time.perf_counter(), time.process_time(), served()
        yield
        self.wall = time.perf_counter() - began
        self.client = time.process_time() - worked
        self.server = served() - before

    @property
    def worked(self) -> float:
        return self.client + self.server


def served() -> float:
    """Processor seconds of the database's processes, those that ended as well."""
    if connection.connection is None:
        return 0.0
    return family_seconds(_stat(connection.connection.info.backend_pid)[PARENT])


def family_seconds(parent: int | str) -> float:
    """Processor seconds of the children of a process, those that ended as well."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    alive = sum(map(_worked, children))
    ended = sum(int(ticks) for ticks in _stat(parent)[CHILDREN_TIMES])
    return alive / NANOSECONDS + ended / os.sysconf("SC_CLK_TCK")


def _worked(pid: str) -> int:
    """Nanoseconds that the threads of a process worked."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(one.read_text().split()[0]) for one in threads)


def _stat(pid: int | str) -> list[str]:
    """The fields of /proc/pid/stat after the name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
