"""One set of embedded servers: where it lives, who may run it, and how others find it."""

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from quantify.stack import accounts, binaries
from quantify.stack.accounts import Account
from quantify.stack.binaries import Binaries

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_SOCKET_PATH = 103  # bytes; what every kernel accepts
SOCKET_NAME = ".s.PGSQL.5432"


class AlreadyRunning(Exception):
    """Another process runs this instance."""


class NotRunning(Exception):
    """There are no servers to join or to stop."""


class NotReachable(Exception):
    """The servers' account cannot enter the place where their data lies."""


@dataclass(frozen=True)
class Urls:
    """How to reach the servers; an empty one is not ours to run."""

    database: str = ""
    redis: str = ""


@dataclass(frozen=True)
class Instance:
    """
    The folders of one set of servers.

    `home` belongs to whoever starts it (lock, secrets, logs), `storage` holds what the servers
    own. They are the same folder unless the servers' account cannot enter it.
    """

    home: Path
    storage: Path
    sockets: Path
    account: Account
    binaries: Binaries
    durable: bool = True

    @classmethod
    def at(cls, home: Path, *, durable: bool = True) -> "Instance":
        """
        Find or make the folders, as near to `home` as the servers' account allows.

        :raises NotReachable: if data is there already and the account cannot get at it.
        """
        account = accounts.for_servers()
        home.mkdir(parents=True, exist_ok=True)
        home = home.resolve()
        storage = _storage(home, account)
        programs = Binaries.under(binaries.installed())
        if not programs.usable_by(account):
            programs = Binaries.under(binaries.kept_in(storage))
        return cls(
            home=home,
            storage=storage,
            sockets=_sockets(home, storage, account),
            account=account,
            binaries=programs,
            durable=durable,
        )

    @property
    def is_elsewhere(self) -> bool:
        return self.storage != self.home

    @property
    def log_directory(self) -> Path:
        return _made(self.home / "log")

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
                raise AlreadyRunning(f"{self.home} is in use by process {self.holder()}.")
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            self._state.unlink(missing_ok=True)
            yield
            self._state.unlink(missing_ok=True)

    def holder(self) -> int | None:
        """The process that holds the instance now."""
        try:
            with self.lock_file.open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(file.read() or 0) or None
        except FileNotFoundError:
            pass
        return None

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
        while self.holder() is not None and time.monotonic() < deadline:
            if self._state.exists():
                return Urls(**json.loads(self._state.read_text()))
            time.sleep(0.1)
        raise NotRunning(f"No servers run in {self.home}; see {self.log_directory}.")


def _storage(home: Path, account: Account) -> Path:
    name = f"quantify-{_fingerprint(home)}"
    candidates = [home, Path("/var/lib") / name, Path(tempfile.gettempdir()) / name]
    for place in candidates:
        if (place / "postgres").exists() or (place / "valkey").exists():
            if not account.can("x", place):
                raise NotReachable(f"{account.name} cannot enter {place}, where the data lies.")
            return place
    if account.can("x", home):
        return home
    for place in candidates[1:]:
        if os.access(place.parent, os.W_OK):
            place.mkdir(mode=0o755, exist_ok=True)
            return place
    raise NotReachable(f"{account.name} can enter neither {home} nor {candidates[1]}.")


def _sockets(home: Path, storage: Path, account: Account) -> Path:
    near = storage / "run"
    if len(os.fsencode(near / SOCKET_NAME)) > LONGEST_SOCKET_PATH:
        near = Path(tempfile.gettempdir()) / f"quantify-run-{_fingerprint(home)}"
    return account.own(near)


def _taken(file: IO[str], *, attempts: int) -> bool:
    # More than once, because `holder` of another process may be looking just now.
    for _ in range(attempts):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def _made(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    return directory
