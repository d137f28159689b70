"""The embedded Valkey: queue and cache on a port and password of its own."""

import os
import secrets
import socket
from pathlib import Path

import redis

from quantify.stack.leftovers import await_release
from quantify.stack.programs import Program
from quantify.stack.quarters import Quarters

DATABASES = 512
HOST = "127.0.0.1"


class Valkey:
    def __init__(self, quarters: Quarters, *, password: str, durable: bool) -> None:
        self._quarters = quarters
        self._password = password
        self._durable = durable
        self._data = quarters.storage / "valkey"
        self._port = 0

    def url(self, database: int = 0) -> str:
        return f"redis://:{self._password}@{HOST}:{self._port}/{database}"

    def prepare(self) -> None:
        """
        Choose a port and write the configuration, which alone carries the password.

        :raises StillInUse: if a server of an earlier run does not let go of the data.
        """
        account = self._quarters.account
        account.own(self._data)
        await_release(self._data, "valkey")
        self._port = _free_port()
        self._configuration.unlink(missing_ok=True)
        self._configuration.touch(mode=0o600)
        self._configuration.write_text(self._directives())
        os.chown(self._configuration, account.uid, account.gid)

    def program(self) -> Program:
        return Program(
            name="valkey",
            command=[self._quarters.binaries.valkey, self._configuration],
            account=self._quarters.account,
            directory=self._quarters.storage,
            important=r"\b([Ff]atal|Can't|[Ee]rror|OOM|Failed)\b",
        )

    def is_ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    @property
    def _configuration(self) -> Path:
        return self._data / "valkey.conf"

    def _directives(self) -> str:
        directives = {
            "bind": HOST,
            "port": self._port,
            "requirepass": self._password,
            "databases": DATABASES,
            "dir": f'"{self._data}"',
            "appendonly": "yes" if self._durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
        }
        return "".join(f"{name} {value}\n" for name, value in directives.items())


def kept_password(file: Path) -> str:
    """The password in this file; the first time, a new one only the owner can read."""
    if not file.exists():
        draft = file.with_suffix(".part")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(24))
        draft.rename(file)
    return file.read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
