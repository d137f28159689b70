"""A web process of the product on a port of its own, for benchmarks that ask it over HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from quantify.stack.children import PYTHON

SECONDS_TO_START = 30


@dataclass(frozen=True, slots=True)
class Served:
    """Where it listens, and the process whose children answer."""

    port: int
    pid: int


@contextmanager
def served(
    *, workers: int, threads: int, settings: str = "quantify.settings.dev"
) -> Iterator[Served]:
    """
    Serve until the block ends, on the servers of this environment.

    :raises SystemExit: if nothing answers.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    web = subprocess.Popen(  # noqa: S603
        [
            PYTHON, "-m", "granian", "--interface=wsgi", f"--workers={workers}",
            f"--blocking-threads={threads}", f"--port={port}", "--log-level=warning",
            "quantify.wsgi:application",
        ],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": settings},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(port)
        yield Served(port, web.pid)
    finally:
        web.terminate()
        web.wait(20)


def _wait_for(port: int) -> None:
    ends = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit("The web process does not answer.")
