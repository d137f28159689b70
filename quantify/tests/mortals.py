"""
Processes that do a piece of work and may be killed at it, started in milliseconds.

Run as a program it loads Django once and forks itself for each order it reads from standard
input. It answers with the process id, and with the exit code when the process has ended.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from quantify.stack.instance import CHECKOUT


class Mortals:
    """Starts pieces of work of `quantify.tests.works` on a database, each in its own process."""

    def __init__(self, database: str) -> None:
        self._forks = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "quantify.tests.mortals", database],
            cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, work: str, *args: object, at: str = "") -> int:
        """Do it to its end, or until it dies at the point `at`; the exit code."""
        self.start(work, *args, at=at)
        return self._read()

    def start(self, work: str, *args: object, at: str = "") -> int:
        """Begin it, and answer its process id."""
        order = json.dumps([work, [str(one) for one in args], at])
        self._forks.stdin.write(order + "\n")
        self._forks.stdin.flush()
        return self._read()

    def kill(self, process: int) -> int:
        """Kill what was started; the exit code."""
        os.kill(process, signal.SIGKILL)
        return self._read()

    def end(self) -> None:
        self._forks.stdin.close()
        self._forks.wait(30)
        self._forks.stdout.close()

    def _read(self) -> int:
        return int(self._forks.stdout.readline())


@contextmanager
def mortals(database: str) -> Iterator[Mortals]:
    started = Mortals(database)
    yield started
    started.end()


def main(database: str) -> None:
    """Fork for every order, as long as somebody gives them."""
    import django

    django.setup()
    from django.conf import settings
    from django.db import connections

    from quantify.celery import app
    from quantify.tests import works

    # Once, not in every process: what the first message would load.
    app.loader.import_default_modules()
    app.conf.task_always_eager = False
    app.amqp.producer_pool  # noqa: B018
    connections["default"].settings_dict["NAME"] = database
    for line in sys.stdin:
        name, args, settings.CRASH_AT = json.loads(line)
        if not (process := os.fork()):
            _work(getattr(works, name), args)
        _tell(process)
        _tell(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


def _work(work, args: list[str]) -> None:
    try:
        work(*args)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
