"""The embedded PostgreSQL: its cluster, its command line, its databases."""

import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from quantify.stack.accounts import ourselves
from quantify.stack.leftovers import await_release, forget_foreign_pid
from quantify.stack.programs import Program, dies_with_parent
from quantify.stack.quarters import SOCKET_NAME, Quarters

MAJOR_VERSION = "18"
PORT = 5432  # only part of the socket's name
ROLE = "quantify"
DATABASE = "quantify"
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "dynamic_shared_memory_type": "mmap",  # containers give little of the other kinds
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # details of an error quote the values of a row
}
# Tests may lose the whole cluster in a power cut; locking and visibility stay as they are.
NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
}


class DatabaseUnusable(Exception):
    """The cluster cannot be made or started as it is."""


class Postgres:
    def __init__(self, quarters: Quarters, *, durable: bool) -> None:
        self._quarters = quarters
        self._durable = durable
        self.data = quarters.storage / "postgres"

    @property
    def socket_directory(self) -> Path:
        return self._quarters.sockets

    def url(self, database: str = DATABASE) -> str:
        """
        The address in the form django-environ reads: `postgres://role@//socket/folder/database`.
        """
        return f"postgres://{ROLE}@/{quote(str(self._quarters.sockets))}/{database}"

    def prepare(self) -> None:
        """
        Make the cluster if there is none, and clear what a killed run left behind.

        :raises DatabaseUnusable: if the data is of another version.
        :raises StillInUse: if a server of an earlier run does not let go of it.
        """
        if not self.data.exists():
            self._create()
        release = (self.data / "PG_VERSION").read_text().strip()
        if release != MAJOR_VERSION:
            raise DatabaseUnusable(
                f"{self.data} was made by PostgreSQL {release}; this is {MAJOR_VERSION}."
            )
        await_release(self.data, "postgres")
        forget_foreign_pid(self.data / "postmaster.pid")
        forget_foreign_pid(self._quarters.sockets / f"{SOCKET_NAME}.lock")
        self._write_access_rules()

    def program(self) -> Program:
        settings = SETTINGS | {"unix_socket_directories": str(self._quarters.sockets)}
        if not self._durable:
            settings |= NOT_DURABLE
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        return Program(
            name="postgres",
            command=[self._quarters.binaries.postgres, "-D", self.data, *options],
            account=self._quarters.account,
            directory=self._quarters.storage,
            stop_signal=signal.SIGINT,  # fast shutdown: end connections, write a checkpoint
            patience=1.5,
            important=r"\b(PANIC|FATAL):(?!.*(starting up|shutting down|administrator command))",
        )

    def is_ready(self) -> bool:
        try:
            with self._connected():
                return True
        except psycopg.OperationalError:
            return False

    def create_database(self, name: str = DATABASE) -> None:
        """Make the database unless it is there."""
        with self._connected() as connection:
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if there.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def make_anew(self, name: str) -> None:
        """Drop the database, whoever is connected to it, and make an empty one."""
        with self._connected() as connection:
            database = sql.Identifier(name)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(database))

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._quarters.sockets),
            port=PORT,
            user=ROLE,
            dbname="postgres",
            autocommit=True,
            connect_timeout=2,
        )

    def _create(self) -> None:
        unfinished = self.data.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        account = self._quarters.account
        account.own(unfinished)
        made = subprocess.run(  # noqa: S603
            [
                str(self._quarters.binaries.initdb),
                f"--pgdata={unfinished}",
                f"--username={ROLE}",
                "--auth-local=peer",
                "--auth-host=reject",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
                *([] if self._durable else ["--no-sync"]),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._quarters.storage,
            process_group=0,
            preexec_fn=dies_with_parent(signal.SIGTERM),
            **account.identity,
        )
        if made.returncode != 0:
            raise DatabaseUnusable(f"initdb failed: {made.stderr.strip()}")
        unfinished.rename(self.data)

    def _write_access_rules(self) -> None:
        names = {"root", self._quarters.account.name, ourselves().name}
        rules = {
            "pg_hba.conf": "local all all peer map=people\n",
            "pg_ident.conf": "".join(f'people "{name}" {ROLE}\n' for name in sorted(names)),
        }
        for name, text in rules.items():
            file = self.data / name
            file.write_text(text)
