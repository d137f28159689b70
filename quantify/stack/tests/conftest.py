"""A home for embedded servers which their account can enter, and a way to speak to them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from quantify.stack.cli import main
from quantify.stack.instance import CHECKOUT, Instance
from quantify.stack.quarters import Quarters

GIVEN = {"DATABASE_URL", "TEST_DATABASE_URL", "REDIS_URL", "PGHOST", "PGPORT"}


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch):
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home() -> Iterator[Path]:
    # Not tmp_path: pytest closes its folders to other accounts.
    folder = Path(tempfile.mkdtemp(prefix="q")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def _signals_as_before() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@dataclass(frozen=True)
class Done:
    code: int | str | None
    out: str
    err: str


class Stack:
    """The command line, working in one home."""

    def __init__(self, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.instance = Instance.at(home)
        self._capfd = capfd
        self._place = ["--var", str(home), "--instance", "dev"]
        self._served: list[subprocess.Popen[bytes]] = []

    def __call__(self, *words: str) -> Done:
        """Run it in this process, which may not be killed for the test's sake."""
        self._capfd.readouterr()
        try:
            code: int | str | None = main([*self._place, *words])
        except SystemExit as refused:
            code = refused.code
        shown = self._capfd.readouterr()
        return Done(code, shown.out, shown.err)

    def serve(self) -> subprocess.Popen[bytes]:
        """Run the servers under a process which may be killed."""
        words = [sys.executable, "-m", "quantify.stack", *self._place, "serve"]
        supervisor = subprocess.Popen(words, cwd=CHECKOUT)  # noqa: S603
        self._served.append(supervisor)
        wait_until(lambda: self.instance.is_held or supervisor.poll() is not None)
        self.instance.await_announcement(30)
        return supervisor

    def end(self) -> None:
        for supervisor in self._served:
            if supervisor.poll() is None:
                supervisor.send_signal(signal.SIGINT)
                supervisor.wait(30)

    def sql(self, statement: str) -> Sequence[tuple[object, ...]]:
        with psycopg.connect(
            host=str(Quarters.near(self.instance.home).sockets),
            user="quantify",
            dbname="quantify",
            autocommit=True,
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def stack(
    home: Path, capfd: pytest.CaptureFixture[str], _signals_as_before: None
) -> Iterator[Stack]:
    stack = Stack(home, capfd)
    yield stack
    stack.end()
    wait_until(lambda: not processes_in(home))


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def processes_in(home: Path) -> dict[int, str]:
    """The servers which work in or below this folder, by pid."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(home):
                found[int(process.name)] = (process / "cmdline").read_text().split("\0", 1)[0]
        except OSError:
            continue
    return found


def as_root() -> bool:
    return os.geteuid() == 0
