"""The operating system account the embedded servers run as."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypedDict


class AccountUnavailable(Exception):
    """No account was found that PostgreSQL would run as."""


class Identity(TypedDict, total=False):
    """The arguments that make `subprocess` start a program as another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int
    name: str

    @classmethod
    def of(cls, uid: int) -> Self:
        """:raises AccountUnavailable: if the system has no name for this user id."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise AccountUnavailable(
                f"User id {uid} has no name on this system, and PostgreSQL asks for one."
            ) from None
        return cls(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name)

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    @property
    def identity(self) -> Identity:
        if self.is_ours:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can(self, permission: str, path: Path) -> bool:
        """Ask the kernel, as this account, whether it may (`r`, `w`, `x`) this path."""
        try:
            probe = subprocess.run(  # noqa: S603
                ["/bin/sh", "-c", f'test -{permission} "$0"', path],
                **self.identity,
                cwd="/",
                check=False,
            )
        except OSError as error:
            raise AccountUnavailable(
                f"Programs cannot be started as {self.name} here: {error}."
            ) from error
        return probe.returncode == 0

    def own(self, directory: Path) -> Path:
        """Make a directory which only this account (and root) can enter."""
        directory.mkdir(mode=0o700, exist_ok=True)
        if directory.is_symlink() or directory.stat().st_uid not in {self.uid, os.geteuid()}:
            raise AccountUnavailable(f"{directory} belongs to another user than {self.name}.")
        if directory.stat().st_uid != self.uid:
            os.chown(directory, self.uid, self.gid)
        return directory


def ourselves() -> Account:
    return Account.of(os.geteuid())


def for_servers(data: Path) -> Account:
    """
    Whoever runs this; for root, who may not run PostgreSQL, the account without rights, or the
    one that owns the data already.

    :raises AccountUnavailable: if there is none.
    """
    us = ourselves()
    if us.uid != 0:
        return us
    if data.exists() and data.stat().st_uid != 0:
        return Account.of(data.stat().st_uid)
    for name in ("nobody", "daemon"):
        try:
            return Account.of(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise AccountUnavailable("PostgreSQL does not run as root, and there is no account 'nobody'.")
