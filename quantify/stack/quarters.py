"""Where the embedded servers live: their account, their folders, their programs."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quantify.stack import accounts, binaries
from quantify.stack.accounts import Account
from quantify.stack.binaries import Binaries

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103  # bytes, and a closing zero: what every kernel accepts


class NotReachable(Exception):
    """The servers' account cannot enter the place where their data lies."""


@dataclass(frozen=True)
class Quarters:
    """
    The folders the servers own, as near to the instance's home as their account allows.

    Root's servers run without rights, so a checkout only root can enter is out of their reach:
    then data and programs are kept in a system folder named after the checkout.
    """

    account: Account
    storage: Path
    sockets: Path
    is_elsewhere: bool

    @classmethod
    def near(cls, home: Path) -> "Quarters":
        """
        Find the folders, or make them.

        :raises NotReachable: if there is data already and the account cannot get at it.
        """
        account = accounts.for_servers(home / "postgres")
        storage = _storage(home, account)
        return cls(
            account=account,
            storage=storage,
            sockets=account.own(_sockets(home, storage)),
            is_elsewhere=storage != home,
        )

    def erase(self) -> None:
        """Delete what the servers keep; call it only while none of them runs."""
        kept = [self.storage] if self.is_elsewhere else [self.storage / "postgres"]
        for folder in (*kept, self.storage / "valkey", self.sockets):
            if folder.exists():
                shutil.rmtree(folder)

    @property
    def binaries(self) -> Binaries:
        """The installed programs, or a copy which the servers' account can read."""
        programs = Binaries.under(binaries.installed())
        if programs.usable_by(self.account):
            return programs
        return Binaries.under(binaries.kept_in(self.storage))


def _storage(home: Path, account: Account) -> Path:
    name = f"quantify-{_fingerprint(home)}"
    system = [Path("/var/lib") / name, Path(tempfile.gettempdir()) / name]
    for place in (home, *filter(_is_ours, system)):
        if (place / "postgres").exists() or (place / "valkey").exists():
            if not account.can("x", place):
                raise NotReachable(f"{account.name} cannot enter {place}, where the data lies.")
            return place
    return home if account.can("x", home) else _made(system)


def _made(places: Sequence[Path]) -> Path:
    for place in places:
        if os.access(place.parent, os.W_OK):
            place.mkdir(mode=0o755, exist_ok=True)
            if _is_ours(place):
                return place
    raise NotReachable(f"The servers' account can enter neither the checkout nor {places[0]}.")


def _is_ours(place: Path) -> bool:
    # In a folder everybody may write to, another user could have made it first.
    return place.exists() and not place.is_symlink() and place.stat().st_uid == os.geteuid()


def _sockets(home: Path, storage: Path) -> Path:
    near = storage / "run"
    if len(os.fsencode(near / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        return near
    return Path(tempfile.gettempdir()) / f"quantify-run-{_fingerprint(home)}"


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]
