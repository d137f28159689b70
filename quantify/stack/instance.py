"""One set of embedded servers: who may run it, and how others find it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

CHECKOUT = Path(__file__).resolve().parents[2]


class AlreadyRunning(Exception):
    """Another process runs this instance."""


class NotRunning(Exception):
    """There are no servers to join or to stop."""


@dataclass(frozen=True)
class Urls:
    """How to reach the servers; an empty one is not ours to run."""

    database: str = ""
    redis: str = ""


@dataclass(frozen=True)
class Instance:
    """
    The folder from which one set of servers is run: its lock, secrets and logs.

    It belongs to whoever starts the servers; what they own themselves is in their `Quarters`.
    """

    home: Path
    durable: bool = True

    @classmethod
    def at(cls, home: Path, *, durable: bool = True) -> "Instance":
        """Make the folder, if need be."""
        home.mkdir(parents=True, exist_ok=True)
        return cls(home=home.resolve(), durable=durable)

    @property
    def log_directory(self) -> Path:
        directory = self.home / "log"
        directory.mkdir(exist_ok=True)
        return directory

    @property
    def lock_file(self) -> Path:
        return self.home / "stack.lock"

    @property
    def _state(self) -> Path:
        return self.home / "stack.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """
        Hold the instance for this process alone; the kernel lets go when the process ends.

        :raises AlreadyRunning: if another process holds it.
        """
        with self.lock_file.open("a+") as file:
            if not _taken(file, attempts=5):
                raise AlreadyRunning(f"{self.home} is in use by process {self.holder}.")
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            self._state.unlink(missing_ok=True)
            try:
                yield
            finally:
                self._state.unlink(missing_ok=True)

    @property
    def is_held(self) -> bool:
        """Does a process hold the lock now?"""
        try:
            with self.lock_file.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @property
    def holder(self) -> int:
        """The process that holds the lock, or held it last."""
        return int(self.lock_file.read_text() or 0)

    def announce(self, urls: Urls) -> None:
        """Tell processes that want to join how to reach the servers."""
        draft = self._state.with_suffix(".part")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(urls)))
        draft.rename(self._state)

    def await_announcement(self, patience: float) -> Urls:
        """
        How to reach the servers which another process runs or is starting.

        :raises NotRunning: if nobody runs them, or they are not ready in time.
        """
        deadline = time.monotonic() + patience
        while self.is_held and time.monotonic() < deadline:
            if self._state.exists():
                return Urls(**json.loads(self._state.read_text()))
            time.sleep(0.1)
        raise NotRunning(f"No servers run in {self.home}; see {self.log_directory}.")


def _taken(file: IO[str], *, attempts: int) -> bool:
    # More than once, because `is_held` of another process may be looking just now.
    for _ in range(attempts):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False
